"""Real graphs to start synthetic ones from."""

from typing import NamedTuple

import torch
from torch import Tensor

from graphcond.graphs.task import GraphSet


class Initial(NamedTuple):
    """Graphs in ``N`` places each.

    Shapes:
        rows: ``(n, N, columns)`` features; adjacency: ``(n, N, N)`` zeros and ones, symmetric; sizes: ``(n,)`` int64;
        y: ``(n,)`` int64 classes, or targets as the original has them; strata: ``(n,)`` int64, where these stand for
        classes.
    """

    rows: Tensor
    adjacency: Tensor
    sizes: Tensor
    y: Tensor
    strata: Tensor | None = None


def initial_graphs(graphs: GraphSet, allocation: Tensor, places: int, *, fixed: bool = False) -> Initial:
    """Return randomly chosen graphs of at most ``places`` nodes, ``allocation`` of each class, ordered by class.

    Where a class has too few, graphs serve more than once; where it has none, its smallest graph is cut.

    Args:
        graphs: Real graphs.
        allocation: How many of each class, ``(num_classes,)``.
        places: The most nodes that a graph may have.
        fixed: Whether all have ``places`` nodes, however few they start with; else they have as many places as the
            largest.
    """
    picks = torch.cat([_picked(graphs, label, count, places) for label, count in enumerate(allocation.tolist())])
    chosen = graphs.take(picks)
    sizes = chosen.sizes.clamp(max=places)
    places = places if fixed else int(sizes.max())
    place = torch.arange(chosen.num_nodes, device=picks.device) - chosen.ptr[:-1][chosen.graph]
    kept = place < places
    rows = chosen.x.new_zeros(len(picks), places, chosen.x.size(1))
    rows[chosen.graph[kept], place[kept]] = chosen.x[kept]
    source, target = chosen.edge_index[:, kept[chosen.edge_index].all(dim=0)]
    adjacency = torch.zeros(len(picks), places, places, device=picks.device)
    adjacency[chosen.graph[source], place[source], place[target]] = 1
    sizes = torch.full_like(sizes, places) if fixed else sizes
    strata = None if chosen.targets is None else chosen.y
    return Initial(rows, torch.maximum(adjacency, adjacency.transpose(1, 2)), sizes, chosen.labels, strata)


def _picked(graphs: GraphSet, label: int, count: int, places: int) -> Tensor:
    mine = (graphs.y == label).nonzero().flatten()
    sizes = graphs.sizes[mine]
    fitting = mine[sizes <= places] if bool((sizes <= places).any()) else mine[sizes.argmin()].reshape(1)
    turns = -(-count // len(fitting))
    return torch.cat([fitting[torch.randperm(len(fitting)).to(fitting.device)] for _ in range(turns)])[:count]
