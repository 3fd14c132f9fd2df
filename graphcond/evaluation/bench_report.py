"""What a benchmark gives: rows of single condensations, and a table of their means."""

from dataclasses import dataclass
from typing import Any

from graphcond.core.evaluation.comparison import Comparison, Sample, TestPart, comparable, compare, in_words
from graphcond.core.evaluation.metrics import mean_and_deviation
from graphcond.core.evaluation.scale import ScoreScale, titled
from graphcond.core.evaluation.tables import render, wrapped

OVERLAP = 0.5  # test items / training items of splits that differ, at the most that is usual
HEADER = (
    "dataset", "size", "trained on", "model", "nodes", "kB", "plain", "own", "runs", "condense s", "train s", "MB",
)  # fmt: skip

SPARE = ("MB", "train s", "runs", "condense s", "nodes", "kB")  # columns that a narrow table can do without
NO_SIZE = "any"  # the size of what has none


@dataclass(frozen=True)
class BenchReport:
    """What :func:`graphcond.evaluation.bench` returns; ``print(report)`` shows the table.

    Args:
        rows: One for each dataset, size, method, seed and model.
        failures: What could not be done, and why.
    """

    rows: tuple[dict[str, Any], ...]
    failures: tuple[tuple[str, str], ...] = ()

    def means(self) -> list[dict[str, Any]]:
        """Return the rows of all seeds as one: mean and deviation over condensations and trainings, mean costs."""
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in self.rows:
            groups.setdefault((row["dataset"], row["size"], row["method"], row["model"]), []).append(row)
        return [_merged(rows) for rows in groups.values()]

    def compare(self, method: str | None = None) -> dict[tuple[str, str, str], tuple[Comparison, ...]]:
        """Return how one method compares with every other, plain, for each dataset, size and model.

        Methods of one size (``class_mean``, ``whole``) are compared at all sizes. Rows keep the number of test items,
        not their outcomes, so that intervals are those of the closed form
        (:mod:`graphcond.core.evaluation.comparison`).

        Args:
            method: By default the first that was run.
        """
        means, tests = [row for row in self.means() if comparable(row["scores"])], self._tests()
        method = means[0]["method"] if means and method is None else method
        return {
            (row["dataset"], row["size"], row["model"]): tuple(
                compare(_sample(row, tests), _sample(other, tests))
                for other in means
                if other["method"] != method
                and (other["dataset"], other["model"]) == (row["dataset"], row["model"])
                and other["size"] in (row["size"], NO_SIZE)
            )
            for row in means
            if row["method"] == method
        }

    def _tests(self) -> dict[str, TestPart | None]:
        """Return the test part of each dataset; where splits differ, each seed has one of its own."""
        tests: dict[str, TestPart | None] = {}
        for dataset in dict.fromkeys(row["dataset"] for row in self.rows):
            mine = [row for row in self.rows if row["dataset"] == dataset]
            each = OVERLAP if len({row.get("split", 0) for row in mine}) > 1 else 0.0
            size, positives = mine[0].get("num_test"), mine[0].get("num_positive")
            tests[dataset] = TestPart(size, positives, each) if size else None
        return tests

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values."""
        failures = [{"what": what, "why": why} for what, why in self.failures]
        return {"means": self.means(), "rows": list(self.rows), "failures": failures}

    def __str__(self) -> str:
        metrics = {row["metric"]: _scale(row) for row in sorted(self.rows, key=lambda row: row["metric"])}
        protocols = sorted({row["protocol"] for row in self.rows})
        title = f"test {titled(metrics)}, {', '.join(protocols)} protocol"
        table = render(title, HEADER, [_cells(row) for row in self.means()], text_columns=4, spare=SPARE)
        comparisons = [
            line
            for (dataset, size, model), found in self.compare().items()
            for line in in_words(found, f"{dataset} {size}, {found[0].first} / {model}, plain" if found else "")
        ]
        failed = [f"{what} failed: {why}" for what, why in self.failures]
        return "\n".join([table, *wrapped(comparisons), *failed])


def _sample(row: dict[str, Any], tests: dict[str, TestPart | None]) -> Sample:
    seeds, means = zip(*sorted(row["seed_means"].items()), strict=True)
    return Sample.of(row["method"], means, len(means), tests[row["dataset"]], seeds=seeds, scale=_scale(row))


def _scale(row: dict[str, Any]) -> ScoreScale:
    """Return how the scores of a row are read; those of earlier versions are all in %."""
    return ScoreScale(row.get("percent", True), row.get("less_is_better", False))


def _merged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    scores = [score for row in rows for score in row["scores"]]
    own = [score for row in rows for score in row.get("own_scores", ())]
    mean, deviation = mean_and_deviation(scores)
    own_mean, own_deviation = mean_and_deviation(own) if own else (None, None)
    names = ("dataset", "size", "method", "model", "protocol", "metric")
    scale = _scale(first)
    costs = ("nodes", "edges", "bytes", "condense_seconds", "train_seconds")
    return (
        {name: first[name] for name in names}
        | {
            "mean": mean,
            "deviation": deviation,
            "scores": scores,
            "seeds": len(rows),
            "seed_means": {row["seed"]: sum(row["scores"]) / len(row["scores"]) for row in rows if row["scores"]},
        }
        | {"percent": scale.percent, "less_is_better": scale.less_is_better}
        | {"own_mean": own_mean, "own_deviation": own_deviation, "own_scores": own}
        | {name: sum(row[name] for row in rows) / len(rows) for name in costs}
        | {"peak_memory": max(row["peak_memory"] for row in rows)}
    )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    scale = _scale(row)
    own = "" if row["own_mean"] is None else scale.score(row["own_mean"], row["own_deviation"])
    return (
        row["dataset"], row["size"], row["method"], row["model"], f"{row['nodes']:,.0f}", f"{row['bytes'] / 1000:,.1f}",
        scale.score(row["mean"], row["deviation"]), own, str(len(row["scores"])),
        f"{row['condense_seconds']:.2f}" if row["condense_seconds"] else "-", f"{row['train_seconds']:.1f}",
        f"{row['peak_memory'] / 1e6:,.0f}" if row["peak_memory"] else "-",
    )  # fmt: skip
