"""What is particular to stopping and resuming the condensation of interactions."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

import recsys
from graphcond import Checkpoint, Progress, Run
from graphcond.core.matching import driver
from graphcond.core.runtime import storage
from graphcond.synthetic.user_rows import GumbelRows
from recsys import CondensedInteractions, DistillCF, Holdout, Split
from recsys.methods.forgetting import Forgetting

STEPS = 9
USERS = 6
REAL = recsys.generate_interactions(120, 40, 1500)
SPLIT = recsys.random_split(REAL)
WITHOUT_VALIDATION = dataclasses.replace(SPLIT, val=None)  # the last step is kept, so that every step tells
FEW = {"steps": STEPS, "validations": 3, "batch_users": 30}
METHODS = {
    "weighted": DistillCF(**FEW),
    "reconstruction": DistillCF(**FEW, loss="reconstruction"),
    "likelihood, two layers": DistillCF(**FEW, loss="likelihood", depth=2),
    "gumbel": DistillCF(**FEW, rows=GumbelRows(draws=3)),
    "published": dataclasses.replace(
        DistillCF.preset("published"),
        rows=GumbelRows(draws=3),
        steps=STEPS,
        validation_steps=(2, 3, 7),
        learning_rate=1.0,
    ),
}
CASES = [*((name, None) for name in METHODS), ("weighted", 40)]


@pytest.fixture(autouse=True)
def report_every_step(monkeypatch):
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.safetensors"


def condense(
    source: object, method: object, path: Path | None = None, *, run: dict[str, Any] | None = None, **options: Any
) -> CondensedInteractions:
    given = dict(run or {}) | ({} if path is None else {"checkpoint": Checkpoint(path, every_seconds=0)})
    return recsys.condense(source, method=method, run=Run(**given), **({"users": USERS} | options))


def interrupting(at: int) -> Callable[[Progress], None]:
    def progress(report: Progress) -> None:
        if report.done == at:
            raise KeyboardInterrupt

    return progress


def assert_same(first: CondensedInteractions, second: CondensedInteractions) -> None:
    for name in ("data", "indices", "indptr"):
        assert getattr(first.user_items, name).tobytes() == getattr(second.user_items, name).tobytes(), name
    assert first.record.choices == second.record.choices


def state(path: Path) -> dict[str, Tensor]:
    return storage.read(path, storage.CHECKPOINT)[0]


@pytest.mark.parametrize(("name", "interactions"), CASES)
def test_a_run_that_is_interrupted_again_and_again_ends_on_the_same_bits(path, tmp_path, name, interactions):
    method, size = METHODS[name], {"interactions": interactions}
    whole = condense(SPLIT, method, **size)
    assert whole.record.choices["complete"]
    for at in (4, STEPS):
        with pytest.raises(KeyboardInterrupt):
            condense(SPLIT, method, path, run={"progress": interrupting(at)}, **size)
    reports = []
    assert_same(condense(SPLIT, method, path, run={"progress": reports.append}, **size), whole)
    assert [report.done for report in reports] == [STEPS, STEPS]
    condense(SPLIT, method, tmp_path / "uninterrupted", **size)
    expected, found = state(tmp_path / "uninterrupted"), state(path)
    assert found.keys() == expected.keys()
    assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []


@pytest.mark.parametrize("at", [1, 5])
@pytest.mark.parametrize(("name", "interactions"), CASES)
def test_an_interruption_at_any_step_leaves_no_trace(path, name, interactions, at):
    method, size = METHODS[name], {"interactions": interactions}
    with pytest.raises(KeyboardInterrupt):
        condense(WITHOUT_VALIDATION, method, path, run={"progress": interrupting(at)}, **size)
    reports = []
    again = condense(WITHOUT_VALIDATION, method, path, run={"progress": reports.append}, **size)
    assert reports[0].done == at
    assert again.record.choices["kept_step"] == STEPS
    assert_same(again, condense(WITHOUT_VALIDATION, method, **size))


@pytest.mark.parametrize(
    ("source", "interactions"), [("with validation", None), ("without validation", 40), ("matrix", None)]
)
def test_a_run_in_pieces_of_no_time_ends_on_the_same_bits(path, source, interactions):
    given = {"with validation": SPLIT, "without validation": WITHOUT_VALIDATION, "matrix": REAL}[source]
    method, size = METHODS["weighted"], {"interactions": interactions}
    for step in range(1, STEPS):
        small = condense(given, method, path, run={"max_seconds": 1e-9}, **size)
        assert (small.record.choices["steps"], small.record.choices["complete"]) == (step, False)
    last = condense(given, method, path, run={"max_seconds": 1e-9}, **size)
    assert last.record.choices["complete"]
    assert_same(last, condense(given, method, **size))


@pytest.mark.parametrize("interactions", [None, 40])
def test_a_run_that_is_out_of_time_gives_whole_users(tmp_path, interactions):
    small = condense(SPLIT, METHODS["weighted"], run={"max_seconds": 1e-9}, interactions=interactions)
    choices = small.record.choices
    assert (choices["kept_step"], choices["steps"], choices["complete"]) == (1, 1, False)
    assert [step for step, _ in choices["scores"]] == [1]
    assert small.user_items.shape == (USERS, 40)
    assert interactions is None or small.num_interactions == interactions
    assert_same(recsys.load(small.save(tmp_path / "small.safetensors")), small)


def without_one(matrix: csr_matrix) -> csr_matrix:
    other = matrix.copy()
    other.data[0] = 0
    other.eliminate_zeros()
    return other


def other_validation_targets() -> Split:
    return dataclasses.replace(SPLIT, val=Holdout(SPLIT.val.context, without_one(SPLIT.val.targets)))


def other_validation_context() -> Split:
    return dataclasses.replace(SPLIT, val=Holdout(without_one(SPLIT.val.context), SPLIT.val.targets))


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "seed": ("seed: 0 there, 1 here", {"seed": 1}),
    "steps": ("method: DistillCF", {"method": DistillCF(**(FEW | {"steps": STEPS + 1}))}),
    "loss": ("method: DistillCF", {"method": METHODS["reconstruction"]}),
    "users": (r"size: UserBudget\(users=6, interactions=None\) there, UserBudget\(users=7", {"users": USERS + 1}),
    "interactions": (
        r"size: UserBudget\(.*\) there, UserBudget\(users=6, interactions=40\) here",
        {"interactions": 40},
    ),
    "training": ("source: ", {"source": dataclasses.replace(SPLIT, train=without_one(SPLIT.train))}),
    "items": ("source: ", {"source": dataclasses.replace(SPLIT, item_ids=SPLIT.item_ids + 1)}),
    "validation targets": ("validation users: ", {"source": other_validation_targets()}),
    "validation context": ("validation users: ", {"source": other_validation_context()}),
    "no validation": ("validation users: [0-9a-f]{64} there, none here", {"source": WITHOUT_VALIDATION}),
    "the whole matrix": ("source: ", {"source": REAL}),
}


@pytest.mark.parametrize("differs", OTHERS)
def test_a_checkpoint_of_another_run_is_refused(path, differs):
    reason, change = OTHERS[differs]
    condense(SPLIT, METHODS["weighted"], path, run={"max_seconds": 1e-9})
    before, reports = path.read_bytes(), []
    with pytest.raises(ValueError, match=rf"checkpoint .* belongs to another run \({reason}.*delete it, or give"):
        condense(
            **({"source": SPLIT, "method": METHODS["weighted"], "path": path} | change),
            run={"progress": reports.append},
        )
    assert path.read_bytes() == before
    assert reports == []


def test_another_test_part_makes_no_other_run(path):
    with pytest.raises(KeyboardInterrupt):
        condense(SPLIT, METHODS["weighted"], path, run={"progress": interrupting(4)})
    reports = []
    condense(dataclasses.replace(SPLIT, test=None), METHODS["weighted"], path, run={"progress": reports.append})
    assert reports[0].done == 4


def test_a_selection_that_takes_long_can_be_interrupted():
    # It works in epochs, not in steps: nothing is kept, and the next call begins anew.
    with pytest.raises(KeyboardInterrupt):
        condense(SPLIT, Forgetting(epochs=4), run={"progress": interrupting(2)})
    first, second = (condense(SPLIT, Forgetting(epochs=4)) for _ in range(2))
    np.testing.assert_array_equal(first.members.index, second.members.index)
