"""Edge lists of any length, read in blocks: order, direction, self-loops, isolated nodes."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 1 << 20  # edges read together: what is made of them stays in the cache


@dataclass(frozen=True)
class Survey:
    """What an edge list is like.

    Args:
        undirected: Whether each edge has its reverse, with the same weight.
        self_loops: Whether an edge joins a node with itself.
        isolated: Whether a node has no edge but perhaps a self-loop.
    """

    undirected: bool
    self_loops: bool
    isolated: bool


def blocks(edge_index: Tensor, weight: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield sources, targets and weights in blocks of edges that fit in the cache."""
    for start in range(0, edge_index.size(1), BLOCK):
        part = slice(start, start + BLOCK)
        yield edge_index[0, part], edge_index[1, part], weight[part]


def is_ascending(values: Tensor) -> bool:
    """Return whether values never go down."""
    steps = (values[start : start + BLOCK + 1] for start in range(0, len(values), BLOCK))
    return all(bool((step[1:] >= step[:-1]).all()) for step in steps)


def is_strictly_sorted(edge_index: Tensor, num_nodes: int) -> bool:
    """Return whether edges ascend by source and target, or by target and source: then none is there twice."""
    source, target = edge_index
    return _ascends(source, target, num_nodes) or _ascends(target, source, num_nodes)


def _ascends(major: Tensor, minor: Tensor, num_nodes: int) -> bool:
    for start in range(0, len(major), BLOCK):
        part = slice(start, start + BLOCK + 1)  # the first edge of the next block is in both
        key = major[part] * num_nodes + minor[part]
        if not bool((key[1:] > key[:-1]).all()):
            return False
    return True


def survey(edge_index: Tensor, weight: Tensor, num_nodes: int) -> Survey:
    r"""Return what an edge list without duplicates is like.

    An adjacency is symmetric if :math:`f^\top A g = g^\top A f`; that is tried with random 64-bit integers for
    :math:`f` and :math:`g`, whose products wrap around, so that chance speaks for a directed graph once in about
    :math:`2^{60}` times. Sorting edges by their reverse would take many times as long and twice their memory.
    """
    device = edge_index.device
    joined = torch.zeros(num_nodes, dtype=torch.bool, device=device)
    f, g = _random_numbers(num_nodes).to(device)
    balance = torch.zeros((), dtype=torch.int64, device=device)
    self_loops = False
    for source, target, part in blocks(edge_index, weight):
        odd = 2 * part.contiguous().view(torch.int32).long() + 1  # tells weights apart and loses no bit of a product
        there = f.index_select(0, source).mul_(g.index_select(0, target))
        back = f.index_select(0, target).mul_(g.index_select(0, source))
        balance += there.sub_(back).mul_(odd).sum()
        apart = source != target
        if not bool(apart.all()):
            self_loops = True
            source, target = source[apart], target[apart]
        joined.index_fill_(0, source, True)
        joined.index_fill_(0, target, True)
    return Survey(int(balance) == 0, self_loops, not bool(joined.all()))


def _random_numbers(count: int) -> Tensor:
    """Return two rows of integers of 63 bits, the same at every call."""
    return torch.empty(2, count, dtype=torch.int64).random_(generator=torch.Generator().manual_seed(0))


def induced(edge_index: Tensor, weight: Tensor, nodes: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Return the edges among some nodes, renumbered in their order, and their weights, by source and target.

    In which order all edges are listed, those of other nodes among them, does not matter.
    """
    place = torch.full((num_nodes,), -1, dtype=torch.int64, device=nodes.device)
    place[nodes] = torch.arange(len(nodes), device=nodes.device)
    kept, weights = [], []
    for source, target, part in blocks(edge_index, weight):
        ends = torch.stack([place.index_select(0, source), place.index_select(0, target)])
        inside = (ends >= 0).all(dim=0)
        kept.append(ends[:, inside])
        weights.append(part[inside])
    if not kept:
        return edge_index, weight
    among, weight = torch.cat(kept, dim=1), torch.cat(weights)
    if not _ascends(among[0], among[1], len(nodes)):
        order = (among[0] * len(nodes) + among[1]).argsort()  # no edge is there twice
        among, weight = among[:, order], weight[order]
    return among, weight
