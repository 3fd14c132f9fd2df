"""Several labels and numbers: the tables of docs/measurements/targets.md.

    python benchmarks/targets.py --root DATA ogbg-molesol ogbg-moltox21 blogcatalog   # appends to targets.jsonl
    python benchmarks/targets.py --root DATA blogcatalog --splits 1 2 --seeds 1       # seeded random splits
    python benchmarks/targets.py --tables                                             # prints all rows as Markdown

Every row is several condensations (seeds 0, 1, ...), one training each with the same seed. It has two columns on the
same condensations and seeds: *plain* (``y``, no weights) and *own* (the set's soft targets and weights). All settings
are the library's defaults, and nothing is tuned for a dataset or a size. Rows that are in the file are not run again,
so a stopped run goes on; --retake REASON runs them again, and the earlier ones stay.

:mod:`target_sets` says which files the sets are.
"""

import argparse
import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import row_file
from target_sets import WORKLOADS, Workload
from torch import Tensor

import graphcond
from graphcond.core.evaluation.metrics import METRICS
from graphcond.core.evaluation.scale import ScoreScale
from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.targets import EVERY
from graphcond.evaluation.evaluations import evaluation_of
from graphcond.recognition import named_modality

FIELDS = ("dataset", "split", "size", "data", "model")
ROWS = RowFile(row_file.MEASUREMENTS / "targets.jsonl", FIELDS)
FIXED = ("prior", "size", "untrained", "whole")  # the same at every size
ANY = "any"  # their size
ORDER = (*FIXED, "auto", "gcond", "gcdm", "random", "random_soft", "herding")
SEEDS = 5
FEWEST = 2  # seeds that tell a standard error
MEDIANS = ("nodes", "edges", "bytes", "condense_seconds", "train_seconds")
STANDARD_ERRORS = 2


@dataclass(eq=False)
class Beside:
    """A metric that takes another one of the same outputs along; only the first one chooses.

    Args:
        metric: Its name.
        taken: The name of the other one.
    """

    metric: str
    taken: str
    seen: dict[tuple[int, float], float] = field(default_factory=dict)

    def __call__(self, outputs: Tensor, labels: Tensor) -> float:
        """Return the score."""
        score = METRICS[self.metric](outputs, labels)
        self.seen[len(labels), score] = METRICS[self.taken](outputs, labels)
        return score

    def beside(self, scores: Sequence[float], items: int) -> list[float]:
        """Return the other scores of the outputs for so many items that had some scores."""
        return [self.seen[items, score] for score in scores]


def run(name: str, options: argparse.Namespace) -> None:
    """Run the rows of one workload that are not in the file."""
    workload = WORKLOADS[name]
    methods = options.methods or workload.methods
    sized = [method for method in methods if method not in FIXED]
    for split in options.splits or workload.splits:
        task = None
        plan = [(size, [method]) for size in options.sizes or workload.sizes for method in sized]
        fixed = [method for method in methods if method in FIXED]
        plan += [
            (ANY, [one for one in fixed if (one == "whole") == last]) for last in (False, True)
        ]  # it takes longest
        for size, group in plan:
            keys = [(name, split, size, method, workload.model) for method in group]
            wanted = [key[3] for key in row_file.wanted(ROWS, keys, options.retake)]
            if wanted:
                task = workload.load(options.root, split) if task is None else task
                for row in measured(task, workload, size, wanted, options.seeds):
                    row_file.write(ROWS, options.retake, {"dataset": name, "split": split} | row)
                    print(f"{name}, split {split}, {size}, {row['data']}: {shown(row)}", flush=True)


