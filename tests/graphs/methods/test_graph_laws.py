import copy
import dataclasses
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv

import graphcond
from graphcond import CondensedDataset, Progress
from graphcond.api import list_methods
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.graphs.methods import short_training as graph_rehearsal
from graphcond.graphs.methods import validation as graph_validation
from graphcond.graphs.methods.base import GraphMethod
from graphcond.graphs.reading import read_graphs
from graphcond.nodes.methods import METHODS as NODE_METHODS

COUNT, TRAIN, CLASSES, EACH = 48, 36, 3, 2
METHODS = list(GRAPH_METHODS)
SPLIT = {"train": range(TRAIN), "valid": range(TRAIN, 42), "test": range(42, COUNT)}
QUICK = {"doscond": {"steps": 3, "hidden": 8}}
STEPWISE = {name for name in METHODS if GRAPH_METHODS[name]().stepwise}
SIZED = [name for name in METHODS if GRAPH_METHODS[name]().sized]
HAS_SOFT_LABELS = {"histograms", "random_soft"}
MAY_HAVE_SOFT_LABELS = {"auto"}  # where validation graphs say that they help
CHOOSES_ON_VALIDATION = HAS_SOFT_LABELS | MAY_HAVE_SOFT_LABELS | STEPWISE
CHOOSES_NOTHING = sorted(set(METHODS) - CHOOSES_ON_VALIDATION)
TAKES_REAL_GRAPHS = {"auto", "random", "herding", "k_center", "random_soft", "ridge"}
BY_BYTES = sorted(set(SIZED) - STEPWISE)
MAKES_BAGS = {"histograms", "mirage"}
DRAWS = ["random", "random_soft", "doscond", "ridge"]


class Outcome(NamedTuple):
    name: str
    items: list[Data]
    before: list[Data]
    small: CondensedDataset
    reports: list[Progress]


class Stored(InMemoryDataset):
    """A dataset that was made in memory."""

    def __init__(self, items: list[Data]) -> None:
        super().__init__(root=None)
        self._data, self.slices = self.collate(items)


def quick(name: str) -> GraphMethod:
    """The method of a name, one that works in steps with few of them."""
    method = GRAPH_METHODS[name]()
    return dataclasses.replace(method, **QUICK.get(method.name, {}))


def sized(name: str, **size: Any) -> dict[str, Any]:
    """A size for a method that takes one."""
    return (size or {"graphs_per_class": EACH}) if name in SIZED else {}


def condense(dataset: Any, name: str, **options: Any) -> CondensedDataset:
    sizes = {key for key in ("graphs_per_class", "num_graphs", "ratio", "max_bytes") if key in options}
    options = options if sizes else sized(name) | options
    return graphcond.condense(dataset, method=quick(name), **({"split": SPLIT} | options))


def labels(small: CondensedDataset) -> torch.Tensor:
    return torch.cat([item.y for item in small])


def assert_same_items(first: Any, second: Any) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert set(one.keys()) == set(other.keys())
        for key, value in one:
            assert value.dtype == other[key].dtype, key
            assert torch.equal(value, other[key]), key


def assert_same(first: CondensedDataset, second: CondensedDataset) -> None:
    """Same tensors, bit by bit, same members and same choices."""
    assert_same_items(first, second)
    assert (first.members is None) == (second.members is None)
    if first.members is not None and second.members is not None:
        assert torch.equal(first.members.ptr, second.members.ptr)
        assert torch.equal(first.members.index, second.members.index)
    assert first.record.choices == second.record.choices


def random_states() -> list[Any]:
    legacy = np.random.get_state()  # noqa: NPY002 (the global state is what is tested)
    return [torch.get_rng_state().tolist(), legacy[1].tolist(), legacy[2:], random.getstate()]


def edges(item: Data) -> list[tuple[float, ...]]:
    """Return the edges with their features, sorted."""
    attr = item.edge_index.new_zeros(item.num_edges, 0) if item.edge_attr is None else item.edge_attr
    return sorted(map(tuple, torch.cat([item.edge_index.T, attr], dim=1).tolist()))


