"""One score of each row of any report, as charts and short tables take it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphcond.core.evaluation.comparison import Comparison
from graphcond.core.evaluation.scale import PERCENT, ScoreScale


@dataclass(frozen=True, kw_only=True)
class ScoreLine:
    """A training set under a model, by one metric.

    Args:
        data: What was trained on.
        model: The downstream model.
        mean: The plain score; NaN where there is none.
        deviation: Its sample standard deviation; NaN where there is one training.
        own_mean: The own score; NaN where there is one column.
        own_deviation: Its deviation.
        runs: Over how many trainings.
        count: Nodes, images or users of the training set.
        bytes: Its bytes.
        seconds: Of one condensation; 0 where there was none.
        note: Why there is no score, if so.
    """

    data: str
    model: str
    mean: float
    deviation: float
    own_mean: float
    own_deviation: float
    runs: int
    count: int
    bytes: int
    seconds: float
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ScoreSheet:
    """What a report of any modality says by one metric.

    Args:
        title: The metric, with its unit, such as ``"test accuracy in %"``.
        how: Under which protocol.
        unit: What ``count`` counts.
        lines: The evaluated dataset first, for each model.
        comparisons: Of the evaluated dataset with the others, by model.
        sentences: The same in words.
        scale: How scores are read.
        own: What the own column trains with.
    """

    title: str
    how: str
    unit: str
    lines: Sequence[ScoreLine]
    comparisons: dict[str, tuple[Comparison, ...]]
    sentences: Sequence[str]
    scale: ScoreScale = PERCENT
    own: str = "the weights and soft labels that the set carries"

    @classmethod
    def of(cls, **values: Any) -> "ScoreSheet":  # noqa: ANN401 (the fields)
        """Return a sheet in which a control that is the evaluated method has a name of its own."""
        made = cls(**values)
        name, seen, lines = made.first.data, set(), []
        for line in made.lines:
            again = line.data == name and line.model in seen
            lines.append(replace(line, data=f"{name} (control)") if again else line)
            seen |= {line.model} if line.data == name else set()
        told = {
            model: tuple(replace(one, second=f"{name} (control)") if one.second == name else one for one in several)
            for model, several in made.comparisons.items()
        }
        return replace(made, lines=lines, comparisons=told)

    @property
    def first(self) -> ScoreLine:
        """The evaluated dataset under the first model."""
        return self.lines[0]

    @property
    def models(self) -> list[str]:
        """The models under which the evaluated dataset has a score, or why it has none."""
        return [line.model for line in self.lines if line.data == self.first.data]

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns of :meth:`cells`, of which the first two hold texts."""
        return ("trained on", "model", self.unit, "kB", "plain", "own", "seconds")

    def cells(self) -> list[tuple[str, ...]]:
        """Return the rows of a table."""
        return [
            (
                line.data, line.model, f"{line.count:,}", f"{line.bytes / 1000:,.1f}",
                self._score(line.mean, line.deviation, line.runs) or line.note,
                self._score(line.own_mean, line.own_deviation, line.runs),
                f"{line.seconds:.2f}" if line.seconds and line.runs else "",
            )
            for line in self.lines
        ]  # fmt: skip

    def _score(self, mean: float, deviation: float, runs: int) -> str:
        if math.isnan(mean):
            return ""
        return self.scale.score(mean, None if runs < 2 or math.isnan(deviation) else deviation)

    def under(self, model: str) -> list[ScoreLine]:
        """Return the rows of one model."""
        return [line for line in self.lines if line.model == model]
