"""The tables of docs/gallery.md: all methods of a modality, from the tables of methods themselves.

python benchmarks/gallery.py nodes      # or hetero, graphs, images, interactions; pages.py makes what stands in it

Scores and costs are the rows of docs/choose.md; pictures and what a method needs are made by portraits.py.
"""

import argparse
import re

import choose
import portraits

from graphcond.core.method import Method
from graphcond.recognition import named_modality

KINDS = {"single_label": "classes", "multi_label": "labels", "regression": "numbers"}
HEAD = ("name", "what it does", "paper", "learns from", "needs", "steps", "seconds", "kB")
ROLE = re.compile(r":\w+:`~?(.+?)`")
CITED = re.compile(r"^(.*?) \((?:after )?(?:([^():]+): )?([^()]*\b(?:19|20)\d\d)\)(.*)$")
ROWS_OF = {"interactions": "users"}
"""What choose.py calls the rows of a modality, where that is not its name."""
SHOWN = ("class_mean", "random_soft")
"""Controls that stand above all others."""


def tables(modality: str) -> None:
    """Print the methods of a modality as Markdown, without columns in which all are alike."""
    methods = named_modality(modality).methods
    lines, scores = methods.lines(), choose.scored(ROWS_OF.get(modality, modality))
    titles = [*HEAD, *scores.titles]
    rows = []
    for name in sorted(lines, key=lambda name: (name != "auto", name not in SHOWN, name)):
        method = methods.resolve(name)
        text, paper = described(ROLE.sub(r"`\1`", lines[name]))
        kinds = [KINDS[kind.kind] for kind in method.targets if kind.kind in KINDS]
        reads = "none" if method.label_free else ", ".join(kinds)
        first = next((shown for shown in scores.cells if shown.partition(" / ")[0] == name), None)
        measured = ("",) * (2 + len(scores.titles)) if first is None else scores.cells[first]
        steps = "yes" if method.resumable else ""
        rows.append((f"`{name}`", text, paper, reads, needs(modality, name, method), steps, *measured))
    columns = [column for column in zip(titles, *rows, strict=True) if len(set(column[1:])) > 1]
    head, *body = zip(*columns, strict=True)
    print("\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body)))


def described(line: str) -> tuple[str, str]:
    """Return what a method does, and its paper.

    >>> described("Gradient matching (GCond: Jin et al., ICLR 2022).")
    ('Gradient matching.', 'GCond: Jin et al., ICLR 2022')
    >>> described("The default.")
    ('The default.', '')
    """
    found = CITED.match(line)
    if found is None:
        return line, ""
    text, called, paper, rest = found.groups()
    return f"{text}{rest}", f"{called}: {paper}" if called else paper


def needs(modality: str, name: str, method: Method) -> str:
    """Return what a method needs beside items: labels, a teacher that it trains, validation labels."""
    row = portraits.ROWS.read().get((modality, name))
    said = {
        "labels": not method.label_free,
        "teacher": row is not None and row["teacher"],
        "validation": method.chooses_on_validation or (row is not None and row["validation"]),
    }
    return ", ".join(word for word, true in said.items() if true) or "nothing"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modality", choices=("nodes", "hetero", "graphs", "images", "interactions"))
    tables(parser.parse_args().modality)


if __name__ == "__main__":
    main()
