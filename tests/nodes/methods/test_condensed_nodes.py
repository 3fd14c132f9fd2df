"""What methods for nodes deliver, and what of a graph they read."""

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond import CondensedDataset, Progress, Run
from graphcond.nodes import quick_validation
from graphcond.nodes.methods import METHODS

BUDGET = 10
HAS_A_TEACHER = {"auto", "gc_sntk", "geom", "pruned", "random_soft"}
LEARNED = {name for name, make in METHODS.items() if make().resumable} - {"auto"}  # which takes steps if allowed
COARSE = {name for name in METHODS if name.startswith("coarsen_")}
"""Some of their nodes are not learned from, others stand for nodes of several classes."""
FEWER = {"bonsai", "class_mean", "receptive_field"}
"""They do not make as many nodes as are asked for."""
ALIKE = {"cgc", "deepcgc", "random_means"}
"""Linked nodes may have the same features, and so may means of small classes."""
LEARNED_WITH_MEMBERS = {"deepcgc", "deepcgc_x", "gdem"}
CHOOSES_NOTHING = sorted(set(METHODS) - HAS_A_TEACHER - LEARNED)
FEW = ["auto", "class_mean", "gcond", "doscond_x", "herding", "random_soft", "sfgc"]


class Outcome(NamedTuple):
    name: str
    data: Data
    small: CondensedDataset
    reports: list[Progress]


def condense(data: object, name: str, **options: Any) -> CondensedDataset:
    size = {"size": BUDGET} if METHODS[name]().sized else {}
    return graphcond.condense(data, method=METHODS.quick(name), **(size | options))


def assert_same(first: CondensedDataset, second: CondensedDataset) -> None:
    """Same tensors, bit by bit, same members and same choices."""
    assert first[0].keys() == second[0].keys()
    for name, value in first[0]:
        assert torch.equal(value, second[0][name]), name
    assert (first.members is None) == (second.members is None)
    if first.members is not None and second.members is not None:
        assert torch.equal(first.members.ptr, second.members.ptr)
        assert torch.equal(first.members.index, second.members.index)
    assert first.record.choices == second.record.choices


def scrambled(data: Data, mask: Tensor) -> Data:
    """Change everything about the nodes of a mask: features, labels and all their edges."""
    data = copy.deepcopy(data)
    data.x[mask] = 5 * torch.randn(int(mask.sum()), data.num_features, generator=torch.Generator().manual_seed(5))
    data.y[mask] = data.y[mask].flip(0)
    touched = mask[data.edge_index].any(dim=0)
    nodes = mask.nonzero().flatten()
    new = torch.stack([nodes, nodes.roll(1)])
    data.edge_index = torch.cat([data.edge_index[:, ~touched], new, new.flip(0)], dim=1)
    return data


def listed_by_target(data: Data) -> Data:
    """Return the same graph, its edges listed in another order."""
    data = copy.deepcopy(data)
    order = (data.edge_index[1] * data.num_nodes + data.edge_index[0]).argsort()
    data.edge_index = data.edge_index[:, order]
    return data


