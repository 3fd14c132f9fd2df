"""The work of choosing a teacher, of its posteriors, and of clusters, counted before anything runs."""

import torch

from graphcond.nodes.cost_model import NUMBER, Shape, Work
from graphcond.nodes.propagation import PAGERANK_STEPS
from graphcond.nodes.sparse_hops import SPARSE_COST
from graphcond.nodes.teacher import (
    FINALISTS,
    KEPT_LIMIT,
    SELECTION_LIMIT,
    SMOOTHING_LIMIT,
    TELEPORTS,
    VALIDATION_LIMIT,
    affordable_hops,
    keeps,
)
from graphcond.surrogates.ridge import DIRECT_LIMIT

ITERATIONS = 50  # of conjugate gradients, for the teacher and the student
MATRICES = 6  # of weights that these hold at a time


def taught_work(shape: Shape, depth: int) -> Work:
    """Return the work of choosing a teacher, of its posteriors, and of clusters in the features after some hops."""
    return _dense_work(shape, depth) if shape.nonzeros is None else _sparse_work(shape, depth, shape.nonzeros)


def _dense_work(shape: Shape, depth: int) -> Work:
    nodes, features, classes = shape.num_nodes, shape.num_features, shape.num_classes
    hops = affordable_hops(shape.entries * features, depth)
    smoothing = min(FINALISTS, SMOOTHING_LIMIT // (PAGERANK_STEPS * len(TELEPORTS) * shape.entries * classes))
    tried, validated = min(SELECTION_LIMIT, shape.num_train), VALIDATION_LIMIT + SELECTION_LIMIT
    space, posterior = shape.rows_bytes(features), shape.rows_bytes(classes)
    kept, further = space, 2 * (hops - depth)  # once to choose, once to fit
    if keeps(shape, hops, depth):
        kept, further = 2 * space, hops - depth
    clustered = min(1.0, 3 * torch.get_num_threads() / classes)  # of the nodes at once: a class in each thread
    stages = (
        shape.building_bytes,
        shape.adjacency_bytes + kept + shape.sweep_bytes + NUMBER * min(nodes, validated) * features * (depth + 1),
        shape.adjacency_bytes + kept + 2 * posterior + 2 * NUMBER * shape.num_train * features,
        shape.adjacency_bytes + kept + posterior + int(2 * clustered * space),
    )
    smooth = PAGERANK_STEPS * (len(TELEPORTS) * smoothing + 1)
    return Work(
        products=shape.entries * ((depth + further) * features + smooth * classes),
        dense=(nodes + shape.num_train) * features * (min(features, DIRECT_LIMIT) + 2 * classes)
        + 4 * (hops + 1) * tried * features * min(tried, features),
        memory=max(stages),
        movable=kept,
    )


def _sparse_work(shape: Shape, depth: int, nonzeros: int) -> Work:
    """Return the work where features are sparse: rows are made for some nodes, all else are products."""
    nodes, features, classes = shape.num_nodes, shape.num_features, shape.num_classes
    hops = affordable_hops(shape.entries * features, depth)
    chosen = min(SELECTION_LIMIT, shape.num_train) + min(VALIDATION_LIMIT, nodes)
    rows = min(NUMBER * features * chosen, 2 * max(KEPT_LIMIT, NUMBER * features * classes))
    weights, posterior = NUMBER * features * classes, shape.rows_bytes(classes)
    direct = 2 * NUMBER * features * min(shape.num_train, DIRECT_LIMIT)  # the rows, and the rows less their mean
    held = shape.adjacency_bytes + 2 * NUMBER * (2 * nonzeros + nodes + features)  # features and their transpose
    stages = (
        shape.building_bytes,
        held + 3 * rows // 2 + 2 * (hops + 1) * weights,
        held + 2 * posterior + max(direct, MATRICES * weights),
    )
    smooth = min(FINALISTS, SMOOTHING_LIMIT // (PAGERANK_STEPS * len(TELEPORTS) * shape.entries * classes))
    once = (2 * nonzeros + 2 * depth * shape.entries) * classes  # features, and their transpose, times one matrix
    return Work(
        products=ITERATIONS * once
        + (hops + 1) * depth * SPARSE_COST * nonzeros * (shape.entries / nodes) ** depth
        + PAGERANK_STEPS * (len(TELEPORTS) * smooth + 1) * shape.entries * classes,
        dense=4 * (hops + 1) * rows / NUMBER * min(SELECTION_LIMIT, shape.num_train),
        memory=max(stages),
    )
