"""Where the training sets of a report come from: condensations, and the controls beside them, which are values."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from graphcond.core.evaluation.candidates import Candidate, Extent, Given, not_possible
from graphcond.core.evaluation.columns import Column, Score, outcomes
from graphcond.core.evaluation.metrics import metric_name
from graphcond.core.evaluation.score_cache import cached_score, identity
from graphcond.core.evaluation.setting import Setting
from graphcond.core.method import Method
from graphcond.core.runtime.costs import measured
from graphcond.core.runtime.randomness import seeded

WHOLE = "whole"
"""What tables call the original itself."""


@dataclass(frozen=True)
class OneTraining:
    """One training of a row.

    Args:
        column: Whether it is on hard labels without weights, or with the set's own.
        score: Does it and returns its score.
    """

    column: Column
    score: Callable[[], Any]


class Control(ABC):
    """Where a training set comes from. A control is a frozen dataclass; its name is that of a modality's table."""

    sized: ClassVar[bool] = False
    """Whether it has the size of what is evaluated, and differs with it."""

    def candidate(self, name: str, setting: Setting, several: Sequence[Given]) -> Candidate:
        """Return the training set.

        Args:
            name: What tables call it.
            setting: What all rows share.
            several: What is evaluated.
        """
        return Candidate(name, self)

    @abstractmethod
    def trainings(self, setting: Setting, candidate: Candidate, model: Any) -> list[OneTraining]:  # noqa: ANN401
        """Return the trainings of a model, none of which is done yet."""

    def extent(self, setting: Setting, candidate: Candidate) -> Extent:
        """Return the size of the (first) set."""
        return setting.evaluation.extent(candidate.sets[0]) if candidate.sets else Extent()


@dataclass(frozen=True)
class CondensedData(Control):
    """What is evaluated: condensations, or data of the user's own."""

    def trainings(self, setting: Setting, candidate: Candidate, model: Any) -> list[OneTraining]:  # noqa: ANN401
        """See :func:`on_sets`."""
        return on_sets(setting, candidate, model)


@dataclass(frozen=True)
class Selection(Control):
    """What a simple method makes, once for each condensation and of the same size, with the seeds 0, 1, ...

    Args:
        method: The method.
    """

    sized: ClassVar[bool] = True
    method: Method

    def candidate(self, name: str, setting: Setting, several: Sequence[Given]) -> Candidate:
        """See :meth:`Control.candidate`."""
        evaluation, made = setting.evaluation, []
        sizes = [evaluation.control_size(setting.task, one) for one in several]
        try:
            with measured(setting.device if evaluation.on_device else torch.device("cpu")) as costs:
                condense = evaluation.condense(self.method, setting.task)
                for i, size in enumerate(sizes):
                    with seeded(i):
                        made.append(condense(size))
        except ValueError as reason:
            return Candidate(name, self, note=not_possible(reason))
        return Candidate(name, self, tuple(made), costs.seconds / len(sizes), costs.peak_memory)

    def trainings(self, setting: Setting, candidate: Candidate, model: Any) -> list[OneTraining]:  # noqa: ANN401
        """See :func:`on_sets`."""
        return on_sets(setting, candidate, model)


@dataclass(frozen=True)
class Prior(Control):
    """What needs no item: the shares of classes and labels among the training items, or the mean of numbers."""

    def trainings(self, setting: Setting, candidate: Candidate, model: Any) -> list[OneTraining]:  # noqa: ANN401
        """See :meth:`Control.trainings`."""
        return [OneTraining("plain", partial(_constant, setting))]


@dataclass(frozen=True)
class Whole(Control):
    """The original itself; the scores of the library's own models are kept on disk."""

    def trainings(self, setting: Setting, candidate: Candidate, model: Any) -> list[OneTraining]:  # noqa: ANN401
        """See :meth:`Control.trainings`."""
        evaluation = setting.evaluation
        whole = setting.under(evaluation.whole_protocol(setting.protocol))
        data = cache(lambda: evaluation.whole_data(whole, model))
        name = next((name for name, one in evaluation.kept.items() if one is model), None)
        return [OneTraining("plain", partial(_kept, whole, model, name, data, seed)) for seed in setting.seeds(model)]

    def extent(self, setting: Setting, candidate: Candidate) -> Extent:
        """Return the size of the original."""
        return setting.evaluation.whole_extent(setting.task)


