"""Synthetic graphs with a teacher's soft targets."""

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.members import Members
from graphcond.core.relabelled import Labelling
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.methods.base import SyntheticGraphs
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.graphs.teacher import GraphTeacher, teach

ROWS_AT_ONCE = 4096


def check_budget(budget: GraphBudget) -> None:
    """Raise if graphs shall fit into some bytes: labels come on top of what a method spends.

    Raises:
        ValueError: they shall.
    """
    if budget.max_bytes is not None:
        raise ValueError(
            f"size={budget.max_bytes} bytes cannot be kept by 'relabelled', whose labels come on top of what the "
            "method spends; ask for a number of graphs"
        )


def relabel(task: GraphTask, graphs: SyntheticGraphs, labelling: Labelling) -> SyntheticGraphs:
    """Return graphs with the soft targets of a teacher that is fitted now, see :class:`graphcond.Relabelled`."""
    task, teacher = task.to(torch.device("cpu")), teach(task.to(torch.device("cpu")))
    items = [copy.copy(item).to("cpu") for item in graphs.items]
    if graphs.members is not None:
        outputs = mean_outputs(graphs.members, teacher.outputs(task.train))
    elif "pool_index" in items[0]:  # all training graphs in their order, folded into one item
        outputs = teacher.outputs(task.train)
    else:
        outputs = counted_outputs(items, task.train, teacher)
    classes = task.targets.classes(task.targets.read(torch.cat([item.y for item in items])))
    soft = teacher.soft(outputs, task.train.y, classes, labelling.temperature)
    counts = [len(item.y) if "pool_index" in item else 1 for item in items]
    for item, rows in zip(items, torch.split(soft, counts), strict=True):
        item.y_soft = rows.contiguous()
    return replace(graphs, items=items, choices=graphs.choices | {"teacher": dict(teacher.choices)})


def mean_outputs(members: Members, outputs: np.ndarray) -> np.ndarray:
    """Return the mean output over the training graphs behind each synthetic one, ``(n, outputs)``."""
    return np.stack([outputs[group.numpy()].mean(axis=0) for group in members])


def counted_outputs(items: Sequence[Data], train: GraphSet, teacher: GraphTeacher) -> np.ndarray:
    """Return a teacher's outputs of synthetic graphs, ``(n, outputs)``; of a bag of trees, only the roots count."""
    sizes = torch.tensor([len(item.x) for item in items])
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    edges = [item.edge_index + start for item, start in zip(items, ptr.tolist(), strict=False)]
    attributes = [item.edge_attr for item in items if "edge_attr" in item]
    weights = [item.edge_weight for item in items if "edge_weight" in item]
    joined = GraphSet(
        _as_trained(torch.cat([item.x for item in items]), train.x),
        torch.cat(edges, dim=1),
        torch.cat(attributes) if attributes else None,
        ptr,
        torch.zeros(len(items), dtype=torch.int64),
        torch.cat(weights) if weights else None,
    )
    if "root_weight" not in items[0]:
        return teacher.outputs(joined)
    return teacher.outputs(joined, torch.cat([item.root_weight * item.root_mask for item in items]).float().numpy())


def _as_trained(x: Tensor, train: Tensor) -> Tensor:
    """Return for each row of features the nearest row of the training nodes, whose colours the teacher knows."""
    known = torch.unique(train, dim=0)
    parts = torch.split(x.float(), ROWS_AT_ONCE)
    return torch.cat([known[torch.cdist(part, known.float()).argmin(dim=1)] for part in parts])
