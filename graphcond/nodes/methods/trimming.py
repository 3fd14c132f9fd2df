"""How many of its learned edges a synthetic graph is given, for networks that do not know of their weights."""

import torch
from torch import Tensor

from graphcond.nodes.downstream import CandidateNodes, Downstream, clearly_best, mean_score
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.task import NodeTask

DEGREES = (10, 5, 2, 1)  # edges of a node on average that are tried, besides all of them and none
HOPS = 2
STANDARD_ERRORS = 2.0  # by which fewer edges have to be better than all
MOST_NODES = 1000  # that networks with dense adjacencies are trained on


def trimmed(x: Tensor, y: Tensor, adjacency: Tensor, task: NodeTask) -> tuple[Tensor, dict[str, float]]:
    """Return the adjacency with its heaviest edges only, as many as serve networks that take all of them alike.

    A GCN, a GraphSAGE and an MLP are trained for a short while on all edges, on fewer and on none, without weights;
    their mean score on the validation nodes decides.

    Args:
        x: ``(n, num_features)``.
        y: ``(n,)`` int64.
        adjacency: ``(n, n)`` learned weights, 0 where there is no edge.
        task: With validation nodes.

    Returns:
        The adjacency, and the mean score by edges of a node.
    """
    options = by_degree(adjacency)
    candidates = [CandidateNodes(x, y, one.nonzero().T.flip(0) if one.any() else None) for one in options.values()]
    downstream = Downstream(PropagatedFeatures(task.val.graph, HOPS), task.val.nodes, task.targets)
    outcomes = downstream.compare(candidates)
    kept = list(options.values())[clearly_best(outcomes, downstream, STANDARD_ERRORS)]
    return kept, {f"{degree:g}": round(mean_score(one), 4) for degree, one in zip(options, outcomes, strict=True)}


def by_degree(adjacency: Tensor) -> dict[float, Tensor]:
    """Return an adjacency whole and with its heaviest edges only, by the edges of a node on average."""
    count = len(adjacency)
    weights = adjacency.flatten().sort(descending=True).values
    total = int((weights > 0).sum())
    options = {round(total / count, 2): adjacency}
    for degree in (*DEGREES, 0):
        if (edges := degree * count) < total:
            options[float(degree)] = torch.where(adjacency >= weights[edges - 1], adjacency, 0.0) * (edges > 0)
    return options
