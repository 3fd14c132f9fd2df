"""Synthetic nodes with a teacher's soft targets."""

from dataclasses import asdict, replace

import torch

from graphcond.core.relabelled import Labelling
from graphcond.hetero.methods.base import SyntheticHetero
from graphcond.hetero.space import MetaPathSpace
from graphcond.hetero.task import HeteroTask
from graphcond.hetero.teacher import choose_teacher, fitted, scores_of_all
from graphcond.nodes.teacher import with_validation


def relabel(task: HeteroTask, nodes: SyntheticHetero, labelling: Labelling) -> SyntheticHetero:
    """Return a small graph with the soft targets of a teacher that is chosen now, see :class:`graphcond.Relabelled`.

    A synthetic node has the mean of the teacher's scores of the original nodes behind it.

    Raises:
        ValueError: nobody knows which original nodes these are.
    """
    if nodes.members is None:
        raise ValueError("relabelled() needs to know which original nodes a synthetic one stands for; this method does "
                         "not tell")  # fmt: skip
    propagated = MetaPathSpace(task.graph)
    choice = choose_teacher(with_validation(task), propagated)
    scores = scores_of_all(propagated, choice, fitted(task, propagated, choice))
    means = torch.stack([scores[rows.to(scores.device)].mean(dim=0) for rows in nodes.members])
    y_soft = task.targets.soft(means, choice.temperature / labelling.temperature)
    return replace(nodes, y_soft=y_soft, choices=nodes.choices | {"teacher": asdict(choice)})
