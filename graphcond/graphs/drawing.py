"""Small graphs as pictures: which of them, where their nodes lie, and what colours their nodes have."""

import itertools
from collections.abc import Sequence

import networkx as nx
import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import to_networkx

from graphcond.core.reporting.figures import ClassNames

MOST_DRAWN = 60  # nodes of a graph that is drawn
APART = 2.3  # between components of a graph; each is 2 wide at most


def drawable(items: Sequence[Data], groups: Sequence[str]) -> list[int]:
    """Return the numbers of the graphs that are small enough to be drawn, groups taking turns."""
    piles: dict[str, list[int]] = {}
    for i, item in enumerate(items):
        if "pool_index" not in item and item.num_nodes <= MOST_DRAWN:
            piles.setdefault(groups[i], []).append(i)
    return [i for turn in itertools.zip_longest(*piles.values()) for i in turn if i is not None]


def ends_of(item: Data) -> np.ndarray:
    """Return the pairs of nodes that edges of a graph join, ``(m, 2)``, without directions and self-loops."""
    return np.array(_undirected(item).edges(), np.int64).reshape(-1, 2)


def places_of(item: Data) -> np.ndarray:
    """Return where nodes of a graph are drawn, ``(n, 2)``: components in rows beside one another."""
    graph = _undirected(item)
    places = np.zeros((len(graph), 2))
    components = sorted(nx.connected_components(graph), key=len, reverse=True)
    columns = int(np.ceil(len(components) ** 0.5))
    for number, component in enumerate(components):
        inside = graph.subgraph(component)
        found = nx.kamada_kawai_layout(inside) if len(component) > 1 else dict.fromkeys(component, (0, 0))
        share = (len(component) / len(components[0])) ** 0.5
        corner = APART * np.array([number % columns, -(number // columns)])
        for node, place in found.items():
            places[node] = np.array(place) * share + corner
    return places


def kinds_of(items: Sequence[Data], x: Tensor) -> tuple[list[Tensor], ClassNames, str]:
    """Return the category of each node that its colour shows, what categories are called, and what they are.

    Args:
        items: The graphs.
        x: Features of nodes of the original, or of the graphs themselves.
    """
    if not x.is_floating_point():
        most = 1 + max(int(item.x[:, 0].max()) for item in items)
        names = ClassNames([f"category {i}" for i in range(most)])
        return [item.x[:, 0].long() for item in items], names, "Colours are the categories of the nodes' first feature."
    if x.size(1) > 1 and bool(((x == 0) | (x == 1)).all()):
        names = ClassNames([f"feature {i}" for i in range(x.size(1))])
        return [item.x.argmax(dim=1) for item in items], names, "Colours say which feature a node has."
    return [torch.zeros(item.num_nodes, dtype=torch.int64) for item in items], ClassNames(["node"]), ""


def _undirected(item: Data) -> nx.Graph:
    bare = Data(edge_index=item.edge_index, num_nodes=item.num_nodes)
    return to_networkx(bare, to_undirected=True, remove_self_loops=True)
