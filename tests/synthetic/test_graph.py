import pytest
import torch
from torch import Tensor, nn

from graphcond.nodes.surrogate_models import GCNSurrogate, SGCSurrogate
from graphcond.synthetic.edges import PairwiseEdges
from graphcond.synthetic.graph import SyntheticGraph, normalize

LABELS = torch.tensor([0, 0, 1, 1, 2])


class Cosines(nn.Module):
    """Edges from features by a formula that is easy to repeat."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.7))

    def forward(self, x: Tensor) -> Tensor:
        return (self.scale * (x @ x.T).cos().square()).fill_diagonal_(0)


def features() -> Tensor:
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


def weighted() -> Tensor:
    upper = torch.rand(5, 5, generator=torch.Generator().manual_seed(1)).triu(diagonal=1)
    return upper + upper.T


def by_formula(adjacency: Tensor) -> Tensor:
    looped = adjacency + torch.eye(len(adjacency))
    degrees = [sum(row) for row in looped.tolist()]
    root = torch.diag(torch.tensor([degree**-0.5 for degree in degrees]))
    return root @ looped @ root


def test_normalisation_follows_its_formula():
    torch.testing.assert_close(normalize(weighted()), by_formula(weighted()))
    torch.testing.assert_close(normalize(torch.zeros(4, 4)), torch.eye(4))


def test_normalisation_is_differentiable():
    adjacency = weighted().double().requires_grad_()
    assert torch.autograd.gradcheck(normalize, (adjacency,))


def test_normalised_graph_keeps_the_roots_of_its_degrees():
    looped = weighted() + torch.eye(5)
    root = looped.sum(dim=1).sqrt()
    torch.testing.assert_close(normalize(weighted()) @ root, root)


@pytest.mark.parametrize("hops", [0, 1, 2, 3])
def test_all_hops_are_done_before_a_linear_surrogate(hops):
    graph = SyntheticGraph(features(), LABELS, hops, Cosines(), SGCSurrogate.last_hop)
    batch = graph.batch()
    operator = torch.linalg.matrix_power(by_formula(Cosines()(features())), hops)
    torch.testing.assert_close(batch.x, operator @ features())
    assert batch.adj is None
    assert batch.rows is None
    assert torch.equal(batch.y, LABELS)


def test_one_hop_is_left_to_a_convolution():
    surrogate = GCNSurrogate()
    batch = SyntheticGraph(features(), LABELS, surrogate.hops, Cosines(), surrogate.last_hop).batch()
    operator = by_formula(Cosines()(features()))
    torch.testing.assert_close(batch.x, operator @ features())
    torch.testing.assert_close(batch.adj, operator)
    assert batch.rows is None


@pytest.mark.parametrize("last_hop", [False, True])
def test_nodes_without_structure_are_their_features(last_hop):
    graph = SyntheticGraph(features(), LABELS, 2, None, last_hop)
    batch = graph.batch()
    assert graph.adjacency() is None
    assert batch.x is graph.x
    assert batch.adj is None
    assert torch.equal(graph.x, features())


@pytest.mark.parametrize("surrogate", [SGCSurrogate(), GCNSurrogate()])
def test_batch_is_differentiable_in_all_parts(surrogate):
    graph = SyntheticGraph(features(), LABELS, surrogate.hops, Cosines(), surrogate.last_hop)
    batch = graph.batch()
    batch.gather(batch.x).square().sum().backward()
    for parameters in graph.parts().values():
        assert all(parameter.grad.abs().max() > 1e-4 for parameter in parameters)


def test_parts_are_features_and_structure():
    structure = PairwiseEdges(3, 4)
    parts = SyntheticGraph(features(), LABELS, 1, structure, last_hop=True).parts()
    graph = SyntheticGraph(features(), LABELS, 1, structure, last_hop=True)
    assert list(parts) == ["features", "structure"]
    assert {id(p) for p in graph.parts()["structure"]} == {id(p) for p in structure.parameters()}
    assert {id(p) for group in graph.parts().values() for p in group} == {id(p) for p in graph.parameters()}
    assert graph.parts()["features"] == [graph.x]
    assert list(SyntheticGraph(features(), LABELS, 1, None, last_hop=True).parts()) == ["features"]


def test_initial_features_are_copied():
    x = features()
    graph = SyntheticGraph(x, LABELS, 1, None, last_hop=False)
    with torch.no_grad():
        graph.x += 1
    assert torch.equal(x, features())


def test_labels_are_kept_with_the_features():
    graph = SyntheticGraph(features(), LABELS, 1, None, last_hop=False)
    assert set(graph.state_dict()) == {"x", "y"}
