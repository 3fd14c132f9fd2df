"""The tables of docs/gallery.md: all methods of a modality, from the tables of methods themselves.

python benchmarks/gallery.py nodes      # or hetero, graphs, images, interactions; pages.py makes what stands in it
"""

import argparse
import re

from graphcond.recognition import named_modality

KINDS = {"single_label": "classes", "multi_label": "labels", "regression": "numbers"}
HEAD = ("name", "what it does", "learns from", "chooses", "steps")
ROLE = re.compile(r":\w+:`~?(.+?)`")


def tables(modality: str) -> None:
    """Print the methods of a modality as Markdown, without columns in which all are alike."""
    methods = named_modality(modality).methods
    lines = methods.lines()
    rows = []
    for name in sorted(lines, key=lambda name: (name != "auto", name)):
        method = methods.resolve(name)
        kinds = [KINDS[kind.kind] for kind in method.targets if kind.kind in KINDS]
        marks = ("yes" if mark else "" for mark in (method.chooses_on_validation, method.resumable))
        reads = "none" if method.label_free else ", ".join(kinds)
        rows.append((f"`{name}`", ROLE.sub(r"`\1`", lines[name]), reads, *marks))
    columns = [column for column in zip(HEAD, *rows, strict=True) if len(set(column[1:])) > 1]
    head, *body = zip(*columns, strict=True)
    print("\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modality", choices=("nodes", "hetero", "graphs", "images", "interactions"))
    tables(parser.parse_args().modality)


if __name__ == "__main__":
    main()
