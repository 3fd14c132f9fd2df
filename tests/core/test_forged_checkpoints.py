"""Checkpoints and experts whose digest is right and whose content is not: refused before the first step."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond import GEOM, GCond
from graphcond.core.runtime import storage

METHOD = GCond(inner_steps=2)
Change = Callable[[dict[str, Tensor], dict[str, Any]], Any]


def condense(data: Data, path: Path, method: Any = METHOD, seconds: float = 60.0) -> graphcond.CondensedDataset:
    kept = graphcond.Checkpoint(path, every_seconds=1e-9)
    return graphcond.condense(data, size=6, method=method, run=graphcond.Run(checkpoint=kept, max_seconds=seconds))


@pytest.fixture(scope="module")
def written(make_toy: Callable[..., Data], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint after a few steps."""
    path = tmp_path_factory.mktemp("written") / "state.safetensors"
    condense(make_toy(), path, seconds=0.02)
    return path


@pytest.fixture
def state(written: Path, tmp_path: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any]]:
    """A copy of it, and what is in it."""
    path = Path(shutil.copyfile(written, tmp_path / "state.safetensors"))
    tensors, notes = storage.read(path, storage.CHECKPOINT)
    return path, tensors, json.loads(notes)


def put(name: str, change: Callable[[Tensor], Tensor]) -> Change:
    def apply(tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        key = next(key for key in tensors if key.startswith(name))
        tensors[key] = change(tensors[key])

    return apply


def filled(value: float) -> Callable[[Tensor], Tensor]:
    return lambda old: torch.full_like(old, value)


FORGED: dict[str, Change] = {
    "no learned data": lambda tensors, _: [tensors.pop(key) for key in list(tensors) if key.startswith("synthetic")],
    "learned data of another shape": put("synthetic", lambda old: old[:-1]),
    "learned data of another type": put("synthetic", lambda old: old.double()),
    "NaN": put("synthetic", filled(float("nan"))),
    "infinite weights": put("sampler", filled(float("inf"))),
    "weights of another network": put("sampler", lambda old: torch.cat([old, old])),
    "moments of another shape": put("optimizer", lambda old: torch.zeros(3, 3)),
    "negative moments": lambda tensors, _: put("optimizer", filled(-1.0))(
        {key: tensors.pop(key) for key in list(tensors) if key.endswith("exp_avg_sq")} | tensors, {}
    ),
    "a moment too few": lambda tensors, _: tensors.pop(next(key for key in tensors if key.startswith("optimizer"))),
    "no random state": lambda tensors, _: tensors.pop("random.cpu"),
    "a short random state": put("random.cpu", lambda old: old[:10]),
    "a random state of numbers": put("random.cpu", lambda old: old.float()),
    "a step beyond the last": lambda _, notes: notes.update(step=10**9),
    "a negative step": lambda _, notes: notes.update(step=-3, kept_step=-3),
    "a step that is text": lambda _, notes: notes.update(step="3"),
    "a kept step after the last": lambda _, notes: notes.update(kept_step=10**6),
    "scores that are none": lambda _, notes: notes.update(scores=[[1, "high"]]),
    "scores in another form": lambda _, notes: notes.update(scores=[1, 2]),
    "no step": lambda _, notes: notes.pop("step"),
    "no identity": lambda _, notes: notes.pop("identity"),
    "an identity that is none": lambda _, notes: notes.update(identity=3),
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_forged_checkpoints(toy: Data, state: tuple, change: Change) -> None:
    path, tensors, notes = state
    change(tensors, notes)
    storage.write(path, tensors, json.dumps(notes), storage.CHECKPOINT)
    with pytest.raises(ValueError, match=r"state.safetensors holds what does not fit together .*; delete it") as error:
        condense(toy, path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("record", ["", "[]", "3", '"text"', "[" * 100_000])
def test_notes_that_are_none(toy: Data, state: tuple, record: str) -> None:
    path, tensors, _ = state
    storage.write(path, tensors, record, storage.CHECKPOINT)
    with pytest.raises(ValueError, match=r"state.safetensors holds what does not fit together"):
        condense(toy, path)


def test_a_checkpoint_as_it_was_is_read(toy: Data, state: tuple) -> None:
    path, tensors, notes = state
    storage.write(path, tensors, json.dumps(notes), storage.CHECKPOINT)
    condense(toy, path, seconds=0.02)


PLAN = dataclasses.replace(GEOM().experts, number=1, interval=1)
EXPERT = GEOM(steps=1, experts=PLAN)


def forge(path: Path, change: Change) -> None:
    """Change the one expert beside a checkpoint."""
    (expert,) = Path(f"{path}.experts").iterdir()
    tensors, record = storage.read(expert, storage.EXPERT)
    change(tensors, {})
    storage.write(expert, tensors, record, storage.EXPERT)


@pytest.mark.parametrize(
    "change",
    [
        put("0.0", lambda old: old[:1]), put("0.0", filled(float("nan"))), put("0.0", lambda old: old.float()),
        lambda tensors, _: tensors.pop("1.0"), lambda tensors, _: tensors.update(text=tensors.pop("0.0")),
    ],
    ids=["shape", "NaN", "type", "missing", "renamed"],
)  # fmt: skip
def test_forged_experts(toy: Data, tmp_path: Path, change: Change) -> None:
    path = tmp_path / "state.safetensors"
    condense(toy, path, EXPERT)
    forge(path, change)
    with pytest.raises(ValueError, match=r"expert-000.safetensors holds what does not fit together .* delete it"):
        condense(toy, path, EXPERT)


UNFINISHED: dict[str, Change] = {
    "weights of another shape": put("student.0.weight", lambda old: old[:1]),
    "weights that are not finite": put("student.0.weight", filled(float("nan"))),
    "no moments": lambda tensors, _: tensors.pop("student.0.mean"),
    "kept weights of another type": put("trajectory.0.0", lambda old: old.float()),
    "no kept weights": lambda tensors, _: tensors.pop("trajectory.1.0"),
    "a step beyond the last": put("step.done", filled(10**6)),
    "a step that is none": put("step.done", filled(0)),
    "a step of another type": put("step.done", lambda old: old.double()),
    "no step": lambda tensors, _: tensors.pop("step.done"),
    "a short random state": put("random.cpu", lambda old: old[:10]),
    "no random state": lambda tensors, _: tensors.pop("random.cpu"),
}


@pytest.mark.parametrize("change", UNFINISHED.values(), ids=UNFINISHED)
def test_forged_trainings_of_experts(toy: Data, tmp_path: Path, change: Change) -> None:
    path = tmp_path / "state.safetensors"
    condense(toy, path, EXPERT, seconds=1e-9)
    forge(path, change)
    with pytest.raises(ValueError, match=r"000.unfinished.safetensors holds what does not fit together .* delete it"):
        condense(toy, path, EXPERT)
