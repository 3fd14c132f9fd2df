"""The table of README.md: `auto` at all sizes of the papers, beside its controls.

python benchmarks/readme.py      # what stands in README is made by pages.py
"""

import argparse

import published
import verdicts

NODES = {"cora": (7, 35, 70, 140), "citeseer": (6, 30, 60, 120), "pubmed": (3, 15, 30, 60)}


def tables() -> None:
    """Print the plain scores of `auto` at all sizes of the papers beside its controls."""
    head = ("test accuracy, %", "nodes", "`auto`", "class means", "whole", "best published")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for dataset, sizes in NODES.items():
        mine = [f"results: {dataset} / {size} / auto / gcn" for size in sizes]
        means, whole = (f"results: {dataset} / 0 / {name} / gcn" for name in ("class_mean", "whole"))
        best = [published.best(dataset, size) for size in sizes]
        cells = (
            dataset, " / ".join(map(str, sizes)), " / ".join(map(_percent, mine)), _percent(means), _percent(whole),
            " / ".join("-" if one is None else one.cell() for one in best),
        )  # fmt: skip
        print(f"| {' | '.join(cells)} |")
    print(f"\nPublished: {published.LEGEND}")


def _percent(name: str) -> str:
    return f"{100 * verdicts.sample(name).mean:.1f}"


def main() -> None:
    """Read the command line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    tables()


if __name__ == "__main__":
    main()
