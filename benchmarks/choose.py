"""The tables of docs/choose.md: what methods cost and reach on one reference set of each modality.

python benchmarks/choose.py nodes      # or hetero, graphs, users, images; what stands in the page is made by pages.py

Rows are those of docs/measurements/*.jsonl; the best mean comes first.
"""

import argparse
from collections.abc import Callable, Iterator
from statistics import fmean, stdev
from typing import Any, NamedTuple

import costs
import verdicts

CORA, MNIST, DBLP = ("cora", "35"), ("mnist", "1"), ("dblp", "41")
FOR_ANY_SIZE = "0"  # the size in rows of what has none, such as class means and the whole


class Line(NamedTuple):
    """A row of a table."""

    name: str
    seconds: float | None
    kilobytes: float
    columns: tuple[list[float], ...]


Table = tuple[tuple[str, ...], list[Line]]
"""The titles of the scores, and the rows."""


class Scored(NamedTuple):
    """What methods cost and reach, as cells of tables.

    Args:
        titles: Of the columns of scores.
        cells: Seconds, kilobytes and scores by the names of the methods, the best mean first.
    """

    titles: tuple[str, ...]
    cells: dict[str, tuple[str, ...]]


def tables(kind: str) -> None:
    """Print a table as Markdown."""
    found = scored(kind)
    titles = ("method", "seconds", "kB", *found.titles)
    print(f"| {' | '.join(titles)} |\n{'|---' * len(titles)}|")
    for name, cells in found.cells.items():
        print(f"| `{name}` | {' | '.join(cells)} |")


def scored(kind: str) -> Scored:
    """Return what the methods of a kind cost and reach.

    Raises:
        ValueError: there is no table of that kind.
    """
    if kind not in TABLES:
        raise ValueError(f"there are tables of {', '.join(TABLES)}, not of {kind!r}")
    titles, lines = TABLES[kind]()
    best_first = sorted(lines, key=lambda line: -max(fmean(column) for column in line.columns))
    return Scored(titles, {line.name: _cells(line, len(titles)) for line in best_first})


def _cells(line: Line, columns: int) -> tuple[str, ...]:
    scores = [_cell(column) for column in line.columns] + ["-"] * (columns - len(line.columns))
    return (_seconds(line.seconds), f"{line.kilobytes:,.0f}", *scores)


def _cell(scores: list[float]) -> str:
    deviation = f" ± {100 * stdev(scores):.1f}" if len(scores) > 1 else ""
    return f"{100 * fmean(scores):.1f}{deviation}"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.1f}" if seconds >= 0.1 else "0"


def nodes() -> Table:
    """Return methods and controls on Cora with 35 nodes, matching methods at the time that they were given."""
    lines = []
    for (dataset, size, name, model), row in verdicts.rows("results").items():
        if (dataset, model) == ("cora", "gcn") and size in (CORA[1], FOR_ANY_SIZE):
            timed = costs.ROWS.read().get(("speed", f"{dataset}:{CORA[1]}", 1), row) if name == "auto" else row
            seconds = timed.get("seconds", row["condense_seconds"])
            lines.append(Line(name, seconds, row["bytes"] / 1000, (row["scores"],)))
    there = {line.name for line in lines}
    features = next(line.kilobytes for line in lines if line.name == "auto")  # as many nodes, and hardly any edges
    for (dataset, size, name, _), row in verdicts.rows("matching").items():
        if (dataset, size) == CORA and name not in there:
            kilobytes = features + row["edges"] * BYTES_OF_AN_EDGE / 1000
            lines.append(Line(name, row["seconds"], kilobytes, (row["standard"],)))
    return ("test accuracy, %",), lines


BYTES_OF_AN_EDGE = 20  # two int64 and a float32


def graphs() -> Table:
    """Return methods and controls on NCI1 with ten kilobytes."""
    lines = []
    for (dataset, size, name, model, protocol), row in verdicts.rows("graphs").items():
        if (dataset, size, model, protocol) == ("nci1", "10 kB", "gin", "standard"):
            columns = (row["scores"], *([row["own_scores"]] if row["own_scores"] else []))
            lines.append(Line(name, row["condense_seconds"], row["graphs_bytes"] / 1000, columns))
    return ("plain, test accuracy, %", "own, %"), lines


def hetero() -> Table:
    """Return methods and controls on DBLP with 1 % of its authors."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (dataset, size, name, model), row in verdicts.rows("hetero").items():
        if dataset == DBLP[0] and (size == DBLP[1] or name == "whole"):
            found.setdefault(name, {})[model] = row
    lines = []
    for name, row in found.items():
        first = row["sage"]
        columns = tuple(row[model]["scores"] for model in ("sage", "hgt") if model in row)
        lines.append(Line(name, first["condense_seconds"], first["bytes"] / 1000, columns))
    return ("GraphSAGE in HeteroConv, test micro F1, %", "HGT, %"), lines


def users() -> Table:
    """Return methods and controls on MovieLens-1M with 500 users."""
    lines = []
    for (dataset, size, name, model), row in verdicts.rows("interactions").items():
        if (dataset, model) == ("ml-1m", "infinite_ae") and size in ("500 users", "500 users, 20,000 binary"):
            shown = NAMES.get(name, name) + (", binary" if size != "500 users" else "")
            lines.append(Line(shown, row["condense_seconds"], row["bytes"] / 1000, tuple(_ndcg(row))))
    return ("NDCG@10, plain, %", "own, %"), lines


def _ndcg(row: dict[str, Any]) -> Iterator[list[float]]:
    for scores in (row["scores"], row.get("own_scores")):
        if scores:
            yield scores["ndcg@10"] if isinstance(scores, dict) else [one["ndcg@10"] for one in scores]


NAMES = {"dense": "distill_cf(bytes_share=1e9)", "published": 'DistillCF.preset("published")'}
PROTOCOLS = {"random": "moved_digits"}  # what condensed images are trained with beside it


def images() -> Table:
    """Return methods and controls on MNIST with one image a class."""
    lines = []
    for (dataset, size, name, model, protocol), row in verdicts.rows("images").items():
        if (dataset, size) == MNIST and protocol == PROTOCOLS.get(name, "augmented_digits"):
            scores = [score / 100 for score in row["scores"]]
            lines.append(Line(f"{name} / {model}", row["condense_seconds"], row["bytes"] / 1000, (scores,)))
    return ("test accuracy, %",), lines


TABLES: dict[str, Callable[[], Table]] = {
    "nodes": nodes, "hetero": hetero, "graphs": graphs, "users": users, "images": images,
}  # fmt: skip


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=TABLES, help="which table")
    tables(parser.parse_args().kind)


if __name__ == "__main__":
    main()
