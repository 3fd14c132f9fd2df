"""What a matching step costs as the original graph grows.

    python benchmarks/step_cost.py                  # prints a table as Markdown
    python benchmarks/step_cost.py --nodes 169343 --methods gcond_arxiv --condensed 454 --seconds 120

Random graphs with 10 edges a node, 128 features, 40 classes and half of the nodes for training, of which a step draws
256 of each class: for time and memory only. Once features are propagated, a step should cost the same on a million
nodes as on thirty thousand. ``gcond_arxiv`` has the paper's settings for ogbn-arxiv, with shorter turns, so that a
hundred steps hold both kinds in the right proportion.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import replace

import torch
from torch_geometric.data import Data

import graphcond
from graphcond.core.randomness import seeded

METHODS = {
    "gcond": graphcond.GCond(epochs=100, structure_epochs=1, features_epochs=4),
    "gcond_arxiv": replace(graphcond.GCond.preset("ogbn-arxiv"), structure_epochs=1, features_epochs=4),
    "gcond_x": graphcond.GCond(epochs=100, structure=graphcond.NoEdges()),
    "doscond_x": graphcond.DosCond(steps=300, structure=graphcond.NoEdges(), relay=graphcond.GCN()),
}
USUAL = ("gcond", "gcond_x", "doscond_x")


def generated(num_nodes: int) -> Data:
    """Return a random graph whose features tell the classes apart."""
    with seeded(0):
        y = torch.randint(40, (num_nodes,))
        x = torch.randn(40, 128)[y] + torch.randn(num_nodes, 128)
        edges = torch.randint(num_nodes, (2, 5 * num_nodes))
        train = torch.rand(num_nodes) < 0.5
    return Data(x=x, y=y, edge_index=torch.cat([edges, edges.flip(0)], dim=1), train_mask=train)


def measure(num_nodes: int, method: str, condensed: int, seconds: float) -> str:
    """Return a table row: seconds before the first step, milliseconds a step, peak memory."""
    data = generated(num_nodes)
    reports: list[tuple[float, int]] = []
    start = time.perf_counter()
    graphcond.condense(
        data, num_nodes=condensed, method=METHODS[method], max_seconds=seconds,
        progress=lambda report: reports.append((time.perf_counter(), report.done)),
    )  # fmt: skip
    (first, early), (last, late) = reports[0], reports[-1]
    pace = (last - first) / (late - early)
    before = first - start - early * pace
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"| {method} | {num_nodes:,} | {data.num_edges:,} | {before:.1f} | {1000 * pace:.1f} | {peak:,.0f} |"


def main() -> None:
    """Measure each row in a process of its own, so that peak memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[30_000, 100_000, 1_000_000])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=USUAL)
    parser.add_argument("--condensed", type=int, default=100, help="nodes of the condensed graph")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a measurement")
    parser.add_argument("--here", action="store_true", help="measure the first of each, in this process")
    options = parser.parse_args()
    if options.here:
        print(measure(options.nodes[0], options.methods[0], options.condensed, options.seconds), flush=True)
        return
    print(f"{torch.get_num_threads()} threads\n")
    print("| method | nodes | edges | s before the first step | ms a step | peak MB |")
    print("|---|---|---|---|---|---|", flush=True)
    size = ["--condensed", str(options.condensed), "--seconds", str(options.seconds)]
    for method in options.methods:
        for nodes in options.nodes:
            one = ["--here", "--methods", method, "--nodes", str(nodes), *size]
            subprocess.run([sys.executable, __file__, *one], check=True)


if __name__ == "__main__":
    main()
