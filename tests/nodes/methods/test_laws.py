import copy
import dataclasses
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond import CondensedDataset, Curriculum, ExpertPlan, Progress, Training, Window
from graphcond.api import list_methods
from graphcond.nodes import quick_validation
from graphcond.nodes.methods import METHODS as NODE_METHODS
from graphcond.nodes.methods.base import NodeMethod
from graphcond.nodes.reading import read_nodes

BUDGET = 10
HAS_A_TEACHER = {"auto", "gc_sntk", "geom", "random_soft"}
STEPWISE = {name for name, make in NODE_METHODS.items() if make().stepwise} - {"auto"}  # which takes steps if allowed
CHOOSES_ON_VALIDATION = HAS_A_TEACHER | STEPWISE
CHOOSES_NOTHING = sorted(set(NODE_METHODS) - CHOOSES_ON_VALIDATION)
FOLLOWS = {
    "experts": ExpertPlan(number=2, checkpoints=4, interval=2, training=Training(learning_rate=0.05, momentum=0.9)),
    "span": 2, "unroll_steps": 3, "steps": 3,
}  # fmt: skip
QUICK = {
    "gcond": {"epochs": 2, "outer_steps": 2, "inner_steps": 2, "structure_epochs": 1, "features_epochs": 1},
    "doscond": {"steps": 3},
    "gc_sntk": {"steps": 3},
    "gcdm": {"epochs": 2, "outer_steps": 2, "inner_steps": 2},
    "geom": FOLLOWS | {"window": Window(latest=2, opened=0), "curriculum": Curriculum(steps=6)},
    "sfgc": FOLLOWS | {"window": Window(latest=2)},
}
DRAWS = ["random", "random_propagated", "random_soft"]


class Outcome(NamedTuple):
    name: str
    data: Data
    before: Data
    small: CondensedDataset
    reports: list[Progress]


def quick(name: str) -> NodeMethod:
    """The method of a name, one that works in steps with few of them."""
    method = NODE_METHODS[name]()
    return dataclasses.replace(method, **QUICK.get(method.name, {}))


