"""What is learned of each item, as a value: one class, several labels, or numbers. It is one axis beside the modality.

A value gives the loss and its gradient in closed form, what a ridge regression learns, what stands for classes where
items are counted or drawn class by class, and the score by which choices are made.
"""

from graphcond.core.targets.base import Kind, Targets
from graphcond.core.targets.multi_label import MultiLabel
from graphcond.core.targets.regression import Regression
from graphcond.core.targets.single_label import SingleLabel

EVERY = (SingleLabel, MultiLabel, Regression)
TARGETS: dict[str, type[Targets]] = {one.kind: one for one in EVERY}
"""The kinds of targets, by their names."""

__all__ = ["EVERY", "TARGETS", "Kind", "MultiLabel", "Regression", "SingleLabel", "Targets"]
