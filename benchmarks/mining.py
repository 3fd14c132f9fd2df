"""Trees in graphs: time and memory of refinement, mining, streamed mining and folded training.

    python benchmarks/mining.py --root DATA                                  # appends rows to docs/mining.jsonl
    python benchmarks/mining.py --root DATA --generated 1000000 --workers 2
    python benchmarks/mining.py --tables                                     # prints the newest rows as Markdown

Reading raw files is not part of any time. ``--generated`` mines random molecule-like graphs (datasets/
generate_molecules.py), which are made anew whenever a shard is read: making them is part of the time.
"""

import argparse
import dataclasses
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GINConv

import graphcond
from graphcond.core.randomness import seeded
from graphcond.core.storage import digest
from graphcond.graphs.blocks import Block, blocks, convolve, leaves, update_count
from graphcond.graphs.packing import to_tensors
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.refinement import refine
from graphcond.graphs.streaming import mine
from graphcond.graphs.task import GraphSet

sys.path.insert(0, str(Path(__file__).parent.parent / "datasets"))
from generate_molecules import molecules, shard_sizes

RESULTS = Path(__file__).parent.parent / "docs" / "mining.jsonl"
# Dataset, depth, thresholds, goal in seconds, time of the published code.
MINED = (
    ("ogbg-molhiv", 3, (1800, 115), 3, "51"),
    ("ogbg-molhiv", 5, (500, 85), 5, "-"),
    ("imdb-binary", 5, (5, 5), 1, "-"),
)
PUBLISHED = "{7442, 2208, 1955, 1816} / {210, 118, 118, 118, 116}"
SHARD = 20_000  # graphs
SHARE = 0.01  # threshold of the generated graphs
BATCH, WIDTH, DEPTH = 2048, 64, 3  # graphs of a mini-batch, columns and layers of the network


def mining(name: str, depth: int, thresholds: tuple[int, ...], root: Path | None, repeats: int) -> dict:
    """Return the time of refinement and of the whole method, and what was found."""
    task = read_graphs(graphcond.datasets.load(name, root))
    refining, whole = [], []
    for _ in range(repeats):
        fresh = dataclasses.replace(task, train=task.train.to(torch.device("cpu")))  # nothing remembered
        start = time.perf_counter()
        refine(fresh.train, depth)
        refining.append(time.perf_counter() - start)
        fresh = dataclasses.replace(task, train=task.train.to(torch.device("cpu")))
        start = time.perf_counter()
        found = graphcond.Mirage(depth=depth, threshold=thresholds).condense(fresh, None)
        whole.append(time.perf_counter() - start)
    every = graphcond.Mirage(depth=depth, threshold=thresholds, closed=False).condense(task, None)
    return {
        "kind": "mining", "dataset": name, "depth": depth, "thresholds": thresholds, "graphs": len(task.train),
        "nodes": task.train.num_nodes, "refine_seconds": statistics.median(refining),
        "seconds": statistics.median(whole), "all_seconds": whole, "closed": found.choices["supports"],
        "patterns": found.choices["patterns"], "every": every.choices["supports"],
        "every_patterns": every.choices["patterns"], "distinct_trees": found.choices["distinct_trees"],
    }  # fmt: skip


def streamed(graphs: int, workers: int, depth: int) -> dict:
    """Return time, memory and a digest of the mining of generated graphs."""
    shards = [partial(molecules, size, 0, number) for number, size in enumerate(shard_sizes(graphs, SHARD))]
    start = time.perf_counter()
    shards[0]()
    making, start = time.perf_counter() - start, time.perf_counter()
    found = mine(shards, depth, (SHARE, SHARE), workers=workers)
    seconds = time.perf_counter() - start
    peaks = [resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "kind": "streamed", "graphs": graphs, "workers": workers, "depth": depth, "shard": SHARD, "share": SHARE,
        "seconds": seconds, "making_a_shard": making, "parent_peak": peaks[0], "largest_child_peak": peaks[1],
        "class_counts": found.class_counts, "distinct_trees": found.distinct_trees,
        "patterns": [len(mined) for mined in found.supports], "digest": digest(to_tensors(found.items), "")[:16],
    }  # fmt: skip


