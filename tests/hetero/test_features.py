"""Rules that make features of types of nodes that have none, against dense formulas."""

from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, HeteroData
from torch_geometric.transforms import ToUndirected

import graphcond
from graphcond.hetero import features as rules
from graphcond.hetero.features import NeighbourMeans, RelationFactors, resolve_rule

RULES = ("neighbour_means", "degrees", "singular_vectors(columns=3)")


def chain(reverse: bool = True) -> HeteroData:
    """Return labs of authors of papers, which alone have features, with weights and an author without papers."""
    generator = torch.Generator().manual_seed(0)
    data = HeteroData()
    data["lab"].num_nodes = 3
    data["author"].num_nodes = 6
    data["paper"].x = torch.randn(8, 4, generator=generator)
    data["author", "writes", "paper"].edge_index = torch.tensor(
        [[0, 0, 1, 2, 2, 3, 3, 4, 4, 1], [0, 1, 2, 3, 4, 5, 6, 7, 0, 5]]
    )
    data["author", "writes", "paper"].edge_weight = torch.rand(10, generator=generator)
    data["author", "in", "lab"].edge_index = torch.tensor([[0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 2, 2]])
    return ToUndirected()(data) if reverse else data


def dense(data: HeteroData, name: str, other: str) -> torch.Tensor:
    """Return the sums of the weights between the nodes of two types, in both directions, float64."""
    matrix = torch.zeros(data[name].num_nodes, data[other].num_nodes, dtype=torch.float64)
    for (source, _, target), store in data.edge_items():
        weight = store.get("edge_weight", torch.ones(store.edge_index.size(1))).double()
        for side, ends in ((0, (source, target)), (1, (target, source))):
            if ends == (name, other):
                matrix.index_put_((store.edge_index[side], store.edge_index[1 - side]), weight, accumulate=True)
    return matrix


