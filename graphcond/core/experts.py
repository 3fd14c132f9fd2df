"""Experts: networks trained on real data, whose way is kept so that trajectory matching can follow it."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from graphcond.core import storage
from graphcond.core.contents import explained, require
from graphcond.core.fields import require_positive
from graphcond.core.files import replacing, require_room
from graphcond.core.progress import Progress, ProgressCallback, ignore_progress
from graphcond.core.randomness import MAX_SEED, seeded
from graphcond.core.surrogate import Surrogate, Weights
from graphcond.core.training import Lessons, Student, Training

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ExpertPlan:
    """How many experts are trained, for how long, and what is kept of their way.

    Args:
        number: Experts.
        checkpoints: Weights that are kept of each, beside its first ones.
        interval: Steps of training from one to the next.
        training: How experts are trained.
        max_bytes: The most that all of them may take, in memory and on disk. Weights are kept in half precision.
    """

    number: int = 10
    checkpoints: int = 20
    interval: int = 10
    training: Training = Training(momentum=0.0)
    max_bytes: int = 1_000_000_000

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def bytes(self, weights: Weights) -> int:
        """Return what the experts take, given the weights of one network."""
        return 2 * self.number * (self.checkpoints + 1) * sum(weight.numel() for weight in weights)


@dataclass(frozen=True, eq=False)
class Experts:
    """Trained experts.

    Args:
        ways: Of each expert, the weights at each checkpoint, in half precision.
        like: Weights are given on its device, with its type.
    """

    ways: tuple[tuple[Weights, ...], ...]
    like: Tensor

    def weights(self, expert: int, checkpoint: int) -> Weights:
        """Return an expert's weights at a checkpoint."""
        return tuple(weight.to(self.like) for weight in self.ways[expert][checkpoint])

    @property
    def checkpoints(self) -> int:
        """Checkpoints of each expert, beside its first weights."""
        return len(self.ways[0]) - 1


def train_experts(
    surrogate: Surrogate,
    lessons: Callable[[], Lessons],
    plan: ExpertPlan,
    *,
    folder: Path | None = None,
    identity: Mapping[str, str] | None = None,
    progress: ProgressCallback = ignore_progress,
) -> Experts:
    """Train experts, or read those that a folder holds already.

    Each expert is a file of its own, written when its training has ended, so that an interrupted training goes on with
    the experts that are missing and ends on the same bits.

    Args:
        surrogate: The network.
        lessons: Makes the real batches that one expert is trained on, by step.
        plan: How many and how long.
        folder: Where they are kept; ``None``: in memory only.
        identity: What they are recognised by, beside the plan.
        progress: Told of each expert.

    Raises:
        ValueError: they would take more than ``plan.max_bytes``, their training diverges, or the folder holds experts
            of another run.
    """
    seed = int(torch.randint(MAX_SEED, ()))
    with seeded(seed):
        first = surrogate.init()
    if (needed := plan.bytes(first)) > plan.max_bytes:
        raise ValueError(
            f"{plan.number} experts with {plan.checkpoints} checkpoints take {needed:,} bytes, more than "
            f"max_bytes={plan.max_bytes:,}; ask for fewer experts or checkpoints, a smaller network, or raise max_bytes"
        )
    if folder is not None and folder.parent.is_dir():
        require_room(folder.parent, needed - needed // plan.number * len(list(folder.glob("expert-*.safetensors"))))
    known = dict(identity or {}) | {"plan": repr(plan), "seed": str(seed)}
    ways = []
    for i in range(plan.number):
        path = None if folder is None else folder / f"expert-{i:03d}.safetensors"
        way = None if path is None or not path.exists() else _read(path, known, plan, first)
        if way is None:
            with seeded((seed + i) % MAX_SEED):  # each by itself: which ones were read does not matter to the others
                way = _trained(surrogate, lessons(), plan)
            if path is not None:
                _write(path, way, known)
        ways.append(way)
        progress(Progress(i + 1, plan.number, "experts"))
    return Experts(tuple(ways), first[0])


def _trained(surrogate: Surrogate, lessons: Lessons, plan: ExpertPlan) -> tuple[Weights, ...]:
    student = Student(surrogate.init(), plan.training)
    way = [_half(student.weights)]
    for step in range(plan.checkpoints * plan.interval):
        student.train(surrogate, lessons(step), 1)
        if (step + 1) % plan.interval == 0:
            way.append(_half(student.weights))
    if not all(bool(torch.isfinite(weight).all()) for weight in way[-1]):
        raise ValueError(
            f"the training of an expert diverged (learning_rate={plan.training.learning_rate}): its weights are not "
            "finite in half precision; lower the learning rate of its training"
        )
    return tuple(way)


def _half(weights: Weights) -> Weights:
    return tuple(weight.half().cpu() for weight in weights)


def _write(path: Path, way: tuple[Weights, ...], identity: Mapping[str, str]) -> None:
    tensors = {f"{c}.{i}": weight for c, weights in enumerate(way) for i, weight in enumerate(weights)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, overwrite=True) as temporary:
            storage.write(temporary, tensors, json.dumps(dict(identity)), storage.EXPERT)
    except OSError as error:  # it is in memory all the same
        logger.warning("the work goes on, but if it is interrupted, this expert is trained again: %s", error)


def _read(path: Path, identity: Mapping[str, str], plan: ExpertPlan, like: Weights) -> tuple[Weights, ...]:
    tensors, record = storage.read(path, storage.EXPERT)
    with explained(path, "delete it: it is trained again"):
        found = json.loads(record)
        names = sorted({*found, *identity})
    for name in names:
        if found.get(name) != identity.get(name):
            raise ValueError(
                f"{path} is an expert of another run ({name}: {found.get(name)} there, {identity.get(name)} here); "
                "delete the folder or give another"
            )
    with explained(path, "delete it: it is trained again"):
        return tuple(
            tuple(
                require(f"{c}.{i}", tensors[f"{c}.{i}"], (torch.float16,), weight.shape)
                for i, weight in enumerate(like)
            )
            for c in range(plan.checkpoints + 1)
        )
