"""The kernels of GC-SNTK: against the published recursion, explicit Kronecker products and finite networks."""

import math

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import to_undirected

from graphcond.core.matching.batch import Batch
from graphcond.nodes.methods.node_kernels import SNTK, WideGCN
from graphcond.nodes.task import Graph, NodePart


def published(kernel: SNTK, x: Tensor, a: Tensor, y: Tensor, b: Tensor) -> Tensor:
    """The published recursion, node by node as its code has it, but for the limit of its cosines: an independent one.

    ``a`` and ``b`` are binary, with self-loops. Kernels are vectors over pairs of nodes, and aggregation is a product
    with a Kronecker product, divided by its sums of rows.
    """

    def aggregated(values: Tensor, left: Tensor, right: Tensor) -> Tensor:
        pairs = torch.kron(left, right)
        total = pairs @ values.flatten()
        return (total / pairs.sum(dim=1) if kernel.average else total).view(len(left), len(right))

    def cosines(values: Tensor, left: Tensor, right: Tensor) -> Tensor:
        return (values / left.unsqueeze(1) / right).clamp(-1, 1)

    def arc(cosine: Tensor) -> Tensor:
        return (cosine * (math.pi - cosine.acos()) + (1 - cosine.square()).sqrt()) / math.pi

    def lengths(rows: Tensor, adjacency: Tensor) -> list[Tensor]:
        found, sigma = [], rows @ rows.T
        for _ in range(kernel.aggregations):
            sigma = aggregated(sigma, adjacency, adjacency)
            for _ in range(kernel.layers):
                found.append(sigma.diagonal().sqrt())
                sigma = arc(cosines(sigma, found[-1], found[-1])) * torch.outer(found[-1], found[-1])
        return found

    left, right = iter(lengths(x, a)), iter(lengths(y, b))
    sigma = theta = x @ y.T
    for _ in range(kernel.aggregations):
        sigma, theta = aggregated(sigma, a, b), aggregated(theta, a, b)
        for _ in range(kernel.layers):
            mine, theirs = next(left), next(right)
            before = cosines(sigma, mine, theirs)
            after = arc(before)
            slope = (math.pi - (after if kernel.late_slope else before).clamp(-1, 1).acos()) / math.pi
            sigma = after * torch.outer(mine, theirs)
            theta = theta * slope + sigma
    return theta


SNTKS = [SNTK(), SNTK(late_slope=False), SNTK(average=False), SNTK(aggregations=1, layers=1),
         SNTK(aggregations=3, layers=1, late_slope=False), SNTK(aggregations=1, layers=3)]  # fmt: skip


def small_graph() -> tuple[Data, Tensor]:
    """Ten nodes, and which of them are in a split."""
    chance = torch.rand(10, 10, generator=torch.Generator().manual_seed(4)) < 0.3
    edge_index = to_undirected(chance.triu(1).nonzero().T)
    x = torch.randn(10, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return Data(x=x, edge_index=edge_index), torch.tensor([8, 1, 2, 5, 6, 9, 3])


@pytest.mark.parametrize("kernel", SNTKS, ids=str)
def test_the_published_kernel_is_that_of_its_recursion(kernel: SNTK) -> None:
    data, nodes = small_graph()
    weight = torch.ones(data.edge_index.size(1), dtype=torch.float64)
    graph = Graph(data.x, data.edge_index, weight, torch.zeros(10, dtype=torch.int64))
    real = kernel.batch(NodePart(graph, nodes), data.x, torch.zeros(len(nodes), 1))
    made = Batch(torch.randn(4, 6, generator=torch.Generator().manual_seed(6), dtype=torch.float64), torch.zeros(4, 1))
    adjacency = torch.eye(10, dtype=torch.float64)
    adjacency[data.edge_index[0], data.edge_index[1]] = 1
    adjacency = adjacency[nodes][:, nodes]
    assert adjacency.sum() > len(nodes)
    factor = 2 / data.num_features  # the same for all pairs of nodes
    alone = torch.eye(4, dtype=torch.float64)
    expected = factor * published(kernel, data.x[nodes], adjacency, made.x, alone)
    torch.testing.assert_close(kernel.surrogate.cross((), real, made), expected, rtol=1e-10, atol=1e-10)
    gram = factor * published(kernel, made.x, alone, made.x, alone)
    torch.testing.assert_close(kernel.surrogate.gram((), made), gram, rtol=1e-6, atol=1e-6)
    own = factor * published(kernel, data.x[nodes], adjacency, data.x[nodes], adjacency)
    torch.testing.assert_close(kernel.surrogate.gram((), real), own, rtol=1e-6, atol=1e-6)
    assert torch.linalg.eigvalsh(gram).min() > 0


def test_kernels_see_what_they_say_of_the_graph() -> None:
    """The published one the neighbours in the split, by weight; that of a GCN all nodes."""
    edge_index = torch.tensor([[1, 0, 2, 1], [0, 1, 1, 2]])
    graph = Graph(torch.eye(3), edge_index, torch.tensor([3.0, 3.0, 5.0, 5.0]), torch.tensor([0, 1, -1]))
    part, y = NodePart(graph, torch.tensor([1, 0])), torch.eye(2)
    means = SNTK().batch(part, graph.x, y)
    torch.testing.assert_close(means.adj.to_dense(), torch.tensor([[0.25, 0.75], [0.75, 0.25]]))
    assert torch.equal(means.x, graph.x[[1, 0]])
    sums = SNTK(average=False).batch(part, graph.x, y)
    torch.testing.assert_close(sums.adj.to_dense(), torch.tensor([[1.0, 3.0], [3.0, 1.0]]))
    whole = WideGCN().batch(part, graph.x, y)
    assert torch.equal(whole.rows, part.nodes)
    assert whole.adj.shape == (3, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SNTK(aggregations=0), "aggregations must be positive, got 0"),
        (lambda: SNTK(layers=0), "layers must be positive, got 0"),
        (lambda: WideGCN(hops_per_layer=-1), "hops_per_layer must be at least 0, got -1"),
        (lambda: WideGCN(weight_variance=0.0), "weight_variance must be positive"),
    ],
)
def test_settings_of_node_kernels_are_checked(make, message) -> None:
    with pytest.raises(ValueError, match=message):
        make()
