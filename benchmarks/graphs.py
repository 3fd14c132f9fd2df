"""Graph classification: the tables of docs/graphs.md.

    python benchmarks/graphs.py --root DATA mutag nci1 ogbg-molbace      # appends rows to docs/graphs.jsonl
    python benchmarks/graphs.py --tables                                 # prints all rows as Markdown

Every row is ten condensations, one training each: on OGB's split with ten seeds, on TU sets on the ten stratified
folds. Nothing is tuned for a dataset or a size. Rows that are in the file already are not run again, so a stopped run
continues where it was.
"""

import argparse
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import graphcond
from graphcond.core.rows import Rows
from graphcond.evaluation.graph_controls import GRAPH_CONTROLS, SELECTIONS
from graphcond.graphs.duplicates import find_duplicates

FIELDS = ("dataset", "size", "data", "model", "protocol")
ROWS = Rows(Path(__file__).parent.parent / "docs" / "graphs.jsonl", FIELDS)
OURS = ("auto", "mirage", "doscond")
CLEANED = "-cleaned"  # without copies, as networks see them
FIXED = ("size", "untrained", "wl_linear", "whole")  # the same at every size


@dataclass(frozen=True)
class Workload:
    """One dataset of the tables.

    Args:
        metric: ``"accuracy"`` or ``"roc_auc"``.
        sizes: Sizes as ``condense`` takes them, by their name in the table.
        published: For each of them, published results.
        folds: Whether the ten seeds are ten folds.
    """

    metric: str
    sizes: dict[str, dict[str, int]]
    published: dict[str, str] = field(default_factory=dict)
    folds: bool = True


def per_class(*counts: int) -> dict[str, dict[str, int]]:
    """Return sizes in graphs per class."""
    return {f"{count} per class": {"graphs_per_class": count} for count in counts}


def bytes_(*limits: int) -> dict[str, dict[str, int]]:
    """Return sizes in bytes."""
    return {f"{limit // 1000} kB": {"max_bytes": limit} for limit in limits}


WORKLOADS = {
    "mutag": Workload(
        "accuracy", per_class(1, 10, 20),
        {"1 per class": "DosCond 82.2", "10 per class": "DosCond 82.8", "20 per class": "DosCond 83.3"},
    ),
    "nci1": Workload(
        "accuracy", per_class(1, 10, 50) | bytes_(5_000),
        {"1 per class": "DosCond 56.6", "10 per class": "DosCond 58.0", "50 per class": "DosCond 60.1"},
    ),
    "dd": Workload("accuracy", per_class(1, 10), {"1 per class": "DosCond 70.4", "10 per class": "DosCond 73.5"}),
    "proteins": Workload("accuracy", per_class(10)),
    "imdb-binary": Workload("accuracy", bytes_(2_000)),
    "imdb-binary-cleaned": Workload("accuracy", bytes_(2_000)),
    "ogbg-molbace": Workload(
        "roc_auc", bytes_(10_000) | per_class(10), {"10 per class": "DosCond .674, Mirage .753"}, folds=False
    ),
    "ogbg-molhiv": Workload(
        "roc_auc", bytes_(10_000, 100_000) | per_class(50), {"50 per class": "DosCond .731, Mirage .717"}, folds=False
    ),
}  # fmt: skip


def run(name: str, options: argparse.Namespace) -> None:
    """Run the rows of one workload that are not in the file."""
    workload = WORKLOADS[name]
    dataset = graphcond.datasets.load(name.removesuffix(CLEANED), options.root)
    if name.endswith(CLEANED):
        dataset = dataset[find_duplicates(dataset).kept]
    for size, asked in workload.sizes.items():
        if options.sizes and size not in options.sizes:
            continue
        for method in options.methods:
            shown = "any" if method in FIXED else size
            for model in options.models.split(","):
                if ROWS.missing([(name, shown, method, model, options.protocol)]):
                    rows = judge(dataset, method, asked, model, workload, options)
                    write(rows, name, shown, method, model, options.protocol)


