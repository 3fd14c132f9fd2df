"""GC-SNTK judged as in its paper: the regression on the condensed nodes is the classifier.

    python benchmarks/regression.py --root DATA cora citeseer pubmed     # appends rows to measurements/regression.jsonl
    python benchmarks/regression.py --root DATA --part val cora:35       # prints scores of validation nodes, no row
    python benchmarks/regression.py --tables                             # prints all rows as Markdown

``published`` is the published run, on features as Planetoid has them; ``gc_sntk`` the method's defaults, on rows of
sum 1 as in ``matching.py``, which evaluates by a GCN. Each row is several condensations, of one regression each. Rows
that are in the file are not run again but with --retake REASON, and then the earlier ones stay.
"""

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import published
import row_file
from torch_geometric.data import Data
from torch_geometric.transforms import NormalizeFeatures

import graphcond
from graphcond import GCSNTK
from graphcond.core.runtime.jsonl import RowFile

ROWS = RowFile(row_file.MEASUREMENTS / "regression.jsonl", ("dataset", "nodes", "method"))
SIZES = {"cora": (35, 70, 140), "citeseer": (30, 60, 120), "pubmed": (15, 30, 60)}
PRESETS = {"pubmed": "pubmed"}  # on the others, the settings for Cora
METHODS = ("published", "gc_sntk")


def prepared(data: Data, name: str, method: str) -> tuple[Data, GCSNTK]:
    """Return a graph as a method is given it, and the method."""
    if method == "published":
        return data, GCSNTK.preset(PRESETS.get(name, "cora"))
    return NormalizeFeatures()(data), GCSNTK()


def measured(data: Data, method: GCSNTK, nodes: int, seeds: int, part: str) -> dict:
    """Return the scores of the regression on several condensed sets, and what these cost."""
    task = graphcond.read(data)
    split = getattr(task, part)
    scores, seconds = [], []
    for seed in range(seeds):
        small = graphcond.condense(task, size=nodes, method=method, seed=seed)
        predicted = method.predict(task, split, small[0]).argmax(dim=1)
        scores.append(float((predicted == split.labels).double().mean()))
        seconds.append(small.record.seconds)
    return {"scores": scores, "seconds": statistics.median(seconds)}


def run(load: Callable[[], Data], name: str, nodes: int, method: str, options: argparse.Namespace) -> None:
    """Run one row, unless it is in the file."""
    if options.part == "test" and not row_file.wanted(ROWS, [(name, nodes, method)], options.retake):
        return
    row = {"dataset": name, "nodes": nodes, "method": method}
    row |= measured(*prepared(load(), name, method), nodes, options.seeds, options.part)
    if options.part == "test":
        row_file.write(ROWS, options.retake, row)
    print(f"{name} {nodes} {method}, {options.part}: {_cell(row['scores'])}, {row['seconds']:.0f} s", flush=True)


def tables() -> None:
    """Print every row as Markdown."""
    print("| dataset, nodes | settings | published | ours, test accuracy in % | seconds |\n|---|---|---|---|---|")
    for (name, nodes, method), row in sorted(ROWS.read().items()):
        bar = published.best(name, nodes, "regression")
        shown = bar.cell() if bar else "-"
        print(f"| {name} {nodes} | {method} | {shown} | {_cell(row['scores'])} | {row['seconds']:.0f} |")


def _cell(scores: list[float]) -> str:
    deviation = f" ± {100 * statistics.stdev(scores):.1f}" if len(scores) > 1 else ""
    return f"{100 * statistics.fmean(scores):.1f}{deviation}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help="cora, citeseer, pubmed, or one size of them: cora:70")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--seeds", type=int, default=3, help="condensations of a row")
    parser.add_argument("--part", choices=("test", "val"), default="test", help="val: only shown, not written")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for text in options.datasets:
        name, _, size = text.partition(":")
        for nodes in (int(size),) if size else SIZES[name]:
            for method in options.methods:
                run(lambda name=name: graphcond.datasets.load(name, options.root)[0], name, nodes, method, options)


if __name__ == "__main__":
    main()
