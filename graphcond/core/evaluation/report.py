"""The result of an evaluation: rows of accuracy and cost, printable, convertible to pandas and JSON."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from markupsafe import Markup
from torch import Tensor

from graphcond.core.evaluation.columns import Column
from graphcond.core.evaluation.comparison import Comparison, Sample, TestPart, comparable, compare, in_words
from graphcond.core.evaluation.metrics import mean_and_deviation
from graphcond.core.evaluation.scale import PERCENT, ScoreScale
from graphcond.core.evaluation.score_lines import ScoreLine, ScoreSheet
from graphcond.core.evaluation.tables import render, wrapped
from graphcond.core.html import for_notebook, table

if TYPE_CHECKING:
    import pandas as pd


SPARE = ("seconds", "kB", "nodes", "images")  # columns that a narrow table can do without


@dataclass(frozen=True)
class Row:
    """One training set under one downstream model, in two columns (:mod:`graphcond.core.evaluation.columns`).

    *Plain* scores are those of a user's loop: hard labels, no weights. *Own* scores are those with the weights and soft
    labels that the set carries, on the same condensations with the same seeds.

    Args:
        data: What was trained on: a method's name, ``"whole"`` for the original.
        model: The downstream model.
        scores: The plain test score of every training; in [0, 1], but for metrics of numbers.
        val_scores: The validation scores of the kept weights.
        nodes: Nodes of the training set, or its images.
        edges: Its edges, self-loops included.
        bytes: Bytes of everything that training needs.
        condense_seconds: Seconds of one condensation.
        train_seconds: Seconds of one training, validation included.
        peak_memory: Peak memory of the condensation in bytes.
        note: Why there are no scores, if so.
        last_scores: The test scores of the last weights instead of the best, where they were evaluated.
        own_scores: The own test score of every training; empty for a set without weights and soft labels.
        own_val_scores: The validation scores of these.
        condensations: How many condensations the trainings are of, the trainings of each side by side.
        items: What each test item contributed (:func:`graphcond.core.evaluation.columns.outcomes`), ``(runs,
            num_test)``.
        own_items: The same for the own column.
        test: How many items it was tested on, where the metric is accuracy or ROC-AUC of two classes.
        scale: How scores are read.
    """

    data: str
    model: str
    scores: tuple[float, ...]
    val_scores: tuple[float, ...]
    nodes: int
    edges: int
    bytes: int
    condense_seconds: float
    train_seconds: float
    peak_memory: int = 0
    note: str = ""
    last_scores: tuple[float, ...] = ()
    own_scores: tuple[float, ...] = ()
    own_val_scores: tuple[float, ...] = ()
    condensations: int = 1
    items: Tensor | None = field(default=None, repr=False, compare=False)
    own_items: Tensor | None = field(default=None, repr=False, compare=False)
    test: TestPart | None = None
    scale: ScoreScale = PERCENT

    @property
    def mean(self) -> float:
        """Mean plain test score; NaN without scores."""
        return mean_and_deviation(list(self.scores))[0]

    @property
    def deviation(self) -> float:
        """Sample standard deviation of the test score over all condensations and trainings."""
        return mean_and_deviation(list(self.scores))[1]

    @property
    def val_mean(self) -> float:
        """Mean validation score."""
        return mean_and_deviation(list(self.val_scores))[0]

    @property
    def own_mean(self) -> float:
        """Mean own test score; the plain one for a set without weights and soft labels."""
        return mean_and_deviation(list(self.own_scores or self.scores))[0]

    @property
    def own_deviation(self) -> float:
        """Sample standard deviation of the own test score."""
        return mean_and_deviation(list(self.own_scores or self.scores))[1]

    @property
    def own_gain(self) -> Comparison | None:
        """*Own* compared with *plain*, which is paired; ``None`` for one column."""
        return compare(self.sample("own"), self.sample("plain")) if self.own_scores else None

    def sample(self, column: Column = "plain") -> Sample:
        """Return a column as comparisons take it; of a set without weights and soft labels, both are the same.

        Raises:
            ValueError: there are no scores.
        """
        own = column == "own" and bool(self.own_scores)
        scores, items = (self.own_scores, self.own_items) if own else (self.scores, self.items)
        known = None if items is None else items.numpy()
        return Sample.of(self.data, scores, self.condensations, self.test, known, scale=self.scale)

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain values, with mean and deviation."""
        return {
            "data": self.data,
            "model": self.model,
            "mean": None if not self.scores else self.mean,
            "deviation": None if not self.scores else self.deviation,
            "val_mean": None if not self.val_scores else self.val_mean,
            "scores": list(self.scores),
            "nodes": self.nodes,
            "edges": self.edges,
            "bytes": self.bytes,
            "condense_seconds": self.condense_seconds,
            "train_seconds": self.train_seconds,
            "peak_memory": self.peak_memory,
            "note": self.note,
            "last_scores": list(self.last_scores),
            "own_mean": self.own_mean if self.own_scores else None,
            "own_deviation": self.own_deviation if self.own_scores else None,
            "own_scores": list(self.own_scores),
            "own_val_scores": list(self.own_val_scores),
            "condensations": self.condensations,
            "num_test": None if self.test is None else self.test.size,
            "num_positive": None if self.test is None else self.test.positives,
            "percent": self.scale.percent,
            "less_is_better": self.scale.less_is_better,
        }


