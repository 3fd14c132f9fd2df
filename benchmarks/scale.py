"""Time and memory of condensing large graphs: the rows of docs/measurements/scale.jsonl.

    python datasets/generate_graph.py products FOLDER                       # in the size and shape of ogbn-products
    python benchmarks/scale.py FOLDER auto:454 class_mean:47 gcond_x:454    # method:nodes; appends rows
    python benchmarks/scale.py FOLDER auto:454 --repeats 7                  # medians, products and method in turn
    python benchmarks/scale.py --tables                                     # prints all rows as Markdown

Each row is measured in a process of its own; one that is in the file is measured again with --retake REASON only, and
then stays as well. ``seconds`` is the whole call, with reading and checking the graph; ``products`` is what any method
would pay that propagates over two hops: the product A_hat @ (A_hat @ X) with torch's CSR matrices in float32, matrix
and features in memory, in a process of its own just before (median of 3). With ``--repeats`` both are measured in turn
so many times, each in its process, and what is shown are medians, of ratios those of the pairs. Where others use the
machine, the ratio of CPU times tells more than that of the clock. ``resident`` is the most memory that the process
ever had; ``anonymous`` is the part of it that no file backs, which cannot be dropped when memory is short, at its peak
in the last condensation (read 20 times a second; Linux alone).
"""

import argparse
import gc
import importlib.util
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import row_file
import scipy.sparse
import torch
from torch_geometric.data import Data

import graphcond
from graphcond.core.runtime.costs import peak_memory
from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.sparse import from_rows
from graphcond.datasets import load_folder
from graphcond.nodes.methods import METHODS as NODE_METHODS

