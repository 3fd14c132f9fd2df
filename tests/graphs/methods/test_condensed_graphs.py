"""What sets of graphs are condensed to: ordinary graphs of the size asked for, whatever the input is like."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv

import graphcond
from graphcond import CondensedDataset, Progress
from graphcond.graphs import teacher
from graphcond.graphs.methods import METHODS, histograms, short_training
from graphcond.graphs.methods import validation as graph_validation

COUNT, TRAIN, CLASSES, EACH = 48, 36, 3, 2
SPLIT = {"train": range(TRAIN), "valid": range(TRAIN, 42), "test": range(42, COUNT)}
RESUMABLE = {name for name in METHODS if METHODS[name]().resumable}
SIZED = {name for name in METHODS if METHODS[name]().sized}
HAS_SOFT_LABELS = {"histograms", "pruned", "random_soft"}
MAY_HAVE_SOFT_LABELS = {"auto"}  # where validation graphs say that they help
CHOOSES = HAS_SOFT_LABELS | MAY_HAVE_SOFT_LABELS | RESUMABLE
TAKES_REAL_GRAPHS = {"auto", "random", "herding", "k_center", "pruned", "random_soft", "ridge"}
MAKES_BAGS = {"histograms", "mirage"}
KINDS = ["random", "mirage", "histograms", "doscond", "wl_fold"]  # real graphs, bags, learned and folded ones


class Outcome(NamedTuple):
    name: str
    items: list[Data]
    small: CondensedDataset
    reports: list[Progress]


class InMemory(InMemoryDataset):
    """A dataset that was made in memory."""

    def __init__(self, items: list[Data]) -> None:
        super().__init__(root=None)
        self._data, self.slices = self.collate(items)


def condense(dataset: Any, name: str, size: Any = f"{EACH}/class", *, split: Any = SPLIT, **options: Any) -> Any:
    method = METHODS.quick(name)
    task = graphcond.read(dataset, split=split)
    return graphcond.condense(task, size=size if method.sized else None, method=method, **options)


def labels(small: CondensedDataset) -> torch.Tensor:
    return torch.cat([item.y for item in small])


def assert_same_items(first: Any, second: Any) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert set(one.keys()) == set(other.keys())
        for key, value in one:
            assert value.dtype == other[key].dtype, key
            assert torch.equal(value, other[key]), key


def edges(item: Data) -> list[tuple[float, ...]]:
    """Return the edges with their features, sorted."""
    attr = item.edge_index.new_zeros(item.num_edges, 0) if item.edge_attr is None else item.edge_attr
    return sorted(map(tuple, torch.cat([item.edge_index.T, attr], dim=1).tolist()))


@pytest.fixture(scope="module", autouse=True)
def brief() -> Iterator[None]:
    """Validations are short: what is tested holds however long they take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(short_training, "STEPS", 10)
        patch.setattr(short_training, "NETWORKS", 1)
        patch.setattr(graph_validation, "STEPS", 10)
        for module in (teacher, histograms):
            patch.setattr(module, "DEPTHS", (2,))
        yield


@pytest.fixture(scope="module")
def make_items(make_graphs: Callable[..., list[Data]]) -> Callable[..., list[Data]]:
    return lambda **options: make_graphs(**({"count": COUNT, "classes": CLASSES, "edge_attr": True} | options))


@pytest.fixture
def items(make_items: Callable[..., list[Data]]) -> list[Data]:
    return make_items()


@pytest.fixture(scope="module", params=METHODS)
def outcome(request: pytest.FixtureRequest, make_items: Callable[..., list[Data]]) -> Outcome:
    """One condensation per method, for the tests that only look at the result."""
    items, reports = make_items(), []
    small = condense(items, request.param, run=graphcond.Run(progress=reports.append))
    return Outcome(request.param, items, small, reports)


# What one looks like.


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


def test_features_are_those_of_training_graphs(outcome):
    known = torch.cat([item.x for item in outcome.items[:TRAIN]])
    for column, codes in zip(torch.cat([item.x for item in outcome.small]).T, known.T, strict=True):
        assert set(column.tolist()) <= set(codes.tolist())
    kinds = torch.cat([item.edge_attr for item in outcome.items]).unique(dim=0).tolist()
    for item in outcome.small:
        assert item.edge_attr.shape == (item.num_edges, 2)
        assert item.edge_attr.dtype == torch.int64
        assert all(row in kinds for row in item.edge_attr.tolist())


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


def test_members_are_training_graphs_of_the_class(outcome):
    members = outcome.small.members
    assert members is not None or outcome.name not in TAKES_REAL_GRAPHS
    if members is not None:
        y = torch.cat([item.y for item in outcome.items[:TRAIN]])
        for item, group in zip(outcome.small, members, strict=True):
            assert len(group) >= 1
            assert bool((y[group] == item.y).all())


