import torch
from torch_geometric.data import Data

from graphcond.nodes.methods.trimming import trimmed
from graphcond.nodes.reading import read_nodes


def task_and_means(toy: Data) -> tuple:
    task = read_nodes(toy)
    x, y = toy.x[task.train.nodes], toy.y[task.train.nodes]
    order = y.argsort(stable=True)
    return task, x[order], y[order]


def test_weak_edges_between_classes_are_left_out(toy: Data) -> None:
    task, x, y = task_and_means(toy)
    torch.manual_seed(0)
    same = (y.unsqueeze(0) == y.unsqueeze(1)).float()
    adjacency = torch.where(same > 0, 0.9, 0.1).fill_diagonal_(0.0)
    kept, scores = trimmed(x, y, adjacency, task)
    assert len(scores) >= 3
    assert (kept > 0).sum() < (adjacency > 0).sum()
    assert bool((kept[same == 0] == 0).all())
    assert torch.equal(kept[kept > 0], adjacency[kept > 0])


def test_edges_that_do_no_harm_stay(toy: Data) -> None:
    task, x, y = task_and_means(toy)
    torch.manual_seed(0)
    chain = torch.zeros(len(x), len(x))
    same = (y[1:] == y[:-1]).nonzero().flatten()
    chain[same, same + 1] = chain[same + 1, same] = 0.5
    kept, scores = trimmed(x, y, chain, task)
    assert torch.equal(kept, chain) or max(scores.values()) > next(iter(scores.values()))
