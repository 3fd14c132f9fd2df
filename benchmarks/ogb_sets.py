"""Sets of the Open Graph Benchmark: the tables of docs/measurements/ogb.md, beside published rows.

    python benchmarks/ogb_sets.py --root DATA ogbg-molbace ogbn-arxiv       # appends rows to measurements/ogb.jsonl
    python benchmarks/ogb_sets.py --root DATA ogbn-products --methods auto,class_mean --seeds 1 --workers 2
    python benchmarks/ogb_sets.py --tables                                  # prints all rows as Markdown

Datasets are read by OGB's loaders from DATA/ogb, with OGB's split, and every score is OGB's Evaluator's. Nothing is
tuned for a dataset or a size. Rows that are in the file are not run again, so a stopped run continues where it was.
--retake REASON runs them again, into a file beside it until all have ended, and the earlier rows stay.
"""

import argparse
import hashlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ogb.graphproppred
import ogb.nodeproppred
import published
import row_file
from torch import Tensor

import graphcond
from graphcond.core.evaluation.scale import ScoreScale
from graphcond.core.runtime.jsonl import RowFile
from graphcond.datasets.files import has_files
from graphcond.evaluation.bench import FIELDS as ALL_FIELDS
from graphcond.evaluation.bench import bench
from graphcond.evaluation.bench_report import BenchReport
from graphcond.evaluation.evaluations import evaluation_of
from graphcond.evaluation.workers import Workers

FIELDS = tuple(field for field in ALL_FIELDS if field != "metric")  # the same for all rows of a dataset

ROWS = RowFile(row_file.MEASUREMENTS / "ogb.jsonl", FIELDS)
SELECTIONS = ("random", "random_soft", "herding", "k_center")
MATCHING = ("doscond", "doscond_x", "gcdm", "gcdm_x", "gcond", "gcond_x", "sfgc", "geom")  # hours on a CPU
NODE_METHODS = ("auto", *MATCHING, "class_mean", "random_propagated", *SELECTIONS, "whole")
HETERO_METHODS = ("auto", *SELECTIONS, "whole")
GRAPH_METHODS = ("auto", "mirage", "doscond", *SELECTIONS, "size", "untrained", "wl_linear", "whole")
SEVERAL = tuple(
    f"ogbg-mol{name}"
    for name in ("tox21", "clintox", "sider", "toxcast", "muv", "pcba", "chembl", "esol", "freesolv", "lipo")
)  # several labels, or numbers
SIZES = {
    "ogbn-arxiv": ("90", "454", "909"),
    "ogbn-products": ("612", "1225", "2449"),
    "ogbn-mag": ("368", "736", "3682"),
    "ogbg-molbace": ("10kB", "10/class", "50/class"),
    "ogbg-molbbbp": ("10kB", "10/class", "50/class"),
    "ogbg-molhiv": ("10kB", "10/class", "50/class"),
    "ogbn-proteins": ("90", "454", "909"),
    **dict.fromkeys(SEVERAL, ("10kB", "50", "250")),
    "ogbg-ppa": ("10kB", "1/class", "10/class"),
}


USUAL = {
    "nodes": (NODE_METHODS, ["gcn"]),
    "hetero": (HETERO_METHODS, ["sage"]),
    "graphs": (GRAPH_METHODS, ["gin"]),
}
"""The methods and models of a kind of dataset."""


@dataclass(frozen=True)
class OGBScore:
    """The score of OGB's Evaluator of a dataset, as a protocol takes it."""

    dataset: str

    @property
    def evaluator(self) -> ogb.nodeproppred.Evaluator | ogb.graphproppred.Evaluator:
        """OGB's Evaluator."""
        kind = ogb.nodeproppred if self.dataset.startswith("ogbn") else ogb.graphproppred
        return kind.Evaluator(self.dataset)

    @property
    def higher_is_better(self) -> bool:
        """Whether it is no error."""
        return str(self.evaluator.eval_metric) != "rmse"

    def __call__(self, outputs: Tensor, labels: Tensor) -> float:
        """Return OGB's score of logits of classes ``(n, classes)``, or of logits or numbers ``(n, targets)``."""
        evaluator = self.evaluator
        if labels.dim() == 2:
            said = outputs
        else:
            chosen = outputs.argmax(dim=1) if evaluator.eval_metric == "acc" else outputs[:, 1] - outputs[:, 0]
            said, labels = chosen.unsqueeze(1), labels.unsqueeze(1)
        return float(evaluator.eval({"y_true": labels, "y_pred": said})[evaluator.eval_metric])


def check_files(names: list[str], root: Path | None) -> None:
    """Raise unless the raw files of all datasets are there: they are large, and nothing is downloaded unasked."""
    for name in names:
        folder = graphcond.datasets.resolve_root(root) / "ogb" / name.replace("-", "_")
        if not has_files(folder / "raw") and not has_files(folder.with_name(f"{folder.name}_pyg") / "raw"):
            raise FileNotFoundError(
                f"the raw files of {name} are not in {folder / 'raw'}; unpack OGB's archive of it into "
                f"{folder.parent}, or name the folder above ogb with --root or GRAPHCOND_DATA"
            )