def check_metric(setting: Setting) -> None:
    """Raise if a metric does not suit what is learned, or says nothing of the test items.

    Raises:
        ValueError: it is so.
    """
    task = setting.scored
    test = task.test.learned
    constant = task.targets.prior(task.train.learned).expand(len(test), -1)
    name = metric_name(setting.metric)
    if name and math.isnan(setting.metric(task.targets.answers(constant), test)):
        raise ValueError(
            f"metric={name!r} is not defined on the test items, among which no label is both there and not there; name "
            "another metric in the protocol, or pass more test items"
        )


def _constant(setting: Setting) -> Score:
    task = setting.scored
    val, test = task.val.learned, task.test.learned
    row = task.targets.prior(task.train.learned)
    return score_of_outputs(
        setting, row.expand(len(test), -1), test, row.expand(len(val), -1) if len(val) else None, val
    )


def score_of_outputs(
    setting: Setting, test_outputs: Tensor, test: Tensor, val_outputs: Tensor | None, val: Tensor
) -> Score:
    """Return the score of outputs of what is not trained step by step.

    Args:
        setting: What all rows share.
        test_outputs: For the test items, ``(num_test, outputs)``.
        test: Targets of the test items.
        val_outputs: The same for the validation items; ``None``: there are none.
        val: Targets of the validation items.
    """
    metric, targets = setting.metric, setting.scored.targets
    answers = targets.answers(test_outputs)
    labels = test.to(answers.device)
    found = metric(answers, labels)
    val_score = float("nan")
    if val_outputs is not None:
        val_score = metric(targets.answers(val_outputs), val.to(val_outputs.device))
    return Score(found, val_score, found, outcomes(answers, labels, metric))


def on_sets(setting: Setting, candidate: Candidate, model: Any) -> list[OneTraining]:  # noqa: ANN401 (of any modality)
    """Return the trainings on each set of a candidate, in both columns where it has weights or soft labels."""
    evaluation, sets = setting.evaluation, candidate.sets
    settings: dict[Column, Setting] = {"plain": setting}
    if sets and evaluation.carries_own(model, sets):
        settings["own"] = setting.under(evaluation.own_protocol(setting.protocol, candidate))
    found = []
    for column, under in settings.items():
        for one in sets:
            data = cache(partial(evaluation.training_data, under, model, one, column))
            found += [OneTraining(column, partial(_trained, under, model, data, s)) for s in setting.seeds(model)]
    return found


def _trained(setting: Setting, model: object, data: Callable[[], Any], seed: int) -> Any:  # noqa: ANN401
    return setting.evaluation.train(setting, model, data(), seed)


def _kept(setting: Setting, model: object, name: str | None, data: Callable[[], Any], seed: int) -> Any:  # noqa: ANN401
    train = partial(_trained, setting, model, data, seed)
    if name is None:
        return train()
    known = identity(setting.task, name, setting.protocol, setting.metric, seed, setting.device)
    return cached_score(known, setting.evaluation.test_labels(setting.scored), train)


def control_names(controls: bool | Sequence[str], known: Mapping[str, Control], usual: Sequence[str]) -> list[str]:
    """Return the names of the controls that were asked for: the usual ones, none, or the given ones.

    Raises:
        TypeError: a single string, whose letters would be taken for names.
        ValueError: there is no control of a name.
    """
    if isinstance(controls, bool | np.bool_):
        return list(usual) if controls else []
    if isinstance(controls, str) or not isinstance(controls, Iterable):
        raise TypeError(f"controls must be true, false or a sequence of names, got {controls!r}; pass ({controls!r},)")
    unknown = [name for name in controls if name not in known]
    if unknown:
        raise ValueError(f"there is no control {unknown[0]!r}; choose from {', '.join(known)}")
    return list(controls)
