"""Evaluation condensed sets of graphs: models on folded graphs, training data, controls, and the report."""

import dataclasses
import itertools

import pytest
import torch
from torch.utils.data import Subset
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data, InMemoryDataset
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GCNConv, global_add_pool
from torch_geometric.utils import remove_self_loops

import graphcond
from graphcond.core.evaluation.metrics import accuracy, roc_auc
from graphcond.core.targets import SingleLabel
from graphcond.datasets.metric import own_metric
from graphcond.graphs.evaluation import training as graph_training
from graphcond.graphs.evaluation.controls import GRAPH_CONTROLS
from graphcond.graphs.evaluation.models import GRAPH_MODELS, FeatureSizes, GraphNetwork, GraphView
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.graphs.evaluation.training import (
    GraphEvaluationData,
    as_batch,
    predict,
    train_graphs,
    training_data_of_graphs,
    training_data_of_items,
)
from graphcond.graphs.reading import read_graphs

SHORT = GraphProtocol(hidden=16, layers=2, steps=6, passes=1, validations=3)
SPLIT = {"train": range(40), "valid": range(40, 60), "test": range(60, 80)}


def ring(label: int, seed: int, *, codes: bool = False, edges: bool = True) -> Data:
    """Return a ring whose size tells its class: 4 to 6 nodes, or 9 to 11."""
    draw = torch.Generator().manual_seed(seed)
    size = 4 + 5 * label + int(torch.randint(3, (), generator=draw))
    places = torch.arange(size)
    edge_index = torch.cat([torch.stack([places, places.roll(1)]), torch.stack([places.roll(1), places])], dim=1)
    kinds = torch.randint(3, (size, 2), generator=draw)
    data = Data(x=kinds if codes else kinds.float(), edge_index=edge_index, y=torch.tensor([label]))
    if edges:
        data.edge_attr = torch.randint(2, (2 * size, 1), generator=draw)
    return data


def rings(**options: bool) -> list[Data]:
    return [ring(i % 2, i, **options) for i in range(80)]


def network(name: str, graphs: list[Data], readout: str) -> GraphNetwork:
    task = read_graphs(graphs, split=SPLIT)
    edges = None if task.train.edge_attr is None else FeatureSizes.of(task.train.edge_attr)
    protocol = GraphProtocol(hidden=16, layers=2, readout=readout)
    torch.manual_seed(0)
    return GraphNetwork(GRAPH_MODELS[name], FeatureSizes.of(task.train.x), edges, 2, protocol).double().eval()


@pytest.mark.parametrize("readout", ["sum", "mean"])
@pytest.mark.parametrize("codes", [False, True])
@pytest.mark.parametrize("name", list(GRAPH_MODELS))
def test_folded_graphs_are_the_same_evaluation_data(name: str, codes: bool, readout: str) -> None:
    graphs = rings(codes=codes)
    model, train = network(name, graphs, readout), read_graphs(graphs, split=SPLIT).train
    if not codes:
        train = dataclasses.replace(train, x=train.x.double())
    folded, plain = GraphEvaluationData.of(train, 2).views[0], GraphView(as_batch(train))
    assert folded.blocks is not None
    assert torch.allclose(model(folded), model(plain), atol=1e-6 if name == "gcn" else 1e-10)


def test_graphs_with_self_loops_are_not_folded_for_networks_that_add_them() -> None:
    graphs = rings(edges=False)
    for data in graphs:
        data.edge_index = torch.cat([data.edge_index, torch.zeros(2, 1, dtype=torch.int64)], dim=1)
    view = GraphEvaluationData.of(read_graphs(graphs, split=SPLIT).train, 2).views[0]
    assert view.blocks is None
    loops = view.looped[:, view.looped[0] == view.looped[1]]
    assert loops.size(1) == view.data.x.size(0)


@pytest.mark.parametrize("method", ["mirage", "histograms"])
def test_training_data_of_trees_are_those_of_their_items(method: str) -> None:
    graphs = rings(codes=True)
    small = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="4/class", method=method)
    (view,) = training_data_of_items(list(small), SHORT, "own").batches
    assert view.data.x.size(0) < sum(item.x.size(0) for item in small)
    model = network("gine", graphs, "sum")
    assert torch.allclose(model(view), model(GraphView(Batch.from_data_list(list(small)))), atol=1e-10)


