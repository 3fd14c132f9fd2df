"""Scores of trainings on whole datasets are kept on disk: the same training need not be done twice.

One safetensors file a training, under the folder of :func:`graphcond.core.runtime.cache.resolve_cache`. It is found by
a SHA-256 over all that its scores depend on. A file that cannot be read, or holds what does not fit, is made anew.
"""

import hashlib
import json
import logging
import math
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from graphcond.core.evaluation.columns import Score, score_of
from graphcond.core.evaluation.metrics import FITS, Metric, metric_name
from graphcond.core.evaluation.protocols import TrainingProtocol, protocol_text
from graphcond.core.fields import is_number
from graphcond.core.record import library_versions
from graphcond.core.runtime.cache import resolve_cache
from graphcond.core.runtime.contents import UNCLEAR
from graphcond.core.runtime.files import replacing
from graphcond.core.runtime.storage import read, write

logger = logging.getLogger(__name__)

FORMAT = "graphcond-score/2"
FOLDER = "scores"
CLOSE = 1e-6  # within which items give the score that stands beside them; ranks are of doubles, scores of floats

Identity = Mapping[str, str]


class Digested(Protocol):
    """Data with a text that differs where the data do."""

    @property
    def digest(self) -> str:
        """The text."""
        ...


def identity(
    task: Digested,
    model: str | None,
    protocol: TrainingProtocol,
    metric: str | Metric,
    seed: int,
    device: torch.device,
) -> dict[str, str] | None:
    """Return all that the scores of a training depend on; ``None`` where that cannot be told, or is not wanted.

    A function of the user's, be it a network, a metric or part of a protocol, has no name that tells what it does.

    Args:
        task: Its data, for training, validation and testing.
        model: The name of one of graphcond's own models; ``None``: the user's.
        protocol: How it is trained; its number of runs and its metric do not count.
        metric: A metric or its name.
        seed: Of the training.
        device: Where.
    """
    name, how = metric_name(metric), protocol_text(replace(protocol, metric=None))  # type: ignore[type-var]
    if model is None or name is None or " at 0x" in how or resolve_cache() is None:
        return None
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    return library_versions() | {
        "task": task.digest,
        "model": model,
        "protocol": how,
        "metric": name,
        "seed": str(seed),
        "threads": str(torch.get_num_threads()),
        "device": f"{device.type} {where} {platform.machine()}",
        "numbers": f"{torch.get_default_dtype()} {torch.get_float32_matmul_precision()}",
    }


def cached_score(known: Identity | None, labels: Tensor, train: Callable[[], Score]) -> Score:
    """Return the score of a training, from disk where it was done before; its ``seconds`` are those of the training.

    Args:
        known: The training's :func:`identity`; ``None``: it is done in any case.
        labels: Of the test items, ``(num_test,)``.
        train: Does it.
    """
    folder = None if known is None else resolve_cache()
    if known is None or folder is None:
        return _timed(train)
    reported = json.dumps(dict(known), sort_keys=True)
    path = folder / FOLDER / f"{hashlib.sha256(reported.encode()).hexdigest()}.safetensors"
    try:
        return _read(path, known, labels)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, *UNCLEAR) as error:
        logger.info("a cached score is made anew: %s", error)
    score = _timed(train)
    with suppress(OSError, ValueError):  # what cannot be kept is trained again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, overwrite=True) as temporary:
            _write(temporary, known, score)
    return score


def _timed(train: Callable[[], Score]) -> Score:
    start = time.perf_counter()
    return replace(train(), seconds=time.perf_counter() - start)


def _write(path: Path, known: Identity, score: Score) -> None:
    numbers = {name: getattr(score, name) for name in ("test", "val", "last", "seconds")}
    items = {} if score.items is None else {"items": score.items}
    write(path, items, json.dumps({"identity": dict(known), "score": numbers}), FORMAT)


def _read(path: Path, known: Identity, labels: Tensor) -> Score:
    """Return the score of a file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no file of this training, or not a whole one.
    """
    tensors, record = read(path, FORMAT)
    found = json.loads(record)
    if found["identity"] != dict(known):
        raise ValueError(f"{path} is of another training")
    numbers, items = found["score"], tensors.get("items")
    least, most = (-math.inf, math.inf) if known["metric"] in FITS["regression"] else (0, 1)
    for name, optional in (("test", False), ("val", True), ("last", True), ("seconds", False)):
        value = numbers[name]
        low, high = (0, math.inf) if name == "seconds" else (least, most)
        known_one = is_number(value) and low <= value <= high
        if not (known_one or (optional and (value is None or value != value))):  # not a number where nothing chose
            raise ValueError(f"{path} has {value!r} for {name}")
    if items is not None and (
        items.shape != labels.shape[:1]
        or items.dtype not in (torch.uint8, torch.int32, torch.float64)
        or not abs(score_of(items) - numbers["test"]) < CLOSE * max(1.0, abs(numbers["test"]))
    ):
        raise ValueError(f"{path} has outcomes of items that do not give its score")
    return Score(numbers["test"], numbers["val"], numbers["last"], items, numbers["seconds"])