def run(name: str, options: argparse.Namespace) -> BenchReport:
    """Run the rows of one dataset that are not in the file."""
    rows = RowFile(options.output, FIELDS)
    if options.retake is None:
        known = rows.read()
        report = measure(name, options, options.output)
        row_file.tell_there(rows, [key for key in map(rows.key, report.rows) if key in known])
        return report
    reported = hashlib.sha256(f"{name} {options.retake}".encode()).hexdigest()[:8]
    beside = options.output.with_suffix(
        f".retaken-{reported}.jsonl"
    )  # a stopped run for the same reason continues there
    report = measure(name, options, beside)
    row_file.write(rows, options.retake, *RowFile(beside, FIELDS).read().values())
    beside.unlink(missing_ok=True)
    return report


def measure(name: str, options: argparse.Namespace, output: Path) -> BenchReport:
    """Run the rows of one dataset that are not in a file."""
    task = graphcond.datasets.entry(name).task
    methods, models = USUAL[task]
    protocols = evaluation_of(task).protocols
    return bench(
        [name], output, methods=options.methods or methods,
        sizes=options.sizes or SIZES[name], seeds=options.seeds,
        models=options.models or models,
        protocol=replace(protocols.resolve(options.protocol), runs=1, metric=OGBScore(name)),
        workers=Workers(
            number=options.workers, engine=options.engine, device=options.device, root=options.root
        ),
    )  # fmt: skip


def tables(output: Path = ROWS.path) -> None:
    """Print every row as Markdown, a table per dataset and protocol."""
    rows = tuple(RowFile(output, FIELDS).read().values())
    for protocol in dict.fromkeys(row["protocol"] for row in rows):
        for name in SIZES:
            mine = BenchReport(tuple(r for r in rows if (r["protocol"], r["dataset"]) == (protocol, name))).means()
            if mine:
                unit = ", in %" if mine[0]["percent"] else ""
                print(f"\n### {name}, {protocol} protocol, OGB's score on test{unit}\n")
                print("| size | trained on | model | score | runs | nodes | kB | condense s | train s | MB |")
                print("|---|---|---|---|---|---|---|---|---|---|")
                for size in ("any", *SIZES[name], *{row["size"] for row in mine} - {"any", *SIZES[name]}):
                    table(name, size, [row for row in mine if row["size"] == size])


def table(name: str, size: str, mine: list[dict[str, Any]]) -> None:
    """Print the rows of one size, and those that were published for it."""
    for row in mine:
        score = ScoreScale(row["percent"], row["less_is_better"]).score(row["mean"], row["deviation"])
        memory = f"{row['peak_memory'] / 1e6:,.0f}" if row["peak_memory"] else "-"
        seconds = f"{row['condense_seconds']:.2f}" if size != "any" else "-"
        print(
            f"| {size} | {row['method']} | {row['model']} | {score} | {len(row['scores'])} | {row['nodes']:,.0f} "
            f"| {row['bytes'] / 1000:,.1f} | {seconds} | {row['train_seconds']:.1f} | {memory} |"
        )
    for one in published.of(name, size) if mine else ():
        if one.metric in published.SCORES:
            score, source = one.cell(deviation=True), f"{one.paper}: {one.table}"
            print(f"| {size} | *{one.method}* | {one.model} | {score} | *{source}* | | | | | |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help=f"of {', '.join(SIZES)}")
    parser.add_argument("--root", type=Path, help="folder that holds ogb/ogbn_arxiv, ... (default: GRAPHCOND_DATA)")
    parser.add_argument("--output", type=Path, default=ROWS.path, help="file of JSON lines")
    parser.add_argument("--sizes", type=_names, help="only these, separated by commas: 90, 0.01, 10/class, 10kB")
    parser.add_argument("--seeds", type=int, default=5, help="condensations of a row")
    parser.add_argument("--methods", type=_names, help="only these methods, separated by commas")
    parser.add_argument("--models", type=_names, help="downstream models, separated by commas (default: by kind)")
    parser.add_argument("--protocol", default="standard", help="standard or published")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--workers", type=int, default=1, help="condensations under way at a time")
    parser.add_argument("--engine", default="auto", help="local, ray, or auto: Ray if it is installed")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables(options.output)
        return
    try:
        unknown = [name for name in options.datasets if name not in SIZES]
        if unknown or not options.datasets:
            raise ValueError(f"datasets must be of {', '.join(SIZES)}, got {', '.join(unknown) or 'none'}")
        check_files(options.datasets, options.root)
        for name in options.datasets:
            print(run(name, options), flush=True)
    except (ValueError, OSError) as error:
        print(f"ogb_sets.py: {error}", file=sys.stderr)
        sys.exit(2)


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


if __name__ == "__main__":
    main()
