import torch

from graphcond.core.targets import SingleLabel
from graphcond.nodes.surrogate_models import GCNSurrogate, SGCSurrogate
from graphcond.surrogates import autograd
from graphcond.synthetic.graph import SyntheticGraph, normalize
from graphcond.synthetic.patterns import PatternNetwork, neighbour_patterns

CLASSES = torch.arange(4).repeat_interleave(5)


def neighbours_by_class(pattern, classes):
    return torch.stack([pattern[:, classes == label].sum(dim=1) for label in classes.unique()], dim=1)


def test_each_node_has_one_or_two_neighbours_of_each_class_of_equal_size():
    torch.manual_seed(0)
    patterns = neighbour_patterns(CLASSES, 6)
    assert patterns.shape == (6, 20, 20)
    for pattern in patterns:
        assert torch.equal(pattern, pattern.T)
        assert not bool(pattern.diagonal().any())
        counts = neighbours_by_class(pattern, CLASSES)
        assert int(counts.min()) >= 1
        assert float(counts.float().mean()) <= 2.2
        assert int(counts.max()) <= 3


def test_patterns_differ_and_follow_the_random_state():
    torch.manual_seed(0)
    first = neighbour_patterns(CLASSES, 5)
    torch.manual_seed(0)
    assert torch.equal(first, neighbour_patterns(CLASSES, 5))
    assert len(torch.unique(first.flatten(1), dim=0)) == 5


def test_where_there_is_no_choice_the_pattern_is_known():
    # Each node of two classes of one has the other as its only possible neighbour.
    assert neighbour_patterns(torch.tensor([0, 1]), 2).tolist() == [[[False, True], [True, False]]] * 2
    assert neighbour_patterns(torch.tensor([0]), 1).tolist() == [[[False]]]


def test_the_least_used_nodes_are_taken_first():
    # One node of class 0 asks for no more than two of class 1, and the others come to it.
    classes = torch.tensor([0, 1, 1, 1])
    (pattern,) = neighbour_patterns(classes, 1)
    assert pattern[0].tolist() == [False, True, True, True]


def graph(surrogate, classes=CLASSES):
    torch.manual_seed(1)
    x = torch.randn(len(classes), 3, dtype=torch.float64)
    edges = PatternNetwork(3, 4, neighbour_patterns(classes, 3)).double()
    return SyntheticGraph(x, classes, surrogate.hops, edges, surrogate.last_hop)


def test_weights_are_those_of_the_pairs_and_the_adjacency_is_their_mean():
    made = graph(SGCSurrogate())
    each = made.structure(made.x)
    torch.testing.assert_close(each, made.structure.weights(made.x) * made.structure.patterns)
    torch.testing.assert_close(made.adjacency(), sum(each) / 3)


def test_a_linear_surrogate_sees_all_graphs_one_after_the_other():
    made = graph(SGCSurrogate())
    batch = made.batch()
    operators = [normalize(one) for one in made.structure(made.x)]
    torch.testing.assert_close(batch.x, torch.cat([operator @ operator @ made.x for operator in operators]))
    assert torch.equal(batch.y, CLASSES.repeat(3))
    assert batch.adj is None
    assert len(graph(SGCSurrogate(hops=0)).batch()) == 60


def test_gradients_are_the_means_of_those_of_the_graphs():
    for kind in (SGCSurrogate(), GCNSurrogate(hidden=5)):
        made = graph(kind)
        network = kind.build(3, SingleLabel(4), made.x)
        weights = network.init()
        together = network.class_gradients(weights, made.batch()).means()
        alone = []
        for adjacency in made.structure(made.x):
            one = SyntheticGraph(made.x.detach(), CLASSES, kind.hops, Given(adjacency), kind.last_hop)
            alone.append(autograd.class_gradients(network, weights, one.batch()).means())
        for mine, others in zip(together, zip(*alone, strict=True), strict=True):
            torch.testing.assert_close(mine, sum(others) / 3)


class Given(torch.nn.Module):
    """Edges that are known."""

    def __init__(self, adjacency):
        super().__init__()
        self.adjacency = adjacency

    def forward(self, x):
        return self.adjacency
