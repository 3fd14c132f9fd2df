"""Shared inputs of the tests of graph sets."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from graphcond.graphs.color_refinement import refine
from graphcond.graphs.folding import Bags, separate_data, unfold
from graphcond.graphs.task import GraphSet


def end_to_end(items: list[Data]) -> GraphSet:
    """Return graphs as one set, their tensors as they are."""
    ptr, edges, shifted = [0], [], []
    for item in items:
        shifted.append(item.edge_index + ptr[-1])
        ptr.append(ptr[-1] + item.x.size(0))
        edges.append(item.get("edge_attr"))
    attr = None if edges[0] is None else torch.cat(edges)
    y = torch.cat([item.y for item in items])
    return GraphSet(torch.cat([item.x for item in items]), torch.cat(shifted, dim=1), attr, torch.tensor(ptr), y)


@pytest.fixture(scope="session")
def join() -> Callable[[list[Data]], GraphSet]:
    """Graphs as one set."""
    return end_to_end


@pytest.fixture(scope="session")
def make_set(make_graphs: Callable[..., list[Data]]) -> Callable[..., GraphSet]:
    """The factory of sets of small random graphs."""

    def make(count: int = 24, **options: Any) -> GraphSet:
        return end_to_end(make_graphs(count, **options))

    return make


def bags_of_trees(graphs: GraphSet, depth: int, *, degrees: bool = False) -> list[Data]:
    """Return each graph as the bag of its computation trees, with their multiplicities."""
    colors = refine(graphs, depth, degrees=degrees)
    _, first, color = np.unique(colors.levels[-1], return_index=True, return_inverse=True)
    trees = unfold(graphs, colors, torch.from_numpy(first), degrees=degrees)
    key, counts = np.unique(graphs.graph.numpy() * len(first) + color.reshape(-1), return_counts=True)
    graph, tree = torch.from_numpy(key // len(first)), torch.from_numpy(key % len(first))
    bags = Bags(trees.roots[tree], graph, torch.from_numpy(counts).float(), len(graphs))
    return separate_data(trees, bags, graphs.y)


@pytest.fixture(scope="session")
def to_bags() -> Callable[..., list[Data]]:
    """Graphs as bags of trees."""
    return bags_of_trees