class Scored(Protocol):
    """A row as every report has it."""

    @property
    def data(self) -> str:
        """What was trained on."""
        ...

    @property
    def model(self) -> str:
        """The downstream model."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain values."""
        ...


R = TypeVar("R", bound=Scored)


@dataclass(frozen=True)
class RowsReport(Generic[R]):
    """What the reports of all modalities have in common: rows that are found by names, and compared.

    Args:
        rows: The evaluated dataset first, controls after it, for each model.
        dataset: Name of the original.
    """

    rows: tuple[R, ...]
    dataset: str

    @property
    def best(self) -> R:
        """The row of the evaluated dataset under the first model."""
        return self.rows[0]

    @property
    def models(self) -> list[str]:
        """The downstream models under which the evaluated dataset has a row."""
        return list(dict.fromkeys(row.model for row in self.rows if row.data == self.rows[0].data))

    def row(self, data: str, model: str | None = None) -> R:
        """Return the row of one training set and model, by default the first model.

        Raises:
            KeyError: there is no such row.
        """
        model = self.best.model if model is None else model
        for row in self.rows:
            if (row.data, row.model) == (data, model):
                return row
        raise KeyError(f"no row for {data!r} under {model!r}; there are {[(r.data, r.model) for r in self.rows]}")

    def compared(self, model: str | None, sample: Callable[[R], Sample | None]) -> tuple[Comparison, ...]:
        """Return how the evaluated dataset compares with every other row: above, level or below, with the interval.

        Args:
            model: The downstream model, by default the first.
            sample: The scores of a row, or nothing where it has none to be compared.

        Raises:
            KeyError: there is no row of the evaluated dataset under the model.
        """
        row = self.row(self.best.data, model)
        mine = sample(row)
        others = (sample(one) for one in self.rows if one.model == row.model and one is not row)
        return () if mine is None else tuple(compare(mine, other) for other in others if other is not None)

    def as_dict(self, comparisons: Callable[[str], tuple[Comparison, ...]], **names: str) -> dict[str, Any]:
        """Return the report as plain values.

        Args:
            comparisons: Those of a model.
            names: What else the report says of itself.
        """
        rows = [row.as_dict() for row in self.rows]
        told = [{"model": model} | one.as_dict() for model in self.models for one in comparisons(model)]
        return {"dataset": self.dataset, **names, "rows": rows, "comparisons": told}

    def scores(self) -> ScoreSheet:
        """Return all rows and comparisons by one metric, as charts take them."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        sheet = self.scores()
        words = [Markup("<p>{}</p>").format(sentence) for sentence in sheet.sentences]
        title = f"{self.dataset}: {sheet.title}, {sheet.how}"
        return for_notebook(table(sheet.header, sheet.cells(), text_columns=2, caption=title), *words)

    def in_words(self, comparisons: Callable[[str], tuple[Comparison, ...]]) -> list[str]:
        """Return the comparisons of all models as sentences."""
        return [
            line for model in self.models for line in in_words(comparisons(model), f"{self.best.data} / {model}, plain")
        ]


@dataclass(frozen=True)
class Report(RowsReport[Row]):
    """What :func:`graphcond.evaluate` returns; ``print(report)`` shows the table, ``to_pandas()`` has all columns.

    Args:
        rows: The evaluated dataset first, controls after it, for each model.
        dataset: Name of the original.
        protocol: Name of the protocol.
        metric: Name of the metric.
        unit: What ``nodes`` of the rows counts.
    """

    protocol: str
    metric: str
    unit: Literal["nodes", "images"] = "nodes"

    def compare(self, column: Column = "plain", model: str | None = None) -> tuple[Comparison, ...]:
        """Return how the evaluated dataset compares with every other row: above, level or below, with the interval.

        The interval takes runs and test items into account (:mod:`graphcond.core.evaluation.comparison`). ``print``
        shows a comparison as a sentence.

        Args:
            column: ``"plain"`` or ``"own"``; sets without weights and soft labels have one column, which is both.
            model: The downstream model, by default the first.

        Raises:
            ValueError: there is no such column.
            KeyError: there is no row of the evaluated dataset under the model.
        """
        if column not in ("plain", "own"):
            raise ValueError(f"column must be 'plain' or 'own', got {column!r}")
        return self.compared(model, lambda row: row.sample(column) if _known(row) else None)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the rows as a pandas data frame."""
        import pandas as pd

        frame: pd.DataFrame = pd.DataFrame([row.as_dict() for row in self.rows])
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        names = {"protocol": self.protocol, "metric": self.metric, "unit": self.unit}
        return self.as_dict(lambda model: self.compare(model=model), **names)

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def scores(self) -> ScoreSheet:
        """Return all rows and comparisons by the report's metric, as charts take them."""
        lines = [
            ScoreLine(
                data=row.data, model=row.model, mean=row.mean, deviation=row.deviation,
                own_mean=row.own_mean if row.own_scores else math.nan,
                own_deviation=row.own_deviation if row.own_scores else math.nan,
                runs=len(row.scores), count=row.nodes, bytes=row.bytes, seconds=row.condense_seconds, note=row.note,
            )
            for row in self.rows
        ]  # fmt: skip
        told = {model: self.compare(model=model) for model in self.models}
        return ScoreSheet.of(
            title=f"test {self.best.scale.of(self.metric)}", how=f"{self.protocol} protocol", unit=self.unit,
            lines=lines, comparisons=told, sentences=self.in_words(lambda model: told[model]), scale=self.best.scale,
        )  # fmt: skip

    def __str__(self) -> str:
        trainings = "/".join(map(str, sorted({len(row.scores) for row in self.rows if row.scores}, reverse=True)))
        scored = self.best.scale.of(self.metric)
        title = f"{self.dataset}: test {scored}, {self.protocol} protocol, {trainings} trainings"
        header = ("trained on", "model", self.unit, "kB", "plain", "own", "seconds")
        table = render(title, header, [_cells(row) for row in self.rows], spare=SPARE)
        notes = [f"{row.data} / {row.model}: {row.note}" for row in self.rows if row.note]
        return "\n".join([table, *wrapped([*self.in_words(lambda model: self.compare(model=model)), *notes])])


def _known(row: Row) -> bool:
    return comparable(row.scores, row.own_scores)


def _cells(row: Row) -> tuple[str, ...]:
    plain = _score(row.scale, row.mean, row.deviation, row.scores) if row.scores else "-"
    own = _score(row.scale, row.own_mean, row.own_deviation, row.own_scores) if row.own_scores else ""
    seconds = f"{row.condense_seconds:.2f}" if row.scores and row.condense_seconds else "-"
    return (
        row.data,
        row.model,
        f"{row.nodes:,}",
        f"{row.bytes / 1000:,.{1 if 0 < row.bytes < 10_000 else 0}f}",
        plain,
        own,
        seconds,
    )


def _score(scale: ScoreScale, mean: float, deviation: float, scores: tuple[float, ...]) -> str:
    """Return a mean, with its deviation where there is more than one score."""
    return scale.score(mean, None if len(scores) == 1 else deviation)
