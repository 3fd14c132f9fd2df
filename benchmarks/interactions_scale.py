"""Implicit feedback at the size of MovieLens-20M: seconds and peak memory of every stage, on generated interactions.

python benchmarks/interactions_scale.py                        # 138,000 users x 27,000 items, 20 million interactions
python benchmarks/interactions_scale.py --binary 50000         # binary synthetic users instead of weighted ones
"""

import argparse
import resource
import time
from collections.abc import Callable
from typing import TypeVar

import recsys

Made = TypeVar("Made")


def stage(name: str, make: Callable[[], Made]) -> Made:
    """Run a stage and print what it cost."""
    start = time.perf_counter()
    made = make()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name}: {time.perf_counter() - start:.0f} s, peak so far {peak:.2f} GB", flush=True)
    return made


def main() -> None:
    """Read the command line and run all stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=138_000)
    parser.add_argument("--items", type=int, default=27_000)
    parser.add_argument("--interactions", type=int, default=20_000_000)
    parser.add_argument("--synthetic", type=int, default=500, help="synthetic users")
    parser.add_argument("--binary", type=int, help="binary interactions of all synthetic users")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--models", default="infinite_ae")
    options = parser.parse_args()
    # The generated matrix is not kept beside its split.
    made = [
        stage(
            "generate", lambda: recsys.generate_interactions(options.users, options.items, options.interactions, seed=0)
        )
    ]
    split = stage("split", lambda: recsys.random_split(made.pop()))
    small = stage(
        "condense",
        lambda: recsys.condense(
            split, users=options.synthetic, interactions=options.binary, method=recsys.DistillCF(steps=options.steps)
        ),
    )
    print(small, small.record.choices)
    models = options.models.split(",")
    report = stage("evaluate", lambda: recsys.evaluate(small, split, models, controls=["popularity"]))
    print(report)


if __name__ == "__main__":
    main()