def centred(matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the means of the neighbours, centred over nodes that have some and of mean square 1."""
    joined = matrix.sum(1) > 0
    means = matrix[joined] @ x.double() / matrix[joined].sum(1, keepdim=True)
    full = torch.zeros(len(matrix), x.size(1), dtype=torch.float64)
    full[joined] = means - means.mean(0)
    return full / full.square().mean().sqrt()


@pytest.mark.parametrize("reverse", [True, False])
def test_means_of_neighbours_and_of_theirs(reverse: bool) -> None:
    data = chain(reverse)
    made = graphcond.node_features(data)
    authors = centred(dense(data, "author", "paper"), data["paper"].x)
    labs = centred(dense(data, "lab", "author"), authors)
    assert torch.allclose(made["author"].x.double(), authors, atol=1e-5)
    assert torch.allclose(made["lab"].x.double(), labs, atol=1e-5)
    assert made["author"].x[5].eq(0).all()
    assert made["paper"].x is data["paper"].x


def test_means_of_several_types_stand_side_by_side() -> None:
    data = chain()
    data["lab"].x = torch.randn(3, 2, generator=torch.Generator().manual_seed(1))
    x = graphcond.node_features(data)["author"].x.double()
    parts = [centred(dense(data, "author", other), data[other].x) for other in ("lab", "paper")]
    assert torch.allclose(x, torch.cat(parts, dim=1), atol=1e-5)


def test_degrees_of_each_relation() -> None:
    data = chain(reverse=False)
    made = graphcond.node_features(data, "degrees")
    papers = torch.log1p(dense(data, "author", "paper").sum(1))
    assert torch.allclose(made["author"].x.double(), torch.stack([papers, torch.ones(6).log1p()], 1), atol=1e-6)
    assert torch.allclose(made["lab"].x, torch.full((3, 1), 2.0).log1p())


@pytest.mark.parametrize("small", [0, 1024])
def test_singular_vectors(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "SMALL", small)
    data, generator = HeteroData(), torch.Generator().manual_seed(0)
    for name, count in (("author", 9), ("lab", 7), ("paper", 8)):
        data[name].num_nodes = count
    for source, target in (("author", "paper"), ("lab", "author")):
        weight = torch.rand(data[source].num_nodes, data[target].num_nodes, generator=generator)
        data[source, "to", target].edge_index = weight.nonzero().T  # all joined, so that no singular value is twice
        data[source, "to", target].edge_weight = weight.flatten() ** 4
    for columns in (1, 2, 3):
        made = graphcond.node_features(data, RelationFactors(columns=columns))
        for name, others in (("author", ("lab", "paper")), ("paper", ("author",)), ("lab", ("author",))):
            matrix = torch.cat([dense(data, name, other) for other in others], dim=1)
            rows, ends = matrix.sum(1, keepdim=True), matrix.sum(0, keepdim=True)
            matrix = matrix / rows.clamp(min=1e-30).sqrt() / ends.clamp(min=1e-30).sqrt()
            left, values, _ = torch.linalg.svd(matrix)
            expected = left[:, :columns] * values[:columns]
            gram, found = expected @ expected.T, made[name].x.double() @ made[name].x.double().T
            assert torch.allclose(found, gram * found.trace() / gram.trace(), atol=1e-4), (name, columns)
            assert made[name].x.square().mean() == pytest.approx(1, rel=1e-5)


def test_singular_values_that_are_there_many_times() -> None:
    data = HeteroData()
    data["a"].num_nodes, data["b"].num_nodes = 3000, 1500
    data["a", "of", "b"].edge_index = torch.stack([torch.arange(3000), torch.arange(3000) // 2])
    x = graphcond.node_features(data, "singular_vectors(columns=8)")["a"].x
    assert x.shape == (3000, 8)
    assert torch.isfinite(x).all()


@pytest.mark.parametrize("rule", RULES)
def test_the_same_at_every_call_and_in_a_task(rule: str) -> None:
    data = chain()
    first, second = graphcond.node_features(data, rule), graphcond.node_features(data, resolve_rule(rule))
    assert "x" not in data["lab"]
    for name in ("lab", "author"):
        assert first[name].x.equal(second[name].x)
        assert first[name].x.dtype == torch.float32
    data["paper"].y, data["paper"].train_mask = torch.arange(8) % 2, torch.ones(8, dtype=torch.bool)
    task = graphcond.read(data, features=rule)
    assert (task.features, task.made) == (rule, ("lab", "author"))
    assert all(task.graph.x[name].equal(first[name].x) for name in ("lab", "author"))
    assert graphcond.node_features(data, task.features)["lab"].x.equal(first["lab"].x)


@pytest.mark.parametrize("rule", RULES)
def test_the_random_state_is_left_alone(rule: str) -> None:
    before, numbers = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 (what users draw from)
    graphcond.node_features(chain(), rule)
    assert torch.equal(torch.get_rng_state(), before)
    assert (np.random.get_state()[1] == numbers).all()  # noqa: NPY002


@pytest.mark.parametrize(
    ("given", "features", "error", "message"),
    [
        (chain, "eigenvectors", ValueError, "there is no features 'eigenvectors' for heterogeneous graphs"),
        (chain, "neighbour_means(columns=3)", ValueError, "neighbour_means has no settings"),
        (chain, ["degrees"], TypeError, "features of a heterogeneous graph must be a text"),
        (lambda: [chain()], "degrees", TypeError, "HeteroData, got list; pass dataset"),
        (lambda: [Data(), Data()], "degrees", TypeError, "Data or HeteroData, whose nodes get features, got list"),
        (lambda: graphcond.node_features(chain()), None, ValueError, "all node types have x, and features are made"),
    ],
)
def test_refusals(given: Any, features: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        graphcond.node_features(given(), features)


def test_types_that_features_do_not_reach_are_named() -> None:
    data = chain()
    data["far"].num_nodes = data["near"].num_nodes = 2
    data["far", "to", "near"].edge_index = torch.tensor([[0, 1], [0, 1]])
    with pytest.raises(
        ValueError,
        match=r"^node types 'far', 'near' have no features, and features='neighbour_means' finds no neighbours that "
        r"have some; pass features='degrees', or set data\['far'\].x, data\['near'\].x$",
    ):
        graphcond.node_features(data)
    assert graphcond.node_features(data, "degrees")["far"].x.shape == (2, 1)


def test_a_graph_without_any_features_gets_singular_vectors() -> None:
    data = chain()
    for name in data.node_types:
        if "x" in data[name]:
            data[name].num_nodes = data[name].x.size(0)
            del data[name].x
    usual, asked = graphcond.node_features(data), graphcond.node_features(data, "singular_vectors")
    assert all(torch.equal(usual[name].x, asked[name].x) for name in data.node_types)


def test_weights_of_nothing_join_nobody() -> None:
    data = chain(reverse=False)
    data["author", "in", "lab"].edge_weight = torch.zeros(6)
    with pytest.raises(ValueError, match="node type 'lab' has no features"):
        graphcond.node_features(data, NeighbourMeans())
