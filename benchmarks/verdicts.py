"""Which of two rows is better: the comparisons that README and docs speak of, by the names of their rows.

    python benchmarks/verdicts.py "results: cora / 35 / auto / gcn" "results: cora / 0 / class_mean / gcn"

A row is named by its file of measurements, its key and, after a #, a column or metric where it has several: ``#own``,
``#published`` (a protocol of matching.jsonl), ``#hr@10``, ``#ndcg@10 own``. ``published: cora / 35 / geom / gcn`` is a
line of published.jsonl.
"""

import argparse
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import published
import row_file
import side_file

from graphcond.core.runtime.jsonl import RowFile
from graphcond.evaluation import Comparison, Sample, TestPart, compare

DOCS = row_file.MEASUREMENTS
KEYS = {
    "results": ("dataset", "size", "data", "model"),
    "graphs": ("dataset", "size", "data", "model", "protocol"),
    "images": ("dataset", "per_class", "data", "model", "protocol"),
    "interactions": ("dataset", "size", "data", "model"),
    "matching": ("dataset", "nodes", "method", "budget"),
    "ogb": ("dataset", "size", "method", "model", "protocol"),
    "targets": ("dataset", "split", "size", "data", "model"),
    "label_free": ("dataset", "size", "method", "labels", "data"),
    "hetero": ("dataset", "size", "method", "model"),
}
SIDE_FILES = {"interactions": "interactions_users.npz"}  # others are called as the rows are
FOLDED = 0.28  # five folds for testing, a tenth of the others for validation
TESTS = {
    **{name: TestPart(1000) for name in ("cora", "citeseer", "pubmed")},
    "digits": TestPart(359), "photo": TestPart(1530), "physics": TestPart(6899), "fashion": TestPart(10_000),
    "tolokers": TestPart(2940, 642, each=0.5),
    "mnist": TestPart(10_000), "fashion-mnist": TestPart(10_000),
    "mutag": TestPart(37, each=FOLDED), "nci1": TestPart(822, each=FOLDED), "proteins": TestPart(222, each=FOLDED),
    "dd": TestPart(235, each=FOLDED), "imdb-binary": TestPart(200, each=FOLDED),
    "ogbg-molbace": TestPart(152, 81), "ogbg-molhiv": TestPart(4113, 130),
    "dblp": TestPart(3257), "imdb": TestPart(3125),
    "ml-1m": TestPart(6040), "magazine": TestPart(3092),
}  # fmt: skip
"""Test items of each dataset; TU sets have five folds, tolokers ten splits."""


def verdict(first: str, second: str) -> Comparison:
    """Return the comparison of two rows by their names."""
    return compare(sample(first), sample(second))


ANY_SIZE = ("0", "any", "all users")  # rows that are the same at every size


@cache
def sample(name: str) -> Sample:
    """Return the sample of a row.

    Raises:
        KeyError: there is no such row, or column.
    """
    file, _, rest = (part.strip() for part in name.partition(":"))
    rest, _, column = (part.strip() for part in rest.partition("#"))
    key = tuple(part.strip() for part in rest.split(" / "))
    return READERS[file](name, key, column)


