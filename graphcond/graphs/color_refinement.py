r"""Weisfeiler-Leman colours: every node's computation tree as one 64-bit number.

.. math:: c_0(v) = h(x_v), \qquad
          c_l(v) = h\Big(c_0(v), \sum_{u \to v} h\big(e_{uv}, c_{l-1}(u)\big) \bmod 2^{64}\Big)

Two nodes share a colour after ``l`` rounds if and only if their ``l``-hop computation trees are isomorphic (Morris et
al., AAAI 2019), but for collisions of the hash, whose odds are ``n^2 / 2^65`` for ``n`` colours: 3e-8 for a million.
No tree is built: a round costs a few operations per edge, where the trees grow exponentially with the depth. Colours
depend on nothing but the tree, so those of different sets, shards or machines can be compared.
"""

from dataclasses import dataclass

import numpy as np

from graphcond.core.hashing import STEP, Words, added, mixed, row_words
from graphcond.graphs.task import GraphSet


@dataclass(frozen=True, eq=False)
class Colors:
    """The colours of the nodes of a set of graphs after each round.

    Args:
        levels: For each round from 0 to the depth, ``(num_nodes,)`` uint64.
        edge_type: ``(num_edges,)`` colours of the edges' features; ``None``: edges are all alike.
        weighted: Whether the edges' weights are part of the trees, and degrees are sums of them.
    """

    levels: tuple[np.ndarray, ...]
    edge_type: np.ndarray | None
    weighted: bool = False

    @property
    def depth(self) -> int:
        """Number of rounds."""
        return len(self.levels) - 1


def refine(graphs: GraphSet, depth: int, *, degrees: bool = False, edges: bool = True, weights: bool = False) -> Colors:
    """Return the colours of all nodes after 0 to ``depth`` rounds.

    Args:
        graphs: The graphs.
        depth: Rounds: the hops of the computation trees.
        degrees: Whether a node's degree in its graph is part of its label, which networks that normalise by it need.
        edges: Whether edge features are part of the trees.
        weights: Whether the weights of edges are, where there are any.
    """
    weighted = weights and graphs.edge_weight is not None
    start = node_words(graphs, degrees, weighted)
    edge_type = row_words(graphs.edge_attr) if edges and graphs.edge_attr is not None else None
    source, target = graphs.edge_index
    salt = None if edge_type is None else mixed(edge_type)
    if graphs.edge_weight is not None and weighted:
        own = mixed(row_words(graphs.edge_weight.unsqueeze(1)))
        salt = own if salt is None else mixed(salt ^ own)
    levels = [start]
    for _ in range(depth):
        messages = levels[-1][source.numpy()]
        messages = mixed(messages if salt is None else messages ^ salt)
        levels.append(mixed(mixed(added(messages, target, graphs.num_nodes)) ^ start))
    return Colors(tuple(levels), edge_type, weighted)


def node_words(graphs: GraphSet, degrees: bool, weighted: bool = False) -> Words:
    """Return a word for each node's features and, where asked, its degree, which may be the sum of weights."""
    words = row_words(graphs.x)
    if degrees and weighted:
        return mixed(words ^ mixed(row_words(graphs.weighted_degree.unsqueeze(1))))
    return mixed(words ^ mixed(graphs.degree.numpy().astype(np.uint64) + STEP)) if degrees else words
