"""The goals of large graphs on 2 cores beside what the rows of docs/measurements/scale.jsonl reach.

python benchmarks/scale_goals.py
"""

import argparse
import json
from dataclasses import dataclass

import scale


@dataclass(frozen=True)
class Goal:
    """What a row of `auto` should not exceed.

    Args:
        seconds: Of the whole call.
        gigabytes: Of memory that cannot be dropped.
        ratio: Times the bare sparse products, where that was asked.
    """

    seconds: float
    gigabytes: float
    ratio: float | None = None


GOALS = {
    ("arxiv", None): Goal(10, 1.5, 6),
    ("reddit", None): Goal(60, 6),
    ("products", None): Goal(180, 12),
    ("products", "4GB"): Goal(540, 4),
}


def tables() -> None:
    """Print them as Markdown."""
    head = (
        "graph",
        "nodes",
        "memory=",
        "seconds",
        "goal",
        "anonymous GB",
        "goal",
        "times the products",
        "goal",
        "reached",
    )
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for row in map(json.loads, scale.ROWS.read_text().splitlines()):
        goal = GOALS.get((row["graph"], row["memory"]))
        if row["method"] != "auto" or row["threads"] != 2 or goal is None:
            continue
        ratio, memory = row.get("ratio", row["seconds"] / row["products"]), row["anonymous"] / 1e9
        met = row["seconds"] <= goal.seconds and memory <= goal.gigabytes and ratio <= (goal.ratio or ratio)
        cells = (
            row["graph"], row["nodes"], row["memory"] or "-", f"{row['seconds']:.1f}", f"{goal.seconds:g}",
            f"{memory:.2f}", f"{goal.gigabytes:g}", f"{ratio:.1f}", goal.ratio or "-", "yes" if met else "no",
        )  # fmt: skip
        print(f"| {' | '.join(map(str, cells))} |")


def main() -> None:
    """Read the command line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    tables()


if __name__ == "__main__":
    main()
