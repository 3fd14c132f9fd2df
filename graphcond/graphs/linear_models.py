"""Linear models for each kind of targets: what differs between classes, labels and numbers, in one place."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from torch import Tensor

from graphcond.core.targets import MultiLabel, Regression, SingleLabel, Targets
from graphcond.core.targets.base import RAREST
from graphcond.graphs.soft_labels import prior_shift, rounded_halves, rounded_probabilities, rounded_shares

Points = Any
"""Rows of counts or of a few numbers, ``(n, columns)``."""
Outputs = Callable[[Points], np.ndarray]
"""A fitted model: from points to what a network would give, ``(n, outputs)``."""

ITERATIONS = 300
ITERATIONS_OF_FEW = 1000  # of models on a few columns
MOST_KNOWN = 2_000_000  # labels of graphs that are learned from; of more graphs, some are left out


@dataclass(frozen=True)
class LinearModels(ABC):
    """Linear models that predict targets.

    Args:
        targets: What is predicted.
    """

    inverse_penalties: ClassVar[tuple[float, ...]] = (0.1, 1.0)
    """Among which validation graphs choose."""
    targets: Any

    @abstractmethod
    def fit(self, counts: sp.csr_matrix, y: Tensor, c: float) -> Outputs:
        """Return a model of many sparse columns.

        Args:
            counts: Of the training graphs.
            y: What they teach.
            c: The inverse of the penalty.
        """

    @abstractmethod
    def fit_few(self, points: np.ndarray, y: Tensor) -> Outputs:
        """Return a model of a few columns with the mean 0 and the deviation 1."""

    @abstractmethod
    def soft(self, outputs: np.ndarray, original: Tensor, condensed: Tensor) -> Tensor:
        """Return outputs as soft targets that take few bytes, ``(n, outputs)`` float32.

        Args:
            outputs: Of condensed graphs.
            original: Classes, or strata, of the training graphs.
            condensed: Those of the condensed graphs.
        """

    def tempered(self, outputs: np.ndarray, temperature: float) -> np.ndarray:
        """Return outputs at a temperature, if they have any."""
        return outputs / temperature

    def score(self, outputs: np.ndarray, y: Tensor) -> float:
        """Return the score by which models are chosen."""
        found: float = self.targets.score(torch.from_numpy(outputs), y)
        return found


class ClassModels(LinearModels):
    """Logistic regressions on classes."""

    def fit(self, counts: sp.csr_matrix, y: Tensor, c: float) -> Outputs:
        """See :class:`LinearModels`."""
        solver = "liblinear" if int(y.max()) == 1 else "lbfgs"  # by far the faster one for two classes
        model = LogisticRegression(C=c, solver=solver, max_iter=ITERATIONS, random_state=0)
        return _logits_of(_quietly(model, counts, y.numpy()))

    def fit_few(self, points: np.ndarray, y: Tensor) -> Outputs:
        """See :class:`LinearModels`."""
        return _logits_of(LogisticRegression(max_iter=ITERATIONS_OF_FEW).fit(points, y.numpy()))

    def soft(self, outputs: np.ndarray, original: Tensor, condensed: Tensor) -> Tensor:
        """See :class:`LinearModels`: probabilities that follow the class shares of the condensed graphs."""
        return rounded_probabilities(outputs + prior_shift(original, condensed, outputs.shape[1]))

    def score(self, outputs: np.ndarray, y: Tensor) -> float:
        """See :class:`LinearModels`."""
        return class_score(outputs, y.numpy())


class LabelModels(LinearModels):
    """A logistic regression on each label, where it is known."""

    def fit(self, counts: sp.csr_matrix, y: Tensor, c: float) -> Outputs:
        """See :class:`LinearModels`."""
        rows = np.linspace(0, len(y) - 1, min(len(y), MOST_KNOWN // y.size(1))).round().astype(int)
        make = LogisticRegression(C=c, solver="liblinear", max_iter=ITERATIONS, random_state=0)
        return _side_by_side([_label_model(make, counts[rows], column) for column in y[torch.from_numpy(rows)].T])

    def fit_few(self, points: np.ndarray, y: Tensor) -> Outputs:
        """See :class:`LinearModels`."""
        make = LogisticRegression(max_iter=ITERATIONS_OF_FEW)
        return _side_by_side([_label_model(make, points, column) for column in y.T])

    def soft(self, outputs: np.ndarray, original: Tensor, condensed: Tensor) -> Tensor:
        """See :class:`LinearModels`: probabilities."""
        return rounded_shares(self.targets.predictions(torch.from_numpy(outputs)))


class NumberModels(LinearModels):
    """Ridge regressions on standardised numbers, where they are known."""

    inverse_penalties: ClassVar[tuple[float, ...]] = (0.1, 0.3, 1.0)

    def tempered(self, outputs: np.ndarray, temperature: float) -> np.ndarray:
        """See :class:`LinearModels`: numbers have none."""
        return outputs

    def fit(self, counts: sp.csr_matrix, y: Tensor, c: float) -> Outputs:
        """See :class:`LinearModels`."""
        return self._fitted(Ridge(alpha=1 / c, solver="sparse_cg"), counts, y)

    def fit_few(self, points: np.ndarray, y: Tensor) -> Outputs:
        """See :class:`LinearModels`."""
        return self._fitted(Ridge(), points, y)

    def _fitted(self, make: Ridge, points: Points, y: Tensor) -> Outputs:
        goal, known = self.targets.centred(y, torch.float64).numpy(), y.isnan().logical_not().numpy()
        return _side_by_side(
            [_number_model(make, points[rows], column[rows]) for rows, column in zip(known.T, goal.T, strict=True)]
        )

    def soft(self, outputs: np.ndarray, original: Tensor, condensed: Tensor) -> Tensor:
        """See :class:`LinearModels`: numbers in the units of the original."""
        return rounded_halves(self.targets.predictions(torch.from_numpy(outputs)), self.targets.scale)


MODELS: dict[type[Targets], type[LinearModels]] = {
    SingleLabel: ClassModels,
    MultiLabel: LabelModels,
    Regression: NumberModels,
}


def linear_models(targets: Targets) -> LinearModels:
    """Return the linear models for some targets."""
    return MODELS[type(targets)](targets)


def class_score(logits: np.ndarray, y: np.ndarray) -> float:
    """Return ROC-AUC where there are two classes and both are present, else accuracy."""
    if logits.shape[1] == 2 and 0 < int(y.sum()) < len(y):
        return float(roc_auc_score(y, logits[:, 1] - logits[:, 0]))
    return float((logits.argmax(axis=1) == y).mean())


def _quietly(model: Any, points: Points, y: np.ndarray) -> Any:  # noqa: ANN401 (a model of scikit-learn)
    """Return a model that is fitted, converged or not: the best by validation is taken."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(points, y)


