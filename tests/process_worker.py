"""One of the processes of the fixture ``two_processes``: it does what standard input tells it."""

import faulthandler
import importlib.util
import os
import pickle
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from types import ModuleType
from typing import Any

import torch
import torch.distributed as dist

sys.path.pop(0)  # the folder of tests, in which a folder is called recsys
SECONDS = 100  # for one task, before the process gives up


@cache
def module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("tested_functions", path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[f"{spec.name}_{len(sys.modules)}"] = made
    spec.loader.exec_module(made)
    return made


def outcome(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, str | None]:
    try:
        return function(*args, **kwargs), None
    except Exception as error:  # noqa: BLE001 (the test shall see it)
        return None, f"{type(error).__name__}: {error}"


def main(rank: int, count: int, store: str) -> None:
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed must not get among the answers
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=count, timeout=timedelta(seconds=SECONDS)
    )
    while (task := pickle.load(sys.stdin.buffer)) is not None:
        path, name, args, kwargs = task
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        answer = pickle.dumps(outcome(getattr(module(path), name), args, kwargs))
        faulthandler.cancel_dump_traceback_later()
        answers.write(answer)
        answers.flush()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
