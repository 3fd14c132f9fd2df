"""What torch-scatter and torch-sparse are worth: run once with them and once without.

    python benchmarks/fast.py --root DATA          # appends a row for each model to docs/measurements/costs.jsonl
    python benchmarks/fast.py --tables             # prints its rows as Markdown

Downstream training goes through PyG's layers, which use both libraries where they are installed. Condensing multiplies
with torch's own sparse matrices. Each figure is the median of several short trainings on 70 nodes, evaluated on Cora.
Rows that are in the file are not measured again but with --retake REASON, and then the earlier ones stay.
"""

import argparse
import statistics
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import costs
import row_file
import torch
import workloads

import graphcond
from graphcond.evaluation import Protocol

MODELS = ("gcn", "sage", "gat", "appnp", "cheb")
QUICK = Protocol(name="quick", epochs=60)
REPEATS = 5


def run(options: argparse.Namespace) -> None:
    """Measure the models that have no row with, or without, what is installed."""
    installed = " and ".join(name for name in ("torch_scatter", "torch_sparse") if find_spec(name)) or "neither"
    keys = [costs.key("fast", f"{model}, {installed}") for model in MODELS]
    if not (keys := row_file.wanted(costs.ROWS, keys, options.retake)):
        return
    data = workloads.load("cora", options.root)
    condensations = [graphcond.condense(data, size=70, seed=seed) for seed in range(REPEATS)]
    seconds = statistics.median(small.record.seconds for small in condensations)
    for key in keys:
        model = key[1].split(", ")[0]
        rows = [
            graphcond.evaluate(small, data, [model], protocol=replace(QUICK, runs=1), controls=False).rows[0]
            for small in condensations
        ]
        epoch = statistics.median(row.train_seconds for row in rows) / QUICK.epochs
        scores = [score for row in rows for score in row.scores]
        row = {"model": model, "installed": installed, "epoch": epoch, "scores": scores, "condense_seconds": seconds}
        costs.write(key, options.retake, row)
        print(f"{key[1]}: {1000 * epoch:.1f} ms", flush=True)


def tables() -> None:
    """Print every row as Markdown."""
    print("| installed | model | load | ms for an epoch and a tenth of a validation | accuracy | condense s |")
    print("|---|---|---|---|---|---|")
    for row in sorted(costs.of("fast"), key=lambda row: row["installed"]):
        print(
            f"| {row['installed']} | {row['model']} | {row['load']} | {1000 * row['epoch']:.1f} "
            f"| {100 * statistics.mean(row['scores']):.1f} | {row['condense_seconds']:.2f} |"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    torch.set_num_threads(1)
    run(options)


if __name__ == "__main__":
    main()
