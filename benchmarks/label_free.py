"""Condensation without labels: the tables of docs/measurements/label_free.md.

    python benchmarks/label_free.py --root DATA citeseer pubmed mnist   # appends to docs/measurements/label_free.jsonl
    python benchmarks/label_free.py --tables                            # prints all rows as Markdown

A row is several condensations without labels (seeds 0, 1, ...), each with one training of a network on what was learned
in place of labels, which a linear probe then reads for a set of labels: the classes of the dataset and, of the same
condensations of nodes, a second one, three classes of equal size by the number of neighbours. Rows that are in the file
are not run again; --retake REASON runs them again, and the earlier ones stay.
"""

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import row_file
from torch_geometric.utils import degree

import graphcond
from graphcond.core.runtime.jsonl import RowFile

FIELDS = ("dataset", "size", "method", "labels", "data")
ROWS = RowFile(row_file.MEASUREMENTS / "label_free.jsonl", FIELDS)
MADE = "singular_vectors(columns=64, hops=2)"
DEGREES = 3  # classes of equal size
ORDER = ("krr_st", "auto", "random", "random_propagated", "k_center", "random_vectors", "untrained", "whole", "prior")
PROTOCOLS = {"nodes": "linear_probe(runs=1, epochs=200)", "images": "linear_probe(runs=1, epochs=100)"}


@dataclass(frozen=True)
class Workload:
    """One dataset of the tables.

    Args:
        free: The dataset as it is condensed: ``(dataset)``.
        labels: The datasets with other labels, by the name of these: ``(dataset)``.
        modality: Its name.
        model: The network.
        sizes: What is asked for.
        methods: What condenses, as ``condense`` takes it, by its name in the table.
        controls: What stands beside the first method.
        seeds: Condensations.
    """

    free: Callable[[Any], Any]
    labels: Callable[[Any], dict[str, Any]]
    modality: str
    model: str
    sizes: Sequence[int | str]
    methods: Mapping[str, str]
    controls: Sequence[str]
    seeds: int


def without_labels(dataset: Any) -> Any:  # noqa: ANN401 (a task)
    """Return nodes that learn vectors."""
    return graphcond.read(dataset, target=MADE)


def node_labels(dataset: Any) -> dict[str, Any]:  # noqa: ANN401 (a dataset)
    """Return a graph with its classes, and with classes by the number of neighbours."""
    data = dataset[0].clone()
    ranks = degree(data.edge_index[1], data.num_nodes).argsort(stable=True).argsort(stable=True)
    data.y = ranks * DEGREES // data.num_nodes
    return {"classes": dataset, "degrees": data}


def image_labels(dataset: Any) -> dict[str, Any]:  # noqa: ANN401 (a dataset)
    """Return the dataset with its classes: images are recognised by them, so that there are no others."""
    return {"classes": dataset}


def same(dataset: Any) -> Any:  # noqa: ANN401 (a dataset)
    """Return the dataset: the method reads no label."""
    return dataset


OF_NODES = ("prior", "random", "random_propagated", "k_center", "untrained", "whole")
OF_IMAGES = ("random", "random_vectors", "untrained")
METHODS = {"krr_st": "krr_st", "auto": "auto"}
REDUCED = (
    "krr_st(teacher=BarlowTwins(architecture=ConvNet(width=16), steps=200), architecture=ConvNet(width=16), steps=150, "
    "real_batch_size=128, validations=2)"
)  # minutes on a core
READ_LABELS = {("mnist", "random"): "random, by its classes"}  # what is no condensation without labels
WORKLOADS = {
    "citeseer": Workload(without_labels, node_labels, "nodes", "gcn", (30, 60), METHODS, OF_NODES, 3),
    "pubmed": Workload(without_labels, node_labels, "nodes", "gcn", (15, 30), METHODS, OF_NODES, 3),
    "mnist": Workload(
        same, image_labels, "images", "convnet_w32", ("1/class", "10/class"), {"krr_st": REDUCED}, OF_IMAGES, 2
    ),
}  # fmt: skip


def run(name: str, size: int | str, method: str, root: Path | None, seeds: int | None) -> list[dict[str, Any]]:
    """Return the rows of a method and of what stands beside it, for all sets of labels."""
    workload = WORKLOADS[name]
    dataset = graphcond.datasets.load(name, root)
    free = workload.free(dataset)
    asked = workload.methods[method]
    small = [graphcond.condense(free, size=size, method=asked, seed=seed) for seed in range(seeds or workload.seeds)]
    controls = workload.controls if method == next(iter(workload.methods)) else False
    rows = []
    for labels, data in workload.labels(dataset).items():
        report = graphcond.evaluate(
            small, data, [workload.model], protocol=PROTOCOLS[workload.modality], controls=controls
        )
        of = {"dataset": name, "size": str(size), "method": method, "labels": labels, "settings": asked}
        rows += [_row(row) | of for row in report.rows]
    return rows


def _row(row: graphcond.Row) -> dict[str, Any]:
    known = row.as_dict()
    names = ("data", "scores", "own_scores", "nodes", "bytes", "condense_seconds", "train_seconds", "note")
    return {name: known[name] for name in names} | {"val_scores": list(row.val_scores)}


def tables() -> None:
    """Print the rows as Markdown, a table for each dataset and set of labels."""
    rows = list(ROWS.read().values())
    for dataset, labels in sorted({(row["dataset"], row["labels"]) for row in rows}):
        mine = [row for row in rows if (row["dataset"], row["labels"]) == (dataset, labels)]
        print(f"\n### {dataset}, {labels}: accuracy of a linear probe in %\n")
        print("| size | trained on | test | condensations | kB | condense s | train s |\n|---|---|---|---|---|---|---|")
        for row in sorted(mine, key=lambda row: (int(row["size"].split("/")[0]), ORDER.index(row["data"]))):
            shown = READ_LABELS.get((dataset, row["data"]), row["data"])
            print(
                f"| {row['size']} | {shown} | {scored(row['scores'])} | {len(row['scores'])} | "
                f"{row['bytes'] / 1000:,.1f} | {row['condense_seconds']:.1f} | {row['train_seconds']:.1f} |"
            )


def scored(scores: Sequence[float]) -> str:
    """Return mean and deviation in %."""
    if not scores:
        return "-"
    mean = f"{100 * statistics.mean(scores):.1f}"
    return mean if len(scores) < 2 else f"{mean} ± {100 * statistics.stdev(scores):.1f}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", choices=[*WORKLOADS, []])
    parser.add_argument("--root", type=Path)
    parser.add_argument("--seeds", type=int, help="condensations; default: 3, of images 2")
    parser.add_argument("--tables", action="store_true")
    row_file.add_option(parser)
    options = parser.parse_args()
    if options.tables:
        tables()
    for name in options.datasets:
        workload = WORKLOADS[name]
        for size in workload.sizes:
            for method in workload.methods:
                keys = [(name, str(size), method, "classes", method)]
                if row_file.wanted(ROWS, keys, options.retake):
                    row_file.write(ROWS, options.retake, *run(name, size, method, options.root, options.seeds))


if __name__ == "__main__":
    main()