def _logits_of(model: LogisticRegression) -> Outputs:
    """Return the logits of classes; for two of them they sum to 0."""

    def outputs(points: Points) -> np.ndarray:
        scores = model.decision_function(points)
        return np.stack([-scores / 2, scores / 2], axis=1) if scores.ndim == 1 else scores

    return outputs


def _label_model(make: LogisticRegression, points: Points, column: Tensor) -> Outputs:
    """Return the logit of one label; where all that is known is alike, the logit of its share."""
    known = column.isnan().logical_not().numpy()
    y = column.numpy()[known]
    if not known.any() or y.min() == y.max():
        share = torch.tensor(float(y.mean()) if known.any() else 0.5)
        constant = float(share.logit(eps=RAREST))
        return lambda points: np.full(points.shape[0], constant)
    model = _quietly(type(make)(**make.get_params()), points[known], y)
    return lambda points: model.decision_function(points)


def _number_model(make: Ridge, points: Points, y: np.ndarray) -> Outputs:
    """Return one number, standardised; the mean where nothing is known."""
    if not len(y):
        return lambda points: np.zeros(points.shape[0])
    model = _quietly(type(make)(**make.get_params()), points, y)
    return lambda points: model.predict(points)


def _side_by_side(models: list[Outputs]) -> Outputs:
    return lambda points: np.stack([model(points) for model in models], axis=1).astype(np.float64)
