"""What one condensation costs: the cost table of docs/results.md.

    python benchmarks/speed.py --root DATA cora:70 citeseer:60 pubmed:30      # dataset:nodes

Each dataset runs in a process of its own, so that peak memory is its own; a first run warms up. ``sweep`` is the time
of the propagation and selection sweeps that the method cannot do without (four hops, and the choice of the teacher).
"""

import argparse
import multiprocessing
import statistics
import time
from pathlib import Path

import torch
import workloads

import graphcond
from graphcond.core.costs import peak_memory
from graphcond.core.randomness import seeded
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.teacher import choose_teacher
from graphcond.nodes.views import Views

REPEATS = 5


def measure(name: str, nodes: int, root: Path | None) -> None:
    """Print the row of one dataset."""
    data = workloads.load(name, root)
    loaded = peak_memory(torch.device("cpu"))
    graphcond.condense(data, num_nodes=nodes)
    seconds, sweeps = [], []
    for seed in range(REPEATS):
        seconds.append(graphcond.condense(data, num_nodes=nodes, seed=seed).record.seconds)
        start = time.perf_counter()
        task = read_nodes(data)
        with seeded(seed):
            choose_teacher(task, Views.of(task, 2))
        sweeps.append(time.perf_counter() - start)
    total, sweep = statistics.median(seconds), statistics.median(sweeps)
    peak = peak_memory(torch.device("cpu"))
    print(
        f"| {name} | {nodes} | {total:.2f} | {sweep:.2f} | {total / sweep:.1f} | {loaded / 2**20:.0f} | "
        f"{peak / 2**20:.0f} |",
        flush=True,
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", help="dataset:nodes")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, medians of {REPEATS}\n")
    print("| dataset | nodes | condense s | sweep s | ratio | MB with data loaded | peak MB |")
    print("|---|---|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for row in options.rows:
        name, nodes = row.split(":")
        process = context.Process(target=measure, args=(name, int(nodes), options.root))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
