"""Features that are made for nodes without any."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import subgraph, to_undirected

import graphcond
from graphcond import Degrees, EdgeFactorization, Eigenvectors, RandomProjections, node_features
from graphcond.nodes import feature_choice, spectral
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.spectral import leading_eigenvectors
from graphcond.nodes.structural_features import KINDS, edge_features, features_text, resolve_features

ALL = [
    "degrees",
    "edge_means",
    "eigenvectors(columns=6)",
    "edge_factorization(columns=6)",
    "random_projections(columns=6)",
]
PRECISION = 4 * spectral.GRID


def directed(num_nodes: int = 40, num_edges: int = 150, seed: int = 0) -> Data:
    """Return a weighted directed graph with parallel edges, self-loops and an isolated node, the last."""
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(num_nodes - 1, (2, num_edges), generator=generator)
    weight, attr = torch.rand(num_edges, generator=generator), torch.randn(num_edges, 3, generator=generator)
    return Data(edge_index=edge_index, edge_weight=weight, edge_attr=attr, num_nodes=num_nodes)


def without_x(toy: Data) -> Data:
    bare = toy.clone()
    bare.edge_attr = torch.rand(toy.num_edges, 2, generator=torch.Generator().manual_seed(0))
    bare.num_nodes = toy.num_nodes
    del bare["x"]
    return bare


def dense_adjacency(data: Data) -> Tensor:
    """Return the matrix that has each edge in both directions."""
    matrix = torch.zeros(data.num_nodes, data.num_nodes, dtype=torch.float64)
    for (source, target), weight in zip(data.edge_index.T.tolist(), data.edge_weight.tolist(), strict=True):
        matrix[source, target] += weight
    return matrix + matrix.T


def expected_rows(matrix: Tensor, columns: int) -> Tensor:
    values, vectors = np.linalg.eigh(matrix.numpy())
    scaled = vectors[:, ::-1][:, :columns] * values[::-1][:columns]
    return torch.from_numpy(scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-9))


def same_up_to_signs(made: Tensor, expected: Tensor) -> bool:
    signs = (made.double() * expected).sum(dim=0).sign()
    return bool(torch.allclose(made.double(), expected * signs, atol=0.02))


def test_degrees_count_incoming_then_outgoing_edges() -> None:
    data = directed()
    x = node_features(data, "degrees").x
    for columns, row in ((x[:, :17], 1), (x[:, 17:], 0)):
        sums = torch.zeros(40).index_add_(0, data.edge_index[row], data.edge_weight)
        assert torch.allclose(columns[:, 0], torch.log1p(sums))
        assert torch.equal(columns[:, 1:].argmax(1), torch.log2(1 + sums).floor().long())
        assert torch.equal(columns[:, 1:].sum(1), torch.ones(40))


def test_degrees_of_an_undirected_graph_count_once(toy: Data) -> None:
    assert node_features(toy, "degrees").x.shape == (60, 17)


def test_edge_means_are_those_of_a_loop() -> None:
    data = directed()
    expected = torch.zeros(40, 4)
    for node in range(40):
        incoming = data.edge_index[1] == node
        if incoming.any():
            expected[node, :3] = data.edge_attr[incoming].mean(0)
            expected[node, 3] = torch.log1p(data.edge_weight[incoming].sum())
    assert torch.allclose(node_features(data, "edge_means").x, expected, atol=1e-6)
    assert not expected[-1].any()


def test_edge_means_take_one_number_for_each_edge() -> None:
    data = directed()
    data.edge_attr = data.edge_attr[:, 0]
    assert node_features(data, "edge_means").x.shape == (40, 2)


def test_eigenvectors_are_those_of_the_dense_matrix() -> None:
    data = directed()
    matrix = dense_adjacency(data)
    matrix += torch.diag((matrix.diagonal() == 0).double())
    scale = matrix.sum(1).rsqrt()
    expected = expected_rows(scale[:, None] * matrix * scale, 6)
    assert same_up_to_signs(node_features(data, Eigenvectors(columns=6)).x, expected)


def test_a_factorization_is_that_of_the_dense_mutual_information() -> None:
    data = directed()
    matrix = dense_adjacency(data)
    degrees = matrix.sum(1)
    information = torch.log(matrix * matrix.sum() / torch.outer(degrees, degrees)).nan_to_num(0.0).clamp(min=0)
    assert same_up_to_signs(node_features(data, EdgeFactorization(columns=6)).x, expected_rows(information, 6))


def test_sparse_eigenvectors_are_the_dense_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = sp.csr_array(sp.random(200, 200, density=0.1, random_state=0))
    matrix = sp.csr_array(matrix + matrix.T)
    expected = leading_eigenvectors(matrix, 8)
    monkeypatch.setattr(spectral, "SMALL", 0)
    assert torch.allclose(leading_eigenvectors(matrix, 8), expected, atol=PRECISION)


@pytest.mark.parametrize("block", [torch.ones(5, 5) / 5, torch.eye(5), torch.zeros(5, 5)])
def test_eigenvalues_that_repeat_give_the_same_bits_again(block: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectral, "SMALL", 0)
    matrix = sp.csr_array(sp.block_diag([block.double().numpy()] * 60))
    first = leading_eigenvectors(matrix, 8)
    assert torch.isfinite(first).all()
    assert torch.equal(leading_eigenvectors(matrix, 8), first)


def test_random_projections_are_sums_over_neighbours() -> None:
    data = directed()
    matrix = dense_adjacency(data)
    matrix += torch.diag((matrix.diagonal() == 0).double())
    degrees = matrix.sum(1, keepdim=True)
    signs = node_features(Data(edge_index=torch.tensor([[0], [0]]), num_nodes=40), "random_projections(columns=6)").x
    assert torch.allclose(signs.abs(), torch.full((40, 6), 6**-0.5))  # without edges nodes keep their own signs
    x = signs.sign().double() / degrees
    for _ in range(2):
        x = matrix @ x / degrees
    x = torch.nn.functional.normalize(x)
    assert torch.allclose(node_features(data, RandomProjections(columns=6, hops=2)).x.double(), x, atol=PRECISION)


@pytest.mark.parametrize("features", ALL)
def test_the_same_graph_has_the_same_features(features: str) -> None:
    data = directed()
    kept = data.clone()
    before = torch.get_rng_state()
    first, second = node_features(data, features).x, node_features(data, features).x
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.dtype == torch.float32
    assert "x" not in data
    assert all(torch.equal(data[key], kept[key]) for key in ("edge_index", "edge_weight", "edge_attr"))


def in_one_part(data: Data) -> Data:
    """Return a graph with a path through all nodes: eigenvalues of a graph of several parts are there several times."""
    path = torch.arange(data.num_nodes - 1)
    return Data(
        edge_index=torch.cat([data.edge_index, torch.stack([path, path + 1])], dim=1),
        edge_weight=torch.cat([data.edge_weight, torch.ones(len(path))]),
        edge_attr=torch.cat([data.edge_attr, torch.ones(len(path), data.edge_attr.size(1))]),
        num_nodes=data.num_nodes,
    )


@pytest.mark.parametrize("features", ALL[:4])
def test_the_order_of_nodes_and_edges_does_not_matter(features: str) -> None:
    data = in_one_part(directed())
    generator = torch.Generator().manual_seed(1)
    order, edges = torch.randperm(40, generator=generator), torch.randperm(data.num_edges, generator=generator)
    moved = Data(
        edge_index=order[data.edge_index][:, edges],
        edge_weight=data.edge_weight[edges],
        edge_attr=data.edge_attr[edges],
        num_nodes=40,
    )
    first, second = node_features(data, features).x, node_features(moved, features).x[order]
    if "columns" in features:
        assert same_up_to_signs(second, first.double())
    else:
        assert torch.allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("features", ALL)
def test_isolated_nodes_have_finite_features(features: str) -> None:
    assert torch.isfinite(node_features(directed(), features).x).all()


@pytest.mark.parametrize("kind", [Eigenvectors, EdgeFactorization])
def test_a_small_graph_has_as_many_eigenvectors_as_nodes(kind: type) -> None:
    assert node_features(directed(), kind(columns=64)).x.shape == (40, 40)


def test_features_replace_those_of_a_copy(toy: Data) -> None:
    made = node_features(toy, "degrees")
    assert made.x.shape == (60, 17)
    assert toy.x.shape == (60, 8)
    assert torch.equal(made.y, toy.y)


@pytest.mark.parametrize("value", [make() for make in KINDS.values()])
def test_a_value_and_its_text_are_the_same(value: Any) -> None:
    assert resolve_features(features_text(value)) == value


def test_masks_tell_of_nodes_that_no_edge_names(toy: Data) -> None:
    bare = without_x(toy)
    del bare.num_nodes
    bare.edge_index = to_undirected(torch.tensor([[0, 1], [1, 2]]))
    assert node_features(bare, "degrees").x.shape == (60, 17)


WRONG: list[tuple[type[Exception], object, Callable[[Data], Data], str]] = [
    (ValueError, "eigenvector", lambda data: data, "no features 'eigenvector'; did you mean 'eigenvectors'"),
    (ValueError, "eigenvectors(columns=0)", lambda data: data, "columns must be positive, got 0"),
    (ValueError, "random_projections(hops=-1)", lambda data: data, "hops must be positive, got -1"),
    (
        TypeError,
        "edge_factorization(columns='a')",
        lambda data: data,
        "columns of .* must be a whole number",
    ),
    (TypeError, 64, lambda data: data, "features must be a text such as .* got int"),
    (
        ValueError,
        "edge_means",
        lambda data: Data(edge_index=data.edge_index, num_nodes=40),
        "needs data.edge_attr, which is missing; ask for 'degrees'",
    ),
    (
        ValueError,
        "degrees",
        lambda data: Data(edge_index=data.edge_index[:, :0], num_nodes=40),
        "no edges .* as data.x",
    ),
    (
        ValueError,
        "degrees",
        lambda data: data.update({"edge_weight": torch.zeros(150)}),
        "no edges of a weight above 0",
    ),
    (ValueError, "edge_means", lambda data: data.update({"edge_attr": torch.ones(9, 2)}), "num_edges=150, got .9, 2."),
    (
        ValueError,
        "edge_means",
        lambda data: data.update({"edge_attr": torch.full((150, 2), float("nan"))}),
        "data.edge_attr must be finite, but 150 rows hold NaN",
    ),
    (TypeError, "edge_means", lambda data: data.update({"edge_attr": [1.0] * 150}), "dense tensor .* got list"),
    (ValueError, "degrees", lambda data: data.update({"num_nodes": 3}), r"must lie in \[0, 2\] \(there are 3 nodes\)"),
]


@pytest.mark.parametrize(("error", "features", "change", "message"), WRONG)
def test_bad_input_is_explained(
    error: type[Exception], features: object, change: Callable[[Data], Data], message: str
) -> None:
    with pytest.raises(error, match=message):
        node_features(change(directed()), features)


def test_what_is_no_graph_is_refused(toy: Data) -> None:
    with pytest.raises(TypeError, match=r"data must be a torch_geometric.data.Data, got list; pass dataset\[0\]"):
        node_features([toy])


def test_features_that_are_there_are_not_made_again(toy: Data) -> None:
    with pytest.raises(ValueError, match=r"features='degrees' is for nodes without .* graphcond.node_features"):
        graphcond.read(toy, features="degrees")


def test_features_are_of_nodes_only() -> None:
    digits = graphcond.datasets.load("digit-images")
    with pytest.raises(ValueError, match="features='degrees' makes no sense for images"):
        graphcond.read(digits, features="degrees")


@pytest.mark.parametrize("features", ALL)
def test_a_task_has_what_is_asked(toy: Data, features: str) -> None:
    bare = without_x(toy)
    task = read_nodes(bare, features=features)
    assert torch.equal(task.train.graph.x, node_features(bare, task.features).x)
    assert task.train.graph is task.val.graph is task.test.graph
    assert "The nodes have no features" in task.notes[-1]
    assert any("edge_attr was not used" in note for note in task.notes) == (features != "edge_means")


def test_validation_chooses(make_toy: Callable[..., Data]) -> None:
    bare = without_x(make_toy(num_nodes=240))
    task = read_nodes(bare)
    scores = {
        features_text(one): feature_choice._score(read_nodes(bare, features=one))
        for one in feature_choice._candidates(task, edge_features(bare, 240))
    }
    assert task.features == max(scores, key=scores.__getitem__)
    # Now edges have nothing to do with classes, but their features tell them.
    bare.edge_index = torch.randint(240, (2, 2000), generator=torch.Generator().manual_seed(0))
    bare.edge_attr = bare.y[bare.edge_index[1]].float().view(-1, 1)
    assert read_nodes(bare).features == "edge_means"


def test_the_choice_leaves_random_states_alone_and_reads_no_test_labels(toy: Data) -> None:
    bare = without_x(toy)
    del bare["val_mask"]  # then training nodes are held out
    state = torch.get_rng_state()
    first = read_nodes(bare)
    assert torch.equal(torch.get_rng_state(), state)
    bare.y = torch.where(bare.test_mask, (bare.y + 1) % 3, bare.y)
    assert read_nodes(bare).features == first.features


def test_only_cheap_features_are_tried_on_a_large_graph(toy: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_choice, "SPECTRAL_LIMIT", 10)
    tried = feature_choice._candidates(read_nodes(without_x(toy), features="degrees"), None)
    assert tried == [RandomProjections(), RandomProjections(hops=5), Degrees()]


@pytest.mark.parametrize("features", ["degrees", "edge_means"])
def test_inductive_parts_have_the_features_of_their_own_edges(toy: Data, features: str) -> None:
    bare = without_x(toy)
    task = read_nodes(bare, inductive=True, features=features)
    for part, name in ((task.train, "train_mask"), (task.val, "val_mask"), (task.test, "test_mask")):
        edge_index, edge_attr = subgraph(bare[name], bare.edge_index, bare.edge_attr, relabel_nodes=True)
        own = Data(edge_index=edge_index, edge_attr=edge_attr, num_nodes=20)
        assert torch.equal(part.graph.x, node_features(own, features).x)


def test_inductive_parts_refuse_what_differs_by_graph(toy: Data) -> None:
    with pytest.raises(ValueError, match=r"features='eigenvectors\(columns=64\)' mean .* one of degrees, edge_means"):
        read_nodes(without_x(toy), inductive=True, features="eigenvectors")
    assert read_nodes(without_x(toy), inductive=True).features in ("degrees", "edge_means")


def test_an_inductive_part_may_lack_edges(toy: Data) -> None:
    bare = without_x(toy)
    del bare["val_mask"]
    lone = bare.test_mask[bare.edge_index].any(0)
    bare.edge_index, bare.edge_attr = bare.edge_index[:, ~lone], bare.edge_attr[~lone]
    task = read_nodes(bare, inductive=True)
    assert task.test.graph.x.shape[1] == task.val.graph.x.shape[1] == task.train.graph.x.shape[1]


def test_a_graph_without_edges_and_features_is_refused(toy: Data) -> None:
    bare = without_x(toy)
    bare.edge_index, bare.edge_attr = bare.edge_index[:, :0], bare.edge_attr[:0]
    with pytest.raises(ValueError, match=r"data.x is missing, and there are no edges .* as data.x"):
        read_nodes(bare)


@pytest.mark.parametrize("features", [None, "eigenvectors(columns=5)"])
@pytest.mark.parametrize("inductive", [False, True])
def test_condensed_evaluated_and_made_again(toy: Data, features: str | None, inductive: bool) -> None:
    if inductive and features:
        features = "edge_means"
    bare = without_x(toy)
    task = graphcond.read(bare, features=features, inductive=inductive)
    small = graphcond.condense(task, size=6, method="class_mean")
    text = small.record.source["features"]
    assert any(text in note for note in small.record.notes)
    again = node_features(bare, text)
    assert small[0].x.size(1) == again.x.size(1)
    if not inductive:
        assert torch.equal(again.x, task.train.graph.x)

    def scores(dataset: object) -> list[float]:
        report = graphcond.evaluate(small, dataset, protocol="standard(runs=1, epochs=20)", controls=False)
        return [score for row in report.rows for score in row.scores]

    assert scores(bare) == scores(task)
    if not inductive:
        assert scores(again) == scores(bare)


def test_a_set_with_features_is_not_evaluated_on_one_without(toy: Data) -> None:
    small = graphcond.condense(toy, size=6, method="class_mean")
    assert "features" not in small.record.source
    with pytest.raises(ValueError, match=r"data.x is missing, and what was condensed had features"):
        graphcond.evaluate(small, without_x(toy))