@pytest.fixture(scope="module", autouse=True)
def quick_validations() -> Iterator[None]:
    """What is learned step by step is validated briefly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick_validation, "STEPS", 6)
        patch.setattr(quick_validation, "EVALUATIONS", 1)
        yield


@pytest.fixture(scope="module", params=METHODS)
def outcome(request: pytest.FixtureRequest, make_toy: Callable[..., Data]) -> Outcome:
    """One condensation per method, with what was told of its progress."""
    data, reports = make_toy(), []
    return Outcome(request.param, data, condense(data, request.param, run=Run(progress=reports.append)), reports)


def test_shapes_and_types(outcome):
    data = outcome.small[0]
    count = data.num_nodes
    data.validate()
    assert outcome.name in FEWER or count == BUDGET
    assert count == 3 or outcome.name != "class_mean"
    assert data.x.shape == (count, 8)
    assert data.x.dtype == torch.float32
    assert outcome.name in ALIKE or len(data.x.unique(dim=0)) == count
    vectors = METHODS[outcome.name]().label_free
    assert data.y.shape == ((count, 8) if vectors else (count,))
    assert data.y.dtype == (torch.float32 if vectors else torch.int64)
    assert data.edge_index.dtype == torch.int64
    assert data.edge_weight.shape == (data.num_edges,)
    assert outcome.name in COARSE | {"receptive_field"} or bool(data.train_mask.all())
    assert data.train_mask.tolist() == (data.y >= 0).tolist() or vectors
    assert not any(value.requires_grad for value in data.to_dict().values())


def test_weights_are_positive_with_mean_one_and_soft_labels_distributions(outcome):
    data = outcome.small[0]
    assert data.node_weight.shape == (data.num_nodes,)
    assert bool((data.node_weight[data.train_mask] > 0).all())
    assert float(data.node_weight.mean()) == pytest.approx(1, abs=1e-6)
    assert ("y_soft" in data) == (outcome.name in HAS_A_TEACHER | COARSE)
    if "y_soft" in data:
        assert data.y_soft.shape == (data.num_nodes, 3)
        assert bool((data.y_soft >= 0).all())
        torch.testing.assert_close(data.y_soft.sum(dim=1), torch.ones(data.num_nodes))


def test_the_size_is_what_was_allocated(outcome):
    budget = outcome.small.record.budget
    sized = METHODS[outcome.name]().sized
    assert not sized or sum(budget["allocated"]) == BUDGET
    if not METHODS[outcome.name]().label_free:
        y = outcome.small[0].y
        delivered = torch.bincount(y[y >= 0], minlength=3).tolist()
        assert min(delivered) >= 1
        assert delivered == ([1, 1, 1] if outcome.name == "class_mean" else delivered)
        assert outcome.name in FEWER | COARSE or delivered == budget["allocated"]
    assert budget["spent"]["nodes"] == outcome.small[0].num_nodes
    assert budget["spent"]["edges"] == outcome.small[0].num_edges
    assert bool(outcome.small.record.choices) == (outcome.name in HAS_A_TEACHER | LEARNED | {"bonsai"})


@pytest.mark.parametrize("name", FEW)
def test_a_node_per_class_is_the_least(toy, name):
    assert condense(toy, name, size=3)[0].y.tolist() == [0, 1, 2]


def test_members_are_those_of_the_class_of_their_node(outcome):
    members = outcome.small.members
    assert (members is None) == (outcome.name in LEARNED - LEARNED_WITH_MEMBERS)
    groups = members if members is not None else []
    for label, group in zip(outcome.small[0].y.tolist(), groups, strict=members is not None):
        assert len(group) >= 1
        assert len(group.unique()) == len(group)
        assert bool(((group >= 0) & (group < outcome.data.num_nodes)).all())
        labelled = group[outcome.data.train_mask[group]]
        assert outcome.name in COARSE or bool((outcome.data.y[labelled] == label).all())


def test_progress_moves_forward_to_its_total(outcome):
    # Experts are counted by themselves, before the steps.
    for total, phase in itertools.groupby(outcome.reports, key=lambda report: report.total):
        done = [report.done for report in phase]
        assert done == sorted(done)
        assert 0 <= done[0] <= done[-1] == total


@pytest.mark.parametrize("name", ["random", "random_propagated", "random_soft"])
def test_other_seed_other_nodes(toy, name):
    first, second = (condense(toy, name, seed=seed) for seed in (0, 1))
    assert not torch.equal(first.members.index, second.members.index)


@pytest.mark.parametrize("name", FEW)
def test_the_order_in_which_edges_are_listed_does_not_matter(toy, name):
    assert_same(condense(listed_by_target(toy), name), condense(toy, name))


@pytest.mark.parametrize("name", METHODS)
def test_inductive_condensation_never_sees_nodes_that_it_should_not(toy, name):
    small = condense(graphcond.read(toy, inductive=True), name)
    hidden = toy.test_mask | toy.val_mask if name in CHOOSES_NOTHING else toy.test_mask
    other = condense(graphcond.read(scrambled(toy, hidden), inductive=True), name)
    assert_same(other, small)
    assert other.record.source["fingerprint"] == small.record.source["fingerprint"]
    assert small.record.source["inductive"] is True
    assert small.record.source["num_nodes"] == int(toy.train_mask.sum())
    if small.members is not None:
        assert int(small.members.index.max()) < int(toy.train_mask.sum())


@pytest.mark.parametrize("name", CHOOSES_NOTHING)
def test_validation_labels_are_not_read_without_a_choice(toy, name):
    small = condense(toy, name)
    toy.y[toy.val_mask] = toy.y[toy.val_mask].flip(0)
    assert_same(condense(toy, name), small)


@pytest.mark.parametrize("name", ["class_mean", "herding", "k_center", "random_propagated"])
def test_transductive_condensation_sees_all_features(toy, name):
    first, second = condense(toy, name), condense(scrambled(toy, toy.test_mask), name)
    assert not torch.equal(first[0].x, second[0].x)


@pytest.mark.parametrize("name", ["class_mean", "herding", "k_center"])
def test_node_numbers_do_not_matter(toy, name):
    small = condense(toy, name)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    other = Data(edge_index=order.argsort()[toy.edge_index])
    for key in ("x", "y", "train_mask", "val_mask", "test_mask"):
        other[key] = toy[key][order]
    renumbered = condense(other, name)
    torch.testing.assert_close(renumbered[0].x, small[0].x)
    assert torch.equal(renumbered[0].y, small[0].y)
    for group, expected in zip(renumbered.members, small.members, strict=True):
        assert torch.equal(order[group].sort().values, expected.sort().values)
