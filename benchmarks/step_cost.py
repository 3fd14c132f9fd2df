"""What a matching step costs as the original graph grows.

    python benchmarks/step_cost.py                  # appends rows to docs/measurements/costs.jsonl
    python benchmarks/step_cost.py --tables         # prints its rows as Markdown
    python benchmarks/step_cost.py --nodes 169343 --methods gcond_arxiv --condensed 454 --seconds 120

Random graphs with 10 edges a node, 128 features, 40 classes and half of the nodes for training, of which a step draws
256 of each class: for time and memory only. Once features are propagated, a step should cost the same on a million
nodes as on thirty thousand. ``gcond_arxiv`` has the paper's settings for ogbn-arxiv, with shorter turns, so that a
hundred steps hold both kinds in the right proportion. Rows that are in the file are not measured again but with
--retake REASON, and then the earlier ones stay.
"""

import argparse
import resource
import time
from dataclasses import replace

import costs
import row_file
import torch
from torch_geometric.data import Data

import graphcond
from graphcond.core.runtime.randomness import seeded

METHODS = {
    "gcond": graphcond.GCond(epochs=100, structure_epochs=1, features_epochs=4),
    "gcond_arxiv": replace(graphcond.GCond.preset("ogbn-arxiv"), structure_epochs=1, features_epochs=4),
    "gcond_x": graphcond.GCond(epochs=100, structure=graphcond.NoEdges()),
    "doscond_x": graphcond.DosCond(steps=300, structure=graphcond.NoEdges(), surrogate=graphcond.GCNSurrogate()),
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


def measure(num_nodes: int, method: str, condensed: int, seconds: float) -> dict[str, float]:
    """Return seconds before the first step, seconds a step, and bytes of peak memory."""
    data = generated(num_nodes)
    reports: list[tuple[float, int]] = []
    start = time.perf_counter()
    run = graphcond.Run(max_seconds=seconds, progress=lambda report: reports.append((time.perf_counter(), report.done)))
    graphcond.condense(data, size=condensed, method=METHODS[method], run=run)
    (first, early), (last, late) = reports[0], reports[-1]
    pace = (last - first) / (late - early)
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"edges": data.num_edges, "before": first - start - early * pace, "step": pace, "steps": late, "peak": peak}


def tables() -> None:
    """Print every row as Markdown."""
    print("| method | condensed | nodes | edges | threads | load | s before the first step | ms a step | peak MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in costs.of("step_cost"):
        print(
            f"| {row['method']} | {row['condensed']} | {row['nodes']:,} | {row['edges']:,} | {row['threads']} "
            f"| {row['load']} | {row['before']:.1f} | {1000 * row['step']:.1f} | {row['peak'] / 2**20:,.0f} |"
        )


def main() -> None:
    """Measure each row in a process of its own, so that peak memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[30_000, 100_000, 1_000_000])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=USUAL)
    parser.add_argument("--condensed", type=int, default=100, help="nodes of the condensed graph")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a measurement")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for method in options.methods:
        for nodes in options.nodes:
            key = costs.key("step_cost", f"{method}, {nodes} nodes to {options.condensed}")
            if row_file.wanted(costs.ROWS, [key], options.retake):
                found = costs.alone(measure, nodes, method, options.condensed, options.seconds)
                asked = {"method": method, "nodes": nodes, "condensed": options.condensed}
                costs.write(key, options.retake, asked | found)
                print(f"{key[1]}: {1000 * found['step']:.1f} ms a step", flush=True)


if __name__ == "__main__":
    main()
