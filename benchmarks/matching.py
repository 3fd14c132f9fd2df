"""Gradient, distribution and trajectory matching on nodes beside their published tables.

    python benchmarks/matching.py --root DATA cora citeseer           # appends rows to docs/measurements/matching.jsonl
    python benchmarks/matching.py --root DATA --seconds 15 30 60 0 --methods gcond -- cora:70 citeseer:60
    python benchmarks/matching.py --tables                            # prints all rows as Markdown

Features are scaled to rows of sum 1, as in the papers' data. Each row is several condensations (seeds 0, 1, ...) x
three trainings under both protocols. With ``--seconds`` the run is stopped at each time limit, evaluated, and continued
from its checkpoint (0: to its end): the accuracy that a time budget buys. Rows that are in the file are not run again
but with --retake REASON, and then the earlier ones stay.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import row_file
import side_file
import verdicts
from torch_geometric.data import Data
from torch_geometric.transforms import NormalizeFeatures

import graphcond
from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.settings import with_settings

# A budget of 0 seconds is the whole schedule.
ROWS = RowFile(row_file.MEASUREMENTS / "matching.jsonl", ("dataset", "nodes", "method", "budget"))
ITEMS = ROWS.path.with_suffix(".npz")  # which test nodes were right
SIZES = {"cora": (35, 70, 140), "citeseer": (30, 60, 120)}
METHODS = ("gcond", "gcond_x", "doscond", "doscond_x", "gcdm", "gcdm_x", "sfgc", "geom")


def run(data: Data, name: str, nodes: int, method: str, options: argparse.Namespace) -> None:
    """Run one method at one size, at each time budget, evaluate where there is no row, and append the rows."""
    budgets = options.seconds or [0.0]
    keys = row_file.wanted(ROWS, [(name, nodes, method, budget) for budget in budgets], options.retake)
    parts: dict[float, list[dict]] = {key[-1]: [] for key in keys}
    budgets = budgets[: 1 + max((budgets.index(budget) for budget in parts), default=-1)]
    for seed in range(options.seeds if parts else 0):
        with tempfile.TemporaryDirectory() as folder:
            planned = spent = 0.0
            for budget in budgets:
                run = graphcond.Run(
                    checkpoint=Path(folder) / "run.ckpt", max_seconds=budget - planned if budget else None
                )
                small = graphcond.condense(data, size=nodes, method=method, seed=seed, run=run)
                planned, spent = budget, spent + small.record.seconds
                if budget in parts:
                    parts[budget].append(evaluated(small, data, seed) | {"seconds": spent})
    for budget, rows in parts.items():
        for protocol in ("published", "standard"):
            items = [row.pop(f"{protocol} items") for row in rows]
            side_file.keep(ITEMS, f"{name}/{nodes}/{method}/{budget:g}/{protocol}", items)
        row = {"dataset": name, "nodes": nodes, "method": method, "budget": budget} | merged(rows)
        row_file.write(ROWS, options.retake, row)
        print(json.dumps(row), flush=True)


def evaluated(small: graphcond.CondensedDataset, data: Data, seed: int) -> dict:
    """Return the scores of one condensation under both protocols, and its cost."""
    reports = {}
    for name in ("published", "standard"):
        best = graphcond.evaluate(
            small, data, protocol=with_settings(name, "protocol", runs=3), controls=False, seed=100 * seed
        ).best
        own = bool(best.own_scores)  # papers train on the weights and labels that they learn
        reports[name] = best.own_scores if own else best.scores
        reports[f"{name} items"] = best.own_items if own else best.items
    choices = small.record.choices
    cost = {"seconds": small.record.seconds, "steps": choices["steps"], "kept_step": choices["kept_step"],
            "peak_memory": small.record.peak_memory, "edges": small[0].num_edges}  # fmt: skip
    return reports | cost


def merged(rows: list[dict]) -> dict:
    """Return one row for several condensations: all scores, the median cost."""
    middle = len(rows) // 2
    costs = {key: sorted(row[key] for row in rows)[middle] for key in rows[0] if key not in ("published", "standard")}
    return {key: [score for row in rows for score in row[key]] for key in ("published", "standard")} | costs


def tables() -> None:
    """Print every row as Markdown."""
    rows = ROWS.read()
    head = (
        "dataset, nodes", "method", "budget", "published", "beside it", "ours, published protocol",
        "ours, standard protocol", "seconds", "ms a step", "kept step of", "MB",
    )  # fmt: skip
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for (name, nodes, method, budget), row in sorted(rows.items()):
        row_name = f"matching: {name} / {nodes} / {method} / {budget:g} #published"
        figure, beside = verdicts.beside(row_name, name, nodes, method, "gcn")
        pace = 1000 * row["seconds"] / row["steps"]
        print(f"| {name} {nodes} | {method} | {f'{budget:g} s' if budget else 'whole'} | {figure} | {beside} "
              f"| {_cell(row['published'])} | {_cell(row['standard'])} | {row['seconds']:.0f} | {pace:.1f} "
              f"| {row['kept_step']} of {row['steps']} | {row['peak_memory'] / 1e6:.0f} |")  # fmt: skip


def _cell(scores: list[float]) -> str:
    return f"{100 * statistics.fmean(scores):.1f} ± {100 * statistics.stdev(scores):.1f}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help="cora, citeseer, or one size of them: cora:70")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--seconds", type=float, nargs="*", default=[], help="time budgets, ascending; 0: no limit")
    parser.add_argument("--seeds", type=int, default=3, help="condensations of a row")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for text in options.datasets:
        name, _, size = text.partition(":")
        data = NormalizeFeatures()(graphcond.datasets.load(name, options.root)[0])
        for method in options.methods:
            for nodes in (int(size),) if size else SIZES[name]:
                run(data, name, nodes, method, options)


if __name__ == "__main__":
    main()
