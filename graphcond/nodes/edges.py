"""Edge lists of any length, looked at in blocks: order, direction, self-loops, isolated nodes."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 1 << 22  # edges looked at together: what is made of them takes some tens of megabytes
MULTIPLIERS = (-7046029254386353131, -4417276706812531889, -8663945395140668459)  # odd, as in xxHash


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
    """Yield sources, targets and weights, so many edges at a time that memory does not matter."""
    for start in range(0, edge_index.size(1), BLOCK):
        part = slice(start, start + BLOCK)
        yield edge_index[0, part], edge_index[1, part], weight[part]


def is_ascending(values: Tensor) -> bool:
    """Return whether values never go down."""
    steps = (values[start : start + BLOCK + 1] for start in range(0, len(values), BLOCK))
    return all(bool((step[1:] >= step[:-1]).all()) for step in steps)


def is_strictly_sorted(edge_index: Tensor, num_nodes: int) -> bool:
    """Return whether edges ascend by source and target, or by target and source: then none is there twice."""
    return any(_ascends(major, minor, num_nodes) for major, minor in (edge_index, edge_index.flip(0)))


def _ascends(major: Tensor, minor: Tensor, num_nodes: int) -> bool:
    for start in range(0, len(major), BLOCK):
        part = slice(start, start + BLOCK + 1)  # the first edge of the next block is in both
        key = major[part] * num_nodes + minor[part]
        if not bool((key[1:] > key[:-1]).all()):
            return False
    return True


def survey(edge_index: Tensor, weight: Tensor, num_nodes: int) -> Survey:
    """Return what an edge list without duplicates is like.

    Whether all edges have their reverse is told by hashing: 64-bit hashes of all edges add up to the same as those of
    all reversed edges. Sorting edges by their reverse would take many times as long and twice their memory.
    """
    joined = torch.zeros(num_nodes, dtype=torch.bool, device=edge_index.device)
    balance = torch.zeros((), dtype=torch.int64, device=edge_index.device)
    self_loops = False
    for source, target, part in blocks(edge_index, weight):
        apart = source != target
        self_loops = self_loops or not bool(apart.all())
        joined[source[apart]] = True
        joined[target[apart]] = True
        bits = part.contiguous().view(torch.int32)
        balance += (_hashed(source, target, bits) - _hashed(target, source, bits)).sum()
    return Survey(int(balance) == 0, self_loops, not bool(joined.all()))


def _hashed(first: Tensor, second: Tensor, bits: Tensor) -> Tensor:
    """Return 64-bit hashes of ordered pairs and 32 bits each; integer products wrap around."""
    key = first * MULTIPLIERS[0] + second * MULTIPLIERS[1] + bits
    for multiplier in MULTIPLIERS[1:]:
        key = (key ^ (key >> 29)) * multiplier
    return key ^ (key >> 32)
