"""What one condensation costs: the cost table of docs/measurements/results.md.

    python benchmarks/speed.py --root DATA cora:70 citeseer:60     # dataset:nodes; appends rows to costs.jsonl
    python benchmarks/speed.py --tables                            # prints its rows as Markdown

Each dataset runs in a process of its own, so that peak memory is its own; a first run warms up. ``sweep`` is the time
of the propagation and selection sweeps that the method cannot do without (four hops, and the choice of the teacher).
Rows that are in the file are not measured again but with --retake REASON, and then the earlier ones stay.
"""

import argparse
import statistics
import time
from pathlib import Path

import costs
import row_file
import torch
import workloads

import graphcond
from graphcond.core.runtime.costs import peak_memory
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.propagated_features import Views
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.teacher import choose_teacher

REPEATS = 5


def measure(name: str, nodes: int, root: Path | None) -> dict[str, float]:
    """Return medians of seconds, and bytes of memory."""
    data = workloads.load(name, root)
    loaded = peak_memory(torch.device("cpu"))
    graphcond.condense(data, size=nodes)
    seconds, sweeps = [], []
    for seed in range(REPEATS):
        seconds.append(graphcond.condense(data, size=nodes, seed=seed).record.seconds)
        start = time.perf_counter()
        task = read_nodes(data)
        with seeded(seed):
            choose_teacher(task, Views.of(task, 2))
        sweeps.append(time.perf_counter() - start)
    return {
        "seconds": statistics.median(seconds), "sweep": statistics.median(sweeps), "repeats": REPEATS,
        "loaded": loaded, "peak": peak_memory(torch.device("cpu")),
    }  # fmt: skip


def tables() -> None:
    """Print every row as Markdown."""
    print("| dataset | nodes | threads | load | condense s | sweep s | ratio | MB with data loaded | peak MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in costs.of("speed"):
        name, nodes = row["what"].split(":")
        print(
            f"| {name} | {nodes} | {row['threads']} | {row['load']} | {row['seconds']:.2f} | {row['sweep']:.2f} "
            f"| {row['seconds'] / row['sweep']:.1f} | {row['loaded'] / 2**20:.0f} | {row['peak'] / 2**20:.0f} |"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help="dataset:nodes")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for key in row_file.wanted(costs.ROWS, [costs.key("speed", row) for row in options.rows], options.retake):
        name, nodes = key[1].split(":")
        found = costs.alone(measure, name, int(nodes), options.root)
        costs.write(key, options.retake, found)
        print(f"{key[1]}: {found['seconds']:.2f} s, sweep {found['sweep']:.2f} s", flush=True)


if __name__ == "__main__":
    main()