ROWS = row_file.MEASUREMENTS / "scale.jsonl"
FIELDS = ("graph", "method", "nodes", "threads", "inductive", "memory", "max_seconds")
HOPS = 2
REPEATS = 3
STATUS = Path("/proc/self/status")
INTERVAL = 0.05  # seconds between two readings of the memory
FAST = ("torch_scatter", "torch_sparse")
COLUMNS = (
    "graph", "edges", "method", "nodes", "threads", "products s", "condense s", "ratio", "ratio of CPU time",
    "resident GB", "anonymous GB", "installed",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What is the same for all rows of a call; ``memory`` and ``max_seconds`` go to ``condense`` where given."""

    folder: Path
    threads: int
    inductive: bool = False
    memory: int | str | None = None
    max_seconds: float | None = None


def measure_products(conditions: Conditions) -> tuple[float, float]:
    """Return the seconds of the bare products by the clock and of the processors, medians of a few."""
    torch.set_num_threads(conditions.threads)
    data = load_folder(conditions.folder, mapped=False)
    if conditions.inductive:
        data = data.subgraph(data.train_mask)
    adjacency, seconds, busy = normalized(data), [], []
    for _ in range(REPEATS):
        start, start_busy = time.perf_counter(), time.process_time()
        x = data.x
        for _ in range(HOPS):
            x = adjacency @ x
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - start_busy)
    return statistics.median(seconds), statistics.median(busy)


def normalized(data: Data) -> torch.Tensor:
    """Return the adjacency as a GCN applies it, sparse CSR; without the package's own code and in little memory."""
    source, target = data.edge_index.numpy()
    size = data.num_nodes
    ones = np.ones(len(source), dtype=np.float32)
    matrix = scipy.sparse.csr_matrix((ones, (target, source)), shape=(size, size))
    matrix = matrix + scipy.sparse.eye(size, dtype=np.float32, format="csr")
    root = np.diff(matrix.indptr).astype(np.float32) ** -0.5
    matrix.data = np.repeat(root, np.diff(matrix.indptr)) * root[matrix.indices]
    return from_rows(*(torch.from_numpy(each) for each in (matrix.indptr, matrix.indices, matrix.data)), size)


def measure(conditions: Conditions, method: str, nodes: int) -> dict[str, Any]:
    """Return what one condensation costs."""
    torch.set_num_threads(conditions.threads)
    data = load_folder(conditions.folder)
    limit = conditions.max_seconds if NODE_METHODS.resolve(method).resumable else None
    run = graphcond.Run(memory=conditions.memory, max_seconds=limit)
    gc.collect()  # or its first pass over all that was imported falls into the condensation, .2 seconds
    with peak_of_anonymous() as peak:
        start, start_busy = time.perf_counter(), time.process_time()
        task = graphcond.read(data, inductive=conditions.inductive)
        small = graphcond.condense(task, size=nodes, method=method, run=run)
        seconds, busy = time.perf_counter() - start, time.process_time() - start_busy
    source = small.record.source
    return {
        "graph": conditions.folder.resolve().name, "num_nodes": source["num_nodes"], "num_edges": source["num_edges"],
        "method": method, "nodes": nodes, "seconds": seconds, "busy": busy, "record_seconds": small.record.seconds,
        "resident": peak_memory(torch.device("cpu")), "anonymous": peak.get("RssAnon"),
        "choices": small.record.choices,
    }  # fmt: skip


@contextmanager
def peak_of_anonymous() -> Iterator[dict[str, int]]:
    """Watch the memory of this process; the yielded dictionary holds the most of ``RssAnon`` so far, in bytes."""
    peak: dict[str, int] = {}
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(INTERVAL):
            for line in STATUS.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    peak["RssAnon"] = max(1024 * int(line.split()[1]), peak.get("RssAnon", 0))

    watcher = threading.Thread(target=watch, daemon=True)
    if STATUS.exists():
        watcher.start()
    try:
        yield peak
    finally:
        stop.set()
        if watcher.ident is not None:
            watcher.join()


@contextmanager
def another_process() -> Iterator[Callable[..., Any]]:
    """Yield what calls a function, with its arguments, in a process of its own that lives as long as the block."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda work, *arguments: pool.submit(work, *arguments).result()


def run(
    conditions: Conditions, wanted: list[tuple[str, int]], path: Path, repeats: int = 1, reason: str | None = None
) -> None:
    """Measure the rows that are not in a file, and append them."""
    path.parent.mkdir(exist_ok=True)
    rows = RowFile(path, FIELDS)
    shared = {name: value for name, value in asdict(conditions).items() if name != "folder"}
    installed = [name for name in FAST if importlib.util.find_spec(name)]
    print(f"{conditions.threads} threads; installed: {', '.join(installed) or 'neither ' + ' nor '.join(FAST)}")
    for method, nodes in wanted:
        key = rows.key({"graph": conditions.folder.resolve().name, "method": method, "nodes": nodes} | shared)
        if not row_file.wanted(rows, [key], reason):
            continue
        row = repeated(conditions, method, nodes, repeats)
        row |= {"installed": installed, "torch": torch.__version__, "repeats": repeats} | shared
        row_file.write(rows, reason, row)
        print(markdown(row), flush=True)


def repeated(conditions: Conditions, method: str, nodes: int, repeats: int) -> dict[str, Any]:
    """Return the row of bare products and condensations in turn, each in a process that nothing else runs in."""
    with another_process() as plain, another_process() as condensing:
        pairs = [
            (plain(measure_products, conditions), condensing(measure, conditions, method, nodes))
            for _ in range(repeats)
        ]
    products, found = zip(*pairs, strict=True)
    row: dict[str, Any] = dict(found[-1])
    for name in ("seconds", "busy", "record_seconds"):
        row[name] = statistics.median(one[name] for one in found)
    row["products"], row["products_busy"] = (statistics.median(values) for values in zip(*products, strict=True))
    row["ratio"] = statistics.median(one["seconds"] / plain for (plain, _), one in pairs)
    row["busy_ratio"] = statistics.median(one["busy"] / plain for (_, plain), one in pairs)
    row["all_seconds"] = [one["seconds"] for one in found]
    row["all_products"] = [plain for plain, _ in products]
    return row


def markdown(row: dict[str, Any]) -> str:
    """Return a row of the table."""
    anonymous = "-" if row["anonymous"] is None else f"{row['anonymous'] / 1e9:.2f}"
    limits = "".join(f", {name}={row[name]}" for name in ("memory", "max_seconds") if row[name] is not None)
    values = (
        row["graph"] + (" (training subgraph)" if row["inductive"] else ""), f"{row['num_edges']:,}",
        row["method"] + limits, row["nodes"], row["threads"], f"{row['products']:.2f}", f"{row['seconds']:.1f}",
        f"{row.get('ratio', row['seconds'] / row['products']):.1f}",
        f"{row.get('busy_ratio', row['busy'] / row['products_busy']):.1f}", f"{row['resident'] / 1e9:.2f}", anonymous,
        ", ".join(row["installed"]) or "-",
    )  # fmt: skip
    return f"| {' | '.join(map(str, values))} |"


def tables(rows: Path = ROWS) -> None:
    """Print all rows of a file as Markdown."""
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for row in RowFile(rows, FIELDS).read().values():
        print(markdown(row))


def _wanted(text: str) -> tuple[str, int]:
    method, _, nodes = text.partition(":")
    return method, int(nodes)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="a graph as a folder of .npy files")
    parser.add_argument("wanted", nargs="*", type=_wanted, help="method:nodes")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--inductive", action="store_true", help="the subgraph of the training nodes, as for Reddit")
    parser.add_argument("--max-seconds", type=float, help="for methods that work in steps")
    parser.add_argument("--memory", type=lambda text: int(text) if text.isdigit() else text, help="for condense")
    parser.add_argument("--repeats", type=int, default=1, help="measurements of a row, of which medians are taken")
    parser.add_argument("--rows", type=Path, default=ROWS, help="the file that rows are appended to")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables(options.rows)
        return
    if not options.wanted:
        parser.error("give a folder and at least one method:nodes")
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(options.threads)
    conditions = Conditions(
        folder=options.folder, threads=options.threads, inductive=options.inductive, memory=options.memory,
        max_seconds=options.max_seconds,
    )  # fmt: skip
    run(conditions, options.wanted, options.rows, options.repeats, options.retake)


if __name__ == "__main__":
    sys.exit(main())
