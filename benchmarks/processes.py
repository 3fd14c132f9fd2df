"""What a second process brings: milliseconds of a step, and of propagation, for one and several processes.

    python benchmarks/processes.py                  # appends rows to docs/measurements/costs.jsonl
    python benchmarks/processes.py --processes 1 2 4
    python benchmarks/processes.py --tables         # prints its rows as Markdown

On generated data: a random graph with 10 edges a node, 128 features and 40 classes, of which a step draws 256 nodes of
each class; 2,560 images of 28 x 28 a step; 4,000 users a step over 2,000 items. One thread a process. Rows that are in
the file are not measured again but with --retake REASON, and then the earlier ones stay.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable

import costs
import row_file
import torch
import torch.distributed as dist
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond.core.runtime.jsonl import Key
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.task import Graph

STEPS = 30
NODES = 50_000


def graph() -> Data:
    """Return a random graph whose features tell the classes apart."""
    with seeded(0):
        y = torch.randint(40, (NODES,))
        x = torch.randn(40, 128)[y] + torch.randn(NODES, 128)
        edges = torch.randint(NODES, (2, 5 * NODES))
        train = torch.rand(NODES) < 0.5
    return Data(x=x, y=y, edge_index=torch.cat([edges, edges.flip(0)], dim=1), train_mask=train)


def images() -> tuple[torch.Tensor, torch.Tensor]:
    """Return random images of ten classes."""
    with seeded(0):
        return torch.rand(6000, 1, 28, 28), torch.arange(6000) % 10


def pace(condense: Callable[..., object]) -> float:
    """Return the milliseconds of a step, from the first report to the last."""
    reports: list[tuple[float, int]] = []
    condense(run=graphcond.Run(progress=lambda report: reports.append((time.perf_counter(), report.done))), seed=0)
    if not reports:
        return 0.0  # another process reports
    (first, early), (last, late) = reports[0], reports[-1]
    return 1000 * (last - first) / max(late - early, 1)


def hops() -> float:
    """Return the milliseconds of two hops over all features."""
    data = graph()
    whole = Graph(data.x, data.edge_index, torch.ones(data.num_edges), data.y)
    adjacency = normalized_adjacency(whole)
    propagate(adjacency, data.x, 2)
    start = time.perf_counter()
    for _ in range(3):
        propagate(adjacency, data.x, 2)
    return 1000 * (time.perf_counter() - start) / 3


def gradients() -> float:
    """Return the milliseconds of a step of gradient matching through a GCN."""
    method = graphcond.DosCond(steps=STEPS, structure=graphcond.NoEdges(), surrogate=graphcond.GCNSurrogate())
    return pace(lambda **conditions: graphcond.condense(graph(), size=100, method=method, **conditions))


def distributions() -> float:
    """Return the milliseconds of a step of distribution matching on images."""
    method = graphcond.DM(steps=STEPS, networks=None, validations=1, architecture=graphcond.ConvNet(width=16))
    return pace(lambda **conditions: graphcond.condense(images(), size="10/class", method=method, **conditions))


def kernels() -> float:
    """Return the milliseconds of a step of Distill-CF."""
    matrix = recsys.generate_interactions(6000, 2000, 200_000, seed=0)
    method = recsys.DistillCF(steps=STEPS, validations=1, batch_users=4000)
    return pace(lambda **conditions: recsys.condense(matrix, users=100, method=method, **conditions))


WORK = {
    "two hops": hops,
    "doscond_x through a GCN": gradients,
    "dm on images": distributions,
    "distill_cf": kernels,
}


def key_of(name: str, processes: int) -> Key:
    """Return the key of a row."""
    return costs.key("processes", f"{name}, {processes} processes", 1)


def measure(names: list[str], reason: str | None) -> None:
    """Measure some works in this process and those beside it, and let the first one write their rows."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    count = dist.get_world_size()
    for name in names:
        value = WORK[name]()
        if dist.get_rank() == 0:
            costs.write(key_of(name, count), reason, {"work": name, "processes": count, "milliseconds": value})
            print(f"{name}, {count} processes: {value:.1f} ms", flush=True)
    dist.destroy_process_group()


def tables() -> None:
    """Print every row as Markdown."""
    print("| what | processes | load | ms |\n|---|---|---|---|")
    for row in costs.of("processes"):
        print(f"| {row['work']} | {row['processes']} | {row['load']} | {row['milliseconds']:.1f} |")


def main() -> None:
    """Measure each number of processes under torchrun."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--work", nargs="+", choices=WORK, default=list(WORK), help="only these")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    if "RANK" in os.environ:
        measure(options.work, options.retake)
        return
    again = [] if options.retake is None else ["--retake", options.retake]
    for count in options.processes:
        keys = {key_of(name, count): name for name in options.work}
        if names := [keys[key] for key in row_file.wanted(costs.ROWS, keys, options.retake)]:
            run = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", __file__]
            subprocess.run([*run, *again, "--work", *names], check=True)


if __name__ == "__main__":
    main()
