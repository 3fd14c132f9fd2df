"""What torch-scatter and torch-sparse are worth: run once with them and once without.

    python benchmarks/fast.py --root DATA          # prints a row for each model

Downstream training goes through PyG's layers, which use both libraries where they are installed. Condensing multiplies
with torch's own sparse matrices. Each figure is the median of several short trainings on 70 nodes, judged on Cora.
"""

import argparse
import statistics
from importlib.util import find_spec
from pathlib import Path

import torch
import workloads

import graphcond
from graphcond.evaluation import Protocol

MODELS = ("gcn", "sage", "gat", "appnp", "cheb")
QUICK = Protocol(name="quick", epochs=60)
REPEATS = 5


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    installed = [name for name in ("torch_scatter", "torch_sparse") if find_spec(name)]
    data = workloads.load("cora", options.root)
    condensations = [graphcond.condense(data, num_nodes=70, seed=seed) for seed in range(REPEATS)]
    seconds = statistics.median(small.record.seconds for small in condensations)
    print(f"installed: {' and '.join(installed) or 'neither'}; condensing {seconds:.2f} s\n")
    print("| model | ms for an epoch and a tenth of a look | accuracy |\n|---|---|---|")
    for model in MODELS:
        rows = [
            graphcond.evaluate(small, data, [model], protocol=QUICK, runs=1, controls=False).rows[0]
            for small in condensations
        ]
        each = 1000 * statistics.median(row.train_seconds for row in rows) / QUICK.epochs
        print(f"| {model} | {each:.1f} | {100 * statistics.mean(row.mean for row in rows):.1f} |", flush=True)


if __name__ == "__main__":
    main()