def measured(task: Any, workload: Workload, size: str, methods: list[str], seeds: int) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return the rows of a method at a size, or of several that have none.

    These stand beside real items, as an evaluation is one of condensed data; what is trained on those is left out.
    """
    parts, fixed = [], size == ANY
    asked, _ = workload.sizes[next(iter(workload.sizes)) if fixed else size]
    standard = evaluation_of("nodes" if workload.model == "gcn" else "graphs").protocols.resolve("standard")
    for seed in range(seeds):
        metric = Beside(workload.metric, workload.beside) if workload.beside else workload.metric
        small = graphcond.condense(task, size=asked, method="random" if fixed else methods[0], seed=seed)
        report = graphcond.evaluate(
            small, task, [workload.model], protocol=replace(standard, runs=1, metric=metric),
            controls=methods if fixed else False, seed=seed,
        )  # fmt: skip
        rows = [values(row, metric, len(task.test.learned)) for row in report.rows]
        parts.append(rows[1:] if fixed else rows)
    return [merged(rows) | {"size": size, "metric": workload.metric} for rows in zip(*parts, strict=True)]


def values(row: graphcond.Row, metric: str | Beside, items: int) -> dict[str, Any]:
    """Return a row as plain values, with the scores of the other metric in both columns."""
    columns = {"beside": row.scores, "own_beside": row.own_scores}
    others = {
        name: metric.beside(scores, items) if isinstance(metric, Beside) else [] for name, scores in columns.items()
    }
    return row.as_dict() | {"val_scores": list(row.val_scores)} | others


def merged(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one row for several condensations."""
    first = rows[0]
    lists = ("scores", "val_scores", "own_scores", "own_val_scores", "beside", "own_beside")
    joined = {name: [score for row in rows for score in row[name]] for name in lists}
    medians = {name: statistics.median(row[name] for row in rows) for name in MEDIANS}
    return {
        **{name: first[name] for name in ("data", "model", "percent", "less_is_better", "note")},
        "mean": statistics.mean(joined["scores"]) if joined["scores"] else None,
        "deviation": _deviation(joined["scores"]) if joined["scores"] else None,
        "own_mean": statistics.mean(joined["own_scores"]) if joined["own_scores"] else None,
        "own_deviation": _deviation(joined["own_scores"]) if joined["own_scores"] else None,
        **joined, **medians, "peak_memory": max(row["peak_memory"] for row in rows),
    }  # fmt: skip


def tables(what: str = "rows") -> None:
    """Print the rows as Markdown, a table per dataset; or ``"goals"``, or ``"methods"``."""
    {"rows": _row_tables, "goals": _goal_table, "methods": _method_table}[what]()


def _row_tables() -> None:
    rows = ROWS.read()
    for name, workload in WORKLOADS.items():
        mine = [row for key, row in rows.items() if key[0] == name]
        if not mine:
            continue
        scale = ScoreScale(mine[0]["percent"], mine[0]["less_is_better"])
        print(f"\n### {name}, {workload.model}, test {scale.of(workload.metric)}\n")
        beside = f" {workload.beside} |" if workload.beside else ""
        print(f"| split | size | trained on | plain | own |{beside} seeds | kB | condense s | train s |")
        print(f"|---|---|---|---|---|{'---|' if beside else ''}---|---|---|---|")
        order = {key: i for i, key in enumerate((size, data) for size in (ANY, *workload.sizes) for data in ORDER)}
        for row in sorted(mine, key=lambda row: (row["split"], order[row["size"], row["data"]])):
            other = f" {_both(scale, row['beside'], row['own_beside'])} |" if beside else ""
            seconds = "-" if row["data"] in FIXED else f"{row['condense_seconds']:.2f}"
            own = scored(scale, row["own_scores"]) if row["own_scores"] else "-"
            print(
                f"| {row['split']} | {row['size']} | {row['data']} | {scored(scale, row['scores'])} | {own} |{other} "
                f"{len(row['scores'])} | {row['bytes'] / 1000:,.1f} | {seconds} | {row['train_seconds']:.1f} |"
            )


def _goal_table() -> None:
    """Print what was aimed at, and whether the rows reach it, in both columns."""
    head = ("dataset", "split", "size", "goal for auto", "plain", "reached", "own", "reached")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    rows = ROWS.read()
    for name, workload in WORKLOADS.items():
        for split in sorted({key[1] for key in rows if key[0] == name}):
            for size, (_, most) in workload.sizes.items():
                found = {key[3]: row for key, row in rows.items() if key[:2] == (name, split) and key[2] in (size, ANY)}
                goals = [(other, None) for other in workload.surpassed] + (
                    [("whole", most)] if most is not None else []
                )
                for other, share in goals:
                    if "auto" in found and other in found:
                        cells = [
                            cell
                            for column in ("plain", "own")
                            for cell in goal(found["auto"], found[other], share, column)
                        ]
                        print(
                            f"| {name} | {split} | {size} | {_aim(other, share, found[other])} | {' | '.join(cells)} |"
                        )


