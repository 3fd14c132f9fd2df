"""Evaluation of a recommender: it is asked about users block by block, and its answers are measured."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix

from recsys.data.split import Holdout
from recsys.metrics.conventions import Convention, resolve_convention
from recsys.metrics.lists import Lists, inverse_propensities
from recsys.metrics.ranking import top_items
from recsys.models.base import Recommender


@dataclass(frozen=True, eq=False)
class Scores:
    """How well a recommender did.

    Args:
        values: Metrics by name, such as ``"ndcg@10"``, as fractions.
        per_user: ``(num_asked,)`` each, for those metrics that are plain means over users: what
            :func:`~recsys.metrics.bootstrap.paired_bootstrap` compares.
        users: ``(num_asked,)`` the users that were asked about, those with targets.
        convention: Name of the metric convention.
    """

    values: dict[str, float]
    per_user: dict[str, np.ndarray] = field(repr=False)
    users: np.ndarray = field(repr=False)
    convention: str


def score_lists(
    model: Recommender,
    holdout: Holdout,
    *,
    ks: tuple[int, ...] = (10, 100),
    convention: str | Convention = "distill_cf",
    train_counts: np.ndarray,
    known: csr_matrix | None = None,
    seed: int = 0,
    block: int = 1000,
) -> Scores:
    """Measure a fitted recommender on a holdout.

    Args:
        model: What is evaluated.
        holdout: The users' context, which is shown and left out of the lists, and the targets.
        ks: Lengths of lists.
        convention: What the metrics mean; see :data:`~recsys.metrics.conventions.CONVENTIONS`.
        train_counts: ``(num_items,)`` how often each item was trained on.
        known: ``(num_users, num_items)`` interactions that an AUC does not take for negatives, beside the targets;
            ``None``: the context.
        seed: Of the negatives that are drawn.
        block: Number of users that are asked about at once; it changes memory, not results.

    Raises:
        ValueError: no user has targets; a list would be longer than there are items; the shapes differ.

    Note:
        Distill-CF's code draws negatives outside the training and test interactions, so that in its test validation
        items are among them although they are shown. ``known=train`` does the same, and gives its AUC.
    """
    rules = resolve_convention(convention)
    known = holdout.context if known is None else known
    users = holdout.asked()
    _check(holdout, known, ks, train_counts, block)
    tally = _Tally(rules, ks, inverse_propensities(train_counts), np.random.default_rng(seed))
    for start in range(0, len(users), block):
        asked = users[start : start + block]
        question = holdout.take(asked)
        scores = model.scores_of(asked, question.context)
        if scores.shape != question.context.shape:
            raise ValueError(f"{model.name} must give scores of the shape {question.context.shape}, got {scores.shape}")
        tally.add(scores, question, known[asked])
    return tally.scores(users)


class _Tally:
    """Metrics of the users so far."""

    def __init__(self, rules: Convention, ks: tuple[int, ...], weights: np.ndarray, rng: np.random.Generator) -> None:
        self._rules, self._ks, self._weights, self._rng = rules, ks, weights, rng
        self._values: dict[str, list[np.ndarray]] = defaultdict(list)
        self._shares: dict[str, list[np.ndarray]] = defaultdict(list)
        self._observed: dict[str, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)

    def add(self, scores: np.ndarray, question: Holdout, known: csr_matrix) -> None:
        """Take in the scores of some users."""
        items = top_items(scores, max(self._ks), question.context)
        lists = Lists.compare(items, question.targets, self._weights)
        for k in self._ks:
            shorter = lists.at(k)
            for name, measure in self._rules.at_k.items():
                self._values[f"{name}@{k}"].append(_of_each(name, measure.of(shorter), len(items)))
                if measure.weight is not None:
                    self._shares[f"{name}@{k}"].append(measure.weight(shorter))
        for name, whole in self._rules.whole.items():
            self._observed[name].append(whole.observe(scores, known, question.targets, self._rng))

    def scores(self, users: np.ndarray) -> Scores:
        """Return the metrics of all users."""
        per_user = {name: np.concatenate(parts) for name, parts in self._values.items()}
        shares = {name: np.concatenate(parts) for name, parts in self._shares.items()}
        values = {name: float(np.average(each, weights=shares.get(name))) for name, each in per_user.items()}
        for name, parts in self._observed.items():
            first, second = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
            values[name] = self._rules.whole[name].value(first, second)
        plain = {name: each for name, each in per_user.items() if name not in shares}
        return Scores(values, plain, users, self._rules.name)


def _of_each(name: str, values: object, users: int) -> np.ndarray:
    """Return a metric's values, one for each user, or raise."""
    each = np.asarray(values, np.float64)
    if each.shape != (users,) or not np.isfinite(each).all():
        raise ValueError(
            f"the metric {name!r} must give one finite number for each of {users} users, got the shape {each.shape}"
        )
    return each


def _check(holdout: Holdout, known: csr_matrix, ks: tuple[int, ...], train_counts: np.ndarray, block: int) -> None:
    num_items = holdout.targets.shape[1]
    for name, other in (("holdout.context", holdout.context), ("known", known)):
        if other.shape != holdout.targets.shape:
            raise ValueError(f"{name} must have the shape of the targets {holdout.targets.shape}, got {other.shape}")
    if np.shape(train_counts) != (num_items,):
        raise ValueError(
            f"train_counts must hold one number for each of the {num_items} items, got the shape "
            f"{np.shape(train_counts)}; np.bincount(train.indices, minlength={num_items}) counts them"
        )
    if not holdout.targets.nnz:
        raise ValueError("holdout.targets is empty: no user has anything to be found; split the interactions anew")
    if not ks or any(isinstance(k, bool) or k != int(k) or not 1 <= k <= num_items for k in ks):
        raise ValueError(f"ks must be lengths of lists from 1 to the number of items, {num_items}, got {ks!r}")
    if isinstance(block, bool) or block != int(block) or block < 1:
        raise ValueError(f"block must be a positive number of users, got {block!r}")
