"""The result of an evaluation: what recommenders learned from each set of users, and at what cost."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcond.core.evaluation.columns import Column
from graphcond.core.evaluation.comparison import Comparison, Sample, TestPart, comparable, compare
from graphcond.core.evaluation.metrics import mean_and_deviation
from graphcond.core.evaluation.report import RowsReport
from graphcond.core.evaluation.score_lines import ScoreLine, ScoreSheet
from graphcond.core.evaluation.tables import render, wrapped

if TYPE_CHECKING:
    import pandas as pd

USUAL = 4  # columns of numbers that a narrow table has, too


@dataclass(frozen=True)
class UserRow:
    """One set of users under one recommender, in two columns.

    *Plain* scores are those of a model that is fitted on ones wherever the set has an interaction, *own* scores those
    with the weights that it stores, on the same condensations.

    Args:
        data: What was trained on: a method's name, ``"whole"`` for all users.
        model: The recommender.
        scores: The plain test scores of each metric, one for each condensation, as fractions.
        users: Users of the training set.
        interactions: Their interactions, however light.
        bytes: Bytes of these.
        condense_seconds: Seconds of one condensation.
        train_seconds: Seconds of one training, the choice of settings included.
        choices: The settings that were chosen on validation data, one for each condensation.
        note: Why there are no scores, if so.
        own_scores: The own test scores; empty where there are no weights, or the model does not use them.
        own_choices: The settings that were chosen for these.
        per_user: Of each metric that is a mean over users, the plain values, ``(condensations, num_asked)``: what
            :func:`~recsys.metrics.bootstrap.paired_bootstrap` compares.
        own_per_user: The same for the own column.
    """

    data: str
    model: str
    scores: dict[str, tuple[float, ...]]
    users: int
    interactions: int
    bytes: int
    condense_seconds: float
    train_seconds: float
    choices: tuple[dict[str, Any], ...] = field(default=())
    note: str = ""
    own_scores: dict[str, tuple[float, ...]] = field(default_factory=dict)
    own_choices: tuple[dict[str, Any], ...] = field(default=())
    per_user: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
    own_per_user: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def mean(self, metric: str) -> float:
        """Return the mean of a plain metric, a fraction; NaN without scores."""
        return mean_and_deviation(list(self.scores.get(metric, ())))[0]

    def deviation(self, metric: str) -> float:
        """Return the sample standard deviation of a plain metric over condensations."""
        return mean_and_deviation(list(self.scores.get(metric, ())))[1]

    def own_mean(self, metric: str) -> float:
        """Return the mean of an own metric; the plain one where there is one column."""
        return mean_and_deviation(list((self.own_scores or self.scores).get(metric, ())))[0]

    def own_gain(self, metric: str = "ndcg@10") -> Comparison | None:
        """Return *own* compared with *plain*, which is paired; ``None`` for one column."""
        return compare(self.sample(metric, "own"), self.sample(metric)) if self.own_scores.get(metric) else None

    def sample(self, metric: str, column: Column = "plain") -> Sample:
        """Return a metric of a column as comparisons take it.

        Raises:
            ValueError: there are no such scores.
        """
        own = column == "own" and bool(self.own_scores)
        scores, each = (self.own_scores, self.own_per_user) if own else (self.scores, self.per_user)
        items = each.get(metric)
        test = None if items is None else TestPart(items.shape[1])
        return Sample.of(self.data, scores.get(metric, ()), len(scores.get(metric, ())), test, items)

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return {
            "data": self.data,
            "model": self.model,
            "scores": {name: list(values) for name, values in self.scores.items()},
            "users": self.users,
            "interactions": self.interactions,
            "bytes": self.bytes,
            "condense_seconds": self.condense_seconds,
            "train_seconds": self.train_seconds,
            "choices": list(self.choices),
            "note": self.note,
            "own_scores": {name: list(values) for name, values in self.own_scores.items()},
            "own_choices": list(self.own_choices),
            "own_gain": {name: self._gain(name) for name in self.own_scores},
        }

    def _gain(self, metric: str) -> list[float | None]:
        """Return the difference of own and plain and where its interval begins and ends, as JSON can hold it."""
        gain = self.own_gain(metric)
        comparisons = {} if gain is None else gain.as_dict()
        return [comparisons[name] for name in ("difference", "low", "high") if name in comparisons]


@dataclass(frozen=True)
class UserReport(RowsReport[UserRow]):
    """What :func:`recsys.evaluate` returns; ``print(report)`` shows the table.

    Args:
        rows: The evaluated users first, controls after them, for each model.
        dataset: Name of the original.
        split: How it was split.
        convention: What the metrics mean.
    """

    split: str
    convention: str

    def compare(
        self, metric: str | None = None, column: Column = "plain", model: str | None = None
    ) -> tuple[Comparison, ...]:
        """Return how the evaluated users compare with every other row: above, level or below, with the interval.

        The interval takes condensations and test users into account (:mod:`graphcond.core.evaluation.comparison`).

        Args:
            metric: By default the first that is printed, NDCG of the shortest lists.
            column: ``"plain"`` or ``"own"``; users without weights have one column, which is both.
            model: The recommender, by default the first.

        Raises:
            ValueError: there is no such metric or column.
        """
        chosen = (self.metrics or [""])[0] if metric is None else metric
        if chosen not in self.metrics or column not in ("plain", "own"):
            raise ValueError(
                f"metric must be one of {', '.join(self.metrics)} and column 'plain' or 'own', got {chosen!r} and "
                f"{column!r}"
            )
        return self.compared(model, lambda row: row.sample(chosen, column) if _known(row, chosen) else None)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the mean scores as a pandas data frame, a row for each training set and model."""
        import pandas as pd

        rows = [row.as_dict() | {name: row.mean(name) for name in row.scores} for row in self.rows]
        frame: pd.DataFrame = pd.DataFrame(rows).drop(columns="scores")
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        names = {"split": self.split, "convention": self.convention}
        return self.as_dict(lambda model: self.compare(model=model), **names)

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def scores(self) -> ScoreSheet:
        """Return all rows and comparisons by the first metric, as charts take them."""
        metric = (self.metrics or [""])[0]
        lines = [
            ScoreLine(
                data=row.data, model=row.model, mean=row.mean(metric), deviation=row.deviation(metric),
                own_mean=row.own_mean(metric) if row.own_scores else math.nan,
                own_deviation=mean_and_deviation(list(row.own_scores.get(metric, ())))[1],
                runs=len(row.scores.get(metric, ())), count=row.users, bytes=row.bytes, seconds=row.condense_seconds,
                note=row.note,
            )
            for row in self.rows
        ]  # fmt: skip
        told = {model: self.compare(model=model) for model in self.models} if metric else {}
        return ScoreSheet.of(
            title=f"test {metric} in %", how=f"{self.convention} metrics, {self.split} split", unit="users",
            lines=lines, comparisons=told, sentences=self.in_words(lambda model: told.get(model, ())),
            own="the weights that the set carries",
        )  # fmt: skip

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics; the first is NDCG of the shortest lists, if it is there."""
        names = list(dict.fromkeys(name for row in self.rows for name in row.scores))
        return sorted(names, key=lambda name: not name.startswith("ndcg@"))

    def __str__(self) -> str:
        first, *others = self.metrics or [""]
        title = f"{self.dataset}: test scores in % ({self.convention} metrics, {self.split} split); plain, own: {first}"
        columns = [
            ("users", [f"{row.users:,}" for row in self.rows]),
            ("kB", [f"{row.bytes / 1000:,.{1 if 0 < row.bytes < 10_000 else 0}f}" for row in self.rows]),
            ("plain", [_score(row.scores.get(first, ())) for row in self.rows]),
            ("own", [_score(row.own_scores.get(first, ()), "") for row in self.rows]),
            *((name, [_score(row.scores.get(name, ())) for row in self.rows]) for name in others),
            ("interactions", [f"{row.interactions:,}" for row in self.rows]),
            ("condense s", [f"{row.condense_seconds:.2f}" if _made(row) else "-" for row in self.rows]),
            ("train s", [f"{row.train_seconds:.1f}" for row in self.rows]),
        ]
        text = [("trained on", [row.data for row in self.rows]), ("model", [row.model for row in self.rows])]
        names, cells = zip(*text, *columns, strict=True)
        spare = [name for name, _ in reversed(columns[USUAL:])] + ["kB", "users"]
        table = render(title, names, list(zip(*cells, strict=True)), spare=spare)
        notes = [f"{row.data} / {row.model}: {row.note}" for row in self.rows if row.note]
        comparisons = self.in_words(lambda model: self.compare(model=model))
        return "\n".join([table, *wrapped([*comparisons, *notes])])


def _known(row: UserRow, metric: str) -> bool:
    return comparable(row.scores.get(metric, ()), row.own_scores.get(metric, ()))


def _made(row: UserRow) -> bool:
    return bool(row.scores and row.condense_seconds)


def _score(values: Sequence[float], nothing: str = "-") -> str:
    if not values:
        return nothing
    mean, deviation = mean_and_deviation(list(values))
    return f"{100 * mean:.2f}" + (f" ± {100 * deviation:.2f}" if len(values) > 1 else "")
