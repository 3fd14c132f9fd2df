"""Heterogeneous graphs: the tables of docs/measurements/hetero.md.

    python benchmarks/hetero.py --root DATA dblp imdb                 # appends to docs/measurements/hetero.jsonl
    python benchmarks/hetero.py --root DATA --methods auto whole dblp # some methods only
    python benchmarks/hetero.py --tables scores                       # prints all rows as Markdown; or: costs

DATA holds ``Hetero/dblp/dblp.npz`` and ``Hetero/imdb/imdb.npz``; docs/measurements/hetero.md says what is in them.
A row is a method at a size under a network: five condensations (seeds 0 to 4), each with one training; of the whole
graph, five trainings. Rows that are there are not run again; --retake REASON runs them again, and the earlier ones
stay.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import row_file
import scipy.sparse as sp
import torch
from torch_geometric.data import HeteroData
from torch_geometric.transforms import ToUndirected

import graphcond
from graphcond.core.runtime.jsonl import RowFile
from graphcond.hetero.metapaths import blocks
from graphcond.hetero.task import HeteroTask

FIELDS = ("dataset", "size", "method", "model")
ROWS = RowFile(row_file.MEASUREMENTS / "hetero.jsonl", FIELDS)
SIZES = {"dblp": (20, 41), "imdb": (45, 223)}  # 0.5 % and 1 % of the authors, 1 % and 5 % of the movies
LABELLED = {"dblp": "author", "imdb": "movie"}
METHODS = ("auto", "hgcond", "freehgc", "herding", "k_center", "class_mean", "random_soft", "random", "whole")
MODELS = ("sage", "hgt")
SEEDS = 5
PROTOCOL = "standard(runs={}, metric='f1_micro')"


def load(name: str, root: Path) -> HeteroData:
    """Return a graph with reverse relations and masks, as a user would make it of the file."""
    data, labelled = HeteroData(), LABELLED[name]
    with np.load(root / "Hetero" / name / f"{name}.npz", allow_pickle=False) as file:
        for key in file.files:
            if "__" in key:
                source, relation, target = key.split("__")
                data[source, relation, target].edge_index = torch.from_numpy(file[key].astype(np.int64))
            elif key.startswith("num_"):
                data[key.removeprefix("num_")].num_nodes = int(file[key])
            elif key.endswith("_mask"):
                data[labelled][key] = torch.from_numpy(file[key])
            elif key.endswith("_x_indptr"):
                kind = key.removesuffix("_x_indptr")
                columns = file[f"{kind}_x_indices"]
                parts = (np.ones(len(columns), np.float32), columns, file[key])
                data[kind].x = torch.from_numpy(sp.csr_matrix(parts, shape=file[f"{kind}_x_shape"]).toarray())
        y = torch.from_numpy(file[f"{labelled}_y"])
    data[labelled].y = y.float() if y.dim() == 2 else y
    data.name = name
    return ToUndirected()(data)


def run(task: HeteroTask, name: str, size: int, method: str, models: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of a method at a size under some networks."""
    if method == "whole":
        small = [graphcond.condense(task, size=size, method="random")]
        report = graphcond.evaluate(small, task, models, protocol=PROTOCOL.format(SEEDS), controls=("whole",))
        rows = [row for row in report.rows if row.data == "whole"]
        counts = task.graph.counts
    else:
        small = [graphcond.condense(task, size=size, method=method, seed=seed) for seed in range(SEEDS)]
        report = graphcond.evaluate(small, task, models, protocol=PROTOCOL.format(1), controls=False)
        rows, counts = list(report.rows), {kind: len(small[0][0][kind].x) for kind in small[0][0].node_types}
    seconds = propagation_seconds(task)
    made = []
    for row in rows:
        known = row.as_dict()
        names = ("model", "scores", "own_scores", "nodes", "edges", "bytes", "condense_seconds", "train_seconds")
        made.append(
            {"dataset": name, "size": size, "method": method}
            | {key: known[key] for key in names}
            | {"val_scores": list(row.val_scores), "counts": counts, "propagation_seconds": seconds}
        )
    return made


def propagation_seconds(task: HeteroTask) -> float:
    """Return the seconds of propagating all features along all meta-paths, the median of three."""
    found = []
    for _ in range(3):
        start = time.perf_counter()
        blocks(task.graph)
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def tables(what: str) -> None:
    """Print the rows as Markdown: ``"scores"`` or ``"costs"``."""
    {"scores": _scores, "costs": _costs}[what]()


def _scores() -> None:
    rows = ROWS.read()
    for name, sizes in SIZES.items():
        heads = [f"{size} {LABELLED[name]}s, {model}" for size in sizes for model in MODELS]
        print(f"\n### {name}: micro F1 on the test nodes in %\n")
        print(f"| method | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        for method in METHODS:
            cells = [_cell(rows, name, sizes[0] if method == "whole" else size, method, model)
                     for size in sizes for model in MODELS]  # fmt: skip
            print(f"| {method} | {' | '.join(cells)} |")


def _cell(rows: dict[Any, dict[str, Any]], *key: object) -> str:
    row = rows.get(key)
    if row is None or not row["scores"]:
        return "-"
    scores = [100 * score for score in row["scores"]]
    return f"{statistics.mean(scores):.1f} ± {statistics.stdev(scores):.1f}"


def _costs() -> None:
    print("| dataset | method | nodes of each type | relations | kB | condense s | propagation s |")
    print("|---|---|---|---|---|---|---|")
    for (name, size, method, model), row in sorted(ROWS.read().items(), key=_order):
        if model == MODELS[0] and (method != "whole" or size == SIZES[name][0]):
            counts = ", ".join(f"{count:,} {kind}" for kind, count in row["counts"].items())
            spent = "-" if method == "whole" else f"{row['condense_seconds']:.1f}"
            print(
                f"| {name} | {method} | {counts} | {row['edges']:,} | {row['bytes'] / 1000:,.0f} | {spent} | "
                f"{row['propagation_seconds']:.2f} |"
            )


def _order(item: tuple[Any, dict[str, Any]]) -> tuple[object, ...]:
    (name, size, method, model), _ = item
    return name, size, METHODS.index(method), model


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", choices=[*SIZES, []])
    parser.add_argument("--root", type=Path, default=Path("."))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--tables", choices=("scores", "costs"))
    row_file.add_option(parser)
    options = parser.parse_args()
    if options.tables:
        tables(options.tables)
    for name in options.datasets:
        task = graphcond.read(load(name, options.root))
        for size in SIZES[name]:
            for method in options.methods:
                keys = [(name, size, method, model) for model in options.models]
                if wanted := row_file.wanted(ROWS, keys, options.retake):
                    made = run(task, name, size, method, [key[-1] for key in wanted])
                    row_file.write(ROWS, options.retake, *made)
                    means = [round(100 * statistics.mean(row["scores"]), 1) for row in made]
                    print(name, size, method, means, flush=True)


if __name__ == "__main__":
    main()
