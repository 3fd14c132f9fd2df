"""Node classification: the tables of docs/measurements/results.md.

    python benchmarks/nodes.py --root DATA cora citeseer pubmed      # appends rows to docs/measurements/results.jsonl
    python benchmarks/nodes.py --tables                              # prints all rows as Markdown

Every row is several condensations (seeds 0, 1, ...) x several trainings under one protocol, in two columns: plain
(hard labels, no weights) and own (the set's weights and soft labels). Nothing is tuned for a dataset or a size. Rows
that are in the file already are not run again, so a stopped run continues where it was; --retake REASON runs them again
and writes the reason into them, the earlier rows stay. results.npz has the hits, or ranks, of every test node.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import published
import row_file
import side_file
import torch
import workloads
from torch_geometric.data import Data

import graphcond
from graphcond.core.runtime.jsonl import Key, RowFile
from graphcond.core.settings import with_settings
from graphcond.nodes.evaluation.value import CONTROLS
from graphcond.nodes.methods import METHODS as NODE_METHODS

ROWS = RowFile(row_file.MEASUREMENTS / "results.jsonl", ("dataset", "size", "data", "model"))
ITEMS = ROWS.path.with_suffix(".npz")
FIXED_SIZE = ("class_mean", "receptive_field", "whole")  # the same at every size: run once


def budget(data: Data, size: float) -> int:
    """Return a number of nodes: itself, or a fraction of the training nodes, at least one per class."""
    if size >= 1:
        return int(size)
    return max(int(data.y.max()) + 1, round(size * int(_first(data.train_mask).sum())))


def _first(mask: torch.Tensor) -> torch.Tensor:
    return mask[:, 0] if mask.dim() == 2 else mask


def run(name: str, options: argparse.Namespace) -> None:
    """Run the rows of one workload that are not in the file."""
    workload = workloads.WORKLOADS[name]
    data = workloads.load(name, options.root)
    asked: set[Key] = set()  # a method without size is run once
    for size in workload.sizes if options.sizes is None else options.sizes:
        nodes = budget(data, size)
        for method in options.methods:
            shown = 0 if method in FIXED_SIZE else size
            keys = [(name, shown, method, model) for model in options.models.split(",")]
            models = [key[-1] for key in row_file.wanted(ROWS, keys, options.retake, asked)]
            if models:
                runs = options.runs if method in ("auto", "whole") else options.control_runs
                report = measured(data, method, nodes, models, runs, workload, options.seeds, options.max_seconds)
                write(report, name, shown, runs, options.retake)


def measured(
    data: Data, method: str, nodes: int, models: list[str], runs: int, workload: workloads.Workload, seeds: int,
    max_seconds: float | None = None,
) -> list[graphcond.Row]:  # fmt: skip
    """Condense with several seeds (each on a split of its own, where there are several) and evaluate."""
    parts = []
    protocol = with_settings("standard", "protocol", runs=runs, metric=workload.metric)
    for seed in range(seeds):
        split = seed % workload.splits
        made = method if method != "whole" else "class_mean"
        task = graphcond.read(data, split=split)
        run = graphcond.Run(max_seconds=max_seconds if NODE_METHODS.resolve(made).resumable else None)
        size = nodes if NODE_METHODS.resolve(made).sized else None
        small = graphcond.condense(task, size=size, method=made, seed=seed, run=run)
        controls = ["whole"] if method == "whole" else False
        report = graphcond.evaluate(small, task, models, protocol=protocol, controls=controls, seed=100 * seed)
        parts.append([row for row in report.rows if row.data == method])
        if method == "whole" and workload.splits == 1:
            break
    return [merge(rows) for rows in zip(*parts, strict=True)]


def merge(rows: tuple[graphcond.Row, ...]) -> graphcond.Row:
    """Return one row for several condensations; of one without weights or soft labels, both columns are the same."""
    first = rows[0]
    if any(row.own_scores for row in rows):
        same = [{f"own_{name}": getattr(row, name) for name in ("scores", "val_scores", "items")} for row in rows]
        rows = tuple(row if row.own_scores else replace(row, **one) for row, one in zip(rows, same, strict=True))
    return graphcond.Row(
        data=first.data, model=first.model, nodes=first.nodes, edges=first.edges, bytes=first.bytes,
        scores=tuple(score for row in rows for score in row.scores),
        val_scores=tuple(score for row in rows for score in row.val_scores),
        own_scores=tuple(score for row in rows for score in row.own_scores),
        own_val_scores=tuple(score for row in rows for score in row.own_val_scores),
        condensations=len(rows), items=_joined([row.items for row in rows]),
        own_items=_joined([row.own_items for row in rows]),
        condense_seconds=sorted(row.condense_seconds for row in rows)[len(rows) // 2],
        train_seconds=sum(row.train_seconds for row in rows) / len(rows),
        peak_memory=max(row.peak_memory for row in rows),
    )  # fmt: skip


def _joined(items: list[torch.Tensor | None]) -> torch.Tensor | None:
    """Return the outcomes of several condensations one below the other, if their test nodes are the same."""
    known = [one for one in items if one is not None]
    return torch.cat(known) if known and len({one.size(1) for one in known}) == 1 else None


def write(rows: list[graphcond.Row], name: str, size: float, runs: int, reason: str | None) -> None:
    """Append rows to the file, outcomes of test nodes to its side file, and show them."""
    for row in rows:
        for column, items in (("plain", row.items), ("own", row.own_items)):
            if items is not None:
                side_file.save(ITEMS, f"{name}/{size:g}/{row.data}/{row.model}/{column}", items.numpy())
        row_file.write(ROWS, reason, {"dataset": name, "size": size, "trainings": runs} | row.as_dict())
        own = f", own {100 * row.own_mean:.2f} ± {100 * row.own_deviation:.2f}" if row.own_scores else ""
        print(
            f"{name} {size:g} {row.data} {row.model}: {100 * row.mean:.2f} ± {100 * row.deviation:.2f}{own}", flush=True
        )


def tables() -> None:
    """Print every row as Markdown, a table per dataset and model."""
    rows = ROWS.read()
    for name, workload in workloads.WORKLOADS.items():
        for model in sorted({key[3] for key in rows if key[0] == name}):
            mine = {key[1:3]: row for key, row in rows.items() if (key[0], key[3]) == (name, model)}
            sizes = [size for size in workload.sizes if (size, "auto") in mine]
            head = [f"{size:g}" if size >= 1 else f"{100 * size:g} % of train" for size in sizes]
            nodes = [str(mine[size, "auto"]["nodes"]) for size in sizes]
            print(f"\n### {name}, {model}, test {workload.metric} in %\n")
            print(f"| trained on | {' | '.join(head)} |\n|---|{'---|' * len(sizes)}")
            print(f"| *nodes* | {' | '.join(nodes)} |")
            others = {data for _, data in mine} - {"auto", *CONTROLS}
            for method in ("auto", *sorted(others), *CONTROLS):
                cells = [_cell(mine.get((0 if method in FIXED_SIZE else size, method))) for size in sizes]
                if method == "prior" and set(cells) == {"-"}:  # a control since 0.2
                    continue
                print(f"| {method} | {' | '.join(cells)} |")
            if any(bars := [published.best(name, size, model) for size in sizes]):
                print(
                    f"| best published | {' | '.join(f'{one.cell()} {one.method}' if one else '-' for one in bars)} |"
                )


def _cell(row: dict | None) -> str:
    """Return plain, and own where there is one; an older row, which has one column only, with a dagger."""
    if row is None:
        return "-"
    plain = f"{100 * row['mean']:.1f} ± {100 * row['deviation']:.1f}"
    if "own_scores" not in row:
        return f"{plain} †"
    return f"{plain} / {100 * row['own_mean']:.1f} ± {100 * row['own_deviation']:.1f}" if row["own_scores"] else plain


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help=f"of {', '.join(workloads.WORKLOADS)}")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--sizes", type=float, nargs="+", help="only these sizes")
    parser.add_argument("--seeds", type=int, default=5, help="condensations of a row")
    parser.add_argument("--runs", type=int, default=3, help="trainings of each condensation by auto")
    parser.add_argument("--control-runs", type=int, default=1, help="trainings of each condensation by a control")
    parser.add_argument("--methods", nargs="+", default=["auto", *CONTROLS], help="only these methods")
    parser.add_argument("--models", default="gcn", help="downstream models, separated by commas")
    parser.add_argument("--max-seconds", type=float, help="for methods that work in steps")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for name in options.datasets:
        run(name, options)


if __name__ == "__main__":
    main()