def test_training_data_of_graphs_hold_each_once() -> None:
    train = read_graphs(rings(), split=SPLIT).train
    training = training_data_of_graphs(train, GraphProtocol(batch_size=16))
    assert [len(targets) for targets in training.targets] == [16, 16, 8]
    assert sum(float(view.data.pool_weight.sum()) for view in training.batches) == train.num_nodes
    assert training.scale == pytest.approx(train.num_nodes / 40)


def test_soft_labels_and_weights_reach_the_training_data() -> None:
    small = graphcond.condense(graphcond.read(rings(), split=SPLIT), size="3/class", method="histograms")
    own = training_data_of_items(list(small), SHORT, "own")
    assert torch.equal(own.targets[0], torch.cat([item.y_soft for item in small]))
    plain = training_data_of_items(list(small), SHORT, "plain")
    assert torch.equal(plain.targets[0], torch.cat([item.y for item in small]))
    mined = graphcond.condense(graphcond.read(rings(), split=SPLIT), size="3/class", method="mirage")
    weights = torch.cat([item.graph_weight for item in mined])
    assert torch.equal(training_data_of_items(list(mined), SHORT, "own").weights[0], weights)
    assert torch.equal(training_data_of_items(list(mined), SHORT, "plain").weights[0], torch.ones(len(mined)))


@pytest.mark.parametrize("method", ["histograms", "mirage", "random_soft"])
@pytest.mark.parametrize("name", ["gin", "gcn"])
def test_plain_training_data_are_a_users_loop(name: str, method: str) -> None:
    """The model of PyG on a batch of a ``DataLoader``: all nodes pooled alike, whatever else the items hold."""
    graphs = rings(codes=True, edges=False)
    small = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="4/class", method=method)
    model = network(name, graphs, "sum")
    (view,) = training_data_of_items(list(small), SHORT, "plain").batches
    (batch,) = DataLoader(list(small), batch_size=len(small))
    bare = Data(x=batch.x, edge_index=batch.edge_index, batch=batch.batch, y=batch.y)
    h = model.encoder(bare.x)
    for conv in model.convs:
        h = (
            conv(h, GraphView(bare).looped, GraphView(bare).norm) if name == "gcn" else conv(h, bare.edge_index)
        ).relu()
    assert torch.allclose(model(view), model.head(global_add_pool(h, bare.batch)), atol=1e-6)


def test_both_columns_stand_where_a_set_carries_weights_or_soft_labels() -> None:
    graphs = rings()
    small = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="3/class", method="random")
    controls = ["random", "random_soft", "size", "wl_linear", "whole"]
    report = graphcond.evaluate(
        small,
        graphcond.read(graphs, split=SPLIT),
        ["gin"],
        protocol=dataclasses.replace(SHORT, runs=2),
        controls=controls,
    )
    soft = report.row("random_soft")
    assert len(soft.scores) == len(soft.own_scores) == 2
    assert soft.items is not None
    assert soft.own_items is not None
    assert soft.items.double().mean(dim=1).tolist() == pytest.approx(list(soft.scores))
    assert all(not report.row(name).own_scores for name in controls if name != "random_soft")


def test_the_learning_rate_drops_at_half_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adam's steps are about as long as its rate, so weights tell what it is."""
    train = read_graphs(rings(), split=SPLIT).train
    held_out = GraphEvaluationData.of(train, 2)
    training, features = training_data_of_items(train.data(), SHORT, "plain"), (FeatureSizes.of(train.x), None)
    weights: list[torch.Tensor] = []

    def recorded(model: GraphNetwork, data: GraphEvaluationData) -> torch.Tensor:
        weights.append(model.head[2].bias.detach().clone())
        return predict(model, data)

    monkeypatch.setattr(graph_training, "predict", recorded)
    protocol = dataclasses.replace(SHORT, steps=20, validations=20, learning_rate=0.01)
    train_graphs(GRAPH_MODELS["gin"], training, held_out, held_out, features, SingleLabel(2), protocol, accuracy, 0)
    moved = [float((after - before).abs().max()) for before, after in itertools.pairwise(weights[:20])]
    assert max(moved[:9]) > 0.005
    assert max(moved[9:]) < 0.002


def test_all_controls_stand_beside_the_result() -> None:
    graphs = rings()
    small = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="2/class")
    seen = []
    report = graphcond.evaluate(
        small,
        graphcond.read(graphs, split=SPLIT),
        ["gin"],
        protocol=dataclasses.replace(SHORT, runs=2, metric="roc_auc"),
        run=graphcond.Run(progress=seen.append),
    )
    assert [row.data for row in report.rows] == ["auto", *GRAPH_CONTROLS]
    assert report.row("size", "gin").mean == 1.0  # the classes differ by size
    assert report.row("wl_linear", "gin").mean > 0.9
    assert all(len(row.scores) == len(row.last_scores) for row in report.rows)
    assert len(report.row("whole", "gin").scores) == 2
    assert seen[-1].done == seen[-1].total == sum(len(row.scores + row.own_scores) for row in report.rows)
    assert "untrained" in str(report)


