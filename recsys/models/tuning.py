"""Choosing a recommender's settings on validation data, so that to be better than it means something."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
from scipy.sparse import csr_matrix

from recsys.data.split import Holdout
from recsys.metrics.conventions import Convention, resolve_convention
from recsys.models.base import Recommender
from recsys.models.ease import EASE
from recsys.models.implicit_models import ALS, ItemKNN
from recsys.models.infinite_ae import InfiniteAE
from recsys.models.scoring import score_lists

logger = logging.getLogger(__name__)

Setting = TypeVar("Setting")

USERS = 5000
"""Validation users that settings are chosen by, at most: more would hardly change the choice, only cost time."""

EASE_RIDGES = (0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Ridges of EASE over the mean diagonal of the Gram matrix, which is the mean number of users of an item: that differs
manyfold between all users and a few synthetic ones, the best ratio less."""

INFINITE_AE_RIDGES = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 5.0, 20.0, 50.0)
"""From a few synthetic users, whose rows are far apart, to thousands of real ones."""

ITEM_KNN_NEIGHBOURS = (20, 50, 100, 200, 400)

ALS_REGULARIZATIONS = (1.0, 10.0, 30.0, 100.0)
ALS_ALPHAS = (10.0, 1.0)
ALS_FACTORS = (64, 32, 256)
"""Settings of ALS; the widths after the first are tried with the best of the others."""


@dataclass(frozen=True, eq=False)
class Tuned(Generic[Setting]):
    """What was chosen.

    Args:
        model: The model of the best setting, fitted.
        choice: That setting.
        scores: Each setting that was tried, with its validation score.
    """

    model: Recommender
    choice: Setting
    scores: tuple[tuple[Setting, float], ...]

    @property
    def score(self) -> float:
        """Validation score of the choice."""
        return max(score for _, score in self.scores)


def tuned(
    build: Callable[[Setting], Recommender],
    grid: Sequence[Setting],
    train: csr_matrix,
    val: Holdout,
    *,
    metric: str = "ndcg@10",
    convention: str | Convention = "distill_cf",
    train_counts: np.ndarray | None = None,
) -> Tuned[Setting]:
    """Fit a model of each setting and keep the one that does best on the validation data.

    Args:
        build: Makes the model of a setting.
        grid: The settings, from weak to strong regularisation: of equal scores, the last counts.
        train: ``(num_users, num_items)`` interactions to fit on, of real users or of synthetic ones.
        val: The validation holdout; of more than :data:`USERS` users, that many are drawn.
        metric: What is maximised.
        convention: What the metric means.
        train_counts: How often each item is in the real training data; ``None``: as in ``train``.

    Raises:
        ValueError: the grid is empty, or the convention has no such metric.
    """
    metric, k = _with_length(metric, resolve_convention(convention), train.shape[1])
    if train_counts is None:
        train_counts = np.bincount(train.indices, minlength=train.shape[1])
    scores: list[tuple[Setting, float]] = []
    best: Recommender | None = None
    val = val.sampled(USERS)
    for setting in grid:
        model = build(setting).fit(train)
        score = score_lists(model, val, ks=(k,), convention=convention, train_counts=train_counts).values[metric]
        if best is None or score >= max(score for _, score in scores):
            best, choice = model, setting
        scores.append((setting, score))
        logger.info("%s with %s: %s %.4f", model.name, setting, metric, score)
    if best is None:
        raise ValueError("grid must hold at least one setting, got none")
    return Tuned(best, choice, tuple(scores))


def tuned_ease(
    train: csr_matrix, val: Holdout, *, ratios: Sequence[float] = EASE_RIDGES, metric: str = "ndcg@10"
) -> Tuned[float]:
    """Choose the ridge of :class:`EASE` among multiples of the mean diagonal of the Gram matrix.

    Returns:
        The model, and its ridge as ``EASE(ridge=...)`` takes it.
    """
    diagonal = float(np.square(train.data, dtype=np.float64).sum()) / train.shape[1]
    return tuned(lambda ridge: EASE(ridge=ridge), [ratio * diagonal for ratio in ratios], train, val, metric=metric)


def tuned_infinite_ae(
    train: csr_matrix, val: Holdout, *, ridges: Sequence[float] = INFINITE_AE_RIDGES, metric: str = "ndcg@10"
) -> Tuned[float]:
    """Choose the ridge of :class:`~recsys.models.infinite_ae.InfiniteAE`.

    Returns:
        The model, and its ridge as ``InfiniteAE(ridge=...)`` takes it.
    """
    kernel = InfiniteAE().gram(train)
    return tuned(lambda ridge: InfiniteAE(ridge=ridge, gram_of_users=kernel), ridges, train, val, metric=metric)


def tuned_item_knn(train: csr_matrix, val: Holdout, *, metric: str = "ndcg@10") -> Tuned[dict[str, Any]]:
    """Choose the similarity of :class:`~recsys.models.implicit_models.ItemKNN` and the number of neighbours.

    Returns:
        The model, and its settings as ``ItemKNN(**settings)`` takes them.
    """
    grid = [{"neighbours": count, "kind": kind} for kind in ("cosine", "bm25") for count in ITEM_KNN_NEIGHBOURS]
    return tuned(lambda setting: ItemKNN(**setting), grid, train, val, metric=metric)


def tuned_als(train: csr_matrix, val: Holdout, *, metric: str = "ndcg@10", seed: int = 0) -> Tuned[dict[str, Any]]:
    """Choose the settings of :class:`ALS`: regularisation and confidence, then the width.

    Returns:
        The model, and its settings as ``ALS(**settings)`` takes them.
    """

    def choose(grid: list[dict[str, Any]]) -> Tuned[dict[str, Any]]:
        return tuned(lambda setting: ALS(**setting, seed=seed), grid, train, val, metric=metric)

    narrow, *widths = ALS_FACTORS
    first = choose(
        [
            {"factors": narrow, "regularization": regularization, "alpha": alpha}
            for regularization in ALS_REGULARIZATIONS
            for alpha in ALS_ALPHAS
        ]
    )
    second = choose([{**first.choice, "factors": width} for width in widths])
    winner = second if second.score > first.score else first
    return replace(winner, scores=first.scores + second.scores)


def _with_length(metric: str, rules: Convention, num_items: int) -> tuple[str, int]:
    """Return a metric and the length of the lists that it is about, all items at most; 1 if it is not about lists."""
    if metric in rules.whole:
        return metric, 1
    name, _, k = metric.partition("@")
    if name not in rules.at_k or not k.isdigit():
        names = ", ".join([f"{name}@k" for name in rules.at_k] + list(rules.whole))
        raise ValueError(f"metric must be one of {names} (with a length for k), got {metric!r}")
    length = min(int(k), num_items)
    return f"{name}@{length}", length
