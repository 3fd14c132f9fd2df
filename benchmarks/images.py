"""Images: the tables of docs/measurements/images.md.

    python benchmarks/images.py --root DATA mnist fashion-mnist       # appends rows to docs/measurements/images.jsonl
    python benchmarks/images.py --tables                              # prints all rows as Markdown

Every row is three condensations, evaluated by one training each of the network of the published tables (ConvNet, width
128) on the official test images; KIP is evaluated by its own kernel as well. Networks that condense are of width 32 or
64, so that a row takes minutes on two CPU cores. Settings depend on the images per class as the papers' do, and on
nothing else, but that MTT, FRePO and, with ten a class, DM change images as the protocols do, which mirrors all but
digits; they were set on validation images and other training images of MNIST. Rows that are in the file already are not
run again but with --retake REASON, and then the earlier ones stay.
"""

import argparse
import itertools
import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import row_file
import side_file
import torch
import verdicts

import graphcond
from graphcond import DC, DM, KIP, MTT, FRePO
from graphcond.core.matching.replay import Window
from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.settings import with_settings
from graphcond.images.augmentation import DIGITS, PHOTOGRAPHS, Operation
from graphcond.images.evaluation.protocol import IMAGE_PROTOCOLS
from graphcond.images.methods.base import ImageMethod

ROWS = RowFile(row_file.MEASUREMENTS / "images.jsonl", ("dataset", "per_class", "data", "model", "protocol"))
ITEMS = ROWS.path.with_suffix(".npz")  # which test images were right
MODELS = {"kip": ("ntk", "convnet")}  # others are evaluated by the network alone
CONTROLS = ("random", "random_soft", "class_mean", "herding")
PLAIN = ("random", "dc")  # whose published networks saw images that were at most moved, those of others all operations


OPERATIONS = {"mnist": DIGITS, "digit-images": DIGITS, "fashion-mnist": PHOTOGRAPHS}  # as the protocols have it


def _named(name: str, per_class: int, operations: tuple[Operation, ...]) -> str:
    return name


def _dc(per_class: int, _: tuple[Operation, ...]) -> DC:
    if per_class == 1:
        return DC()
    return DC(outer_steps=1, distance="squared", networks=40, real_per_class=256, images_rate=0.03, steps=800)


def _dm(per_class: int, operations: tuple[Operation, ...]) -> DM:
    if per_class == 1:
        return DM()
    return DM(operations=operations, images_rate=0.05, real_per_class=64, steps=1000)


def _mtt(per_class: int, operations: tuple[Operation, ...]) -> MTT:
    common = MTT(operations=operations, soft_labels="classes", window=Window(max_start=16))
    return common if per_class == 1 else replace(common, unroll_batch_size=50, steps=150, images_rate=0.05)


METHODS: dict[str, Callable[[int, tuple[Operation, ...]], ImageMethod | str]] = {
    "kip": lambda per_class, _: KIP(steps=600) if per_class == 1 else KIP(steps=3000, real_batch_size=3000),
    "dm": _dm,
    "dc": _dc,
    "mtt": _mtt,
    "frepo": lambda _, operations: FRePO(operations=operations),
    **{name: partial(_named, name) for name in CONTROLS},
}


def run(name: str, options: argparse.Namespace) -> None:
    """Run the rows of one dataset that are not in the file."""
    dataset = graphcond.datasets.load(name, options.root)
    for per_class in options.per_class:
        for method in options.methods:
            keys = [
                (name, per_class, method, model, options.protocol)
                for model in MODELS.get(method, ("convnet",))
                if model in options.models
            ]
            if models := tuple(key[3] for key in row_file.wanted(ROWS, keys, options.retake)):
                row(name, dataset, per_class, method, models, options)


def row(
    name: str, dataset: object, per_class: int, method: str, models: tuple[str, ...], options: argparse.Namespace
) -> None:
    """Run one row and append it to the file."""
    made = METHODS[method](per_class, OPERATIONS[name])
    found: dict[str, list[graphcond.Row]] = {model: [] for model in models}
    records = []
    for seed in range(options.seeds):
        small = graphcond.condense(dataset, size=f"{per_class}/class", method=made, seed=seed)
        records.append(small.record)
        report = graphcond.evaluate(
            small,
            dataset,
            models,
            protocol=with_settings(options.protocol, "protocol", runs=1),
            controls=False,
            seed=seed,
        )
        for mine in report.rows:
            found[mine.model].append(mine)
    for model, rows in found.items():
        scores = [100 * score for one in rows for score in one.scores]
        values = {
            "dataset": name, "per_class": per_class, "data": method, "model": model, "protocol": options.protocol,
            "mean": statistics.mean(scores), "deviation": statistics.stdev(scores) if len(scores) > 1 else 0.0,
            "scores": scores, "bytes": rows[0].bytes,
            "condense_seconds": statistics.median(one.condense_seconds for one in rows),
            "train_seconds": statistics.median(one.train_seconds for one in rows),
            "kept_steps": [record.choices.get("kept_step") for record in records],
            "settings": repr(made), "threads": torch.get_num_threads(),
        }  # fmt: skip
        key = f"{name}/{per_class}/{method}/{model}/{options.protocol}"
        row_file.write(ROWS, options.retake, values)
        side_file.keep(ITEMS, key, [one.items for one in rows])
        print(f"{name}, {per_class} per class, {method}, {model}: {_score(values)}", flush=True)


def tables() -> None:
    """Print every row as Markdown, a table per dataset."""
    rows = ROWS.read()
    for name in dict.fromkeys(key[0] for key in rows):
        print(f"\n### {name}, test accuracy in %\n")
        print("| per class | trained on | model | protocol | accuracy | published | beside it | kB | condense s |")
        print("|---" * 9 + "|")
        for per_class in sorted({key[1] for key in rows if key[0] == name}):
            for method, protocol in itertools.product(METHODS, IMAGE_PROTOCOLS):
                for model in MODELS.get(method, ("convnet",)):
                    if (found := rows.get((name, per_class, method, model, protocol))) is not None:
                        alike = (method in PLAIN) != protocol.startswith("augmented")
                        mine = f"images: {name} / {per_class} / {method} / {model} / {protocol}"
                        there = verdicts.beside(mine, name, per_class, method, model) if alike else ("-", "-")
                        shown = " | ".join(there)
                        print(
                            f"| {per_class} | {method} | {model} | {protocol} | {_score(found)} | {shown} | "
                            f"{found['bytes'] / 1000:.0f} | {_seconds(found)} |"
                        )


def _seconds(row: dict[str, Any]) -> str:
    """Return the seconds, where the run was not suspended in between."""
    return "-" if row["condense_seconds"] is None else f"{row['condense_seconds']:.0f}"


def _score(row: dict[str, Any]) -> str:
    return f"{row['mean']:.1f} ± {row['deviation']:.1f}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help="mnist, fashion-mnist, digit-images")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--per-class", nargs="+", type=int, default=[1, 10], help="images of each class")
    parser.add_argument("--seeds", type=int, default=3, help="condensations of a row")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="only these methods")
    parser.add_argument("--models", nargs="+", default=["ntk", "convnet"], help="evaluate with these only")
    parser.add_argument(
        "--protocol", choices=IMAGE_PROTOCOLS, default="augmented_digits", help="how networks are evaluated"
    )
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for name in options.datasets:
        run(name, options)


if __name__ == "__main__":
    main()