def condense(data: Data, name: str, **options: Any) -> CondensedDataset:
    return graphcond.condense(data, method=quick(name), **({"num_nodes": BUDGET} | options))


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
def quick_looks() -> Iterator[None]:
    """What is learned step by step is looked at briefly: the laws hold however long a look takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick_validation, "STEPS", 40)
        yield


@pytest.fixture(scope="module", params=NODE_METHODS)
def outcome(request: pytest.FixtureRequest, make_toy: Callable[..., Data]) -> Outcome:
    """One condensation per method, for the laws that only look at the result."""
    data, reports = make_toy(), []
    before = copy.deepcopy(data)
    return Outcome(request.param, data, before, condense(data, request.param, progress=reports.append), reports)


def test_same_seed_same_bits_whatever_the_global_state(outcome):
    with torch.random.fork_rng():
        torch.manual_seed(123)
        random.seed(123)
        np.random.seed(123)  # noqa: NPY002 (the global state is what is tested)
        again = condense(outcome.data, outcome.name)
    assert_same(again, outcome.small)


@pytest.mark.parametrize("name", DRAWS)
def test_other_seed_other_nodes(toy, name):
    first, second = (condense(toy, name, seed=seed) for seed in (0, 1))
    assert not torch.equal(first.members.index, second.members.index)


@pytest.mark.parametrize("name", NODE_METHODS)
def test_global_random_state_is_untouched(toy, name):
    def state() -> list[Any]:
        legacy = np.random.get_state()  # noqa: NPY002 (the global state is what is tested)
        return [torch.get_rng_state().tolist(), legacy[1].tolist(), legacy[2:], random.getstate()]

    before = state()
    condense(toy, name, num_nodes=3)
    assert state() == before


def test_input_is_untouched(outcome):
    assert outcome.data.keys() == outcome.before.keys()
    for name, value in outcome.before:
        assert torch.equal(outcome.data[name], value), name


def test_every_class_survives(outcome):
    assert outcome.small[0].y.unique().tolist() == [0, 1, 2]
    assert outcome.small.num_classes == 3


@pytest.mark.parametrize("num_nodes", [3, 8])
@pytest.mark.parametrize("name", NODE_METHODS)
def test_size_equals_the_budget(toy, name, num_nodes):
    small = condense(toy, name, num_nodes=num_nodes)
    delivered = torch.bincount(small[0].y, minlength=3).tolist()
    assert sum(small.record.budget["allocated"]) == num_nodes
    assert delivered == ([1, 1, 1] if name == "class_mean" else small.record.budget["allocated"])


def test_shapes_and_types(outcome):
    data, count = outcome.small[0], 3 if outcome.name == "class_mean" else BUDGET
    data.validate()
    assert data.x.shape == (count, 8)
    assert data.x.dtype == torch.float32
    assert data.y.shape == (count,)
    assert data.y.dtype == torch.int64
    assert data.edge_index.dtype == torch.int64
    assert data.edge_weight.shape == (data.num_edges,)
    assert data.node_weight.shape == (count,)
    assert bool(data.train_mask.all())
    assert not any(value.requires_grad for value in data.to_dict().values())


def test_everything_is_finite(outcome):
    for name, value in outcome.small[0]:
        assert bool(torch.isfinite(value).all()), name


def test_nodes_differ(outcome):
    assert len(outcome.small[0].x.unique(dim=0)) == outcome.small[0].num_nodes


def test_node_weights_are_positive_with_mean_one(outcome):
    weight = outcome.small[0].node_weight
    assert bool((weight > 0).all())
    assert float(weight.mean()) == pytest.approx(1, abs=1e-6)


def test_soft_labels_are_distributions(outcome):
    data = outcome.small[0]
    assert ("y_soft" in data) == (outcome.name in HAS_A_TEACHER)
    if "y_soft" in data:
        assert data.y_soft.shape == (data.num_nodes, 3)
        assert bool((data.y_soft >= 0).all())
        torch.testing.assert_close(data.y_soft.sum(dim=1), torch.ones(data.num_nodes))


def test_members_stand_behind_every_node(outcome):
    members = outcome.small.members
    assert (members is None) == (outcome.name in STEPWISE)
    if members is None:
        pytest.skip("what is learned step by step has no members")
    assert len(members) == outcome.small[0].num_nodes
    for group in members:
        assert len(group) >= 1
        assert len(group.unique()) == len(group)
        assert bool(((group >= 0) & (group < outcome.data.num_nodes)).all())


def test_labelled_members_have_the_label_of_their_node(outcome):
    if outcome.small.members is None:
        pytest.skip("what is learned step by step has no members")
    for label, group in zip(outcome.small[0].y.tolist(), outcome.small.members, strict=True):
        labelled = group[outcome.data.train_mask[group]]
        assert bool((outcome.data.y[labelled] == label).all())


def test_record_says_what_was_done(outcome):
    record, method = outcome.small.record, quick(outcome.name)
    assert record.method == outcome.name
    fields = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
    assert record.settings.keys() == fields.keys()
    for name, value in record.settings.items():
        assert value in (fields[name], repr(fields[name]))
    assert record.seed == 0
    assert record.source["fingerprint"] == read_nodes(outcome.data).fingerprint()
    assert record.budget["asked"] == {"num_nodes": BUDGET}
    assert record.budget["spent"]["nodes"] == outcome.small[0].num_nodes
    assert record.budget["spent"]["edges"] == outcome.small[0].num_edges
    assert record.budget["spent"]["bytes"] == outcome.small.nbytes
    assert bool(record.choices) == (outcome.name in CHOOSES_ON_VALIDATION)


def test_progress_moves_forward_to_its_total(outcome):
    # Experts are counted by themselves, before the steps.
    for total, phase in itertools.groupby(outcome.reports, key=lambda report: report.total):
        done = [report.done for report in phase]
        assert done == sorted(done)
        assert 0 <= done[0] <= done[-1] == total


def test_round_trip_through_a_file(outcome, tmp_path):
    again = graphcond.load(outcome.small.save(tmp_path / "small.safetensors"))
    assert_same(again, outcome.small)
    assert again.record == outcome.small.record


def test_name_and_object_are_the_same_method(outcome):
    if outcome.name in STEPWISE:
        assert NODE_METHODS.resolve(outcome.name) == NODE_METHODS[outcome.name]()
    else:
        assert_same(graphcond.condense(outcome.data, num_nodes=BUDGET, method=outcome.name), outcome.small)


@pytest.mark.parametrize("change", ["flip", "zero", "unlabel"])
def test_test_labels_are_never_read(outcome, change):
    data = copy.deepcopy(outcome.data)
    labels = data.y[data.test_mask]
    data.y[data.test_mask] = {"flip": labels.flip(0), "zero": labels * 0, "unlabel": labels * 0 - 1}[change]
    assert not torch.equal(data.y, outcome.data.y)
    assert_same(condense(data, outcome.name), outcome.small)


def test_the_order_in_which_edges_are_listed_does_not_matter(outcome):
    assert_same(condense(listed_by_target(outcome.data), outcome.name), outcome.small)


@pytest.mark.parametrize("name", CHOOSES_NOTHING)
def test_validation_labels_are_not_read_without_a_choice(toy, name):
    small = condense(toy, name)
    toy.y[toy.val_mask] = toy.y[toy.val_mask].flip(0)
    assert_same(condense(toy, name), small)


@pytest.mark.parametrize("name", NODE_METHODS)
def test_inductive_condensation_never_sees_test_nodes(toy, name):
    small = condense(toy, name, inductive=True)
    other = condense(listed_by_target(scrambled(toy, toy.test_mask)), name, inductive=True)
    assert_same(other, small)
    assert other.record.source["fingerprint"] == small.record.source["fingerprint"]
    assert small.record.source["inductive"] is True
    assert small.record.source["num_nodes"] == int(toy.train_mask.sum())
    if small.members is not None:
        assert int(small.members.index.max()) < int(toy.train_mask.sum())


@pytest.mark.parametrize("name", CHOOSES_NOTHING)
def test_inductive_condensation_never_sees_validation_nodes_without_a_choice(toy, name):
    small = condense(toy, name, inductive=True)
    other = condense(scrambled(toy, toy.val_mask | toy.test_mask), name, inductive=True)
    assert_same(other, small)
    assert other.record.source["fingerprint"] == small.record.source["fingerprint"]


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


@pytest.mark.parametrize("name", NODE_METHODS)
def test_settings_are_frozen_and_named(name):
    method = NODE_METHODS[name]()
    assert method.label == name
    for field in dataclasses.fields(method):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(method, field.name, 1)
    with pytest.raises(TypeError):
        NODE_METHODS[name](2)
    assert repr(method).startswith(f"{type(method).__name__}(")
    names = {name: getattr(graphcond, name) for name in graphcond.__all__}
    assert method == eval(repr(method), names)  # noqa: S307 (that the text makes the value is what is tested)


def test_every_method_is_listed_with_a_description():
    assert set(list_methods()) == set(NODE_METHODS)
    assert all(len(line) > 10 and line.endswith(".") for line in list_methods().values())
