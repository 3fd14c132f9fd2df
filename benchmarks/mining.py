"""Trees in graphs: time and memory of refinement, mining, streamed mining and folded training.

    python benchmarks/mining.py --root DATA                                  # appends rows to measurements/mining.jsonl
    python benchmarks/mining.py --root DATA --generated 1000000 --workers 2
    python benchmarks/mining.py --tables                                     # prints all rows as Markdown

Rows that are in the file already are not run again but with --retake REASON, and then the earlier ones stay. Reading
raw files is not part of any time. ``--generated`` mines random molecule-like graphs (datasets/
generate_molecules.py), which are made anew whenever a shard is read: making them is part of the time.
"""

import argparse
import dataclasses
import os
import resource
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import published
import row_file
import torch
from folding import NETWORKS, folding

import graphcond
from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.runtime.storage import digest
from graphcond.core.size import Size
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.methods import Mirage
from graphcond.graphs.mining.out_of_core import mine
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.storage.packing import to_tensors

sys.path.insert(0, str(Path(__file__).parent.parent / "datasets"))
from generate_molecules import molecules, shard_sizes

ROWS = RowFile(row_file.MEASUREMENTS / "mining.jsonl", ("kind", "what"))
# Dataset, depth, thresholds, goal in seconds.
MINED = (("ogbg-molhiv", 3, (1800, 115), 3), ("ogbg-molhiv", 5, (500, 85), 5), ("imdb-binary", 5, (5, 5), 1))
SHARD = 20_000  # graphs
EVERYTHING = GraphBudget(Size.everything())
SHARE = 0.01  # threshold of the generated graphs
DEPTH = 3  # hops of the trees of generated graphs


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
        found = Mirage(depth=depth, threshold=thresholds).condense(fresh, EVERYTHING)
        whole.append(time.perf_counter() - start)
    every = Mirage(depth=depth, threshold=thresholds, closed=False).condense(task, EVERYTHING)
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
    found = mine(shards, Mirage(depth=depth, threshold=(SHARE, SHARE)), workers=workers)
    seconds = time.perf_counter() - start
    peaks = [resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "kind": "streamed", "graphs": graphs, "workers": workers, "depth": depth, "shard": SHARD, "share": SHARE,
        "seconds": seconds, "making_a_shard": making, "parent_peak": peaks[0], "largest_child_peak": peaks[1],
        "class_counts": found.class_counts, "distinct_trees": found.distinct_trees,
        "patterns": [len(mined) for mined in found.supports], "digest": digest(to_tensors(found.items), "")[:16],
    }  # fmt: skip


def run(options: argparse.Namespace) -> None:
    """Run the rows that are not in the file: generated graphs, or refinement, mining and folding of real ones."""
    if options.generated:
        what = f"{options.generated} graphs, {options.workers} workers"
        if row_file.wanted(ROWS, [("streamed", what)], options.retake):
            write([streamed(options.generated, options.workers, DEPTH) | {"what": what}], options.retake)
        return
    for name, depth, thresholds, *_ in MINED:
        what = f"{name}, {depth} hops"
        if row_file.wanted(ROWS, [("mining", what)], options.retake):
            write([mining(name, depth, thresholds, options.root, repeats=5) | {"what": what}], options.retake)
    if keys := row_file.wanted(ROWS, [("folding", network) for network in NETWORKS], options.retake):
        rows = [row | {"what": row["network"]} for row in folding(options.root, repeats=3)]
        write([row for row in rows if ROWS.key(row) in keys], options.retake)


def write(rows: list[dict], reason: str | None) -> None:
    """Append rows to the file, with threads and load, and show them."""
    condition = {"threads": torch.get_num_threads(), "load": round(os.getloadavg()[0], 1)}
    row_file.write(ROWS, reason, *(row | condition for row in rows))
    for row in rows:
        print(f"{row['kind']}, {row['what']}: {row['seconds']:.2f} s", flush=True)


def tables(*kinds: str) -> None:
    """Print every row as Markdown, a table for each kind, or for some."""
    rows = list(ROWS.read().values())
    for kind, table in (("mining", _mining_table), ("streamed", _streamed_table), ("folding", _folding_table)):
        if some := [row for row in rows if row["kind"] == kind and kind in (kinds or (kind,))]:
            table(some)
            print()


def _mining_table(rows: list[dict]) -> None:
    goals = {(name, depth): goal for name, depth, _, goal in MINED}
    print("| dataset, hops, thresholds | graphs | nodes | refinement s | all s | goal s | published code s |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        goal, theirs = goals[row["dataset"], row["depth"]], published.of(*_task(row).split(", ", 1))
        print(f"| {_task(row)} | {row['graphs']:,} | {row['nodes']:,} | {row['refine_seconds']:.2f} "
              f"| {row['seconds']:.2f} | {goal} | {theirs[0].cell() if theirs else '-'} |")  # fmt: skip
    print("\n| dataset, hops, thresholds | distinct trees | sets | supports of the first ten |\n|---|---|---|---|")
    for row in rows:
        for which, key in (("closed", "patterns"), ("every", "every_patterns")):
            sets = " + ".join(map(str, row[key]))
            supports = " / ".join(f"{{{str(mined)[1:-1]}}}" for mined in row[which])
            print(f"| {_task(row)} | {_trees(row)} | {sets} {which} | {supports} |")
    for row in rows:
        classes = [published.of(*f"{_task(row)}, class {label}".split(", ", 1)) for label in (0, 1)]
        if all(classes):  # of each class the number of distinct trees, then the support of each set
            trees, sets = [f"{each[0].value:,}" for each in classes], [str(len(each) - 1) for each in classes]
            supports = " / ".join(f"{{{', '.join(one.cell() for one in each[1:])}}}" for each in classes)
            print(f"| {_task(row)} | {' / '.join(trees)} | {' + '.join(sets)} published | {supports} |")


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


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--generated", type=int, default=0, metavar="GRAPHS", help="mine random graphs only")
    parser.add_argument("--workers", type=int, default=1)
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    run(options)


if __name__ == "__main__":
    main()