@pytest.mark.parametrize("outcome", sorted(TAKES_REAL_GRAPHS), indirect=True)
def test_real_graphs_are_those_of_the_members(outcome):
    members = outcome.small.members
    assert len(members.index.unique()) == len(members.index) == len(outcome.small)
    for item, (number,) in zip(outcome.small, members, strict=True):
        original = outcome.items[SPLIT["train"][int(number)]]
        assert torch.equal(item.x, original.x)
        assert torch.equal(item.y, original.y)
        assert edges(item) == edges(original)


def test_the_record_has_the_sizes_and_what_was_chosen(outcome):
    record, small = outcome.small.record, outcome.small
    train = graphcond.read(outcome.items, split=SPLIT).train
    assert record.source == {
        "modality": "graphs",
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
    assert record.choices or outcome.name not in CHOOSES


def test_progress_moves_forward_to_its_total(outcome):
    done = [report.done for report in outcome.reports]
    assert done == sorted(done)
    if outcome.name in RESUMABLE:
        assert outcome.reports[-1].done == outcome.reports[-1].total


def test_bytes_are_those_of_the_file(outcome, tmp_path):
    content = outcome.small.save(tmp_path / "small.safetensors").read_bytes()
    head = int.from_bytes(content[:8], "little")
    stored = json.loads(content[8 : 8 + head])
    extra = [name for name in stored if name == "codes" or name.startswith("members.")]
    beside = sum(stored[name]["data_offsets"][1] - stored[name]["data_offsets"][0] for name in extra)
    assert len(content) == 8 + head + beside + outcome.small.nbytes


@pytest.mark.parametrize("name", ["random", "random_soft", "doscond", "ridge"])
def test_another_seed_gives_other_graphs(items, name):
    first, second = (condense(items, name, seed=seed) for seed in (0, 1))
    with pytest.raises(AssertionError):
        assert_same_items(first, second)


@pytest.mark.parametrize("name", KINDS)
def test_result_shares_no_memory_with_the_input(items, name):
    before = copy.deepcopy(items)
    for item in condense(items, name):
        for _, value in item:
            value.zero_()
    assert_same_items(items, before)


def test_auto_is_the_default(items):
    task = graphcond.read(items, split=SPLIT)
    assert graphcond.condense(task, size="1/class").record.method == "auto"


def test_thresholding_graphs_whose_edges_have_no_weights(items):
    small = condense(items, "random")
    with pytest.raises(ValueError, match=r"^the edges have no weights .*; thresholded\(\) is for learned adjacencies$"):
        small.thresholded(0.5)


# Sizes.


@pytest.mark.parametrize(
    ("size", "expected"), [("1/class", [1, 1, 1]), (8, [3, 3, 2]), (0.25, [3, 3, 3])], ids=["each", "count", "ratio"]
)
@pytest.mark.parametrize("name", ["random", "mirage", "histograms", "doscond"])
def test_the_number_of_graphs_is_what_was_asked(items, name, size, expected):
    small = condense(items, name, size)
    assert small.record.budget["spent"]["graphs_per_class"] == expected
    assert torch.bincount(labels(small)).tolist() == expected


@pytest.mark.parametrize("name", sorted(SIZED - RESUMABLE))
def test_bytes_are_never_exceeded(items, name):
    for max_bytes in (200, 1000, 10**6) if name in ("random", "mirage") else (1000,):
        try:
            small = condense(items, name, f"{max_bytes}B")
        except ValueError as error:
            needed = int(re.search(r"is too little for one .*, which take (\d+) bytes$", str(error)).group(1))
            assert needed > max_bytes
            continue
        assert small.nbytes <= max_bytes
        assert small.record.budget["asked"] == {"size": {1000: "1kB", 10**6: "1MB"}.get(max_bytes, f"{max_bytes}B")}
        assert min(small.record.budget["spent"]["graphs_per_class"]) >= 1
        if name in TAKES_REAL_GRAPHS and max_bytes == 10**6:
            assert len(small) == TRAIN


@pytest.mark.parametrize("name", ["random", "mirage", "histograms"])
def test_more_bytes_never_give_fewer_graphs(items, name):
    with pytest.raises(ValueError, match=r"\d+ bytes$") as error:
        condense(items, name, "1B")
    smallest = int(re.search(r"\d+(?= bytes$)", str(error.value)).group())
    counts = [len(condense(items, name, f"{smallest + more}B")) for more in (0, 300)]
    assert counts[0] < counts[1]


def test_bytes_are_refused_where_sizes_are_settled_before(items):
    message = r"^size='1kB' is for methods that choose their size by bytes, such as 'auto' and 'mirage'; ask for "
    with pytest.raises(ValueError, match=message):
        condense(items, "doscond", "1kB")


@pytest.mark.parametrize(
    ("size", "argument"), [(5, "size=5"), (0.5, "ratio=0.5"), ("2/class", "size='2/class'"), ("900B", "size='900B'")]
)
def test_what_keeps_everything_takes_no_size(items, size, argument):
    with pytest.raises(ValueError, match=rf"^method='wl_fold' keeps everything .*, got {argument}; leave it out$"):
        graphcond.condense(graphcond.read(items, split=SPLIT), size=size, method="wl_fold")


def test_groups_are_no_more_than_graphs(make_graphs):
    with pytest.raises(ValueError, match="9 graphs of class 0 were asked for, but it has only 8 to be grouped"):
        condense(make_graphs(24), "histograms", "9/class", split={"train": range(16)})


# Whatever the input is like.


@pytest.mark.parametrize("name", ["random", "doscond"])
def test_kinds_of_datasets_give_the_same(items, name):
    expected = condense(items, name)
    for wrap in (tuple, InMemory):
        assert_same_items(condense(wrap(items), name), expected)


@pytest.mark.parametrize("name", sorted(set(METHODS) - CHOOSES))
def test_validation_graphs_are_not_read_without_a_choice(items, make_items, name):
    others = items[:TRAIN] + make_items(seed=5, most=9)[TRAIN:]
    assert_same_items(condense(others, name), condense(items, name))


@pytest.mark.parametrize("name", METHODS)
def test_graphs_without_features(make_items, name):
    small = condense(make_items(features=None, edge_attr=False), name)
    assert all(item.x.size(1) == 1 and "edge_attr" not in item for item in small)
    assert any("degrees of the nodes stand in" in note for note in small.record.notes)
    assert labels(small).unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", METHODS)
def test_one_hot_features(make_items, name):
    for item in condense(make_items(features="one_hot"), name):
        assert item.x.dtype == torch.float32
        if name not in RESUMABLE:
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
    if name not in RESUMABLE:
        assert all(item.num_edges == 0 for item in small)


@pytest.mark.parametrize("name", METHODS)
def test_a_class_with_one_training_graph(make_graphs, name):
    items = make_graphs(24)
    for item in items[3:20:2]:
        item.y = torch.tensor([0])
    split = {"train": range(20), "valid": range(20, 24)}
    for size in ("1/class", 4):
        assert labels(condense(items, name, size, split=split)).unique().tolist() == [0, 1]


@pytest.mark.parametrize("name", METHODS)
def test_training_graphs_alone(items, name):
    small = condense(items, name, split={"train": range(TRAIN)})
    assert labels(small).unique().tolist() == [0, 1, 2]


def test_folds(items):
    first, second = (condense(items, "random", split=fold) for fold in (0, 1))
    assert (first.record.source["split"], second.record.source["split"]) == (0, 1)
    assert first.record.source["fingerprint"] != second.record.source["fingerprint"]
    assert first.record.source["num_train"] == 38


# What is not for graphs.


@pytest.mark.parametrize(("name", "nearest"), [("mirrage", "mirage"), ("wlfold", "wl_fold"), ("kcenter", "k_center")])
def test_an_unknown_method_names_the_nearest(items, name, nearest):
    message = rf"^there is no method '{name}' for graphs; did you mean '{nearest}'\? \(all: "
    with pytest.raises(ValueError, match=message):
        graphcond.condense(items, size=6, method=name)


@pytest.mark.parametrize("method", [3, None, ["mirage"], graphcond.Auto()])
def test_a_method_of_the_wrong_type(items, method):
    with pytest.raises(TypeError, match=r"^method must be a name or a method for graphs such as Mirage\(\), got "):
        graphcond.condense(items, size=6, method=method)
    with pytest.raises(TypeError, match=r"^method must be a value, got the class Mirage; write Mirage\(\)$"):
        graphcond.condense(items, size=6, method=graphcond.Mirage)


def test_methods_of_nodes_and_of_graphs_are_not_mixed_up(items, toy):
    with pytest.raises(ValueError, match=r"^there is no method 'gcond' for graphs; did you mean '\w+'\? "):
        graphcond.condense(items, size=6, method="gcond")
    with pytest.raises(ValueError, match=r"^there is no method 'mirage'; did you mean '\w+'\? "):
        graphcond.condense(toy, size=6, method="mirage")
    with pytest.raises(TypeError, match=r"^method must be a name or a method object such as Auto\(\), got Mirage$"):
        graphcond.condense(toy, size=6, method=graphcond.Mirage())


def test_how_nodes_are_asked_for_is_refused(items, toy):
    with pytest.raises(ValueError, match=r"^inductive=True makes no sense for graphs; leave it out$"):
        graphcond.read(items, inductive=True)
    with pytest.raises(ValueError, match=r"^size='999B' is not for method='random', whose edges are not known"):
        graphcond.condense(toy, size="999B", method="random")
    message = r"^split must be a number for a node dataset, whose parts are masks, got \{'train': \[0\]\}$"
    with pytest.raises(TypeError, match=message):
        graphcond.read(toy, split={"train": [0]})
