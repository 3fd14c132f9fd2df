"""Whether one training set is better than another, or was lucky: with its runs, or with the items it is tested on.

Two sources of noise enter an interval. *Runs*: condensations, or trainings of a single one, with other seeds; their
differences are paired where both sides have the same seeds (Student's t), else Welch's. *Test items*: a test part is a
sample as well, and 1,000 test nodes alone mean a standard error of more than a point. Where both rows know what every
item contributed, the variance is that of paired items, which is what a bootstrap over the items tends to (for ROC-AUC:
DeLong, DeLong and Clarke-Pearson, Biometrics 1988). Else it is the closed form of the test size: binomial, for ROC-AUC
Hanley and McNeil (Radiology 1982), both sides taken for independent, which widens the interval; for other metrics the
noise of the items is not known then.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from graphcond.core.evaluation.scale import PERCENT, ScoreScale

CONFIDENCE = 0.95
WORDS = {
    "above": "above", "level": "level with", "below": "below", "unknown": "no verdict on",
}  # fmt: skip
WORDS_OF_LESS = WORDS | {"above": "better than", "below": "worse than"}
"""Where less is better, a verdict is told by what it means."""
Verdict = Literal["above", "level", "below", "unknown"]
Unit = Literal["condensations", "trainings"]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class TestPart:
    """How many items a score was measured on.

    Args:
        size: Their number.
        positives: Those of class 1, where the metric is ROC-AUC; ``None`` for scores that are means over items.
        each: Where every run has a split of its own, as folds have: how large a test part is beside what is trained on
            (test items / training items). The runs then tell of its noise as well, but they share training items, by
            which their variance is too small (Nadeau and Bengio, Machine Learning 2003); 0: all have the same part.
    """

    __test__ = False  # no test of pytest's

    size: int
    positives: int | None = None
    each: float = 0.0

    def variance(self, score: float) -> float:
        """Return the variance that a score has because other items could have been drawn.

        >>> round(TestPart(1000).variance(0.8) ** 0.5, 4)
        0.0126
        """
        if self.positives is None:  # of all variables in [0, 1] with one mean, hits and misses vary most
            return score * (1 - score) / self.size
        negatives = self.size - self.positives
        above_two, two_below = score / (2 - score), 2 * score**2 / (1 + score)
        spread = score * (1 - score)
        spread += (self.positives - 1) * (above_two - score**2) + (negatives - 1) * (two_below - score**2)
        return max(spread, 0.0) / (self.positives * negatives)


@dataclass(frozen=True)
class Sample:
    """The scores of one training set, as comparisons need them.

    Args:
        name: What was trained on.
        mean: The mean score.
        runs: Scores of independent runs: means of condensations, or trainings of a single one.
        test: The test part, where it is known.
        items: What each item contributed, ``(runs or trainings, num_test)``: values whose mean is the score, or, where
            ``test.positives`` is set, doubled ranks, those of class 1 negative
            (:func:`graphcond.core.evaluation.columns.outcomes`).
        deviation: For scores from elsewhere, whose runs are not known: their sample deviation.
        count: Over how many independent runs.
        unit: What a run is: a condensation, or a training of a single one.
        seeds: Of the runs, where they are known; only the same ones are paired.
        scale: How scores are read.
    """

    name: str
    mean: float
    runs: tuple[float, ...] = ()
    test: TestPart | None = None
    items: NDArray[np.generic] | None = None
    deviation: float | None = None
    count: int = 0
    unit: Unit = "condensations"
    seeds: tuple[int, ...] = ()
    scale: ScoreScale = PERCENT

    @classmethod
    def of(
        cls, name: str, scores: Sequence[float], condensations: int = 1, test: TestPart | None = None,
        items: NDArray[np.generic] | None = None, seeds: Sequence[int] = (), scale: ScoreScale = PERCENT,
    ) -> "Sample":  # fmt: skip
        """Return the sample of a row: trainings of one condensation side by side, which are no independent runs.

        Raises:
            ValueError: there are no scores, one is not finite, or, where a test part is known, not in [0, 1].
        """
        if not len(scores):
            raise ValueError(f"{name} has no scores to compare")
        runs = np.asarray(scores, dtype=np.float64)
        if not np.isfinite(runs).all():
            raise ValueError(f"{name} has a score that is not finite; leave it out")
        if test is not None and not ((runs >= 0) & (runs <= 1)).all():
            raise ValueError(f"{name} has scores outside [0, 1]; give fractions, or no test part")
        if condensations > 1:
            runs = runs.reshape(condensations, -1).mean(axis=1)
        unit: Unit = "condensations" if condensations > 1 else "trainings"
        return cls(
            name, float(runs.mean()), tuple(runs.tolist()), test, items, unit=unit, seeds=tuple(map(int, seeds)),
            scale=scale,
        )  # fmt: skip

    @property
    def spread(self) -> tuple[float, int]:
        """Sample variance of a run, and of how many runs; NaN and 0 where nothing is known."""
        if len(self.runs) > 1:
            return float(np.var(self.runs, ddof=1)), len(self.runs)
        if self.deviation is not None and self.count > 1:
            return self.deviation**2, self.count
        return math.nan, 0


@dataclass(frozen=True)
class Comparison:
    """How much higher the score of one training set is than that of another.

    Args:
        first: What was trained on.
        second: What it is compared with.
        difference: Mean of the first minus mean of the second.
        low: Where the interval of 95 % begins.
        high: Where it ends.
        how: What the interval takes into account.
        scale: How scores are read.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    how: str
    scale: ScoreScale = PERCENT

    @property
    def verdict(self) -> Verdict:
        """``"above"`` or ``"below"`` where the interval leaves 0 out, else ``"level"``: they are not distinguished.

        Above is the better one: the lower score where less is better. ``"unknown"`` where there is no interval, as of a
        single run each.
        """
        if not math.isfinite(self.low):
            return "unknown"
        if self.low <= 0 <= self.high:
            return "level"
        return "above" if (self.low > 0) != self.scale.less_is_better else "below"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it: an interval without ends has ``None`` for them."""
        ends = [value if math.isfinite(value) else None for value in (self.low, self.high)]
        return {
            "first": self.first, "second": self.second, "verdict": self.verdict, "difference": self.difference,
            "low": ends[0], "high": ends[1], "how": self.how,
        }  # fmt: skip

    def __str__(self) -> str:
        word = (_words(self.scale) | {"unknown": "without verdict beside"})[self.verdict]
        difference = self.scale.difference(self.difference, self.low, self.high)
        return f"{self.first} {word} {self.second}: {difference} ({self.how})"


def _words(scale: ScoreScale) -> dict[str, str]:
    return WORDS_OF_LESS if scale.less_is_better else WORDS


def compare(first: Sample, second: Sample) -> Comparison:
    """Compare two training sets that were evaluated by the same network on the same test part.

    Runs are paired where both are condensations, or both trainings, with the same seeds; where seeds are not known, as
    many, in the same order.

    Raises:
        ValueError: the two were tested on different items, or by metrics that are read differently.

    >>> same = [0.80, 0.81, 0.82, 0.80, 0.81]
    >>> print(compare(Sample.of("a", same), Sample.of("b", [0.70, 0.72, 0.71, 0.70, 0.72])))
    a above b: +9.8 points, [+8.8, +10.8] (5 paired trainings; noise of the test part unknown)
    """
    if first.test is not None and second.test is not None and first.test != second.test:
        raise ValueError(f"{first.name} and {second.name} were tested on different items, and cannot be compared")
    if first.scale != second.scale:
        raise ValueError(f"{first.name} and {second.name} were scored by different metrics, and cannot be compared")
    difference = first.mean - second.mean
    of_runs, freedom, runs = _noise_of_runs(first, second)
    of_items, items = _noise_of_items(first, second)
    variance = of_runs + of_items
    if not math.isfinite(variance) or not variance:  # equal runs on an unknown test part tell nothing either
        half = math.inf
    elif not of_runs:
        half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * math.sqrt(variance)
    else:  # Welch and Satterthwaite: the noise of the items is known as of infinitely many runs
        half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom * (variance / of_runs) ** 2)) * math.sqrt(variance)
    return Comparison(
        first.name, second.name, difference, difference - half, difference + half, f"{runs}; {items}", first.scale
    )  # fmt: skip


def _noise_of_runs(first: Sample, second: Sample) -> tuple[float, float, str]:
    """Return the variance of the difference that the runs bring, its degrees of freedom, and what it comes from."""
    test = first.test or second.test
    each = 0.0 if test is None else test.each
    if len(first.runs) == len(second.runs) > 1 and first.unit == second.unit and first.seeds == second.seeds:
        pairs = np.subtract(first.runs, second.runs)
        return float(pairs.var(ddof=1)) * (1 / len(pairs) + each), len(pairs) - 1, f"{len(pairs)} paired {first.unit}"
    (one, n), (two, m) = first.spread, second.spread
    if not n and not m:
        return math.inf, 1, "one run each, which says nothing of their noise"
    if not n or not m:  # the noise of a single run is taken from the other side
        known, count, unit = (one, n, first.unit) if n else (two, m, second.unit)
        return (
            known * (1 + 1 / count + 2 * each),
            count - 1,
            f"{count} {unit} and one score, whose noise is taken alike",
        )
    parts = one * (1 / n + each), two * (1 / m + each)
    bottom = parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (m - 1)
    return sum(parts), sum(parts) ** 2 / bottom if bottom else math.inf, f"{n} {first.unit} and {m} {second.unit}"


def _noise_of_items(first: Sample, second: Sample) -> tuple[float, str]:
    """Return the variance of the difference that the test items bring, and where it comes from."""
    test = first.test or second.test
    if test is not None and test.each:
        return 0.0, "a split for each"
    if first.items is not None and second.items is not None and first.items.shape[1] == second.items.shape[1]:
        ranks = test is not None and test.positives is not None
        size = first.items.shape[1] if test is None else test.size
        return _paired_items(first.items, second.items, ranks), f"{size:,} test items, paired"
    if test is None:
        return 0.0, "noise of the test part unknown"
    form = "binomial" if test.positives is None else "Hanley and McNeil"
    return test.variance(first.mean) + test.variance(second.mean), f"{test.size:,} test items, {form}"


def _paired_items(first: ArrayLike, second: ArrayLike, ranks: bool) -> float:
    if not ranks:
        difference: Array = np.asarray(first, np.float64).mean(axis=0) - np.asarray(second, np.float64).mean(axis=0)
        return float(difference.var(ddof=1)) / len(difference)
    gaps, positive = placements(first) - placements(second), np.asarray(first)[0] < 0
    parts: list[Array] = [gaps[positive], gaps[~positive]]
    return sum(float(part.var(ddof=1)) / len(part) if len(part) > 1 else 0.0 for part in parts)


def placements(items: ArrayLike) -> Array:
    """Return DeLong's components of ROC-AUC: for each item the share of the other class that it stands right of.

    Args:
        items: Doubled ranks, those of class 1 negative, ``(runs, num_test)``.

    Returns:
        ``(num_test,)``, means over the runs; their mean over either class is the ROC-AUC.
    """
    signed = np.atleast_2d(np.asarray(items, dtype=np.float64))
    total = np.zeros(signed.shape[1])
    for run in signed:
        ranks, positive = np.abs(run) / 2, run < 0
        for own, sign in ((positive, 1.0), (~positive, -1.0)):
            others = len(run) - own.sum()
            below = (ranks[own] - stats.rankdata(ranks[own])) / others  # of the other class, ties counted by half
            total[own] += below if sign > 0 else 1 - below
    return total / len(signed)


def comparable(*columns: Sequence[float]) -> bool:
    """Return whether there are scores, the first column's at least, and all are finite."""
    return bool(columns[0]) and all(map(math.isfinite, (score for column in columns for score in column)))


def in_words(comparisons: Sequence[Comparison], first: str) -> list[str]:
    """Return what comparisons of one training set say, in one line, under its name.

    >>> same = [0.80, 0.81, 0.82, 0.80, 0.81]
    >>> others = {"b": [0.70, 0.72, 0.71, 0.70, 0.72], "c": [0.81, 0.80, 0.80, 0.81, 0.82]}
    >>> in_words([compare(Sample.of("a", same), Sample.of(name, other)) for name, other in others.items()], "a")
    ['a: above b; level with c (95 %)']
    """
    words = _words(comparisons[0].scale) if comparisons else {}
    parts = [
        f"{word} {', '.join(names)}"
        for verdict, word in words.items()
        if (names := [one.second for one in comparisons if one.verdict == verdict])
    ]
    return [f"{first}: {'; '.join(parts)} ({100 * CONFIDENCE:.0f} %)"] if parts else []
