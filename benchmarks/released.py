"""The evaluator against an oracle: condensed graphs that GCond's authors released, under the published protocol.

    python benchmarks/released.py --root DATA        # reads DATA/released/gcond/{cora,citeseer}_{0.25,0.5,1.0}.npz
    python benchmarks/released.py --tables           # prints all rows as Markdown

Rows go to released.jsonl. Those that are there are not run again but with --retake REASON, and then they stay.
"""

import argparse
from pathlib import Path

import numpy as np
import published
import row_file
import torch
from torch_geometric.data import Data
from torch_geometric.utils import dense_to_sparse

import graphcond
from graphcond.core.evaluation.metrics import mean_and_deviation
from graphcond.core.runtime.jsonl import RowFile

NODES = {"cora": {"0.25": 35, "0.5": 70, "1.0": 140}, "citeseer": {"0.25": 30, "0.5": 60, "1.0": 120}}
RUNS = 3
ROWS = RowFile(row_file.MEASUREMENTS / "released.jsonl", ("dataset", "ratio"))


def measured(name: str, ratio: str, root: Path | None) -> list[float]:
    """Return the accuracies of several trainings on each of the released graphs."""
    dataset = graphcond.datasets.load(name, root)
    folder = graphcond.datasets.resolve_root(root) / "released" / "gcond"
    scores: list[float] = []
    with np.load(folder / f"{name}_{ratio}.npz", allow_pickle=False) as file:
        y = torch.as_tensor(file["y"]).long()
        for adjacency, x in zip(file["adj"], file["x"], strict=True):
            edge_index, edge_weight = dense_to_sparse(torch.as_tensor(adjacency).float())
            data = Data(x=torch.as_tensor(x).float(), y=y, edge_index=edge_index, edge_weight=edge_weight)
            report = graphcond.evaluate(data, dataset, protocol=f"published(runs={RUNS})", controls=False)
            scores += report.best.own_scores
    return scores


def run(name: str, options: argparse.Namespace) -> None:
    """Run the rows of one dataset that are not in the file."""
    for key in row_file.wanted(ROWS, [(name, ratio) for ratio in NODES[name]], options.retake):
        scores = measured(*key, options.root)
        mean, deviation = mean_and_deviation(scores)
        row = {"mean": mean, "deviation": deviation, "scores": scores, "runs": RUNS, "protocol": "published"}
        row_file.write(ROWS, options.retake, dict(zip(ROWS.fields, key, strict=True)) | row)
        print(f"{name} {key[1]}: {100 * mean:.1f} ± {100 * deviation:.1f}", flush=True)


def tables() -> None:
    """Print every row as Markdown."""
    print("| dataset | nodes, of the training nodes | published | here | trainings |\n|---|---|---|---|---|")
    for (name, ratio), row in ROWS.read().items():
        score = f"{100 * row['mean']:.1f} ± {100 * row['deviation']:.1f}"
        share = f"{100 * float(ratio):g} %"
        theirs = published.find(name, NODES[name][ratio], "gcond", "gcn")[0].cell()
        print(f"| {name} | {share} | {theirs} | {score} | {len(row['scores'])} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=list(NODES), help=f"of {', '.join(NODES)}")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
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
