"""Implicit feedback at the size of MovieLens-20M: seconds and peak memory of every stage, on generated interactions.

    python benchmarks/interactions_scale.py                    # 138,000 users x 27,000 items, 20 million interactions
    python benchmarks/interactions_scale.py --binary 50000     # binary synthetic users instead of weighted ones
    python benchmarks/interactions_scale.py --tables           # prints its rows as Markdown

A row of costs.jsonl is a whole run; one that is there is run again with --retake REASON only, and then stays too.
"""

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import costs
import row_file

import recsys

Made = TypeVar("Made")
STAGES = ("generate", "split", "condense", "evaluate")


def stage(name: str, make: Callable[[], Made], row: dict[str, float]) -> Made:
    """Run a stage, note what it cost in a row, and print it."""
    start = time.perf_counter()
    made = make()
    row[name] = time.perf_counter() - start
    row["peak"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{name}: {row[name]:.0f} s, peak so far {row['peak'] / 1e9:.2f} GB", flush=True)
    return made


def run(options: argparse.Namespace) -> None:
    """Run all stages and append their row, unless it is there."""
    shape = f"{options.users} users x {options.items} items, {options.interactions} interactions"
    made_of = f"{options.synthetic} users" + (f", {options.binary} binary" if options.binary else "")
    keys = [costs.key("interactions_scale", f"{shape}, {made_of}, {options.steps} steps, {options.models}")]
    for key in row_file.wanted(costs.ROWS, keys, options.retake):
        row: dict[str, float] = {}
        # The generated matrix is not kept beside its split.
        counts = (options.users, options.items, options.interactions)
        made = [stage("generate", partial(recsys.generate_interactions, *counts, seed=0), row)]
        split = stage("split", lambda whole=made: recsys.random_split(whole.pop()), row)
        method = recsys.DistillCF(steps=options.steps)
        small = stage(
            "condense",
            partial(recsys.condense, split, users=options.synthetic, interactions=options.binary, method=method), row,
        )  # fmt: skip
        print(small, small.record.choices)
        measured = partial(recsys.evaluate, small, split, options.models.split(","), controls=["popularity"])
        report = stage("evaluate", measured, row)
        print(report)
        scores = {f"{one.data}, {one.model}": one.scores["ndcg@10"] for one in report.rows}
        costs.write(key, options.retake, row | {"ndcg@10": scores})


def tables() -> None:
    """Print every row as Markdown."""
    print(f"| run | threads | load | {' | '.join(f'{name} s' for name in STAGES)} | peak GB | NDCG@10 in % |")
    print("|---" * (5 + len(STAGES)) + "|")
    for row in costs.of("interactions_scale"):
        seconds = " | ".join(f"{row[name]:.0f}" for name in STAGES)
        scores = ", ".join(f"{who} {100 * sum(some) / len(some):.1f}" for who, some in row["ndcg@10"].items())
        print(f"| {row['what']} | {row['threads']} | {row['load']} | {seconds} | {row['peak'] / 1e9:.2f} | {scores} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=138_000)
    parser.add_argument("--items", type=int, default=27_000)
    parser.add_argument("--interactions", type=int, default=20_000_000)
    parser.add_argument("--synthetic", type=int, default=500, help="synthetic users")
    parser.add_argument("--binary", type=int, help="binary interactions of all synthetic users")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--models", default="infinite_ae")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    run(options)


if __name__ == "__main__":
    main()