def test_same_seed_same_scores_and_the_random_state_is_untouched() -> None:
    graphs = rings()
    small = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="2/class")
    state = torch.get_rng_state()
    options = {"protocol": dataclasses.replace(SHORT, runs=2), "controls": ["random", "untrained"]}
    first = graphcond.evaluate(small, graphcond.read(graphs, split=SPLIT), ["gcn", "gat"], **options)
    again = graphcond.evaluate(small, graphcond.read(graphs, split=SPLIT), ["gcn", "gat"], **options)
    assert torch.equal(torch.get_rng_state(), state)
    assert [row.scores for row in first.rows] == [row.scores for row in again.rows]


def test_weights_are_chosen_without_test_graphs() -> None:
    graphs = rings()
    turned = [data.clone() for data in graphs]
    for data in turned[60:]:
        data.y = 1 - data.y
    small = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="4/class")
    options = {"protocol": dataclasses.replace(SHORT, runs=1), "controls": False}
    right, wrong = (
        graphcond.evaluate(small, graphcond.read(data, split=SPLIT), ["gin"], **options).best
        for data in (graphs, turned)
    )
    assert right.val_scores == wrong.val_scores
    assert right.mean == pytest.approx(1 - wrong.mean)


def test_controls_have_the_size_of_the_result() -> None:
    graphs = rings()
    options = {"protocol": dataclasses.replace(SHORT, runs=1), "controls": ["random", "random_soft"]}
    few = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="3/class")
    report = graphcond.evaluate(few, graphcond.read(graphs, split=SPLIT), ["gin"], **options)
    assert report.row("random", "gin").nodes <= 3 * 6 + 3 * 11
    small = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="400B")
    for row in graphcond.evaluate(small, graphcond.read(graphs, split=SPLIT), ["gin"], **options).rows:
        assert 0 < row.bytes <= 400


def test_items_of_ones_own_and_several_condensations() -> None:
    graphs = rings()
    options = {"protocol": dataclasses.replace(SHORT, runs=1), "controls": False}
    assert graphcond.evaluate(graphs[:10], graphcond.read(graphs, split=SPLIT), ["gin"], **options).best.data == "data"
    several = [graphcond.condense(graphcond.read(graphs, split=SPLIT), size="2/class", seed=seed) for seed in (0, 1)]
    assert len(graphcond.evaluate(several, graphcond.read(graphs, split=SPLIT), ["gin"], **options).best.scores) == 2


def test_the_score_is_that_of_ogb() -> None:
    from ogb.graphproppred import Evaluator

    logits, labels = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)), torch.arange(50) % 2
    columns = {"y_true": labels.unsqueeze(1), "y_pred": torch.softmax(logits, dim=1)[:, 1:]}
    assert roc_auc(logits, labels) == pytest.approx(Evaluator("ogbg-molhiv").eval(columns)["rocauc"])


def test_ogbs_sets_are_evaluated_by_ogbs_metric() -> None:
    class Molecules(InMemoryDataset):
        eval_metric, num_tasks = "rocauc", 1

        def __init__(self) -> None:
            super().__init__()
            self._data, self.slices = self.collate(rings(edges=False))

    dataset = Molecules()
    assert own_metric(dataset) == own_metric(Subset(dataset, range(8))) == "roc_auc"
    assert own_metric(rings()) is None
    small = graphcond.condense(graphcond.read(dataset, split=SPLIT), size="2/class", method="random")
    options = {"models": ["gin"], "protocol": dataclasses.replace(SHORT, runs=1), "controls": False}
    assert graphcond.evaluate(small, graphcond.read(dataset, split=SPLIT), **options).metric == "roc_auc"
    asked = options | {"protocol": dataclasses.replace(SHORT, runs=1, metric="accuracy")}
    assert graphcond.evaluate(small, graphcond.read(dataset, split=SPLIT), **asked).metric == "accuracy"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["gine"]}, "model 'gine' needs edge features"),
        ({"models": ["gim"]}, "there is no model 'gim' for graphs; did you mean"),
        ({"task": rings(edges=False)}, r"split of your own; pass graphcond.read\(graphs, split=...\) to evaluate"),
        ({"task": {"train": range(40)}}, r"split\['test'\] is missing"),
        ({"controls": ["herd"]}, "there is no control 'herd'"),
        ({"protocol": "strict"}, "there is no protocol 'strict'"),
        ({"protocol": "standard(runs=0)"}, "runs must be a positive integer, got 0"),
        ({"protocol": "standard(metric='auc')"}, "metric must be one of"),
    ],
)
def test_bad_input(options: dict[str, object], message: str) -> None:
    graphs = rings(edges=False)
    small = graphcond.condense(graphcond.read(graphs, split=SPLIT), size="2/class", method="random")
    given = {"models": ["gin"], "protocol": SHORT, "controls": False} | options
    task = given.pop("task", SPLIT)
    with pytest.raises(ValueError, match=message):
        graphcond.evaluate(small, task if isinstance(task, list) else graphcond.read(graphs, split=task), **given)


