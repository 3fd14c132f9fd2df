"""Training on the receptive field gives what training on the whole graph gives."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import APPNP, GAT, GCN, GIN, GraphSAGE, SGConv
from torch_geometric.utils import k_hop_subgraph

import graphcond
from graphcond import ReceptiveField
from graphcond.nodes.evaluation.own_data import read_own
from graphcond.nodes.receptive_field import looped_degrees
from graphcond.nodes.task import Graph

DEPTH = 2


class Smoothed(nn.Module):
    """A linear layer, then APPNP."""

    def __init__(self, features, classes):
        super().__init__()
        self.linear = nn.Linear(features, classes)
        self.smoothing = APPNP(K=DEPTH, alpha=0.2)

    def forward(self, x, edge_index, edge_weight=None):
        return self.smoothing(self.linear(x).tanh(), edge_index, edge_weight)


NETWORKS = {
    "gcn": lambda features, classes: GCN(features, 7, DEPTH, classes),
    "sage": lambda features, classes: GraphSAGE(features, 7, DEPTH, classes),
    "sage-max": lambda features, classes: GraphSAGE(features, 7, DEPTH, classes, aggr="max"),
    "gat": lambda features, classes: GAT(features, 8, DEPTH, classes, heads=2),
    "gatv2": lambda features, classes: GAT(features, 8, DEPTH, classes, heads=2, v2=True),
    "gin": lambda features, classes: GIN(features, 7, DEPTH, classes),
    "appnp": Smoothed,
    "sgc": lambda features, classes: SGConv(features, classes, K=DEPTH),
}
WITH_WEIGHTS = {"gcn", "appnp", "sgc"}


def sparse_graph(seed=0, *, directed=False, weighted=False, loops=False, kinds=0, count=150):
    """Return a graph in which most nodes are far from the few training nodes."""
    generator = torch.Generator().manual_seed(seed)
    ends = torch.randint(count, (2, count), generator=generator)
    ends = ends[:, ends[0] != ends[1]]
    if not directed:
        ends = torch.cat([ends, ends.flip(0)], dim=1)
    if loops:
        ends = torch.cat([ends, torch.arange(0, count, 3).repeat(2, 1)], dim=1)
    ends = torch.unique(ends, dim=1)
    x = torch.randn(count, 5, generator=generator)
    if kinds:
        x = torch.eye(5)[torch.randint(kinds, (count,), generator=generator)]
    data = Data(x=x, y=torch.arange(count) % 3, edge_index=ends)
    if weighted:
        pair = (ends.sum(dim=0) * 7919 + ends.prod(dim=0)) % 13
        data.edge_weight = 0.1 + pair / 5  # both directions alike
    for k, name in enumerate(("train_mask", "val_mask", "test_mask")):
        data[name] = (torch.arange(count) % 15 < 3 * (k + 1)) & (torch.arange(count) % 15 >= 3 * k)
        data[name] &= torch.arange(count) < count // 3
    return data


def loss_and_gradients(network, data):
    network.zero_grad()
    weight = [data.edge_weight] if "edge_weight" in data and network.weighted else []
    logits = network(data.x, data.edge_index, *weight)[data.train_mask]
    loss = F.cross_entropy(logits, data.y[data.train_mask])
    loss.backward()
    return logits.detach(), loss.detach(), [parameter.grad.clone() for parameter in network.parameters()]


KINDS = {
    "undirected": {}, "directed": {"directed": True}, "weighted": {"weighted": True}, "loops": {"loops": True},
    "discrete": {"kinds": 1}, "discrete, directed, loops": {"kinds": 2, "directed": True, "loops": True},
}  # fmt: skip


@pytest.mark.parametrize("fold", [False, True], ids=["whole", "folded"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_training_is_the_same(name, kind, fold):
    data = sparse_graph(**KINDS[kind])
    data.x, small = data.x.double(), graphcond.condense(data, method=ReceptiveField(depth=DEPTH, fold=fold))[0]
    assert small.num_nodes < data.num_nodes
    torch.manual_seed(0)
    network = NETWORKS[name](data.num_features, 3).double()
    network.weighted = name in WITH_WEIGHTS
    given = Data(**{key: one.double() if one.is_floating_point() else one for key, one in small.to_dict().items()})
    given.x = given.x.float().double()
    data.x = data.x.float().double()  # as condense reads them
    if "edge_weight" in data:
        data.edge_weight = data.edge_weight.float().double()
    for step in range(3):
        first, second = loss_and_gradients(network, data), loss_and_gradients(network, given)
        torch.testing.assert_close(second, first, atol=1e-5, rtol=1e-5)
        with torch.no_grad():
            for parameter, slope in zip(network.parameters(), first[2], strict=True):
                parameter -= 0.1 * slope / (1 + step)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("directed", [False, True])
def test_nodes_are_the_hops_of_pyg(depth, directed):
    data = sparse_graph(directed=directed)
    small = graphcond.condense(data, method=ReceptiveField(depth=depth))
    hops, *_ = k_hop_subgraph(data.train_mask.nonzero().flatten(), depth, data.edge_index)
    assert small.members.index.tolist() == hops.tolist()
    assert torch.equal(small[0].x, data.x[hops])


def test_other_labels_are_not_there():
    data = sparse_graph()
    small = graphcond.condense(data, method="receptive_field")
    assert torch.equal(small[0].train_mask, data.train_mask[small.members.index])
    assert set(small[0].y[~small[0].train_mask].tolist()) == {-1}
    assert torch.equal(small[0].y[small[0].train_mask], data.y[data.train_mask])


def test_degrees_count_as_gcn_does():
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 1, 1]])
    graph = Graph(torch.eye(3), edges, torch.tensor([1.0, 2.0, 0.5, 4.0]), torch.zeros(3, dtype=torch.int64))
    assert looped_degrees(graph).tolist() == [3.0, 5.5, 1.0]


def star(leaves):
    """Return a training node with leaves that are alike, each with a leaf of its own, which are alike, too."""
    middle, outer = torch.arange(1, leaves + 1), torch.arange(leaves + 1, 2 * leaves + 1)
    ends = torch.cat([torch.stack([middle, torch.zeros_like(middle)]), torch.stack([outer, middle])], dim=1)
    count = 2 * leaves + 4
    data = Data(x=torch.ones(count, 2), edge_index=torch.cat([ends, ends.flip(0)], dim=1), y=torch.arange(count) % 2)
    for name, rows in (("train_mask", [0, count - 3]), ("val_mask", [count - 2]), ("test_mask", [count - 1])):
        data[name] = torch.zeros(count, dtype=torch.bool)
        data[name][rows] = True
    data.y[count - 3] = 1
    return data


def test_a_star_folds_to_a_path():
    small = graphcond.condense(star(5), method="receptive_field(fold=True)")
    assert small[0].num_nodes == 4  # the middle, one arm, and the training node without edges
    assert sorted(len(group) for group in small.members) == [1, 1, 5, 5]
    sent = small[0].edge_index[:, small[0].edge_index[1] == 0]
    assert sent.size(1) == 5  # one message from each arm


def test_a_neighbour_that_is_alike_makes_no_self_loop():
    # Two leaves of the training node that are joined with each other send the same messages.
    ends = torch.tensor([[1, 2, 1], [0, 0, 2]])
    data = star(1)
    data.edge_index = torch.cat([ends, ends.flip(0)], dim=1)
    small = graphcond.condense(data, method="receptive_field(fold=True)")[0]
    inner = small.edge_index[:, small.edge_index[1] != small.edge_index[0]]
    assert sorted(zip(*inner.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 0), (2, 1)]  # node 2 is two hops away now


def test_it_takes_no_size():
    with pytest.raises(ValueError, match=r"'receptive_field' takes no size, got size=9; leave it out"):
        graphcond.condense(sparse_graph(), size=9, method="receptive_field")
    with pytest.raises(ValueError, match=r"size='everything' is for methods that take no size"):
        graphcond.condense(sparse_graph(), size="everything", method="random")
    with pytest.raises(ValueError, match="depth must be a whole number of layers, 1 or more, got 0"):
        ReceptiveField(depth=0)


def test_it_goes_through_files_and_evaluation(tmp_path):
    data = sparse_graph()
    small = graphcond.condense(data, method="receptive_field")
    again = graphcond.load(small.save(tmp_path / "field.safetensors"))
    assert torch.equal(again[0].train_mask, small[0].train_mask)
    assert torch.equal(again[0].y, small[0].y)
    report = graphcond.evaluate(again, data, ["gcn", "mlp"], protocol="standard(runs=1, epochs=20)", controls=["whole"])
    assert report.best.data.startswith("receptive_field")


def test_a_file_with_unknown_classes_among_those_learned_is_refused(tmp_path):
    small = graphcond.condense(sparse_graph(), method="receptive_field")
    small._data.y[small._data.train_mask.nonzero()[0]] = -1
    with pytest.raises(ValueError, match="y of train_mask must lie in"):
        small.save(tmp_path / "field.safetensors")


@pytest.mark.parametrize("targets", ["single_label", "regression"])
@pytest.mark.parametrize("learned", [True, False])
def test_a_file_in_which_other_nodes_are_known_than_those_learned_is_refused(targets, learned, tmp_path):
    data = sparse_graph()
    data.y = data.y if targets == "single_label" else data.x[:, 0].clone()
    small = graphcond.condense(data, method="receptive_field")
    row = int((small[0].train_mask == learned).nonzero()[0])
    small._data.train_mask[row] = not learned
    with pytest.raises(ValueError, match=r"y (must|of train_mask must lie in)"):
        small.save(tmp_path / "field.safetensors")


def folded_star():
    """Return four training nodes that receive from 56 others, which are alike, each different numbers of them."""
    leaves = torch.arange(4, 60)
    data = Data(
        x=torch.ones(60, 3), y=torch.arange(60) % 2, edge_index=torch.stack([leaves, (leaves % 7).clamp(max=3)])
    )
    data.x[:4] = torch.eye(4)[:, :3]
    for k, name in enumerate(("train_mask", "val_mask", "test_mask")):
        data[name] = (torch.arange(60) >= 4 * k) & (torch.arange(60) < 4 * (k + 1))
    return data


def test_edges_that_are_there_several_times_are_evaluated_as_they_are():
    data = folded_star()
    small = graphcond.condense(data, method=ReceptiveField(depth=DEPTH, fold=True))
    assert small[0].num_edges > len(torch.unique(small[0].edge_index, dim=1).T)
    assert torch.equal(read_own(small[0], "single_label").edge_index, small[0].edge_index)
    protocol = "standard(runs=1, epochs=20, dropout=0.0)"
    seen, own = (
        graphcond.evaluate(one, data, ["gat"], protocol=protocol, controls=["whole"]) for one in (small, small[0])
    )
    assert seen.rows[0].scores == own.rows[0].scores == seen.rows[1].scores


def test_edges_that_are_there_several_times_are_in_networkx():
    small = graphcond.condense(folded_star(), method=ReceptiveField(fold=True))
    assert small.to_networkx().number_of_edges() == small[0].num_edges
    assert not graphcond.condense(folded_star(), method="receptive_field").to_networkx().is_multigraph()


def test_controls_are_as_many_as_the_nodes_of_ones_own_that_are_learned_from():
    data = sparse_graph()
    small = graphcond.condense(data, method="receptive_field")
    mine = small[0].clone()
    mine.y = data.y[small.members.index]  # labels outside train_mask, as an original has them
    report = graphcond.evaluate(mine, data, ["mlp"], protocol="standard(runs=1, epochs=2)", controls=["random"])
    assert report.rows[1].nodes == int(data.train_mask.sum())


def test_rows_for_estimators_are_those_learned_from():
    from graphcond.sampler import Condenser

    x, y = torch.randn(60, 4).numpy(), (torch.arange(60) % 2).numpy()
    with pytest.raises(ValueError, match="takes no size, got size='10/class'; pass size=None"):
        Condenser(method="receptive_field").fit_resample(x, y)
    rows, classes = Condenser(size=None, method="receptive_field").fit_resample(x, y)
    assert len(rows) == len(classes)
    assert set(classes) == {0, 1}