@pytest.fixture(scope="module", autouse=True)
def quick_looks() -> Iterator[None]:
    """What is learned step by step is looked at briefly: the laws hold however long a look takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_rehearsal, "STEPS", 20)
        patch.setattr(graph_rehearsal, "NETWORKS", 1)
        patch.setattr(graph_validation, "STEPS", 10)
        yield


@pytest.fixture(scope="module")
def make_items(make_graphs: Callable[..., list[Data]]) -> Callable[..., list[Data]]:
    return lambda **options: make_graphs(**({"count": COUNT, "classes": CLASSES, "edge_attr": True} | options))


@pytest.fixture
def items(make_items: Callable[..., list[Data]]) -> list[Data]:
    return make_items()


@pytest.fixture(scope="module", params=METHODS)
def outcome(request: pytest.FixtureRequest, make_items: Callable[..., list[Data]]) -> Outcome:
    """One condensation per method, for the laws that only look at the result."""
    items, reports = make_items(), []
    before = copy.deepcopy(items)
    return Outcome(request.param, items, before, condense(items, request.param, progress=reports.append), reports)


def test_same_seed_same_bits_whatever_the_global_state(outcome):
    with torch.random.fork_rng():
        torch.manual_seed(123)
        random.seed(123)
        np.random.seed(123)  # noqa: NPY002 (the global state is what is tested)
        again = condense(outcome.items, outcome.name)
    assert_same(again, outcome.small)


@pytest.mark.parametrize("name", DRAWS)
def test_another_seed_gives_other_graphs(items, name):
    first, second = (condense(items, name, seed=seed) for seed in (0, 1))
    with pytest.raises(AssertionError):
        assert_same_items(first, second)


@pytest.mark.parametrize("name", METHODS)
def test_global_random_state_is_untouched(items, name):
    before = random_states()
    condense(items, name)
    assert random_states() == before


def test_input_is_untouched(outcome):
    assert_same_items(outcome.items, outcome.before)


def test_result_shares_no_memory_with_the_input(make_items):
    for name in METHODS:
        items = make_items()
        before = copy.deepcopy(items)
        for item in condense(items, name):
            for _, value in item:
                value.zero_()
        assert_same_items(items, before)


def test_every_class_survives(outcome):
    assert labels(outcome.small).unique().tolist() == [0, 1, 2]
    assert outcome.small.num_classes == CLASSES


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({"graphs_per_class": 1}, [1, 1, 1]),
        ({"graphs_per_class": 4}, [4, 4, 4]),
        ({"num_graphs": 3}, [1, 1, 1]),
        ({"num_graphs": 8}, [3, 3, 2]),
        ({"ratio": 0.25}, [3, 3, 3]),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", SIZED)
def test_size_equals_the_budget(items, name, size, expected):
    small = condense(items, name, **size)
    assert small.record.budget["asked"] == size
    assert small.record.budget["spent"]["graphs_per_class"] == expected
    assert torch.bincount(labels(small)).tolist() == expected


@pytest.mark.parametrize("max_bytes", [200, 300, 1000, 10**6])
@pytest.mark.parametrize("name", BY_BYTES)
def test_bytes_are_never_exceeded(items, name, max_bytes):
    try:
        small = condense(items, name, max_bytes=max_bytes)
    except ValueError as error:
        needed = int(re.search(r"is too little for one .*, which take (\d+) bytes$", str(error)).group(1))
        assert needed > max_bytes
        return
    assert small.nbytes <= max_bytes
    assert small.record.budget["asked"] == {"max_bytes": max_bytes}
    assert min(small.record.budget["spent"]["graphs_per_class"]) >= 1
    if name in TAKES_REAL_GRAPHS and max_bytes == 10**6:
        assert len(small) == TRAIN


@pytest.mark.parametrize("name", sorted(set(BY_BYTES) - {"auto"}))  # which may change its choice
def test_more_bytes_never_give_fewer_graphs(items, name):
    smallest = int(re.search(r"\d+(?= bytes$)", _refusal(items, name)).group())
    counts = [len(condense(items, name, max_bytes=smallest + more)) for more in (0, 100, 400)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def _refusal(items, name):
    with pytest.raises(ValueError, match="too little") as error:
        condense(items, name, max_bytes=1)
    return str(error.value)


@pytest.mark.parametrize("name", sorted(STEPWISE))
def test_bytes_are_refused_where_sizes_are_settled_before(items, name):
    with pytest.raises(ValueError, match=r"^max_bytes is for methods that choose their size by bytes, such as 'auto'"):
        condense(items, name, max_bytes=1000)


@pytest.mark.parametrize("size", [{"num_graphs": 5}, {"ratio": 0.5}, {"graphs_per_class": 2}, {"max_bytes": 900}])
def test_what_keeps_everything_takes_no_size(items, size):
    ((name, value),) = size.items()
    with pytest.raises(ValueError, match=rf"^method='wl_fold' keeps everything .*, got {name}={value}; leave it out$"):
        graphcond.condense(items, method="wl_fold", split=SPLIT, **size)


@pytest.mark.parametrize("name", SIZED)
def test_a_size_is_needed(items, name):
    with pytest.raises(ValueError, match=r"^give exactly one of ratio=, .* got none$"):
        graphcond.condense(items, method=quick(name), split=SPLIT)


def test_items_are_ordinary_graphs(outcome):
    folded = outcome.name == "wl_fold"
    assert len(outcome.small) == (1 if folded else EACH * CLASSES)
    for item in outcome.small:
        assert type(item) is Data
        item.validate()
        assert item.x.dtype == torch.int64
        assert item.x.shape == (item.num_nodes, 2)
        assert item.num_nodes >= 1
        assert item.edge_index.dtype == torch.int64
        assert item.y.dtype == torch.int64
        assert item.y.shape == (TRAIN if folded else 1,)
        for key, value in item:
            assert not value.requires_grad, key
            assert value.device.type == "cpu", key
            assert bool(torch.isfinite(value).all()), key


def test_edge_features_are_kept(outcome):
    kinds = torch.cat([item.edge_attr for item in outcome.items]).unique(dim=0).tolist()
    for item in outcome.small:
        assert item.edge_attr.shape == (item.num_edges, 2)
        assert item.edge_attr.dtype == torch.int64
        assert all(row in kinds for row in item.edge_attr.tolist())


def test_features_are_those_of_training_graphs(outcome):
    known = torch.cat([item.x for item in outcome.items[:TRAIN]])
    for column, codes in zip(torch.cat([item.x for item in outcome.small]).T, known.T, strict=True):
        assert set(column.tolist()) <= set(codes.tolist())


@pytest.mark.parametrize("name", METHODS)
def test_no_edge_features_where_the_source_has_none(make_items, name):
    assert not any("edge_attr" in item for item in condense(make_items(edge_attr=False), name))


def test_roots_are_marked_and_weighed(outcome):
    for item in outcome.small:
        assert ("root_mask" in item) == ("root_weight" in item) == (outcome.name in MAKES_BAGS)
        if "root_mask" in item:
            assert item.root_mask.dtype == torch.bool
            assert bool(item.root_mask.any())
            assert torch.equal(item.root_mask, item.root_weight > 0)
            assert item.root_weight.shape == (item.num_nodes,)


def test_graph_weights_are_positive_with_mean_one(outcome):
    weights = [item.graph_weight for item in outcome.small if "graph_weight" in item]
    assert len(weights) in (0, len(outcome.small))
    if weights:
        assert all(weight.shape == (1,) and float(weight) > 0 for weight in weights)
        assert float(torch.cat(weights).mean()) == pytest.approx(1, abs=1e-5)


def test_soft_labels_are_distributions(outcome):
    for item in outcome.small:
        if outcome.name not in MAY_HAVE_SOFT_LABELS:
            assert ("y_soft" in item) == (outcome.name in HAS_SOFT_LABELS)
        if "y_soft" in item:
            assert item.y_soft.shape == (1, CLASSES)
            assert bool((item.y_soft >= 0).all())
            assert float(item.y_soft.sum()) == 1


def test_a_network_trains_on_a_loader(outcome):
    torch.manual_seed(0)
    conv, head = GINConv(nn.Sequential(nn.Linear(2, 4), nn.ReLU())), nn.Linear(4, CLASSES)
    seen = 0
    for batch in DataLoader(outcome.small, batch_size=4):
        logits = head(graphcond.pool(conv(batch.x.float(), batch.edge_index), batch))
        assert logits.shape == (len(batch.y), CLASSES)
        loss = nn.functional.cross_entropy(logits, batch.y)
        loss.backward()
        assert bool(torch.isfinite(loss))
        seen += len(batch.y)
    assert seen == len(labels(outcome.small))
    assert float(conv.nn[0].weight.grad.abs().sum()) > 0


def test_real_graphs_are_those_of_the_members(outcome):
    members = outcome.small.members
    if outcome.name not in TAKES_REAL_GRAPHS:
        pytest.skip("makes graphs of its own")
    assert len(members.index.unique()) == len(members.index) == len(outcome.small)
    for item, (number,) in zip(outcome.small, members, strict=True):
        original = outcome.items[SPLIT["train"][int(number)]]
        assert torch.equal(item.x, original.x)
        assert torch.equal(item.y, original.y)
        assert edges(item) == edges(original)


def test_members_are_training_graphs_of_the_class(outcome):
    if outcome.small.members is None:
        pytest.skip("knows no members")
    assert len(outcome.small.members) == len(outcome.small)
    y = torch.cat([item.y for item in outcome.items[:TRAIN]])
    for item, group in zip(outcome.small, outcome.small.members, strict=True):
        assert len(group) >= 1
        assert bool((y[group] == item.y).all())


def test_record_says_what_was_done(outcome):
    record, method, small = outcome.small.record, quick(outcome.name), outcome.small
    assert record.method == method.label
    fields = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
    assert record.settings.keys() == fields.keys()
    for name, value in record.settings.items():
        assert value in (fields[name], repr(fields[name]))
    train = read_graphs(outcome.items, split=SPLIT).train
    assert record.seed == 0
    assert record.source == {
        "name": "list",
        "fingerprint": train.fingerprint(),
        "num_graphs": TRAIN,
        "num_nodes": train.num_nodes,
        "num_edges": train.edge_index.size(1),
        "num_features": 2,
        "num_classes": CLASSES,
        "num_train": TRAIN,
        "split": "given",
    }
    assert record.budget["asked"] == sized(outcome.name)
    assert record.budget["spent"] == {
        "graphs": len(labels(small)),
        "nodes": sum(item.num_nodes for item in small),
        "edges": sum(item.num_edges for item in small),
        "bytes": small.nbytes,
        "graphs_per_class": torch.bincount(labels(small)).tolist(),
    }
    bare = sum(item.num_edges == 0 for item in outcome.items)
    assert bare > 0
    assert f"Graphs without edges: {bare}; their nodes stand for themselves." in record.notes
    assert json.loads(record.to_json())["choices"] == json.loads(json.dumps(dict(record.choices)))
    if outcome.name in CHOOSES_ON_VALIDATION:
        assert record.choices


def test_progress_moves_forward_to_its_total(outcome):
    done = [report.done for report in outcome.reports]
    assert done == sorted(done)
    if outcome.name in STEPWISE:
        assert outcome.reports[-1].done == outcome.reports[-1].total


def test_round_trip_through_a_file(outcome, tmp_path):
    path = outcome.small.save(tmp_path / "small.safetensors")
    again = graphcond.load(path)
    assert_same(again, outcome.small)
    assert again.record == outcome.small.record
    assert again.nbytes == outcome.small.nbytes
    assert repr(again) == repr(outcome.small)
    assert again.modality == "graphs"


def test_bytes_are_those_of_the_file(outcome, tmp_path):
    content = outcome.small.save(tmp_path / "small.safetensors").read_bytes()
    head = int.from_bytes(content[:8], "little")
    stored = json.loads(content[8 : 8 + head])
    extra = [name for name in stored if name == "codes" or name.startswith("members.")]
    beside = sum(stored[name]["data_offsets"][1] - stored[name]["data_offsets"][0] for name in extra)
    assert len(content) == 8 + head + beside + outcome.small.nbytes


def test_name_and_object_are_the_same_method(outcome):
    assert GRAPH_METHODS.resolve(outcome.name) == GRAPH_METHODS[outcome.name]()
    if outcome.name not in STEPWISE:
        by_name = graphcond.condense(outcome.items, method=outcome.name, split=SPLIT, **sized(outcome.name))
        assert_same(by_name, outcome.small)


def test_test_graphs_are_never_read(outcome, make_items):
    others = make_items(seed=5, most=9)
    assert_same(condense(outcome.items[:42] + others[42:], outcome.name), outcome.small)


@pytest.mark.parametrize("name", CHOOSES_NOTHING)
def test_validation_graphs_are_not_read_without_a_choice(items, make_items, name):
    small = condense(items, name)
    assert_same(condense(items[:TRAIN] + make_items(seed=5, most=9)[TRAIN:], name), small)


def test_kinds_of_datasets_give_the_same(outcome):
    for wrap in (tuple, Stored):
        assert_same_items(condense(wrap(outcome.items), outcome.name), outcome.small)


@pytest.mark.parametrize("name", METHODS)
def test_graphs_without_features(make_items, name):
    small = condense(make_items(features=None, edge_attr=False), name)
    assert all(item.x.size(1) == 1 for item in small)
    assert any("degrees of the nodes stand in" in note for note in small.record.notes)
    assert labels(small).unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", METHODS)
def test_one_hot_features(make_items, name):
    for item in condense(make_items(features="one_hot"), name):
        assert item.x.dtype == torch.float32
        if name not in STEPWISE:
            assert item.x.sum(dim=1).tolist() == [1] * item.num_nodes


@pytest.mark.parametrize("name", METHODS)
def test_quantities(make_items, name):
    small = condense(make_items(features="numbers"), name)
    assert labels(small).unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", METHODS)
def test_graphs_without_edges(items, name):
    for item in items:
        item.edge_index, item.edge_attr = item.edge_index[:, :0], item.edge_attr[:0]
    small = condense(items, name)
    assert labels(small).unique().tolist() == [0, 1, 2]
    if name not in STEPWISE:
        assert all(item.num_edges == 0 for item in small)


@pytest.mark.parametrize("name", METHODS)
def test_a_class_with_one_training_graph(make_graphs, name):
    items = make_graphs(24)
    for item in items[3:20:2]:
        item.y = torch.tensor([0])
    split = {"train": range(20), "valid": range(20, 24)}
    small = condense(items, name, split=split, **sized(name, graphs_per_class=1))
    assert labels(small).unique().tolist() == [0, 1]
    soft = condense(items, name, split=split, **sized(name, num_graphs=4))
    assert labels(soft).unique().tolist() == [0, 1]


@pytest.mark.parametrize("name", METHODS)
def test_training_graphs_alone(items, name):
    small = condense(items, name, split={"train": range(TRAIN)})
    assert labels(small).unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", METHODS)
def test_folds(items, name):
    first, second = (condense(items, name, split=fold) for fold in (0, 1))
    assert (first.record.source["split"], second.record.source["split"]) == (0, 1)
    assert first.record.source["fingerprint"] != second.record.source["fingerprint"]
    assert first.record.source["num_train"] == 38


@pytest.mark.parametrize("name", METHODS)
def test_settings_are_frozen_and_named(name):
    method = GRAPH_METHODS[name]()
    assert method.label == name
    for field in dataclasses.fields(method):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(method, field.name, 1)
    with pytest.raises(TypeError):
        GRAPH_METHODS[name](2)
    assert repr(method).startswith(f"{type(method).__name__}(")


def test_auto_is_the_default(items):
    small = graphcond.condense(items, split=SPLIT, graphs_per_class=EACH)
    assert_same(small, condense(items, "auto"))
    assert small.record.method == "auto"


def test_every_method_is_listed_with_a_description():
    listed = list_methods("graphs")
    assert set(listed) == set(GRAPH_METHODS)
    assert all(len(line) > 10 and line.endswith(".") for line in listed.values())
    with pytest.raises(ValueError, match=r"^modality must be one of nodes, graphs, images, interactions, got 'edges'$"):
        list_methods("edges")


@pytest.mark.parametrize(("name", "nearest"), [("mirrage", "mirage"), ("wlfold", "wl_fold"), ("kcenter", "k_center")])
def test_unknown_method_names_the_nearest(items, name, nearest):
    with pytest.raises(
        ValueError, match=rf"^there is no method '{name}' for graphs; did you mean '{nearest}'\? \(all: "
    ):
        graphcond.condense(items, num_graphs=6, method=name)


@pytest.mark.parametrize("method", [3, None, graphcond.Mirage, ["mirage"], graphcond.Auto()])
def test_method_of_the_wrong_type(items, method):
    with pytest.raises(TypeError, match=r"^method must be a name or a method for graphs such as Mirage\(\), got "):
        graphcond.condense(items, num_graphs=6, method=method)


@pytest.mark.parametrize("name", sorted(set(NODE_METHODS) - set(GRAPH_METHODS)))
def test_methods_for_nodes_are_refused_with_graphs(items, name):
    with pytest.raises(ValueError, match=rf"^there is no method '{name}' for graphs; did you mean '\w+'\? "):
        graphcond.condense(items, num_graphs=6, method=name)


@pytest.mark.parametrize("name", sorted(set(GRAPH_METHODS) - set(NODE_METHODS)))
def test_methods_for_graphs_are_refused_with_nodes(toy, name):
    with pytest.raises(ValueError, match=rf"^there is no method '{name}'; did you mean '\w+'\? "):
        graphcond.condense(toy, num_nodes=6, method=name)
    with pytest.raises(TypeError, match=r"^method must be a name or a method object such as Auto\(\), got "):
        graphcond.condense(toy, num_nodes=6, method=GRAPH_METHODS[name]())


@pytest.mark.parametrize(
    "argument", [{"num_nodes": 6}, {"nodes_per_class": 2}, {"ratio_of": "train"}, {"inductive": True}], ids=str
)
def test_arguments_for_nodes_are_refused_with_graphs(items, argument):
    ((name, value),) = argument.items()
    with pytest.raises(ValueError, match=rf"^{name}={value} makes no sense for a dataset of many graphs; "):
        graphcond.condense(items, method="random", split=SPLIT, **({"num_graphs": 6} | argument))


@pytest.mark.parametrize("argument", [{"num_graphs": 6}, {"graphs_per_class": 2}, {"max_bytes": 999}], ids=str)
def test_arguments_for_graphs_are_refused_with_nodes(toy, argument):
    ((name, value),) = argument.items()
    with pytest.raises(ValueError, match=rf"^{name}={value} makes no sense for a node dataset; .* num_nodes=, "):
        graphcond.condense(toy, method="random", **({"num_nodes": 6} | argument))


def test_a_split_in_graph_numbers_is_refused_with_nodes(toy):
    with pytest.raises(
        TypeError, match=r"^split must be a number for a node dataset, whose parts are masks, got \{'train': \[0\]\}$"
    ):
        graphcond.condense(toy, num_nodes=6, method="random", split={"train": [0]})


@pytest.mark.parametrize("name", sorted(set(METHODS) - STEPWISE))
@pytest.mark.parametrize("condition", [{"checkpoint": "state"}, {"max_seconds": 5}], ids=str)
def test_conditions_for_steps_are_refused_without_steps(items, name, condition):
    (argument,) = condition
    label = GRAPH_METHODS[name]().label
    message = rf"^{argument} is for methods that work in steps, and '{label}' does not; leave it out$"
    with pytest.raises(ValueError, match=message):
        condense(items, name, **condition)


def test_thresholding_graphs_whose_edges_have_no_weights(items):
    small = condense(items, "random")
    with pytest.raises(ValueError, match=r"^the edges have no weights .*; thresholded\(\) is for learned adjacencies$"):
        small.thresholded(0.5)


def test_groups_are_no_more_than_graphs(make_graphs: Callable[..., list[Data]]) -> None:
    with pytest.raises(ValueError, match="9 graphs of class 0 were asked for, but it has only 8 to be grouped"):
        graphcond.condense(make_graphs(24), graphs_per_class=9, method="histograms", split={"train": range(16)})
