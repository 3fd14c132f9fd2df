"""The result of an evaluation: what recommenders learned from each set of users, and at what cost."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphcond.evaluation.metrics import mean_and_deviation
from graphcond.evaluation.tables import render

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 240  # of the table: a dozen metrics with their deviations


@dataclass(frozen=True)
class Row:
    """One set of users under one recommender.

    Args:
        data: What was trained on: a method's name, ``"whole"`` for all users.
        model: The recommender.
        scores: The test scores of each metric, one for each condensation, as fractions.
        users: Users of the training set.
        interactions: Their interactions, however light.
        bytes: Bytes of these.
        condense_seconds: Seconds of one condensation.
        train_seconds: Seconds of one training, the choice of settings included.
        choices: The settings that were chosen on validation data, one for each condensation.
        note: Why there are no scores, if so.
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

    def mean(self, metric: str) -> float:
        """Return the mean of a metric, a fraction; NaN without scores."""
        return mean_and_deviation(list(self.scores.get(metric, ())))[0]

    def deviation(self, metric: str) -> float:
        """Return the sample standard deviation of a metric over condensations."""
        return mean_and_deviation(list(self.scores.get(metric, ())))[1]

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
        }


@dataclass(frozen=True)
class Report:
    """What :func:`recsys.evaluate` returns; ``print(report)`` shows the table.

    Args:
        rows: The evaluated users first, controls after them, for each model.
        dataset: Name of the original.
        split: How it was split.
        convention: What the metrics mean.
    """

    rows: tuple[Row, ...]
    dataset: str
    split: str
    convention: str

    def row(self, data: str, model: str = "infinite_ae") -> Row:
        """Return the row of one training set and model.

        Raises:
            KeyError: there is no such row.
        """
        for row in self.rows:
            if (row.data, row.model) == (data, model):
                return row
        raise KeyError(f"no row for {data!r} under {model!r}; there are {[(r.data, r.model) for r in self.rows]}")

    def to_pandas(self) -> "pd.DataFrame":
        """Return the mean scores as a pandas data frame, a row for each training set and model."""
        import pandas as pd

        rows = [row.as_dict() | {name: row.mean(name) for name in row.scores} for row in self.rows]
        frame: pd.DataFrame = pd.DataFrame(rows).drop(columns="scores")
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        rows = [row.as_dict() for row in self.rows]
        return {"dataset": self.dataset, "split": self.split, "convention": self.convention, "rows": rows}

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def __str__(self) -> str:
        metrics = list(dict.fromkeys(name for row in self.rows for name in row.scores))
        title = f"{self.dataset}: test scores in % ({self.convention} metrics, {self.split} split)"
        header = ("trained on", "model", "users", "interactions", "kB", *metrics, "condense s", "train s")
        table = render(title, header, [_cells(row, metrics) for row in self.rows], width=WIDTH)
        notes = [f"{row.data} / {row.model}: {row.note}" for row in self.rows if row.note]
        return "\n".join([table, *notes])


def _cells(row: Row, metrics: list[str]) -> tuple[str, ...]:
    made = row.scores and row.condense_seconds
    return (
        row.data,
        row.model,
        f"{row.users:,}",
        f"{row.interactions:,}",
        f"{row.bytes / 1000:,.{1 if 0 < row.bytes < 10_000 else 0}f}",
        *(_score(row, name) for name in metrics),
        f"{row.condense_seconds:.2f}" if made else "-",
        f"{row.train_seconds:.1f}",
    )


def _score(row: Row, metric: str) -> str:
    values = row.scores.get(metric, ())
    if not values:
        return "-"
    return f"{100 * row.mean(metric):.2f}" + (f" ± {100 * row.deviation(metric):.2f}" if len(values) > 1 else "")