def goal(mine: dict[str, Any], other: dict[str, Any], share: float | None, column: str) -> tuple[str, str]:
    """Return how two rows differ in a column, and whether that is what was aimed at.

    Rows without soft targets and weights have one column, which is both.
    """
    first, second = (
        row["own_scores"] if column == "own" and row["own_scores"] else row["scores"] for row in (mine, other)
    )
    scale, sign = ScoreScale(mine["percent"], mine["less_is_better"]), -1 if mine["less_is_better"] else 1
    gain = sign * (statistics.mean(first) - statistics.mean(second))
    if share is not None:
        lost = -gain if mine["percent"] else -gain / statistics.mean(second)
        return f"{100 * lost:+.1f} {'points' if mine['percent'] else '%'}", "yes" if lost <= share else "no"
    if min(len(first), len(second)) < FEWEST:
        return f"{_number(scale, gain)}", "too few seeds"
    error = math.sqrt(sum(statistics.variance(scores) / len(scores) for scores in (first, second)))
    reached = gain > STANDARD_ERRORS * error
    return f"{_number(scale, gain)}, standard error {_number(scale, error).lstrip('+')}", "yes" if reached else "no"


def _aim(other: str, share: float | None, row: dict[str, Any]) -> str:
    if share is None:
        return f"past {other} by {STANDARD_ERRORS} standard errors"
    return f"at most {100 * share:g} {'points' if row['percent'] else '%'} short of {other}"


def _number(scale: ScoreScale, value: float) -> str:
    return f"{100 * value:+.1f}" if scale.percent else f"{value:+.3f}"


def _method_table() -> None:
    """Print which methods take which targets."""
    print(f"| of | method | {' | '.join(f'`{one.kind}`' for one in EVERY)} |\n|---|---|{'---|' * len(EVERY)}")
    for of in ("nodes", "graphs"):
        methods = named_modality(of).methods
        for name in graphcond.list_methods(of):
            taken = methods.resolve(name).targets
            print(f"| {of} | `{name}` | {' | '.join('yes' if one in taken else '-' for one in EVERY)} |")


def shown(row: dict[str, Any]) -> str:
    """Return a row in a line."""
    scale = ScoreScale(row["percent"], row["less_is_better"])
    own = f", own {scored(scale, row['own_scores'])}" if row["own_scores"] else ""
    seconds = f"condensed in {row['condense_seconds']:.1f} s, trained in {row['train_seconds']:.1f} s"
    return f"{scored(scale, row['scores'])}{own}, {seconds}"


def scored(scale: ScoreScale, scores: Sequence[float]) -> str:
    """Return mean and deviation as text, and the mean alone of one score."""
    if not scores:
        return "-"
    return scale.score(statistics.mean(scores), _deviation(scores) if len(scores) > 1 else None)


def _both(scale: ScoreScale, plain: Sequence[float], own: Sequence[float]) -> str:
    return f"{scored(scale, plain)} / {scored(scale, own)}" if own else scored(scale, plain)


def _deviation(scores: Sequence[float]) -> float:
    return statistics.stdev(scores) if len(scores) > 1 else 0.0


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--sizes", nargs="+", help="only these sizes, as the table names them")
    parser.add_argument("--splits", type=int, nargs="+", help="only these: 0 is the given one, others are random")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="condensations of a row")
    parser.add_argument("--methods", nargs="+", choices=ORDER, help="only these methods")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables("goals")
        tables()
        return
    try:
        if unknown := [name for name in options.datasets if name not in WORKLOADS]:
            raise ValueError(f"datasets must be of {', '.join(WORKLOADS)}, got {', '.join(unknown)}")
        for name in options.datasets:
            run(name, options)
    except (ValueError, OSError) as error:
        print(f"targets.py: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
