"""Images: codes, generators and teachers, on a reduced schedule: the second table of docs/measurements/images.md.

    python benchmarks/image_methods.py --root DATA mnist              # appends rows to measurements/image_methods.jsonl
    python benchmarks/image_methods.py --tables                       # prints all rows as Markdown

Every row is several condensations, each evaluated by one training of a network of width 16 for 300 epochs on the images
as they are, on the official test images. No published number of these methods is of such a set. They stand beside
random images with and without a teacher's labels; kB are all that has to be kept. Settings were chosen on training
images that were held out. Rows that are in the file already are not run again but with --retake REASON, and then the
earlier ones stay.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import row_file
import torch

import graphcond
from graphcond import ConvNet
from graphcond.core.runtime.jsonl import RowFile

ROWS = RowFile(row_file.MEASUREMENTS / "image_methods.jsonl", ("dataset", "per_class", "data"))
MODEL, PROTOCOL = ConvNet(width=16), "standard(runs=1)"
NO_NUMBER = "no published number on this set"
TEACHER = "teacher=Teaching(architecture=ConvNet(width=16), epochs=1)"
BATCH_TEACHER = "teacher=Teaching(architecture=ConvNet(width=16, normalized='batch'), epochs=1)"
SMALL = "architecture=ConvNet(width=16), validations=2"


def _same(text: str) -> dict[int, str]:
    """Return settings that are the same for all numbers of images per class."""
    return {1: text, 10: text}


METHODS: dict[str, dict[int, str]] = {
    "random": _same("random"),
    "random_soft": _same("random_soft(architecture=ConvNet(width=16), epochs=1)"),
    "relabelled(random)": _same("relabelled(method=random, temperature=4)"),
    "pruned": _same(f"pruned({TEACHER})"),
    "rded": {1: f"rded({TEACHER})", 10: f"rded({TEACHER}, images=30, least=0.8)"},
    "kfs": {
        1: f"kfs({SMALL}, steps=100, networks=20, real_per_class=128, "
        "parameterization=LatentCodes(factor=2, images_at_once=16))",
        10: f"kfs({SMALL}, steps=60, parameterization=LatentCodes(decoders=2))",
    },
    "it_gan": {
        1: f"it_gan({SMALL}, steps=60, parameterization=Latents(generator=TrainedGenerator(steps=1000)))",
        10: f"it_gan({SMALL}, steps=60, parameterization=Latents(generator=TrainedGenerator(steps=1000), images=4))",
    },
    "sre2l": _same(f"sre2l({BATCH_TEACHER})"),
    "cda": _same(f"cda({BATCH_TEACHER})"),
}
"""The settings of each method by images per class."""


def row(name: str, dataset: object, per_class: int, method: str, options: argparse.Namespace) -> None:
    """Run one row and append it to the file."""
    text, records, rows, seconds = METHODS[method][per_class], [], [], []
    for seed in range(options.seeds):
        began = time.process_time()
        small = graphcond.condense(dataset, size=f"{per_class}/class", method=text, seed=seed)
        seconds.append(time.process_time() - began)
        records.append(small.record)
        report = graphcond.evaluate(small, dataset, (MODEL,), protocol=PROTOCOL, controls=False, seed=seed)
        rows.append(report.best)
    spent = records[0].budget["spent"]
    values = {
        "dataset": name, "per_class": per_class, "data": method, "model": repr(MODEL), "protocol": PROTOCOL,
        "scores": [100 * score for one in rows for score in one.scores],
        "own_scores": [100 * score for one in rows for score in one.own_scores],
        "bytes": spent.get("learned_bytes", rows[0].bytes), "generator_bytes": spent.get("generator_bytes", 0),
        "images": spent["images"], "condense_cpu_seconds": statistics.median(seconds),
        "kept_steps": [record.choices.get("kept_step") for record in records],
        "settings": text, "threads": torch.get_num_threads(),
    }  # fmt: skip
    row_file.write(ROWS, options.retake, values)
    print(f"{name}, {per_class} per class, {method}: {_cells(values)}", flush=True)


def tables() -> None:
    """Print every row as Markdown, a table per dataset."""
    rows = ROWS.read()
    for name in dict.fromkeys(key[0] for key in rows):
        print(f"\n### {name}, test accuracy in %, networks of width 16\n")
        print("| per class | trained on | plain | own | images | kB | generator kB | condense CPU-s | published |")
        print("|---" * 9 + "|")
        for per_class in sorted({key[1] for key in rows if key[0] == name}):
            for method in METHODS:
                if (found := rows.get((name, per_class, method))) is not None:
                    print(f"| {per_class} | {method} | {_cells(found)} | {NO_NUMBER} |")


def _cells(row: dict[str, Any]) -> str:
    generator = f"{row['generator_bytes'] / 1000:.0f}" if row["generator_bytes"] else "-"
    return " | ".join(
        [
            _score(row["scores"]), _score(row["own_scores"]), str(row["images"]), f"{row['bytes'] / 1000:.0f}",
            generator, f"{row['condense_cpu_seconds']:.0f}",
        ]
    )  # fmt: skip


def _score(scores: list[float]) -> str:
    if not scores:
        return "-"
    if len(scores) == 1:
        return f"{scores[0]:.1f}"
    return f"{statistics.mean(scores):.1f} ± {statistics.stdev(scores):.1f}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help="mnist, fashion-mnist, digit-images")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--per-class", nargs="+", type=int, default=[1, 10], help="images of each class")
    parser.add_argument("--seeds", type=int, default=3, help="condensations of a row")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="only these methods")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for name in options.datasets:
        dataset = graphcond.datasets.load(name, options.root)
        keys = [(name, per_class, method) for per_class in options.per_class for method in options.methods]
        for _, per_class, method in row_file.wanted(ROWS, keys, options.retake):
            row(name, dataset, per_class, method, options)


if __name__ == "__main__":
    main()
