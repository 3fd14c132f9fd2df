"""Partitions of a graph's nodes whose parts are to be nodes themselves: components, features and labels."""

import numpy as np
import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from graphcond.nodes.clustering import cluster, duplicates_allowed
from graphcond.nodes.contraction import Integers, Weights, partition_matrix
from graphcond.nodes.points import DensePoints
from graphcond.nodes.sparse import is_sparse, to_scipy
from graphcond.nodes.task import NodePart

ROWS_AT_ONCE = 1 << 14


def part_means(x: Tensor, owner: Tensor, count: int) -> Tensor:
    """Return the mean features of each part, ``(count, num_features)``, zeros of one without nodes.

    Args:
        x: ``(num_nodes, num_features)`` dense, perhaps memory-mapped, or sparse CSR.
        owner: ``(num_nodes,)`` the part of each node.
        count: Number of parts.
    """
    sizes = torch.bincount(owner, minlength=count).clamp(min=1).unsqueeze(1)
    if is_sparse(x):
        sums = (partition_matrix(owner.numpy(), count).T @ to_scipy(x)).toarray()
        return (torch.from_numpy(sums) / sizes).float()
    sums = torch.zeros(count, x.size(1), dtype=torch.float64)
    for rows, part in zip(torch.split(x, ROWS_AT_ONCE), torch.split(owner, ROWS_AT_ONCE), strict=True):
        sums.index_add_(0, part, rows.double())
    return (sums / sizes).float()


def large_components(weights: Weights, count: int) -> Integers:
    """Return the nodes of the components whose share of ``count`` parts is half a part at least, as row numbers.

    All nodes are returned where the others would be too few to choose parts from.
    """
    _, component = connected_components(weights, directed=False)
    sizes = np.bincount(component)
    kept = np.flatnonzero((2 * count * sizes >= len(component))[component])
    return kept if len(kept) >= 2 * count else np.arange(len(component))


def completed(x: Tensor, weights: Weights, kept: Integers, owner: Integers, count: int, seed: int) -> Integers:
    """Return a partition of all nodes into ``count`` parts, given one of some components.

    Parts that are too many, which no edges join, are clustered by their mean features. Each other component goes to the
    part whose mean features are the nearest to its own.

    Args:
        x: ``(num_nodes, num_features)``.
        weights: ``(num_nodes, num_nodes)`` of the edges.
        kept: The nodes that have a part.
        owner: ``(len(kept),)`` their parts.
        count: Number of parts.
        seed: Of the clustering.
    """
    parts = int(owner.max()) + 1
    whole = np.full(weights.shape[0], parts)  # one more for the others
    whole[kept] = owner
    means = part_means(x, torch.from_numpy(whole), parts + 1)[:parts]
    if parts > count:
        with duplicates_allowed():
            merged = cluster(DensePoints(means), count, seed)
        owner = merged.numpy()[owner]
        whole[kept] = owner
        means = part_means(x, torch.from_numpy(np.where(whole < parts, whole, count)), count + 1)[:count]
    left = np.flatnonzero(whole == parts)
    if len(left):
        _, component = connected_components(weights[left][:, left], directed=False)
        _, component = np.unique(component, return_inverse=True)
        other = np.full(weights.shape[0], component.max() + 1)
        other[left] = component
        own = part_means(x, torch.from_numpy(other), int(component.max()) + 2)[:-1]
        whole[left] = torch.cdist(own, means).argmin(dim=1).numpy()[component]
    return whole


def counts_by_class(owner: Integers, train: NodePart, count: int, num_classes: int) -> Integers:
    """Return how many training nodes of each class each part has, ``(count, num_classes)``."""
    places = owner[train.nodes.numpy()] * num_classes + train.labels.numpy()
    return np.bincount(places, minlength=count * num_classes).reshape(count, num_classes)


def classes_without_part(counts: Integers) -> list[int]:
    """Return the classes that are the most frequent of no part."""
    majority = counts.argmax(axis=1)[counts.any(axis=1)]
    return sorted(set(range(counts.shape[1])) - set(majority.tolist()))


def split_by_class(owner: Integers, train: NodePart, counts: Integers, count: int) -> Integers:
    """Return a finer partition, of ``count`` parts, in which each class is the most frequent of one part.

    Training nodes of a class that is the most frequent of no part leave the part that has most of them, and become one
    of their own. If there are parts to spare, classes that are in the minority do the same.

    Args:
        owner: ``(num_nodes,)`` the part of each node.
        train: The training nodes.
        counts: ``(parts, num_classes)`` of the partition.
        count: Number of parts, at least as many as there are and classes without one.
    """
    owner, minority = owner.copy(), counts.copy()
    parts, waiting = counts.shape[0], classes_without_part(counts)
    minority[np.arange(parts), counts.argmax(axis=1)] = 0
    nodes, labels = train.nodes.numpy(), train.labels.numpy()
    for new in range(parts, count):
        column = waiting.pop(0) if waiting else int(minority.max(axis=0).argmax())
        part = int(minority[:, column].argmax())
        if minority[part, column]:
            owner[nodes[(owner[nodes] == part) & (labels == column)]] = new
            minority[part, column] = 0
        else:  # parts are pure: the largest is halved
            rows = np.flatnonzero(owner == np.bincount(owner).argmax())
            owner[rows[len(rows) // 2 :]] = new
    return owner
