"""A user's own network on condensed sets of graphs."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GINConv, GraphConv, global_add_pool, global_mean_pool

import graphcond
from graphcond.evaluation import evaluate
from graphcond.graphs.evaluation.models import GRAPH_MODELS, FeatureSizes, GraphNetwork, GraphView
from graphcond.graphs.evaluation.protocol import GraphProtocol

SHORT = GraphProtocol(hidden=8, layers=2, steps=6, passes=1, validations=3, batch_size=7, readout="mean", runs=2)
ONCE = replace(SHORT, runs=1)
SPLIT = {"train": range(16), "valid": range(16, 24), "test": range(24, 40)}


class GIN(nn.Module):
    """A network as the tutorials of PyG have it."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.conv = GINConv(nn.Linear(num_features, 8))
        self.head = nn.Linear(8, num_classes)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        return self.head(global_add_pool(self.conv(x, edge_index).relu(), batch))


@pytest.fixture
def items(make_graphs: Callable[..., list[Data]]) -> list[Data]:
    return make_graphs(40, features="numbers", edge_attr=True)


def evaluated(small: object, items: list[Data], models: list, **given: object) -> graphcond.evaluation.Report:
    task = graphcond.read(items, split=given.pop("split", SPLIT))
    return evaluate(small, task, models, **({"protocol": ONCE, "controls": False} | given))


def test_modules_and_functions_are_trained_from_fresh_weights(items) -> None:
    small = graphcond.condense(graphcond.read(items, split=SPLIT), size="3/class", method="random")
    given = GIN(2, 2)
    before = [weight.clone() for weight in given.parameters()]
    report = evaluated(small, items, [given, "gin", lambda features, classes: GIN(features, classes)], controls=True)
    assert {row.model for row in report.rows} == {"GIN", "gin", "<lambda>"}
    assert all(torch.equal(*pair) for pair in zip(before, given.parameters(), strict=True))
    assert all(0 <= row.mean <= 1 for row in report.rows)
    again = evaluated(small, items, [GIN], controls=["whole", "untrained"])
    assert (
        again.row("whole", "GIN").scores == report.row("whole", "<lambda>").scores
    )  # the same draws in the same order
    with pytest.raises(ValueError, match="two models are called 'GIN'"):
        evaluated(small, items, [GIN, given])


class Recorder(GIN):
    """Keeps what it is called with."""

    def __init__(self, seen: list[tuple[Tensor, ...]]) -> None:
        super().__init__(2, 2)
        self.seen = seen

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor, edge_attr: Tensor | None = None) -> Tensor:
        self.seen.append((x, edge_index, batch, edge_attr))
        return super().forward(x, edge_index, batch)


def test_batches_are_those_of_pygs_loader(items) -> None:
    seen: list[tuple[Tensor, ...]] = []
    small = [item.clone() for item in items[:6]]
    evaluated(small, items, [lambda *_: Recorder(seen)])

    def is_batch(found: tuple[Tensor, ...], graphs: list[Data]) -> bool:
        whole = Batch.from_data_list(graphs)
        wanted = (whole.x, whole.edge_index, whole.batch, whole.edge_attr)
        return all(a.shape == b.shape and bool((a == b).all()) for a, b in zip(found, wanted, strict=True))

    assert is_batch(seen[1], small)  # the first call is the check before any work
    test = [items[i] for i in SPLIT["test"]]
    assert is_batch(seen[-3], test[:7])
    assert is_batch(seen[-1], test[14:])


class Copied(nn.Module):
    """One of graphcond's networks, called as a user's is."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        features = FeatureSizes(None, num_features)
        self.network = GraphNetwork(GRAPH_MODELS["gin"], features, None, num_classes, SHORT)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        y = torch.zeros(int(batch.max()) + 1, dtype=torch.int64)
        return self.network(GraphView(Data(x=x, edge_index=edge_index, batch=batch, y=y)))


@pytest.mark.parametrize("method", ["random", "random_soft"])
def test_a_network_scores_as_the_same_one_of_graphcond(items, method) -> None:
    small = graphcond.condense(graphcond.read(items, split=SPLIT), size="4/class", method=method)
    rows = evaluated(small, items, ["gin", Copied], controls=["whole", "random"], protocol=SHORT).rows
    for theirs, own in zip(rows[:3], rows[3:], strict=True):
        assert own.scores == pytest.approx(theirs.scores)
        assert own.own_scores == pytest.approx(theirs.own_scores)
        assert own.val_scores == pytest.approx(theirs.val_scores)
    assert bool(rows[0].own_scores) is (method == "random_soft")


def test_weights_of_edges_reach_a_network_that_takes_them(items) -> None:
    for item in items:
        item.edge_weight = torch.full((item.edge_index.size(1),), 0.5)
    reported: list[Tensor] = []

    class Weighted(GIN):
        def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor, edge_weight: Tensor) -> Tensor:  # type: ignore[override]
            reported.append(edge_weight)
            return super().forward(x, edge_index, batch)

    evaluated(items[:4], items, [Weighted])
    assert all(bool((weight == 0.5).all()) for weight in reported)
    for item in items:
        del item.edge_weight
    reported.clear()
    evaluated(items[:4], items, [Weighted])
    assert reported
    assert all(weight is None for weight in reported)


def test_weights_of_roots_are_left_out_and_shared_nodes_are_refused(make_graphs) -> None:
    items = make_graphs(40, features="one_hot")
    trees = graphcond.condense(graphcond.read(items, split=SPLIT), size="2/class", method="histograms")
    assert "root_weight" in trees[0]
    bare = [Data(x=one.x, edge_index=one.edge_index, y=one.y, root_weight=one.root_weight, root_mask=one.root_mask)
            for one in trees]  # fmt: skip
    assert [len(row.own_scores) for row in evaluated(bare, items, [GIN, "gin"]).rows] == [0, 1]
    folded = graphcond.condense(graphcond.read(items, split=SPLIT), method="wl_fold")
    with pytest.raises(ValueError, match=r"share nodes, which only graphcond\.pool can pool"):
        evaluated(folded, items, [GIN])


def node_level(num_features: int, num_classes: int) -> nn.Module:
    class NodeLevel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = GraphConv(num_features, num_classes)

        def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
            return self.conv(x, edge_index)

    return NodeLevel()


class WithoutBatch(nn.Module):
    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return global_mean_pool(x, None)


@pytest.mark.parametrize(
    ("model", "error", "reported"),
    [
        (node_level, ValueError, r"must return logits \(graphs, classes\), here \(2, 2\), got"),
        (WithoutBatch(), ValueError, r"'WithoutBatch' cannot be called as model\(x, edge_index, batch\)"),
        (lambda *_: 3, TypeError, r"must make a torch\.nn\.Module, got int"),
        (lambda one: one, TypeError, r"cannot be made with num_features=2 and num_classes=2"),
        (3, TypeError, r"models must be names such as 'gcn', torch\.nn\.Modules, or functions"),
    ],
)
def test_what_is_no_network_for_graphs_is_refused_before_any_work(items, model, error, reported) -> None:
    with pytest.raises(error, match=reported):
        evaluated(items[:4], items, [model], run=graphcond.Run(progress=lambda report: pytest.fail("it was begun")))


def test_it_needs_no_validation_graphs(items) -> None:
    split = SPLIT | {"valid": range(0)}
    assert len(evaluated(items[:4], items, [GIN], split=split, controls=["whole"]).rows) == 2
