"""``max_seconds`` is all the time that a method may take, and one that diverges stops where it was: laws over all."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond.core import run as run_module
from graphcond.core.matching import driver, experts
from graphcond.core.matching.replay import Window
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.images.methods import METHODS as IMAGE_METHODS
from graphcond.images.methods import matching as image_matching
from graphcond.nodes.methods import METHODS as NODE_METHODS
from recsys.methods import METHODS as USER_METHODS

SECONDS = 3.5
SHORT = 5  # a step is over by then that began in time


@dataclass(frozen=True)
class Case:
    """A call of ``condense`` with some method's own settings."""

    kind: str
    name: str

    def condense(self, toy: Data, graphs: list[Data], **given: Any) -> Any:
        """Make it."""
        if self.kind == "nodes":
            return graphcond.condense(toy, num_nodes=6, method=NODE_METHODS[self.name](), **given)
        if self.kind == "graphs":
            return graphcond.condense(graphs, graphs_per_class=1, method=GRAPH_METHODS[self.name](), **given)
        if self.kind == "images":
            x = torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(0))
            pair = x, torch.arange(24) % 2
            method, small = IMAGE_METHODS[self.name](), graphcond.ConvNet(width=4, depth=1)
            if self.name != "kip":  # it has no network
                method = replace(method, architecture=small)
            return graphcond.condense_images(pair, per_class=1, method=method, **given)
        users = recsys.generate_interactions(60, 20, 500, seed=0)
        return recsys.condense(users, users=3, method=USER_METHODS[self.name](), **given)


def stepwise(kind: str, known: dict[str, Callable[[], Any]]) -> list[Case]:
    return [Case(kind, name) for name, make in known.items() if make().stepwise]


CASES = [
    *stepwise("nodes", NODE_METHODS),
    *stepwise("graphs", GRAPH_METHODS),
    *stepwise("images", IMAGE_METHODS),
    *stepwise("users", USER_METHODS),
]
one_of_each = pytest.mark.parametrize(
    "case",
    [Case("nodes", "gcond"), Case("graphs", "doscond"), Case("images", "dm"), Case("users", "distill_cf")],
    ids=lambda case: case.kind,
)
each_stepwise = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind} {case.name}")


@pytest.fixture(autouse=True)
def brief_looks(monkeypatch) -> None:
    monkeypatch.setattr(image_matching, "LOOK_STEPS", 2)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """A clock that is a second later after every step, of matching as of the training of experts."""
    now = [0.0]

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def passing(*args: Any) -> Any:
            now[0] += 1
            return step(*args)

        return passing

    monkeypatch.setattr(run_module, "monotonic", lambda: now[0])
    monkeypatch.setattr("graphcond.core.run_conditions.monotonic", lambda: now[0])
    monkeypatch.setattr(driver._Driver, "_advance", counted(driver._Driver._advance))
    monkeypatch.setattr(experts._ExpertTraining, "goes_on", counted(experts._ExpertTraining.goes_on))
    return now


def tensors(small: Any) -> list[torch.Tensor]:
    if isinstance(small, recsys.CondensedInteractions):
        return [torch.from_numpy(small.user_items.data)]
    return [value for item in small for value in item.to_dict().values() if isinstance(value, torch.Tensor)]


@each_stepwise
def test_all_work_is_within_the_time(toy, make_graphs, clock, caplog, case):
    small = case.condense(toy, make_graphs(), max_seconds=SECONDS)
    assert math.ceil(SECONDS) <= clock[0] <= SHORT
    record = small.record
    assert record.stopped is not None
    assert record.stopped.endswith(f"max_seconds={SECONDS} was over")
    (note,) = (note for note in record.notes if f"stopped {record.stopped}" in note)
    assert note in caplog.messages
    assert "give checkpoint= to go on later" in note
    assert all(bool(torch.isfinite(value).all()) for value in tensors(small) if value.is_floating_point())


@one_of_each
def test_a_run_that_diverges_gives_what_was_finite_and_says_so(toy, make_graphs, monkeypatch, case):
    monkeypatch.setattr(driver._Driver, "_finite", lambda self, loss: self.step < 2)
    small = case.condense(toy, make_graphs())
    assert small.record.stopped is not None
    assert "at step 3 of" in small.record.stopped
    assert "rate (now" in small.record.stopped
    assert "checkpoint=" not in small.record.notes[-1]
    assert all(bool(torch.isfinite(value).all()) for value in tensors(small) if value.is_floating_point())


@one_of_each
def test_a_run_that_cannot_begin_names_what_to_lower(toy, make_graphs, monkeypatch, case):
    monkeypatch.setattr(driver._Driver, "_finite", lambda self, loss: False)
    with pytest.raises(ValueError, match=r"the run diverged at step 1 of [\d,]+: .*; scale the data.* or lower .*rate"):
        case.condense(toy, make_graphs())


def test_images_whose_experts_had_to_stop_end_on_the_same_bits(tmp_path):
    plan = experts.ExpertPlan(number=2, checkpoints=3, interval=1)
    method = graphcond.MTT(
        architecture=graphcond.ConvNet(width=4, depth=1), experts=plan,
        window=Window(latest=1), span=1, soft_labels="expert", steps=2, unroll_steps=2, looks=1,
    )  # fmt: skip
    x = torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def condense(**given: Any) -> graphcond.CondensedDataset:
        return graphcond.condense_images((x, torch.arange(24) % 2), per_class=2, method=method, **given)

    pieces = [condense(checkpoint=tmp_path / "state", max_seconds=1e-9)]
    assert "y_soft" not in pieces[0][0]
    while pieces[-1].record.stopped is not None:
        assert f"the same call goes on from {tmp_path / 'state'}" in pieces[-1].record.notes[-1]
        pieces.append(condense(checkpoint=tmp_path / "state", max_seconds=1e-9))
    assert len(pieces) == 2 * (3 - 1) + 2
    whole = condense()
    assert all(torch.equal(one, other) for one, other in zip(tensors(pieces[-1]), tensors(whole), strict=True))
