"""Methods of other papers on nodes, each beside its published number and beside controls of the same size.

    python benchmarks/nodes.py --root DATA --seeds 3 --sizes 35 --methods gdem simgc ... -- cora      # the rows
    python benchmarks/other_methods.py                                                             # prints the table

Rows are those of docs/measurements/results.jsonl, of a two-layer GCN.
"""

import argparse
from statistics import fmean, stdev

import published
import verdicts

METHODS = (
    "gdem", "simgc", "sgdd", "msgc", "gecc", "cgc", "cgc_x", "deepcgc", "bonsai", "random_means",
    "coarsen_variation_neighborhoods", "coarsen_heavy_edge", "receptive_field",
)  # fmt: skip
CONTROLS = ("auto", "class_mean", "random_soft", "random_propagated", "random", "whole")


def tables() -> None:
    """Print the table as Markdown."""
    titles = ("dataset, nodes", "method", "published", "beside it", "plain, %", "own, %", "edges", "kB", "seconds")
    print(f"| {' | '.join(titles)} |\n{'|---' * len(titles)}|")
    rows = verdicts.rows("results")
    for dataset, size in (("cora", "35"), ("citeseer", "30")):
        for name in (*METHODS, *CONTROLS):
            for shown in (size, "0"):
                if (row := rows.get((dataset, shown, name, "gcn"))) is not None:
                    figure, verdict = _beside(dataset, shown, size, name)
                    cells = (_cell(row["scores"]), _cell(row["own_scores"]), str(row["edges"]),
                             f"{row['bytes'] / 1000:,.0f}", f"{row['condense_seconds'] or 0:.1f}")  # fmt: skip
                    print(f"| {dataset} {size} | {name} | {figure} | {verdict} | {' | '.join(cells)} |")


def _beside(dataset: str, shown: str, size: str, name: str) -> tuple[str, str]:
    """Return the published number of a method and the verdict on ours, two dashes where none is readable."""
    if name in CONTROLS or not published.find(dataset, size, name, "gcn"):
        return "-", "-"
    return verdicts.beside(f"results: {dataset} / {shown} / {name} / gcn", dataset, size, name, "gcn")


def _cell(scores: list[float]) -> str:
    if not scores:
        return "-"
    return f"{100 * fmean(scores):.1f}" + (f" ± {100 * stdev(scores):.1f}" if len(scores) > 1 else "")


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    tables()


if __name__ == "__main__":
    main()