class Network(nn.Module):
    """GIN on codes of categories: the sum of an embedding of each column, three layers, sum pooling, one linear map."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        sizes = (x.amax(dim=0) + 1).tolist()
        self.first = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        self.table = nn.EmbeddingBag(sum(sizes), WIDTH, mode="sum")
        self.convs = nn.ModuleList(
            GINConv(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))) for _ in range(DEPTH)
        )
        self.head = nn.Linear(WIDTH, 2)

    def plain(self, graphs: GraphSet) -> Tensor:
        """Return the logits of graphs."""
        x = self.table(graphs.x + self.first)
        for i, conv in enumerate(self.convs):
            x = conv(x, graphs.edge_index)
            x = x.relu() if i < DEPTH - 1 else x
        return self.head(x.new_zeros(len(graphs), WIDTH).index_add(0, graphs.graph, x))

    def folded(self, data: Data, layers: list[Block]) -> Tensor:
        """Return the logits of the same graphs, folded."""
        x = self.table(data.x[leaves(data)] + self.first)
        for i, (conv, block) in enumerate(zip(self.convs, layers, strict=True)):
            x = convolve(conv, x, block)
            x = x.relu() if i < DEPTH - 1 else x
        tree, graph = data.pool_index
        rows = x[tree - data.level_ptr[-2]] * data.pool_weight.unsqueeze(1)
        return self.head(x.new_zeros(len(data.y), WIDTH).index_add(0, graph, rows))


def folding(root: Path | None, repeats: int) -> list[dict]:
    """Return node updates and the time of a full-batch epoch, forward and backward, plain and folded."""
    task = read_graphs(graphcond.datasets.load("ogbg-molhiv", root))
    with seeded(0):
        network = Network(task.train.x)
    batches = [task.train.take(part) for part in torch.arange(len(task.train)).split(BATCH)]

    def loss(logits: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, y, reduction="sum") / len(task.train)

    def plain() -> None:
        for batch in batches:
            loss(network.plain(batch), batch.y).backward()

    expected, seconds = _epochs(network, plain, repeats)
    updates = DEPTH * task.train.num_nodes
    rows = [{"kind": "folding", "network": f"plain, batches of {BATCH}", "updates": updates, "seconds": seconds}]
    for options in ({}, {"degrees": False, "edges": False}):
        start = time.perf_counter()
        data = graphcond.WLFold(depth=DEPTH, **options).condense(task, None).items[0]
        preparing = time.perf_counter() - start
        layers = blocks(data)
        found, seconds = _epochs(network, lambda d=data, b=layers: loss(network.folded(d, b), d.y).backward(), repeats)
        label = ", ".join(f"{name}={value}" for name, value in options.items()) or "default"
        difference = float((found - expected).norm() / expected.norm())
        rows.append({"kind": "folding", "network": f"folded ({label})", "updates": update_count(data),
                     "seconds": seconds, "preparing": preparing, "gradient_difference": difference})  # fmt: skip
    return rows


def _epochs(network: Network, epoch: Callable[[], None], repeats: int) -> tuple[Tensor, float]:
    """Return the gradient of an epoch and the median of its times."""
    times = []
    for _ in range(repeats):
        network.zero_grad()
        start = time.perf_counter()
        epoch()
        times.append(time.perf_counter() - start)
    return torch.cat([value.grad.flatten() for value in network.parameters()]), statistics.median(times)


def tables(rows: list[dict]) -> None:
    """Print rows as Markdown, a table for each kind."""
    for kind, table in (("mining", _mining_table), ("streamed", _streamed_table), ("folding", _folding_table)):
        if some := [row for row in rows if row["kind"] == kind]:
            table(some)
            print()


def _mining_table(rows: list[dict]) -> None:
    references = {(name, depth): (goal, theirs) for name, depth, _, goal, theirs in MINED}
    print("| dataset, hops, thresholds | graphs | nodes | refinement s | all s | goal s | published code s |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        goal, theirs = references[row["dataset"], row["depth"]]
        print(f"| {_task(row)} | {row['graphs']:,} | {row['nodes']:,} | {row['refine_seconds']:.2f} "
              f"| {row['seconds']:.2f} | {goal} | {theirs} |")  # fmt: skip
    print("\n| dataset, hops, thresholds | distinct trees | sets | supports of the first ten |\n|---|---|---|---|")
    for row in rows:
        for which, key in (("closed", "patterns"), ("every", "every_patterns")):
            sets = " + ".join(map(str, row[key]))
            supports = " / ".join("{" + ", ".join(map(str, mined)) + "}" for mined in row[which])
            print(f"| {_task(row)} | {_trees(row)} | {sets} {which} | {supports} |")
    print(f"| ogbg-molhiv, 3, (1800, 115) | 201,378 / 13,590 | 4 + 5 published | {PUBLISHED} |")


def _streamed_table(rows: list[dict]) -> None:
    print("| graphs | workers | s | goal s | of it to make graphs, core-s | MB: parent | largest worker "
          "| all, at most | goal | distinct trees | closed sets | digest |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        parent, child = row["parent_peak"] / 1e6, row["largest_child_peak"] / 1e6 * (row["workers"] > 1)
        goals = ("180", "4,000") if row["graphs"] == 1_000_000 else ("-", "-")
        print(f"| {row['graphs']:,} | {row['workers']} | {row['seconds']:.0f} | {goals[0]} "
              f"| {row['making_a_shard'] * row['graphs'] / row['shard']:.0f} | {parent:,.0f} | {child:,.0f} "
              f"| {parent + row['workers'] * child:,.0f} | {goals[1]} | {_trees(row)} "
              f"| {' + '.join(map(str, row['patterns']))} | `{row['digest']}` |")  # fmt: skip


def _folding_table(rows: list[dict]) -> None:
    print("| network | node updates | fewer | s an epoch | faster | s to fold | gradient differs by |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        fewer, faster = (rows[0][key] / row[key] for key in ("updates", "seconds"))
        more = f"{row['preparing']:.2f} | {row['gradient_difference']:.0e}" if "preparing" in row else "- | -"
        print(f"| {row['network']} | {row['updates']:,} | {fewer:.1f} | {row['seconds']:.2f} | {faster:.1f} | {more} |")


def _trees(row: dict) -> str:
    return " / ".join(f"{number:,}" for number in row["distinct_trees"])


def _task(row: dict) -> str:
    return f"{row['dataset']}, {row['depth']}, ({', '.join(map(str, row['thresholds']))})"


def newest() -> list[dict]:
    """Return the rows of the file, of those that measure the same the newest one."""
    named = ("kind", "dataset", "depth", "graphs", "workers", "network")
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    return list({tuple(row.get(key) for key in named): row for row in rows}.values())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--generated", type=int, default=0, metavar="GRAPHS", help="mine random graphs only")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables(newest())
        return
    rows = [streamed(options.generated, options.workers, DEPTH)] if options.generated else []
    rows = rows or [mining(*row[:3], options.root, repeats=5) for row in MINED] + folding(options.root, repeats=3)
    condition = {"threads": torch.get_num_threads(), "load": round(os.getloadavg()[0], 1)}
    with RESULTS.open("a") as file:
        file.writelines(json.dumps(row | condition) + "\n" for row in rows)
    tables(rows)


if __name__ == "__main__":
    main()
