import pytest
import torch

from graphcond.graphs.initialization import initial_graphs
from graphcond.graphs.task import GraphSet

SIZES = torch.tensor([2, 3, 5, 4, 9, 8])
LABELS = torch.tensor([0, 0, 0, 1, 1, 2])


def paths() -> GraphSet:
    """Return directed paths; features tell the place of a node in its graph."""
    ptr = torch.cat([SIZES.new_zeros(1), SIZES.cumsum(0)])
    spans = [torch.arange(size - 1) + start for size, start in zip(SIZES.tolist(), ptr.tolist(), strict=False)]
    source = torch.cat(spans)
    x = 1 + torch.cat([torch.arange(size) for size in SIZES.tolist()]).float().unsqueeze(1)
    return GraphSet(x, torch.stack([source, source + 1]), None, ptr, LABELS)


def path(size: int, places: int) -> torch.Tensor:
    edges = torch.diag(torch.ones(places - 1), 1)
    edges[size - 1 :] = 0
    return edges + edges.T


@pytest.mark.parametrize("fixed", [False, True])
def test_graphs_of_each_class_that_are_not_too_large(fixed):
    torch.manual_seed(0)
    seen = set()
    for _ in range(30):
        rows, adjacency, sizes, y, _ = initial_graphs(paths(), torch.tensor([1, 1, 1]), 8, fixed=fixed)
        assert y.tolist() == [0, 1, 2]
        real = (rows[:, :, 0] > 0).sum(dim=1).tolist()
        assert real[0] in (2, 3, 5)
        assert real[1:] == [4, 8]
        assert sizes.tolist() == ([8, 8, 8] if fixed else real)
        assert rows.shape == (3, 8, 1)
        for i, size in enumerate(real):
            assert rows[i, :size, 0].tolist() == list(range(1, size + 1))
            assert torch.equal(adjacency[i], path(size, 8))
        seen.add(real[0])
    assert seen == {2, 3, 5}


def test_places_are_as_many_as_the_largest_needs():
    rows, adjacency, sizes, *_ = initial_graphs(paths(), torch.tensor([3, 2, 1]), 100)
    assert sorted(sizes.tolist()) == [2, 3, 4, 5, 8, 9]
    assert rows.shape == (6, 9, 1)
    assert adjacency.shape == (6, 9, 9)


def test_graphs_serve_again_where_a_class_has_too_few():
    rows, _, sizes, y, _ = initial_graphs(paths(), torch.tensor([7, 1, 2]), 8)
    assert y.tolist() == [0] * 7 + [1, 2, 2]
    assert sorted(sizes[:7].tolist())[1:-1:2] == [2, 3, 5]
    assert sizes[7:].tolist() == [4, 8, 8]
    assert torch.equal(rows[8], rows[9])


def test_the_smallest_graph_is_cut_where_all_are_too_large():
    rows, adjacency, sizes, *_ = initial_graphs(paths(), torch.tensor([1, 1, 1]), 2)
    assert sizes.tolist() == [2, 2, 2]
    assert rows[:, :, 0].tolist() == [[1, 2]] * 3
    assert torch.equal(adjacency, torch.stack([path(2, 2)] * 3))
