"""The table of docs/start/ready_sets.md: the condensed sets of the zoo, from their cards.

python benchmarks/condensed_sets.py      # what stands in the page is made by pages.py
"""

import argparse

import graphcond

CONTROLS = ("random", "class_mean", "whole")


def tables() -> None:
    """Print all sets as Markdown."""
    head = ("name", "of", "kB", "metric", "judged by", "score", *CONTROLS)
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for card in graphcond.zoo.list():
        best = card.best
        beside = {score["data"]: score for score in card.scores if score["model"] == best["model"]}
        scores = [card.scored(beside[name]) if name in beside else "-" for name in CONTROLS]
        cells = (f"`{card.name}`", card.dataset, f"{card.file_bytes / 1000:.0f}", card.metric, best["model"])
        print(f"| {' | '.join((*cells, card.scored(best), *scores))} |")


def main() -> None:
    """Read the command line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    tables()


if __name__ == "__main__":
    main()
