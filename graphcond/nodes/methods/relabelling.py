"""Synthetic nodes with a teacher's soft targets."""

from dataclasses import asdict, replace

import torch
from torch import Tensor

from graphcond.core.relabelled import Labelling
from graphcond.nodes.methods.base import SyntheticNodes
from graphcond.nodes.propagated_features import PropagatedFeatures, Views
from graphcond.nodes.task import Graph, NodeTask
from graphcond.nodes.teacher import TeacherChoice, choose_teacher, fitted, for_choosing, scores_of_all
from graphcond.surrogates.ridge import LinearModel

DEPTH = 2  # hops whose features are kept while the teacher is chosen


def relabel(task: NodeTask, nodes: SyntheticNodes, labelling: Labelling) -> SyntheticNodes:
    """Return nodes with the soft targets of a teacher that is chosen now, see :class:`graphcond.Relabelled`."""
    views = Views.of(task, DEPTH)
    choice = choose_teacher(*for_choosing(task, views))
    model = fitted(task, views.train, choice)
    scores = synthetic_scores(nodes, choice, model)
    if nodes.members is not None:
        alone = (nodes.members.ptr.diff() == 1).nonzero().flatten()
        originals = nodes.members.index[nodes.members.ptr[alone]].to(scores.device)
        scores[alone.to(scores.device)] = scores_of_all(views.train, choice, model)[originals]
    y_soft = task.targets.soft(scores, choice.temperature / labelling.temperature)
    return replace(nodes, y_soft=y_soft, choices=nodes.choices | {"teacher": asdict(choice)})


def synthetic_scores(nodes: SyntheticNodes, choice: TeacherChoice, model: LinearModel) -> Tensor:
    """Return a teacher's scores of synthetic nodes, ``(n, outputs)``, in their own graph."""
    count = len(nodes.x)
    loops = torch.arange(count, device=nodes.x.device).repeat(2, 1)
    edge_index = loops if nodes.edge_index is None else nodes.edge_index
    weight = nodes.x.new_ones(edge_index.size(1)) if nodes.edge_weight is None else nodes.edge_weight
    graph = Graph(nodes.x, edge_index, weight.to(nodes.x), torch.zeros(count, dtype=torch.int64, device=nodes.x.device))
    return scores_of_all(PropagatedFeatures(graph, 0), choice, model)
