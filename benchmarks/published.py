"""Published numbers, each with the place where it was read: the tables of all benchmarks take theirs from here.

    python benchmarks/published.py --tables                 # prints all as Markdown, with their sources
    python benchmarks/published.py --tables cora citeseer   # of these datasets only

``published.jsonl`` has one line for each number. To correct one, change its line; to add one, read its source first.
"""

import argparse
import functools
import json
import math
from dataclasses import dataclass, fields
from pathlib import Path

PATH = Path(__file__).with_suffix(".jsonl")
SELECTIONS = ("validation", "test", "not said")
TUNED = ("per dataset and size", "per dataset", "no", "not said")
MARKS = {"checked": "", "secondary": "‡", "recalled": "?"}
LEGEND = "‡ read in the copy of another paper or repository; ? from memory, read nowhere; others read in their source."
SCORES = ("accuracy", "roc_auc")
KEY = ("dataset", "size", "method", "model", "metric", "paper", "table")


@dataclass(frozen=True)
class Published:
    """One published number.

    Args:
        dataset: As our rows call it.
        size: As our rows call it: synthetic nodes, images per class, ``"50 per class"``, ``"500 users"``, ``"any"``.
        method: The paper's name of it; our name is this in lower case, with ``_`` for ``-``.
        model: The model that was trained on the condensed set, such as ``"gcn"``; ``"none"`` of times and counts.
        metric: ``"accuracy"``, ``"roc_auc"``, ``"ndcg@10"``, ``"hr@10"``, ``"seconds"``, ...
        value: Scores in %.
        deviation: As printed with it.
        runs: Over which the source says that it is the mean.
        paper: Authors, venue, year and arXiv number.
        table: Where it stands there.
        selection: What the condensed set or the network was chosen by.
        tuned: How far settings were tuned.
        protocol: How it was evaluated, in short.
        read: ``"checked"``: in the source itself, or in two independent copies that agree; ``"secondary"``: in the copy
            of another paper or repository; ``"recalled"``: from memory, and nobody read it.
        source: What was read.
        note: What a reader should know besides.
    """

    dataset: str
    size: str | int
    method: str
    model: str
    metric: str
    value: float
    deviation: float | None
    runs: int | None
    paper: str
    table: str
    selection: str
    tuned: str
    protocol: str
    read: str
    source: str
    note: str

    def __post_init__(self) -> None:
        """Raise ValueError for a value that is not allowed."""
        allowed = {"selection": SELECTIONS, "tuned": TUNED, "read": tuple(MARKS)}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {', '.join(values)}, got {getattr(self, name)!r}")
        for name in ("value", "deviation", "runs"):
            number = getattr(self, name)
            if number is None and name != "value":
                continue
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise ValueError(f"{name} must be a number, got {number!r}")
        for name in ("dataset", "method", "model", "metric", "paper", "table"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ValueError(f"{name} must be a text, got {getattr(self, name)!r}")
        if self.read != "recalled" and not self.source:
            raise ValueError(f"a number that is {self.read} needs a source")

    def cell(self, *, deviation: bool = False) -> str:
        """Return the value with the mark of how it was read: none, ‡ (secondary) or ? (recalled)."""
        spread = f" ± {self.deviation}" if deviation and self.deviation is not None else ""
        return f"{self.value}{spread}{MARKS[self.read]}"


@functools.cache
def load(path: Path = PATH) -> tuple[Published, ...]:
    """Return all published numbers, in the order of the file.

    Raises:
        ValueError: a line is malformed, or has the key of an earlier one.
    """
    found: dict[tuple[str, ...], Published] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            one = Published(**_checked(json.loads(line)))
            key = tuple(str(getattr(one, name)) for name in KEY)
            if key in found:
                raise ValueError(f"{', '.join(key)} is there already")
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from error
        found[key] = one
    return tuple(found.values())


def _checked(row: object) -> dict:
    """Return the fields of a line, or raise ValueError."""
    if not isinstance(row, dict):
        raise ValueError("a line must be a JSON object")
    names = {field.name for field in fields(Published)}
    if missing := names - set(row):
        raise ValueError(f"lacks {', '.join(sorted(missing))}")
    if unknown := set(row) - names:
        raise ValueError(f"has unknown {', '.join(sorted(unknown))}")
    return row


def of(dataset: str, size: str | float) -> tuple[Published, ...]:
    """Return all numbers of a dataset at a size, in the order of the file."""
    return tuple(one for one in load() if one.dataset == dataset and _size(one.size) == _size(size))


def find(dataset: str, size: str | float, method: str, model: str | None = None) -> tuple[Published, ...]:
    """Return the numbers of a method, by its name or ours, of all models or one; of its own paper first."""
    return tuple(one for one in of(dataset, size) if _name(one.method) == _name(method) and model in (None, one.model))


def best(dataset: str, size: str | float, model: str = "gcn") -> Published | None:
    """Return the highest score by one model, however it was read: its mark says so."""
    scores = [one for one in of(dataset, size) if one.model == model and one.metric in SCORES]
    return max(scores, key=lambda one: one.value, default=None)


def _size(size: str | float) -> str:
    """Return the size in one spelling: that of graphs.jsonl, not of ogb.jsonl (``10/class``, ``10kB``)."""
    if not isinstance(size, str):
        return f"{size:g}"
    return size.replace("/class", " per class").replace(" kB", "kB").replace("kB", " kB")


def _name(method: str) -> str:
    return method.lower().replace("-", "_")


def tables(*datasets: str) -> None:
    """Print all numbers with their sources as Markdown, a table for each dataset, or only for some."""
    names = dict.fromkeys(one.dataset for one in load())
    if unknown := set(datasets) - set(names):
        raise ValueError(f"no published number of {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    print(LEGEND)
    head = (
        "size",
        "method",
        "evaluated with",
        "metric",
        "value",
        "paper",
        "chosen on",
        "tuned",
        "protocol",
        "read in",
        "note",
    )
    for name in datasets or names:
        print(f"\n### {name}\n\n| {' | '.join(head)} |\n{'|---' * len(head)}|")
        for one in load():
            if one.dataset == name:
                cells = (
                    str(one.size), one.method, one.model, one.metric, one.cell(deviation=True),
                    f"{one.paper}: {one.table}", one.selection, one.tuned, one.protocol, one.source or "-", one.note,
                )  # fmt: skip
                print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help="only these")
    parser.add_argument("--tables", action="store_true", help="print the numbers and their sources as Markdown")
    options = parser.parse_args()
    if not options.tables:
        parser.error("nothing to do; give --tables")
    try:
        tables(*options.datasets)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
