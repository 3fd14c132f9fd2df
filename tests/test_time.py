"""``max_seconds`` is all the time that a method may take, and one that diverges stops where it was."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch_geometric.data import Data, HeteroData

import graphcond
import recsys
from graphcond import Run
from graphcond.core import run_context
from graphcond.core.matching import driver, experts
from graphcond.core.matching.replay import Window
from graphcond.graphs.methods import short_training
from graphcond.graphs.methods import validation as graph_validation
from graphcond.images import quick_validation as image_validation
from graphcond.nodes import quick_validation
from graphcond.recognition import NAMES, named_modality

SECONDS = 1.5
SHORT = 3  # a step is over by then that began in time
SIZES = {"nodes": 6, "hetero": 6, "graphs": "1/class", "images": "1/class", "interactions": 3}


def typed(toy: Data) -> HeteroData:
    """Return the graph with its classes as a second type of nodes."""
    data, nodes = HeteroData(), torch.arange(toy.num_nodes)
    for name in ("x", "y", "train_mask", "val_mask", "test_mask"):
        data["node"][name] = toy[name]
    data["kind"].x = torch.eye(int(toy.y.max()) + 1)
    data["node", "next_to", "node"].edge_index = toy.edge_index
    data["node", "is", "kind"].edge_index = torch.stack([nodes, toy.y])
    data["kind", "of", "node"].edge_index = torch.stack([toy.y, nodes])
    return data


@dataclass(frozen=True)
class Case:
    """A call of ``condense`` with few steps of some method."""

    modality: str
    name: str

    def condense(self, toy: Data, graphs: list[Data], **given: Any) -> Any:
        """Make it."""
        x = torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        datasets = {
            "nodes": toy,
            "hetero": typed(toy),
            "graphs": graphs,
            "images": (x, torch.arange(24) % 2),
            "interactions": recsys.generate_interactions(60, 20, 500, seed=0),
        }
        method = named_modality(self.modality).methods.quick(self.name)
        return graphcond.condense(datasets[self.modality], size=SIZES[self.modality], method=method, **given)


CASES = [
    Case(modality, name)
    for modality in NAMES
    for name, make in named_modality(modality).methods.items()
    if make().resumable
]
one_of_each = pytest.mark.parametrize(
    "case",
    [
        Case("nodes", "gcond"),
        Case("hetero", "hgcond"),
        Case("graphs", "doscond"),
        Case("images", "dm"),
        Case("interactions", "distill_cf"),
    ],
    ids=lambda case: case.modality,
)
each_resumable = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.modality} {case.name}")


@pytest.fixture(autouse=True)
def quick_validations(monkeypatch) -> None:
    monkeypatch.setattr(image_validation, "STEPS", 2)
    monkeypatch.setattr(quick_validation, "STEPS", 6)
    monkeypatch.setattr(quick_validation, "EVALUATIONS", 1)
    monkeypatch.setattr(short_training, "STEPS", 2)
    monkeypatch.setattr(short_training, "NETWORKS", 1)
    monkeypatch.setattr(graph_validation, "STEPS", 10)


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """A clock that is a second later after every step, of matching as of the training of experts."""
    now = [0.0]

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def passing(*args: Any) -> Any:
            now[0] += 1
            return step(*args)

        return passing

    monkeypatch.setattr(run_context, "monotonic", lambda: now[0])
    monkeypatch.setattr(driver._Driver, "_advance", counted(driver._Driver._advance))
    monkeypatch.setattr(experts._ExpertTraining, "goes_on", counted(experts._ExpertTraining.goes_on))
    return now


def tensors(small: Any) -> list[torch.Tensor]:
    if isinstance(small, recsys.CondensedInteractions):
        return [torch.from_numpy(small.user_items.data)]
    return [value for item in small for value in item.to_dict().values() if isinstance(value, torch.Tensor)]


@each_resumable
def test_all_work_is_within_the_time(toy, make_graphs, clock, caplog, case):
    small = case.condense(toy, make_graphs(), run=Run(max_seconds=SECONDS))
    assert math.ceil(SECONDS) <= clock[0] <= SHORT
    record = small.record
    assert record.stopped is not None
    assert record.stopped.endswith(f"max_seconds={SECONDS} was over")
    (note,) = (note for note in record.notes if f"stopped {record.stopped}" in note)
    assert note in caplog.messages
    assert "give Run(checkpoint=...) to go on later" in note
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
        window=Window(max_start=1), expert_span=1, soft_labels="expert", steps=2, unroll_steps=2, validations=1,
    )  # fmt: skip
    x = torch.rand(24, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def condense(**given: Any) -> graphcond.CondensedDataset:
        return graphcond.condense((x, torch.arange(24) % 2), size="2/class", method=method, **given)

    pieces = [condense(run=Run(checkpoint=tmp_path / "state", max_seconds=1e-9))]
    assert "y_soft" not in pieces[0][0]
    while pieces[-1].record.stopped is not None:
        assert f"the same call goes on from {tmp_path / 'state'}" in pieces[-1].record.notes[-1]
        pieces.append(condense(run=Run(checkpoint=tmp_path / "state", max_seconds=1e-9)))
    assert len(pieces) == 2 * (3 - 1) + 2
    whole = condense()
    assert all(torch.equal(one, other) for one, other in zip(tensors(pieces[-1]), tensors(whole), strict=True))
