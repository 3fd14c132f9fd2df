"""Synthetic nodes that each stand for a group of nodes: what they learn, and their members."""

import torch
from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.targets import Targets
from graphcond.nodes.points import group_means


def group_targets(targets: Targets, goals: Tensor, owner: Tensor, allocation: Tensor) -> Tensor:
    """Return what synthetic nodes learn: the class of each, or the mean of what its members learn.

    Args:
        targets: The targets.
        goals: What a regression learns of each member, ``(n, outputs)``.
        owner: The group of each, ``(n,)`` int64; groups are numbered class by class.
        allocation: Groups of each class.
    """
    classes = torch.repeat_interleave(allocation.to(goals.device))
    return targets.made(classes, targets.soft(group_means(goals, owner, len(classes))))


def group_members(nodes: Tensor, owner: Tensor, count: int) -> Members:
    """Return the nodes of each group, once, however many rows they have in it."""
    return Members.from_groups([torch.unique(nodes[owner == group]).cpu() for group in range(count)])
