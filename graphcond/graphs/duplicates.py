"""Copies among graphs, which leak from training into test splits, and which graphs are left without them.

Many sets of the TU collection hold copies (Ivanov et al., "Understanding Isomorphism Bias in Graph Data Sets").
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from graphcond.core.hashing import mixed
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.reading import read_union

DEPTH = 5
MISSING = -3e38  # a missing target is like another, and like no number


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Graphs that a message-passing network cannot distinguish from an earlier one.

    Args:
        kept: ``(num_kept,)`` int64 graphs that are the first of their kind, in order.
        first: ``(num_graphs,)`` int64 the first graph of each graph's kind.
        conflicting: Graphs whose kind bears several labels: no such network can be right on all of them.
    """

    kept: Tensor
    first: Tensor
    conflicting: int


def find_duplicates(dataset: object, depth: int = DEPTH) -> Duplicates:
    """Return which graphs are copies of others, by their Weisfeiler-Leman colours, features included.

    ``dataset[duplicates.kept]`` is the cleaned set.

    Args:
        dataset: What ``condense`` takes.
        depth: Rounds of refinement; graphs that have the same colours after them count as copies.

    >>> from torch_geometric.data import Data
    >>> edge, none = torch.tensor([[0, 1], [1, 0]]), torch.empty(2, 0, dtype=torch.int64)
    >>> kinds = ((edge, 0), (none, 1), (edge, 1))
    >>> find_duplicates([Data(x=torch.ones(2, 1), edge_index=e, y=torch.tensor([y])) for e, y in kinds])
    Duplicates(kept=tensor([0, 1]), first=tensor([0, 1, 0]), conflicting=2)
    """
    graphs = read_union(dataset)
    words = mixed(refine(graphs, depth).levels[-1])
    total = torch.zeros(len(graphs), dtype=torch.int64)
    total.index_add_(0, graphs.graph, torch.from_numpy(words.view(np.int64)))
    keys = torch.stack([total, graphs.sizes], dim=1).numpy()
    _, index, kind = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    kind = kind.reshape(-1)
    _, label = np.unique(graphs.learned.nan_to_num(MISSING).numpy(), axis=0, return_inverse=True)
    labels = np.unique(np.stack([kind, label.reshape(-1)], axis=1), axis=0)[:, 0]
    several = np.bincount(labels, minlength=len(index)) > 1
    kept = torch.from_numpy(np.sort(index))
    return Duplicates(kept, torch.from_numpy(index[kind]), int(several[kind].sum()))
