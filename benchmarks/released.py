"""The evaluator against an oracle: condensed graphs that GCond's authors released, under the published protocol.

python benchmarks/released.py --root DATA        # reads DATA/released/gcond/{cora,citeseer}_{0.25,0.5,1.0}.npz
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Data
from torch_geometric.utils import dense_to_sparse

import graphcond
from graphcond.evaluation.metrics import mean_and_deviation

PUBLISHED = {
    "cora": {"0.25": 79.8, "0.5": 80.1, "1.0": 79.3},
    "citeseer": {"0.25": 70.5, "0.5": 70.6, "1.0": 69.8},
}
RUNS = 3


def main() -> None:
    """Print a row for each dataset and ratio of the training nodes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("datasets", nargs="*", default=list(PUBLISHED))
    options = parser.parse_args()
    folder = graphcond.datasets.resolve_root(options.root) / "released" / "gcond"
    for name in options.datasets:
        dataset = graphcond.datasets.load(name, options.root)
        for ratio, published in PUBLISHED[name].items():
            scores: list[float] = []
            with np.load(folder / f"{name}_{ratio}.npz", allow_pickle=False) as file:
                y = torch.as_tensor(file["y"]).long()
                for adjacency, x in zip(file["adj"], file["x"], strict=True):
                    edge_index, edge_weight = dense_to_sparse(torch.as_tensor(adjacency).float())
                    data = Data(x=torch.as_tensor(x).float(), y=y, edge_index=edge_index, edge_weight=edge_weight)
                    report = graphcond.evaluate(data, dataset, protocol="published", runs=RUNS, controls=False)
                    scores += report.best.own_scores
            mean, deviation = mean_and_deviation(scores)
            print(f"{name} {ratio}: {100 * mean:.1f} ± {100 * deviation:.1f}, published {published}", flush=True)


if __name__ == "__main__":
    main()
