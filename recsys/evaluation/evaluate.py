"""Train recommenders on condensed users, judge them on real ones, with controls beside it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix, issparse

from graphcond.core.evaluation.controls import control_names
from graphcond.core.fields import is_whole
from graphcond.core.runtime.processes import alone
from graphcond.core.runtime.progress import Progress, ProgressCallback, resolve_progress, shows_progress
from graphcond.core.runtime.randomness import check_seed, seeded
from recsys.condensed import CondensedInteractions
from recsys.data.bytes import is_binary, matrix_bytes
from recsys.data.checks import check_split
from recsys.data.split import Holdout, Split
from recsys.evaluation.consumers import Consumer, resolve_consumer, resolve_consumers
from recsys.evaluation.report import Report, Row
from recsys.methods import METHODS, Size
from recsys.methods.selection import binary
from recsys.metrics.conventions import Convention, resolve_convention
from recsys.metrics.lists import Lists
from recsys.models.checks import checked_interactions
from recsys.models.scoring import Scores, judge

KS = (10, 100)
CONTROLS = (
    "popularity", "random_users", "stratified_users", "head_users", "k_means_users", "forgetting", "whole",
)  # fmt: skip
"""What every table carries: popularity and the last are of all users, the others of as many as were condensed."""


@dataclass(frozen=True)
class Candidate:
    """Users to train on: one or several condensations under one name."""

    name: str
    matrices: tuple[csr_matrix, ...]
    seconds: float = 0.0
    note: str = ""


@shows_progress("training")
@alone()
def evaluate(
    condensed: CondensedInteractions | csr_matrix | Sequence[CondensedInteractions],
    split: Split,
    models: Sequence[object] = ("infinite_ae",),
    *,
    ks: Sequence[int] | None = None,
    convention: str | Convention | Mapping[str, Callable[[Lists], np.ndarray]] = "distill_cf",
    controls: bool | Sequence[str] = True,
    seed: int = 0,
    progress: ProgressCallback | bool | None = None,
) -> Report:
    """Train recommenders on condensed users and judge them on the test part of the original.

    Every row has two columns: *plain* fits on ones wherever a set has an interaction, *own* on the weights that it
    stores, on the same sets. Where all weights are 1, where a model does not look at them (popularity), and of all real
    users, there is one.

    Every model's settings are chosen on the validation part, for each set of users anew. Real users are folded in: the
    model is shown what the test part shows of them. Beside the result stand popularity, as many real users chosen at
    random, by strata of activity, by activity, by k-means and by forgetting events, and all users.

    Args:
        condensed: What :func:`recsys.condense` returns, several of them (of different seeds) that count as one row, or
            a matrix of users of your own making; ``split.train`` itself counts as the control ``whole``.
        split: The original, with a validation and a test part, as it was condensed.
        models: Recommenders: ``infinite_ae``, ``ease``, ``als``, ``item_knn``, ``bpr``, ``popularity``. ``als``,
            ``item_knn`` and ``bpr`` are those of ``implicit``. ``bpr`` cannot fold users in, so that only all users
            can train it. Or your own: an object with ``fit(user_items)`` and ``recommend(userid, user_items, N=...)``,
            as ``implicit`` has it, of which copies are fitted as they are, or a function that makes one.
        ks: Lengths of the lists; ``None``: 10 and 100, where there are so many items.
        convention: What metrics mean: ``"distill_cf"`` (HR, NDCG, PSP, AUC), ``"implicit"`` or ``"recbole"``, a
            :class:`recsys.Convention`, or your own metrics of :class:`recsys.Lists`, such as
            ``{"first": lambda lists: lists.hits[:, 0]}``.
        controls: ``True`` for all of them, ``False`` for none, or their names.
        seed: Of the controls and of the models that draw.
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            after each training.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value, or users that were not condensed from this split.
        ImportError: a model needs ``implicit``, which is not installed.
    """
    seed, progress = check_seed(seed), resolve_progress(progress)
    _check_split(split)
    rules = resolve_convention(convention)
    consumers = resolve_consumers(models)
    names = control_names(controls, CONTROLS)
    several = _condensations(condensed)
    judged = _Judge(split, rules, _lengths(ks, split.num_items), seed)
    own = _own(condensed, several, split)
    size = _size(several, own)
    candidates = [own, *(_control(name, split, size, seed) for name in names if name not in ("popularity", own.name))]
    plan = [(candidate, model) for model in consumers for candidate in candidates]
    if "popularity" in names and "popularity" not in consumers:
        plan.append((Candidate("whole", (split.train,)), "popularity"))
    rows = []
    for candidate, model in plan:
        rows.append(judged.row(candidate, model, consumers.get(model) or resolve_consumer(model)))
        progress(Progress(len(rows), len(plan), f"{candidate.name} / {model}"))
    return Report(tuple(rows), split.name, split.protocol, rules.name)


def _check_split(split: Split) -> None:
    if not isinstance(split, Split):
        raise TypeError(
            f"split must be a recsys.Split, such as recsys.random_split(interactions), got {type(split).__name__}"
        )
    check_split(split)


def _lengths(ks: Sequence[int] | None, num_items: int) -> tuple[int, ...]:
    """Return the lengths of the lists, each at most the number of items."""
    if ks is None:
        return tuple(dict.fromkeys(min(k, num_items) for k in KS))
    given = tuple(ks) if isinstance(ks, Iterable) else ()
    if not given or not all(is_whole(k) and 1 <= k <= num_items for k in given):
        raise ValueError(f"ks must be a sequence of lengths from 1 to the number of items, {num_items}, got {ks!r}")
    return tuple(int(k) for k in given)


def _held_out(split: Split, name: str) -> Holdout:
    part: Holdout | None = getattr(split, name)
    if part is None:
        raise ValueError(f"split.{name} holds nothing out; split the interactions with {name}=0.1, and condense that")
    if not part.targets.nnz:
        raise ValueError(f"split.{name} asks no user for anything; hold out a larger share, and condense that")
    return part


def _condensations(condensed: object) -> list[CondensedInteractions]:
    if issparse(condensed):
        return []
    given = list(condensed) if isinstance(condensed, list | tuple) else [condensed]
    several = [one for one in given if isinstance(one, CondensedInteractions)]
    if not several or len(several) < len(given):
        raise TypeError(
            "condensed must be what recsys.condense() returns, a sequence of that, or a sparse matrix of users, got "
            f"{type(condensed).__name__}"
        )
    for one in several[1:]:
        if _recipe(one) != _recipe(several[0]):
            raise ValueError(
                f"several condensations count as one row, so they must differ in nothing but the seed, got "
                f"{several[0]!r} and {one!r}; evaluate one after the other"
            )
    return several


def _recipe(one: CondensedInteractions) -> tuple[object, ...]:
    record = one.record
    return record.method, record.settings, record.budget.get("asked")


def _own(condensed: object, several: list[CondensedInteractions], split: Split) -> Candidate:
    if not several:
        matrix = checked_interactions(condensed)
        own = Candidate("whole" if _equal(matrix, split.train) else "users", (matrix,))
    else:
        seconds = float(np.mean([one.record.seconds for one in several]))
        own = Candidate(several[0].record.method, tuple(one.user_items for one in several), seconds)
    for matrix in own.matrices:
        if matrix.shape[1] != split.num_items:
            raise ValueError(
                f"the condensed users have {matrix.shape[1]} items, the split {split.num_items}; evaluate on the split "
                "that was condensed"
            )
    for one in several:
        checked_interactions(one.user_items)
        if one.record.source.get("fingerprint") != split.fingerprint():
            raise ValueError(
                f"{one!r} was condensed from other training interactions than those of the split, so it may have seen "
                "the test part; condense the split itself"
            )
    return own


def _equal(matrix: csr_matrix, other: csr_matrix) -> bool:
    return matrix.shape == other.shape and not (matrix != other).nnz


def _size(several: list[CondensedInteractions], own: Candidate) -> Size:
    """Return the size that the controls are to have: as many users, and as many interactions where that was asked."""
    asked = several[0].record.budget.get("asked", {}).get("interactions") if several else None
    return Size(own.matrices[0].shape[0], asked)


def _control(name: str, split: Split, size: Size, seed: int) -> Candidate:
    if name == "whole":
        return Candidate(name, (split.train,))
    start = time.perf_counter()
    try:
        with seeded(seed):
            made = METHODS.resolve(name).condense(split, size).user_items
    except ValueError as reason:
        return Candidate(name, (), note=f"not possible: {reason}")
    return Candidate(name, (made,), time.perf_counter() - start)


class Fitted(NamedTuple):
    """What a fitted model scored on the test part, and the settings that were chosen for it."""

    scores: Scores
    choice: dict[str, Any]


def _by_metric(fitted: Sequence[Fitted]) -> dict[str, tuple[float, ...]]:
    names = fitted[0].scores.values if fitted else ()
    return {name: tuple(one.scores.values[name] for one in fitted) for name in names}


def _per_user(fitted: Sequence[Fitted]) -> dict[str, np.ndarray]:
    names = fitted[0].scores.per_user if fitted else ()
    return {name: np.stack([one.scores.per_user[name] for one in fitted]) for name in names}


class _Judge:
    """Trains and judges on one split."""

    def __init__(self, split: Split, rules: Convention, ks: tuple[int, ...], seed: int) -> None:
        self.rules, self.ks, self.seed = rules, ks, seed
        self.train, self.val, self.test = split.train, _held_out(split, "val"), _held_out(split, "test")
        self.counts = np.asarray(split.train.sum(axis=0)).ravel()

    def row(self, candidate: Candidate, model: str, consumer: Consumer) -> Row:
        """Return the row of one candidate under one model."""
        note = candidate.note
        if not consumer.folds_in and candidate.name != "whole":
            note = f"{model} cannot fold in users that it was not fitted on"
        start = time.perf_counter()
        plain, own = list[Fitted](), list[Fitted]()
        once = candidate.name == "whole" or not consumer.weighs
        weighted = not once and not all(map(is_binary, candidate.matrices))
        try:
            for matrix in () if note else candidate.matrices:
                plain.append(self._fitted(matrix if once else binary(matrix), consumer))
                if weighted:  # then each has both, so that they pair
                    own.append(plain[-1] if is_binary(matrix) else self._fitted(matrix, consumer))
        except ValueError as reason:
            note, own = f"not possible: {reason}", []
        first = candidate.matrices[0] if candidate.matrices else csr_matrix((0, self.train.shape[1]))
        return Row(
            data=candidate.name,
            model=model,
            scores=_by_metric(plain),
            own_scores=_by_metric(own),
            users=first.shape[0],
            interactions=int(first.nnz),
            bytes=matrix_bytes(first),
            condense_seconds=candidate.seconds,
            train_seconds=(time.perf_counter() - start) / max(len(plain) + len(own), 1),
            choices=tuple(one.choice for one in plain),
            own_choices=tuple(one.choice for one in own),
            note=note,
            per_user=_per_user(plain),
            own_per_user=_per_user(own),
        )

    def _fitted(self, matrix: csr_matrix, consumer: Consumer) -> Fitted:
        with torch.no_grad(), seeded(self.seed):
            fitted, choice = consumer.fit(matrix, self.val, self.seed)
            found = judge(
                fitted, self.test, ks=self.ks, convention=self.rules, train_counts=self.counts, seed=self.seed,
                known=self._known(),
            )  # fmt: skip
        return Fitted(found, choice)

    def _known(self) -> csr_matrix | None:
        """Return what an AUC takes for no negatives: training interactions, where the users are those of training."""
        shown = self.test.context
        same = shown.shape == self.train.shape and shown.multiply(self.train).nnz == self.train.nnz
        return self.train if same else None
