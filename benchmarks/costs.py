"""Rows of seconds, steps and memory of several scripts: docs/measurements/costs.jsonl."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, ParamSpec, TypeVar

import row_file
import torch

from graphcond.core.runtime.jsonl import Key, RowFile

ROWS = RowFile(row_file.MEASUREMENTS / "costs.jsonl", ("script", "what", "threads"))
Arguments = ParamSpec("Arguments")
Returned = TypeVar("Returned")


def key(script: str, what: str, threads: int | None = None) -> Key:
    """Return the key of a row; threads are those of this process unless they are given."""
    return (script, what, torch.get_num_threads() if threads is None else threads)


def write(row_key: Key, reason: str | None, row: dict[str, Any]) -> None:
    """Append a row, with the load of the machine: other work that it has makes seconds longer."""
    condition = {"load": round(os.getloadavg()[0], 1), "torch": torch.__version__}
    row_file.write(ROWS, reason, dict(zip(ROWS.fields, row_key, strict=True)) | row | condition)


def of(script: str) -> list[dict[str, Any]]:
    """Return the rows of a script."""
    return [row for row in ROWS.read().values() if row["script"] == script]


def alone(function: Callable[Arguments, Returned], *arguments: Arguments.args, **named: Arguments.kwargs) -> Returned:
    """Call a function in a process of its own, so that peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()
