"""Real nodes: those of the labelled type that a method chose, nodes around them, the relations among all.

Published tables choose nodes of the other types without regard to those of the labelled type; in sets of a few nodes
hardly any relation is left then. Here each other type has the same share of its nodes, drawn among the neighbours of
what was chosen before, nearest types first, which makes stronger controls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.fields import plain_fields, require_positive
from graphcond.core.members import Members
from graphcond.hetero.metapaths import HOPS
from graphcond.hetero.methods.base import SyntheticHetero, other_counts
from graphcond.hetero.space import MetaPathSpace
from graphcond.hetero.task import HeteroGraph, HeteroPart, HeteroTask
from graphcond.nodes.methods.base import class_rows, require_capacity


def real_nodes(task: HeteroTask, groups: list[Tensor], others: Mapping[str, Tensor] | None = None) -> SyntheticHetero:
    """Return chosen real nodes with nodes of the other types.

    Args:
        task: The task that they come from.
        groups: For each class, the row numbers of the labelled type.
        others: Row numbers of each other type; ``None``: random nodes around the chosen ones.
    """
    graph, chosen = task.graph, torch.cat(groups)
    kept = around(graph, chosen) if others is None else {graph.node_type: chosen, **others}
    edges, weights = {}, {}
    for relation in graph.edges:
        edges[relation], weights[relation] = _among(graph, relation, kept)
    return SyntheticHetero(
        x={name: x[kept[name]] for name, x in graph.x.items()},
        y=HeteroPart(graph, chosen).learned,
        edges=edges,
        weights=weights,
        members=Members.from_groups(list(chosen.reshape(-1, 1).cpu())),
    )


def around(graph: HeteroGraph, chosen: Tensor) -> dict[str, Tensor]:
    """Return the row numbers of each type: the chosen ones, and random neighbours of those chosen before."""
    kept, counts = {graph.node_type: chosen}, other_counts(graph, len(chosen))
    while len(kept) < len(graph.x):
        near: dict[str, list[Tensor]] = {}
        for relation, edges in graph.edges.items():
            for mine, other, (known, new) in ((0, 1, (relation[0], relation[2])), (1, 0, (relation[2], relation[0]))):
                if known in kept and new not in kept:
                    inside = torch.zeros(graph.counts[known], dtype=torch.bool, device=chosen.device)
                    inside[kept[known]] = True
                    near.setdefault(new, []).append(edges[other][inside[edges[mine]]])
        for name, rows in near.items():
            kept[name] = _drawn(torch.unique(torch.cat(rows)), counts[name], graph.counts[name])
        if not near:  # types that no relation joins with what was chosen
            for name in graph.x.keys() - kept.keys():
                kept[name] = _drawn(chosen.new_empty(0), counts[name], graph.counts[name])
    return {name: kept[name] for name in graph.x}


def _drawn(near: Tensor, count: int, total: int) -> Tensor:
    """Return some of the near nodes; where they are too few, all of them and random others."""
    found = near[torch.randperm(len(near))[:count].to(near.device)]
    if len(found) < count:
        others = torch.randperm(total).to(near.device)
        others = others[~torch.isin(others, found)]
        found = torch.cat([found, others[: count - len(found)]])
    return found


def _among(graph: HeteroGraph, relation: tuple[str, str, str], kept: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the edges of a relation among kept nodes, renumbered in their order, and their weights."""
    source, _, target = relation
    edges, weights = graph.edges[relation], graph.weights[relation]
    ends = []
    for side, name in ((0, source), (1, target)):
        place = torch.full((graph.counts[name],), -1, dtype=torch.int64, device=edges.device)
        place[kept[name]] = torch.arange(len(kept[name]), device=edges.device)
        ends.append(place[edges[side]])
    inside = (ends[0] >= 0) & (ends[1] >= 0)
    return torch.stack(ends)[:, inside], weights[inside]


@dataclass(frozen=True, kw_only=True)
class PathSpace:
    """The setting of methods that follow meta-paths: for distances, for a teacher, for neighbourhoods.

    Args:
        hops: Relations of a meta-path at most.
    """

    hops: int = HOPS

    def __post_init__(self) -> None:
        """Check the field."""
        plain_fields(self)
        require_positive(self)


def pick_per_class(
    task: HeteroTask, allocation: Tensor, hops: int, pick: Callable[[Tensor, int], Tensor]
) -> SyntheticHetero:
    """Return real training nodes, picked class by class in the space of meta-paths, and nodes around them.

    Args:
        task: The task.
        allocation: Nodes of each class.
        hops: Relations of a meta-path at most.
        pick: Given the rows of a class and a count, the rows that are picked.
    """
    require_capacity(task, allocation)
    propagated = MetaPathSpace(task.graph, hops)
    rows = [class_rows(task, label) for label in range(task.num_classes)]
    counts = allocation.tolist()
    return real_nodes(task, [r[pick(propagated.rows(r), n)] for r, n in zip(rows, counts, strict=True)])
