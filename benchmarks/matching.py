"""Gradient, distribution and trajectory matching on nodes beside their published tables.

    python benchmarks/matching.py --root DATA cora citeseer           # appends rows to docs/matching.jsonl
    python benchmarks/matching.py --root DATA --seconds 15 30 60 0 --methods gcond -- cora:70 citeseer:60
    python benchmarks/matching.py --tables                            # prints all rows as Markdown

Features are scaled to rows of sum 1, as in the papers' data. Each row is several condensations (seeds 0, 1, ...) x
three trainings under both protocols. With ``--seconds`` the run is stopped after so many seconds, judged, and continued
from its checkpoint (0: to its end): the accuracy that a time budget buys. Rows that are in the file are not run again.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from torch_geometric.data import Data
from torch_geometric.transforms import NormalizeFeatures

import graphcond
from graphcond.core.rows import Rows

# A budget of 0 seconds is the whole schedule.
ROWS = Rows(Path(__file__).parent.parent / "docs" / "matching.jsonl", ("dataset", "nodes", "method", "budget"))
SIZES = {"cora": (35, 70, 140), "citeseer": (30, 60, 120)}
# Accuracy in % at those sizes and where it was read: each method's paper, or GCondenser's table of one size.
PUBLISHED: dict[tuple[str, str], tuple[float | None, ...]] = {
    ("cora", "gcond"): (79.8, 80.1, 79.3),
    ("citeseer", "gcond"): (70.5, 70.6, 69.8),
    ("cora", "gcond_x"): (75.9, 75.7, 76.0),
    ("citeseer", "gcond_x"): (71.4, 69.8, 69.4),
    ("cora", "doscond"): (78.3, None, None),
    ("cora", "doscond_x"): (80.7, None, None),
    ("cora", "gcdm"): (79.4, None, None),
    ("cora", "gcdm_x"): (78.9, None, None),
    ("cora", "sfgc"): (80.1, 81.7, 81.6),
    ("citeseer", "sfgc"): (71.4, 72.4, 70.6),
    ("cora", "geom"): (82.5, 83.6, 82.8),
    ("citeseer", "geom"): (73.0, 74.3, 73.3),
}
METHODS = ("gcond", "gcond_x", "doscond", "doscond_x", "gcdm", "gcdm_x", "sfgc", "geom")


def run(data: Data, name: str, nodes: int, method: str, budgets: list[float], seeds: int) -> None:
    """Run one method at one size, at each time budget, and append its rows."""
    parts: dict[float, list[dict]] = {budget: [] for budget in budgets or [0.0]}
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            planned = spent = 0.0
            for budget, rows in parts.items():
                small = graphcond.condense(
                    data, num_nodes=nodes, method=method, seed=seed, checkpoint=Path(folder) / "run.ckpt",
                    max_seconds=budget - planned if budget else None,
                )  # fmt: skip
                planned, spent = budget, spent + small.record.seconds
                rows.append(judged(small, data, seed) | {"seconds": spent})
    for budget, rows in parts.items():
        row = {"dataset": name, "nodes": nodes, "method": method, "budget": budget} | merged(rows)
        ROWS.append(row)
        print(json.dumps(row), flush=True)


def judged(small: graphcond.CondensedDataset, data: Data, seed: int) -> dict:
    """Return the scores of one condensation under both protocols, and its cost."""
    reports = {}
    for name in ("published", "standard"):
        best = graphcond.evaluate(small, data, protocol=name, runs=3, controls=False, seed=100 * seed).best
        reports[name] = best.own_scores or best.scores  # papers train on the weights and labels that they learn
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
    print("| dataset, nodes | method | budget | published | ours, published protocol | ours, standard protocol "
          "| seconds | ms a step | kept step of | MB |\n|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for (name, nodes, method, budget), row in sorted(rows.items()):
        figures = PUBLISHED.get((name, method), ())
        figure = dict(zip(SIZES[name], figures, strict=False)).get(nodes)
        pace = 1000 * row["seconds"] / row["steps"]
        print(f"| {name} {nodes} | {method} | {f'{budget:g} s' if budget else 'whole'} | {figure or '-'} "
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
                wanted = options.seconds or [0.0]
                if ROWS.missing((name, nodes, method, budget) for budget in wanted):
                    run(data, name, nodes, method, options.seconds, options.seeds)


if __name__ == "__main__":
    main()