@cache
def rows(file: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the rows of a file of docs/measurements/ by their keys as text."""
    return {tuple(map(_text, key)): row for key, row in RowFile(DOCS / f"{file}.jsonl", KEYS[file]).read().items()}


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(file: str, key: tuple[str, ...]) -> dict[str, Any]:
    if key not in rows(file):
        raise KeyError(f"docs/measurements/{file}.jsonl has no row {' / '.join(key)}")
    return rows(file)[key]


def _result(name: str, key: tuple[str, ...], column: str) -> Sample:
    row = _row("results", key)
    scores = row["own_scores"] if column == "own" and row.get("own_scores") else row["scores"]
    test = TESTS[key[0]]
    condensations = row.get("condensations") or max(len(scores) // row["trainings"], 1)
    items = None if test.each else _items("results", "/".join(key) + f"/{column or 'plain'}", test.size, np.uint8)
    return Sample.of(name, scores, condensations, test, items)


def _graph(name: str, key: tuple[str, ...], column: str) -> Sample:
    row = _row("graphs", key)
    scores = row["own_scores"] if column == "own" and row.get("own_scores") else row["scores"]
    dataset = key[0].removesuffix("-attributes").removesuffix("-cleaned")
    return Sample.of(name, scores, len(scores), TESTS[dataset])


def _image(name: str, key: tuple[str, ...], _: str) -> Sample:
    row = _row("images", key)
    scores = [score / 100 for score in row["scores"]]
    items = _items("images", "/".join(key), TESTS[key[0]].size, np.uint8)
    return Sample.of(name, scores, len(scores), TESTS[key[0]], items)


def _users(name: str, key: tuple[str, ...], column: str) -> Sample:
    row = _row("interactions", key)
    metric, _, which = (column or "ndcg@10").partition(" ")
    own = which == "own" and bool(row.get("own_scores"))
    scores = row["own_scores" if own else "scores"][metric]
    side = "/".join(key) + f"/{'own' if own else 'plain'}"
    items = _items("interactions", side, None, np.float32) if metric == "ndcg@10" else None
    return Sample.of(name, scores, len(scores), TESTS[key[0]], items)


def _matched(name: str, key: tuple[str, ...], column: str) -> Sample:
    protocol = column or "standard"
    scores = _row("matching", key)[protocol]
    items = _items("matching", "/".join((*key, protocol)), TESTS[key[0]].size, np.uint8)
    return Sample.of(name, scores, max(len(scores) // 3, 1), TESTS[key[0]], items)  # three trainings of each


def _label_free(name: str, key: tuple[str, ...], _: str) -> Sample:
    row = _row("label_free", key)
    scores = row["scores"]
    return Sample.of(name, scores, len(scores), TESTS[key[0]])


def _hetero(name: str, key: tuple[str, ...], _: str) -> Sample:
    row = _row("hetero", key)
    return Sample.of(name, row["scores"], 1 if key[2] == "whole" else len(row["scores"]), TESTS[key[0]])


def _ogb(name: str, key: tuple[str, ...], _: str) -> Sample:
    found = [json.loads(line) for line in (DOCS / "ogb.jsonl").read_text().splitlines()]
    mine = {row["seed"]: row["scores"] for row in found if tuple(row[field] for field in KEYS["ogb"]) == key}
    if not mine:
        raise KeyError(f"docs/measurements/ogb.jsonl has no row {' / '.join(key)}")
    return Sample.of(name, [score for scores in mine.values() for score in scores], len(mine), TESTS[key[0]])


def _published(name: str, key: tuple[str, ...], column: str) -> Sample:
    found = [one for one in published.find(*key) if column in ("", one.metric)]
    if not found:
        raise KeyError(f"published.jsonl has no line {' / '.join(key)}")
    one = found[0]
    deviation = None if one.deviation is None else one.deviation / 100
    count = min(one.runs or 0, MOST_SETS)
    return Sample(name, one.value / 100, test=TESTS.get(key[0]), deviation=deviation, count=count)


MOST_SETS = 10  # condensed sets that a published mean is over; more runs are trainings on these
READERS: dict[str, Callable[[str, tuple[str, ...], str], Sample]] = {
    "results": _result, "graphs": _graph, "images": _image, "interactions": _users, "matching": _matched, "ogb": _ogb,
    "label_free": _label_free, "hetero": _hetero, "published": _published,
}  # fmt: skip


def _items(file: str, name: str, size: int | None, kind: type[np.generic]) -> np.ndarray | None:
    try:
        return side_file.load(DOCS / SIDE_FILES.get(file, f"{file}.npz"), name, size if kind is np.uint8 else None)
    except (ValueError, FileNotFoundError):  # rows of earlier versions have none
        return None


def beside(name: str, dataset: str, size: str | float, method: str, model: str) -> tuple[str, str]:
    """Return the published number of a method's own paper and what a row is beside it, or two dashes."""
    theirs = published.find(dataset, size, method, model)
    if not theirs:
        return "-", "-"
    return theirs[0].cell(), verdict(name, f"published: {dataset} / {size} / {method} / {model}").verdict


def tables(file: str, first: str = "auto", column: str = "") -> None:
    """Print how one method compares with every other of a file, for each dataset, size and model."""
    names = list(dict.fromkeys(key[0] for key in rows(file)))
    mine = [key for key in rows(file) if key[2] == first and (column or not _weighted(file, key))]
    keys = sorted(mine, key=lambda key: (names.index(key[0]), _size(key[1])))
    head = (
        "dataset",
        "size",
        "evaluated with",
        f"{first} is above",
        "level with",
        "below",
        "no verdict",
        "noise of the test part",
    )
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for key in keys:
        dataset, size, _, *model = key
        others = [one for one in rows(file) if (one[0], *one[3:]) == (dataset, *model) and one[2] != first]
        reported: dict[str, list[str]] = {"above": [], "level": [], "below": [], "unknown": []}
        noise: dict[str, None] = {}
        for other in (one for one in others if one[1] in (size, *ANY_SIZE)):
            mine, theirs = (f"{file}: {' / '.join(one)}{column and f' #{column}'}" for one in (key, other))
            found = verdict(mine, theirs)
            reported[found.verdict].append(other[2])
            noise[found.how.split("; ")[1]] = None
        cells = (", ".join(each) or "-" for each in (*reported.values(), noise))
        print(f"| {dataset} | {size} | {', '.join(model)} | {' | '.join(cells)} |")


def _weighted(file: str, key: tuple[str, ...]) -> bool:
    """Return whether a row of nodes is of an earlier ``auto``, which trained with weights and has one column."""
    return file == "results" and "own_scores" not in rows(file)[key]


def _size(text: str) -> float:
    """Return the number that a size begins with, to sort by."""
    found = re.match(r"[\d.]+", text)
    return float(found[0]) if found else 0.0


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", help="name of a row")
    parser.add_argument("second", help="name of the row that it is compared with")
    options = parser.parse_args()
    print(verdict(options.first, options.second))


if __name__ == "__main__":
    main()