def test_other_features_do_not_fit() -> None:
    graphs = rings()
    wide = [Data(x=torch.ones(2, 5), edge_index=graphs[0].edge_index[:, :0], y=torch.tensor([0]))]
    with pytest.raises(ValueError, match="the condensed graphs have 5 features, the dataset 2"):
        graphcond.evaluate(wide, graphcond.read(graphs, split=SPLIT), ["gin"])
    late = [Data(x=graphs[0].x, edge_index=graphs[0].edge_index, y=torch.tensor([7]))]
    with pytest.raises(ValueError, match="has a label 7, the dataset only 2 classes"):
        graphcond.evaluate(late, graphcond.read(graphs, split=SPLIT), ["gin"])


def test_nodes_and_graphs_are_distinguished(toy: Data) -> None:
    graphs = rings()
    with pytest.raises(ValueError, match="condensed holds graphs, but the dataset is of nodes"):
        graphcond.evaluate(
            graphcond.condense(graphcond.read(graphs, split=SPLIT), size="2/class", method="random"), toy
        )
    with pytest.raises(ValueError, match="condensed holds nodes, but the dataset is of graphs"):
        graphcond.evaluate(
            graphcond.condense(toy, size=6, method="random"), graphcond.read(graphs, split=SPLIT), ["gin"]
        )


@pytest.mark.parametrize("field", ["layers", "hidden", "steps", "passes", "batch_size", "validations"])
def test_a_protocol_checks_its_fields(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be a positive integer, got 0"):
        GraphProtocol(**{field: 0})


@torch.no_grad()
def test_gcn_counts_edges_by_their_weights(make_graphs):
    graphs = make_graphs(12, features="one_hot", loops=True)
    for graph in graphs:
        graph.edge_weight = torch.rand(graph.num_edges)
    view = GraphView(as_batch(read_graphs(graphs).train))
    edges, weight = remove_self_loops(view.data.edge_index, view.data.edge_weight)
    conv = GCNConv(3, 4)
    expected = conv(view.data.x, edges, weight)
    conv.normalize = False
    torch.testing.assert_close(conv(view.data.x, view.looped, view.norm), expected)


def test_weights_of_edges_tell_classes_apart(make_graphs):
    ring = torch.stack([torch.arange(6), (torch.arange(6) + 1) % 6])
    edges = torch.cat([ring, ring.flip(0)], dim=1)
    graphs = [
        Data(x=torch.eye(6)[:, :2], edge_index=edges, edge_weight=torch.full((12,), 0.01 + 9 * (i % 2)), y=i % 2)
        for i in range(40)
    ]
    small = graphcond.condense(graphs, method="random", size="2/class")
    assert graphcond.evaluate(small, graphs, ["gcn"], protocol="standard(runs=1)", controls=False).best.mean == 1.0


def test_graphs_of_ones_own_are_read_like_originals():
    originals = [ring(i % 2, i, edges=False) for i in range(80)]
    own = [originals[i].clone() for i in range(4)]
    expected = graphcond.evaluate(
        own,
        graphcond.read(originals, split=SPLIT),
        ["gin"],
        protocol=dataclasses.replace(SHORT, runs=1),
        controls=False,
    )
    for graph in own:
        graph.y = int(graph.y)
        graph.edge_index = EdgeIndex(graph.edge_index, sparse_size=(graph.num_nodes, graph.num_nodes))
    report = graphcond.evaluate(
        own,
        graphcond.read(iter(originals), split=SPLIT),
        ["gin"],
        protocol=dataclasses.replace(SHORT, runs=1),
        controls=False,
    )
    assert report.best.scores == expected.best.scores
