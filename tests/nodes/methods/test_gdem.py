"""GDEM: its equation restated, what it does not depend on, and the edges that stand for its operator."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import to_dense_adj

import graphcond
from graphcond import GDEM
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.eigenbasis import EigenbasisMatching
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes import laplacian, spectral
from graphcond.nodes.laplacian import eigenspaces, laplacian_eigenpairs
from graphcond.nodes.methods.gdem import clustered
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.spectral import normalized
from graphcond.nodes.task import Graph
from graphcond.synthetic.eigenbasis import EigenbasisGraph, orthonormal, weights_of

pytestmark = pytest.mark.usefixtures("quick")
VALUES = torch.tensor([0.0, 0.0, 0.5, 1.25], dtype=torch.float64)


def graph_of(adjacency: Tensor, x: Tensor) -> Graph:
    edge_index = adjacency.nonzero().T.contiguous()
    return Graph(x, edge_index, torch.ones(edge_index.size(1)), torch.zeros(len(x), dtype=torch.int64), True)


def random_graph(count: int, share: float = 0.2) -> Graph:
    upper = (torch.rand(count, count) < share).triu(diagonal=1)
    return graph_of(upper | upper.T, torch.randn(count, 5))


def laplacian_of(graph: Graph) -> np.ndarray:
    return np.eye(graph.num_nodes) - normalized(graph).toarray()


@pytest.mark.parametrize("small", [1024, 4])
def test_eigenpairs_of_a_connected_graph_are_those_of_both_ends(small, monkeypatch):
    monkeypatch.setattr(laplacian, "SMALL", small)
    monkeypatch.setattr(spectral, "SMALL", small)
    with seeded(0):
        graph = random_graph(40)
    values, vectors = laplacian_eigenpairs(graph, 5, 3)
    expected = np.linalg.eigvalsh(laplacian_of(graph))
    np.testing.assert_allclose(values, np.concatenate([expected[:5], expected[-3:]]), atol=1e-6)
    np.testing.assert_allclose(laplacian_of(graph) @ vectors.double().numpy(), vectors * values, atol=1e-5)
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(8), atol=1e-5, rtol=0)


def test_the_null_space_has_a_share_and_its_strongest_directions():
    adjacency = torch.zeros(12, 12, dtype=torch.bool)
    adjacency[:6, :6] = ~torch.eye(6, dtype=torch.bool)
    x = torch.ones(12, 2)
    x[11] = torch.tensor([0.0, 1e3])
    values, vectors = laplacian_eigenpairs(graph_of(adjacency, x), 4, 0)
    assert (values < 1e-6).sum() == 2  # half the nodes lie outside the largest component
    assert float(vectors[11].norm()) > 0.99  # an isolated node with much to say is one of both directions


def test_all_nodes_may_be_isolated():
    graph = graph_of(torch.zeros(5, 5, dtype=torch.bool), torch.zeros(5, 2))
    values, vectors = laplacian_eigenpairs(graph, 2, 1)
    assert values.tolist() == [0.0, 0.0, 0.0]
    torch.testing.assert_close(vectors.T @ vectors, torch.eye(3))


def test_eigenspaces_are_equal_values():
    assert eigenspaces(torch.tensor([0.0, 0.0, 1e-8, 0.5, 0.5, 1.0])).tolist() == [0, 0, 0, 1, 1, 2]


def objective(**weights: float) -> EigenbasisMatching:
    given = {"alpha": 0.0, "beta": 0.0, "gamma": 0.0} | weights
    return EigenbasisMatching(eigenvalues=VALUES, eigenspaces=eigenspaces(VALUES), num_classes=2, **given)


def sides() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    with seeded(1):
        return tuple(torch.randn(shape, dtype=torch.float64) for shape in ((9, 4), (9, 3), (5, 4), (5, 3)))  # type: ignore[return-value]


def loss(weights: dict[str, float], u: Tensor, x: Tensor, v: Tensor, z: Tensor) -> float:
    y, synthetic_y = torch.arange(9) % 2, torch.arange(5) % 2
    one, real, made = objective(**weights), Batch(u.T @ x, y, u), Batch(v.T @ z, synthetic_y, v)
    return float(one.loss(None, (), one.observe(None, (), real), made))


def test_the_loss_is_the_equation():
    u, x, v, z = sides()
    covariances = 0.0
    for space in ([0, 1], [2], [3]):
        gap = sum(torch.outer(x.T @ u[:, k], x.T @ u[:, k]) - torch.outer(z.T @ v[:, k], z.T @ v[:, k]) for k in space)
        covariances += float(gap.square().sum()) / (4 * 3**2)
    assert loss({"alpha": 2.0}, u, x, v, z) == pytest.approx(2 * covariances)

    def means(basis, features):
        rows = basis @ torch.diag(1 - VALUES) @ basis.T @ features
        both = torch.stack([rows[::2].mean(dim=0), rows[1::2].mean(dim=0)])
        return both / both.norm(dim=1, keepdim=True)

    angles = means(u, x) @ means(v, z).T
    assert loss({"beta": 3.0}, u, x, v, z) == pytest.approx(3 * float((angles - torch.eye(2)).square().mean()))
    gap = v.T @ v - torch.eye(4)
    assert loss({"gamma": 1.0}, u, x, v, z) == pytest.approx(float(gap.square().mean()))


def test_the_loss_depends_neither_on_signs_nor_on_the_basis_of_an_eigenspace():
    u, x, v, z = sides()
    turn = torch.eye(4, dtype=torch.float64)
    turn[:2, :2] = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    turn[3, 3] = -1.0
    weights = {"alpha": 1.0, "beta": 1.0, "gamma": 1.0}
    before = loss(weights, u, x, v, z)
    assert loss(weights, u @ turn, x, v, z) == pytest.approx(before)
    assert loss(weights, u, x, v @ turn, z) == pytest.approx(before)


def test_weights_are_normalised_to_the_operator():
    with seeded(2):
        operator = torch.rand(7, 7, dtype=torch.float64)
    operator = operator @ operator.T
    operator[:3, 3:] = operator[3:, :3] = 0.0  # two components
    weights = weights_of(operator)
    ends = weights.nonzero().T
    index, normal = gcn_norm(ends, weights[ends[0], ends[1]], 7, add_self_loops=True)
    dense = to_dense_adj(index, edge_attr=normal, max_num_nodes=7)[0]
    for part in (slice(0, 3), slice(3, 7)):
        radius = torch.linalg.eigvalsh(operator[part, part])[-1]
        torch.testing.assert_close(dense[part, part], operator[part, part] / radius)


def test_a_start_is_orthonormal_whatever_the_rows():
    with seeded(0):
        for rows in (torch.randn(6, 4), torch.zeros(6, 4), torch.ones(6, 6)):
            found = orthonormal(rows)
            torch.testing.assert_close(found.T @ found, torch.eye(rows.size(1)), atol=1e-4, rtol=0)
        exact = torch.linalg.qr(torch.randn(6, 3)).Q
        torch.testing.assert_close(orthonormal(exact), exact, atol=1e-3, rtol=0)


def test_the_operator_has_the_given_eigenvalues():
    basis = torch.linalg.qr(sides()[2]).Q
    nodes = EigenbasisGraph(torch.randn(5, 3).double(), torch.arange(5) % 2, basis, VALUES, 1.0)
    found = torch.linalg.eigvalsh(nodes.operator().detach())
    torch.testing.assert_close(found.sort().values, torch.cat([1 - VALUES, VALUES.new_zeros(1)]).sort().values)
    torch.testing.assert_close(nodes.filtered(2), nodes.operator().detach() @ nodes.operator().detach() @ nodes.x.data)


def test_the_loss_falls(toy):
    task = read_nodes(toy)
    method = GDEM(steps=40, eigenvectors_steps=1, features_steps=1, features_rate=1e-3)
    with seeded(0):
        recipe = method.recipe(task, clustered(task, torch.tensor([2, 2, 2])), 1.0)
    seen = recipe.objective.observe(None, (), recipe.source(0))

    def now() -> Tensor:
        return recipe.objective.loss(None, (), seen, recipe.synthetic.batch())

    before, optimizer = float(now().detach()), torch.optim.Adam(recipe.synthetic.parameters(), lr=1e-3)
    for _ in range(40):
        optimizer.zero_grad()
        now().backward()
        optimizer.step()
    assert float(now().detach()) < 0.9 * before


def test_edges_are_as_asked(toy):
    quick = {"steps": 2, "eigenvectors_steps": 1, "features_steps": 1}
    without = graphcond.condense(toy, size=6, method=GDEM(edges=False, **quick))
    assert without[0].edge_index.tolist() == [list(range(6))] * 2
    joined = graphcond.condense(toy, size=6, method=GDEM(edges=True, **quick))
    assert joined.record.choices["taken"].endswith("edges of a node")
    assert float(joined[0].edge_weight.min()) > 0
    chosen = graphcond.condense(toy, size=6, method=GDEM(**quick)).record.choices
    assert "propagated" in chosen["candidates"]


def test_presets_and_bad_fields():
    assert GDEM.preset("citeseer").steps == 500
    assert GDEM.preset("pubmed").alpha == 1e-4
    with pytest.raises(ValueError, match=r"low_share must be in \[0, 1\], got 1.5"):
        GDEM(low_share=1.5)
    with pytest.raises(ValueError, match="eigenpairs must be positive, got 0"):
        GDEM(eigenpairs=0)