def judge(
    dataset: object, method: str, asked: dict[str, int], model: str, workload: Workload, options: argparse.Namespace
) -> list[graphcond.Row]:
    """Return the row of each seed; a dataset that a method cannot condense to a size gives none."""
    rows = []
    made = method if method not in FIXED else "random"
    if method == "doscond" and dataset.name.lower() in graphcond.DosCondGraphs.presets:
        made = graphcond.DosCondGraphs.preset(dataset.name.lower())  # the paper's learning rate for this dataset
    for seed in range(options.seeds):
        split = seed if workload.folds else 0
        made_asked = asked if method not in FIXED else {"graphs_per_class": 1}
        try:
            small = graphcond.condense(dataset, method=made, seed=seed, split=split, **made_asked)
        except ValueError as reason:
            print(f"{method}: {reason}", flush=True)
            return []
        controls = [method] if method in FIXED else False
        report = graphcond.evaluate(
            small, dataset, [model], protocol=options.protocol, runs=1, controls=controls, metric=workload.metric,
            seed=seed,
        )  # fmt: skip
        rows.append(report.rows[-1])
    return rows


def write(rows: list[graphcond.Row], name: str, size: str, method: str, model: str, protocol: str) -> None:
    """Append the row of all seeds to the file and show it."""
    if not rows:
        return
    scores = [row.scores[0] for row in rows]
    last = [row.last_scores[0] for row in rows]
    values = {
        "dataset": name, "size": size, "data": method, "model": model, "protocol": protocol,
        "mean": statistics.mean(scores), "deviation": statistics.stdev(scores) if len(scores) > 1 else 0.0,
        "last": statistics.mean(last), "val": statistics.mean(row.val_scores[0] for row in rows),
        "scores": scores, "last_scores": last, "nodes": rows[0].nodes,
        "graphs_bytes": statistics.median(row.bytes for row in rows),
        "condense_seconds": statistics.median(row.condense_seconds for row in rows),
        "train_seconds": statistics.median(row.train_seconds for row in rows),
    }  # fmt: skip
    ROWS.append(values)
    print(f"{name}, {size}, {method}, {model}: {_score(values)}, last {100 * values['last']:.1f}", flush=True)


def tables() -> None:
    """Print every row as Markdown, a table per dataset and protocol."""
    rows = ROWS.read()
    for protocol in ("standard", "published"):
        for name, workload in WORKLOADS.items():
            mine = {key[1:4]: row for key, row in rows.items() if (key[0], key[4]) == (name, protocol)}
            if mine:
                print(f"\n### {name}, {protocol} protocol, test {workload.metric} in %\n")
                table(mine, workload)


def table(mine: dict[tuple[str, str, str], dict[str, Any]], workload: Workload) -> None:
    """Print the rows of one dataset and protocol, by size, training set and model."""
    models = sorted({key[2] for key in mine})
    print(f"| size | trained on | kB | {' | '.join(models)} | condense s |\n|---|---|---|{'---|' * len(models)}---|")
    for size in ("any", *workload.sizes):
        for method in (*FIXED, *OURS, *SELECTIONS):
            cells = [mine.get((size, method, model)) for model in models]
            found = [cell for cell in cells if cell is not None]
            if found:
                shown = " | ".join(
                    "-" if cell is None else f"{_score(cell)} ({100 * cell['last']:.1f})" for cell in cells
                )
                seconds = f"{found[0]['condense_seconds']:.2f}" if method not in FIXED else "-"
                print(f"| {size} | {method} | {found[0]['graphs_bytes'] / 1000:.1f} | {shown} | {seconds} |")
        if size in workload.published and any(key[0] == size for key in mine):
            print(f"| {size} | *published* | | {workload.published[size]} |{' |' * len(models)}")


def _score(row: dict[str, Any]) -> str:
    return f"{100 * row['mean']:.1f} ± {100 * row['deviation']:.1f}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--sizes", nargs="+", help="only these sizes")
    parser.add_argument("--seeds", type=int, default=10, help="condensations of a row")
    parser.add_argument("--methods", nargs="+", default=["auto", "mirage", *GRAPH_CONTROLS], help="only these methods")
    parser.add_argument("--models", default="gin,gcn", help="downstream models, separated by commas")
    parser.add_argument("--protocol", default="standard", help="standard or published")
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for name in options.datasets:
        run(name, options)


if __name__ == "__main__":
    main()
