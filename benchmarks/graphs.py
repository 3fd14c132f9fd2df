"""Graph classification: the tables of docs/measurements/graphs.md.

    python benchmarks/graphs.py --root DATA mutag nci1 ogbg-molbace      # appends rows to measurements/graphs.jsonl
    python benchmarks/graphs.py --tables                                 # prints all rows as Markdown

Every row is five condensations, one training each: on OGB's split with five seeds, on TU sets on five stratified folds,
with a tenth of the training part for validation. It has two columns on the same condensations and seeds: *plain* (hard
labels, all nodes pooled alike) and *own* (the set's soft labels and weights). What each test graph contributed is in
graphs.npz, under the name of the row. Nothing is tuned for a dataset or a size. Rows that are in the file are not
run again, so a stopped run goes on; --retake REASON runs them again, and the earlier ones stay.
"""

import argparse
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import published
import row_file
import side_file
import torch
from torch_geometric.datasets import TUDataset

import graphcond
from graphcond.core.runtime.jsonl import Key, RowFile
from graphcond.core.settings import with_settings
from graphcond.graphs.duplicates import find_duplicates
from graphcond.graphs.evaluation.controls import GRAPH_CONTROLS, SELECTIONS
from graphcond.graphs.splits import stratified_folds

FIELDS = ("dataset", "size", "data", "model", "protocol")
ROWS = RowFile(row_file.MEASUREMENTS / "graphs.jsonl", FIELDS)
ITEMS = ROWS.path.with_suffix(".npz")
OURS = ("auto", "ridge", "histograms", "mirage", "doscond")
FOLDS = 5
ATTRIBUTES = "-attributes"  # with the continuous features of the nodes
CLEANED = "-cleaned"  # without copies, as networks see them
FIXED = ("size", "untrained", "wl_linear", "whole")  # the same at every size


@dataclass(frozen=True)
class Workload:
    """One dataset of the tables.

    Args:
        metric: ``"accuracy"`` or ``"roc_auc"``.
        sizes: Sizes as ``condense`` takes them, by their name in the table.
        folds: Whether seeds are folds.
    """

    metric: str
    sizes: dict[str, str]
    folds: bool = True


def per_class(*counts: int) -> dict[str, str]:
    """Return sizes in graphs per class."""
    return {f"{count} per class": f"{count}/class" for count in counts}


def bytes_(*limits: int) -> dict[str, str]:
    """Return sizes in bytes."""
    return {f"{limit // 1000} kB": f"{limit // 1000}kB" for limit in limits}


WORKLOADS = {
    "mutag": Workload("accuracy", bytes_(10_000) | per_class(1, 10, 20, 50)),
    "nci1": Workload("accuracy", bytes_(10_000) | per_class(1, 10, 50)),
    "dd": Workload("accuracy", bytes_(10_000) | per_class(1, 10)),
    "proteins": Workload("accuracy", bytes_(10_000) | per_class(10, 50)),
    "proteins-attributes": Workload("accuracy", bytes_(10_000) | per_class(10, 50)),
    "imdb-binary": Workload("accuracy", bytes_(10_000) | per_class(10, 50)),
    "imdb-binary-cleaned": Workload("accuracy", bytes_(10_000)),
    "ogbg-molbace": Workload("roc_auc", bytes_(10_000) | per_class(10, 50), folds=False),
    "ogbg-molhiv": Workload("roc_auc", bytes_(10_000) | per_class(10, 50), folds=False),
}


def load(name: str, root: Path | None) -> Any:  # noqa: ANN401 (a dataset of PyG)
    """Return the dataset of a workload."""
    if name.endswith(ATTRIBUTES):
        return TUDataset(str(root / "TUDataset"), name.removesuffix(ATTRIBUTES).upper(), use_node_attr=True)
    dataset = graphcond.datasets.load(name.removesuffix(CLEANED), root)
    return dataset[find_duplicates(dataset).kept] if name.endswith(CLEANED) else dataset


def fold(dataset: Any, number: int) -> dict[str, torch.Tensor]:  # noqa: ANN401
    """Return a stratified fold for testing, a tenth of the rest for validation, and what remains for training."""
    y = torch.cat([data.y for data in dataset])
    rest, test = ((stratified_folds(y, folds=FOLDS) == number) == part for part in (False, True))
    rest = rest.nonzero().flatten()
    valid = stratified_folds(y[rest], seed=number) == 0
    return {"train": rest[~valid], "valid": rest[valid], "test": test.nonzero().flatten()}


def run(name: str, options: argparse.Namespace) -> None:
    """Run the rows of one workload that are not in the file."""
    workload, dataset = WORKLOADS[name], load(name, options.root)
    run_before: set[Key] = set()  # a method without size is run once
    for size, asked in workload.sizes.items():
        if options.sizes and size not in options.sizes:
            continue
        for method in options.methods:
            shown = "any" if method in FIXED else size
            for model in options.models.split(","):
                keys = [(name, shown, method, model, options.protocol)]
                for key in row_file.wanted(ROWS, keys, options.retake, run_before):
                    write(measured(dataset, method, asked, model, workload, options), key, options.retake)


def measured(
    dataset: object, method: str, asked: str, model: str, workload: Workload, options: argparse.Namespace
) -> list[graphcond.Row]:
    """Return the row of each seed; a dataset that a method cannot condense to a size gives none."""
    rows = []
    made = method if method not in FIXED else "random"
    if method == "doscond" and dataset.name.lower() in graphcond.DosCondGraphs.presets:
        made = graphcond.DosCondGraphs.preset(dataset.name.lower())  # the paper's learning rate for this dataset
    for seed in range(options.seeds):
        split = fold(dataset, seed) if workload.folds else 0
        task = graphcond.read(dataset, split=split)
        try:
            size = "1/class" if method in FIXED else asked
            small = graphcond.condense(task, size=size, method=made, seed=seed)
        except ValueError as reason:
            print(f"{method}: {reason}", flush=True)
            return []
        controls = [method] if method in FIXED else False
        protocol = with_settings(options.protocol, "protocol", runs=1, metric=workload.metric)
        report = graphcond.evaluate(small, task, [model], protocol=protocol, controls=controls, seed=seed)
        rows.append(report.rows[-1])
    return rows


def write(rows: list[graphcond.Row], key: tuple[str, ...], reason: str | None) -> None:
    """Append the row of all seeds to the file and show it."""
    if not rows:
        return
    scores = [row.scores[0] for row in rows]
    # Where only some of the sets carry soft labels, the others have one value for both columns.
    has_own = any(row.own_scores for row in rows)
    own = [(row.own_scores or row.scores)[0] for row in rows] if has_own else []
    own_val = [(row.own_val_scores or row.val_scores)[0] for row in rows] if has_own else []
    values = dict(zip(FIELDS, key, strict=True)) | {
        "mean": statistics.mean(scores), "deviation": _deviation(scores),
        "last": statistics.mean(row.last_scores[0] for row in rows),
        "val": statistics.mean(row.val_scores[0] for row in rows),
        "own_mean": statistics.mean(own) if own else None, "own_deviation": _deviation(own) if own else None,
        "scores": scores, "own_scores": own, "val_scores": [row.val_scores[0] for row in rows],
        "own_val_scores": own_val,
        "last_scores": [row.last_scores[0] for row in rows], "nodes": rows[0].nodes,
        "graphs_bytes": statistics.median(row.bytes for row in rows),
        "condense_seconds": statistics.median(row.condense_seconds for row in rows),
        "train_seconds": statistics.median(row.train_seconds for row in rows),
    }  # fmt: skip
    keep_items("/".join(key), rows)
    row_file.write(ROWS, reason, values)
    print(f"{', '.join(key[:4])}: {_score(values)}, own {_own(values)}, last {100 * values['last']:.1f}", flush=True)


def keep_items(name: str, rows: list[graphcond.Row]) -> None:
    """Add what each test graph contributed, seed by seed, to the file of items."""
    columns = {"plain": [row.items for row in rows]}
    if any(row.own_items is not None for row in rows):
        columns["own"] = [row.items if row.own_items is None else row.own_items for row in rows]
    for column, items in columns.items():
        kept = [part.numpy() for part in items if part is not None]
        if kept:
            side_file.save(ITEMS, f"{name}/{column}", np.concatenate(kept, axis=1))


def tables() -> None:
    """Print every row as Markdown, a table per dataset and protocol."""
    rows = ROWS.read()
    for protocol in ("standard", "published"):
        for name, workload in WORKLOADS.items():
            mine = {key[1:4]: row for key, row in rows.items() if (key[0], key[4]) == (name, protocol)}
            if mine:
                print(f"\n### {name}, {protocol} protocol, test {workload.metric} in %\n")
                table(name, mine, workload)


def table(name: str, mine: dict[tuple[str, str, str], dict[str, Any]], workload: Workload) -> None:
    """Print the rows of one dataset and protocol, by size, training set and model."""
    models = sorted({key[2] for key in mine})
    print(f"| size | trained on | kB | {' | '.join(models)} | condense s |\n|---|---|---|{'---|' * len(models)}---|")
    for size in ("any", *workload.sizes):
        for method in (*FIXED, *OURS, *SELECTIONS):
            cells = [mine.get((size, method, model)) for model in models]
            found = [cell for cell in cells if cell is not None]
            if found:
                shown = " | ".join("-" if cell is None else f"{_score(cell)} / {_own(cell)}" for cell in cells)
                seconds = f"{found[0]['condense_seconds']:.2f}" if method not in FIXED else "-"
                print(f"| {size} | {method} | {found[0]['graphs_bytes'] / 1000:.1f} | {shown} | {seconds} |")
        theirs = ", ".join(f"{one.method} {one.cell()} ({one.model})" for one in published.of(name, size))
        if theirs and any(key[0] == size for key in mine):
            print(f"| {size} | *published* | | {theirs} |{' |' * len(models)}")


def _score(row: dict[str, Any]) -> str:
    return f"{100 * row['mean']:.1f} ± {100 * row['deviation']:.1f}"


def _own(row: dict[str, Any]) -> str:
    if row.get("own_mean") is None:
        return "-"
    return f"{100 * row['own_mean']:.1f} ± {100 * row['own_deviation']:.1f}"


def _deviation(scores: list[float]) -> float:
    return statistics.stdev(scores) if len(scores) > 1 else 0.0


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--sizes", nargs="+", help="only these sizes")
    parser.add_argument("--seeds", type=int, default=FOLDS, help="condensations of a row")
    methods = ["auto", "histograms", *GRAPH_CONTROLS]
    parser.add_argument("--methods", nargs="+", default=methods, help="only these methods")
    row_file.add_option(parser)
    parser.add_argument("--models", default="gin", help="downstream models, separated by commas")
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
