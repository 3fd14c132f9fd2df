"""Frequent sets of computation trees in more graphs than fit in memory.

Graphs come in shards, each of which is read and refined once. What is kept of it, in a folder, are numbers of trees;
those of rare trees are dropped only once the counts of all shards are added up, so that the result is exact. A few
shards are read a second time, for one graph that has each frequent tree.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.run import Run, check_run
from graphcond.core.runtime.parallel import Engine, check_engine, outcomes
from graphcond.core.runtime.progress import Progress, ProgressCallback, resolve_progress, shows_progress
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.folding import unfold
from graphcond.graphs.methods.mirage import Mirage
from graphcond.graphs.mining.counting import Tally, Total, TreeKind, added, tally
from graphcond.graphs.mining.patterns import (
    Transactions,
    frequent,
    least_supports,
    pattern_graphs,
    too_high,
    used_items,
)
from graphcond.graphs.mining.shards import Shard, joined
from graphcond.graphs.storage.packing import canonical
from graphcond.graphs.task import GraphSet

CHANGED = "{} gave other graphs when it was read again; shards must give the same graphs each time"


@dataclass(frozen=True, eq=False)
class Mined:
    """Frequent sets of trees of many graphs.

    Args:
        items: A graph for each set, as ``condense(method="mirage")`` makes them.
        supports: Of each class, the support of each set, in the order of ``items``.
        thresholds: Of each class, as a number of graphs.
        class_counts: Graphs of each class.
        distinct_trees: Of each class.
    """

    items: list[Data]
    supports: list[list[int]]
    thresholds: list[int]
    class_counts: list[int]
    distinct_trees: list[int]


@shows_progress("shard")
def mine(
    shards: Sequence[Shard],
    method: Mirage,
    *,
    workers: int = 1,
    engine: Engine = "auto",
    folder: str | Path | None = None,
    run: Run = Run(),
) -> Mined:
    """Return what a method finds in all shards together, whatever their sizes and the workers.

    Memory: one shard a worker, a range of all trees' counts (:mod:`graphcond.graphs.mining.counting`), and eight bytes
    for each graph and frequent tree that it has.

    Args:
        shards: Functions that return graphs, the same ones each time (:mod:`graphcond.graphs.mining.shards`). With more
            than one worker they are pickled, and the calling script must be importable without starting work (``if
            __name__ == "__main__"``).
        method: Such as ``Mirage(depth=2, threshold=(40, 0.1))``, with a threshold for each class.
        workers: Processes that read and refine shards; 1: this one.
        engine: Where they are: ``"ray"``, ``"local"``, or ``"auto"``, which is Ray if it is installed
            (:func:`graphcond.core.runtime.parallel.outcomes`).
        folder: Where a temporary folder is made, for 15 to 30 bytes a node; default: the system's. All machines of a
            Ray cluster must see it.
        run: Its ``progress``, which is told after each shard.

    Raises:
        TypeError: a shard cannot be sent to another process, or returns something else than a ``GraphSet``.
        ValueError: an argument makes no sense, shards do not fit together, or a threshold is above every support.
    """
    thresholds = _checked(shards, method)
    check_engine(engine, workers)
    progress = resolve_progress(check_run(run, only=("progress",), of="mine").progress)
    depth, degrees = method.depth, method.degrees
    kind = TreeKind(depth, degrees, method.edges)
    with tempfile.TemporaryDirectory(prefix="graphcond-", dir=folder) as place:
        count = partial(tally, kind=kind, num_classes=len(thresholds), folder=Path(place))
        tallies = _tallied(shards, count, workers, engine, progress)
        class_counts = np.sum([each.class_counts for each in tallies], axis=0).tolist()
        least = _least(thresholds, class_counts)
        totals = [added(tallies, label, number) for label, number in enumerate(least)]
        words = _surviving(totals, least, class_counts)
        progress(Progress(len(shards) + 1, len(shards) + 2, "mining"))
        counts = sp.vstack([each.transactions(words) for each in tallies], format="csr")
        y = np.concatenate([each.read("y") for each in tallies])
        transactions = [Transactions(counts[np.flatnonzero(y == c)], f"class {c}") for c in range(len(least))]
        patterns = [frequent(one, number, method.closed) for one, number in zip(transactions, least, strict=True)]
        graphs, nodes = _examples(shards, tallies, words[used_items(patterns)])
    colors = refine(graphs, depth, degrees=degrees, edges=method.edges)
    _check_examples(colors.levels[-1][nodes.numpy()], words[used_items(patterns)])
    trees = unfold(graphs, colors, nodes, degrees=degrees)
    labels = torch.arange(len(class_counts))
    items = pattern_graphs(trees, transactions, patterns, labels, torch.tensor(class_counts), method.multiplicities)
    progress(Progress(len(shards) + 2, len(shards) + 2, "done"))
    return Mined(
        canonical(items), [[pattern.support for pattern in mined] for mined in patterns], least, class_counts,
        [total.distinct for total in totals],
    )  # fmt: skip


def _checked(shards: Sequence[Shard], method: Mirage) -> tuple[int | float, ...]:
    """Return the threshold of each class."""
    if not len(shards):
        raise ValueError("shards is empty; give at least one function that returns a GraphSet")
    if not isinstance(method, Mirage):
        raise TypeError(f"method must be a Mirage, such as Mirage(depth=2, threshold=(40, 0.1)), got {method!r}")
    if not isinstance(method.threshold, tuple):
        raise ValueError(f"threshold must be a tuple with a value for each class, got {method.threshold!r}")
    if method.bins is not None:
        raise ValueError(f"bins={method.bins} makes no sense for shards, whose features must be categories already")
    return method.threshold


def _tallied(
    shards: Sequence[Shard], count: Callable[[tuple[int, Shard]], Tally], workers: int, engine: Engine,
    progress: ProgressCallback,
) -> list[Tally]:  # fmt: skip
    tallies: dict[int, Tally] = {}
    # What is counted are whole numbers: as many threads as the caller set do no harm in this process.
    ended = outcomes(count, enumerate(shards), workers=workers, engine=engine, threads=None)
    with closing(ended):
        for outcome in ended:
            each = outcome.get()
            number, first = next(iter(tallies.items()), (outcome.number, each))
            if each.form != first.form:
                raise ValueError(
                    f"shards must have the same features: shard {outcome.number} has {each.form}, shard {number} has "
                    f"{first.form}"
                )
            tallies[outcome.number] = each
            progress(Progress(len(tallies), len(shards) + 2, "shards"))
    return [tallies[number] for number in range(len(shards))]


def _least(thresholds: Sequence[int | float], class_counts: Sequence[int]) -> list[int]:
    for label, count in enumerate(class_counts):
        if not count:
            raise ValueError(f"thresholds has {len(thresholds)} values, but no shard has a graph of class {label}")
    return least_supports(tuple(thresholds), class_counts)


def _surviving(totals: Sequence[Total], least: Sequence[int], class_counts: Sequence[int]) -> np.ndarray:
    """Return the colours that are frequent in some class, ascending."""
    for label, (total, threshold, count) in enumerate(zip(totals, least, class_counts, strict=True)):
        if not len(total.words):
            raise too_high(threshold, f"class {label}", total.highest, count, "lower it")
    return np.unique(np.concatenate([total.words for total in totals]))


def _examples(shards: Sequence[Shard], tallies: Sequence[Tally], words: np.ndarray) -> tuple[GraphSet, Tensor]:
    """Return graphs that have some trees, and for each colour the first of all shards' nodes that has it."""
    parts: list[GraphSet] = []
    nodes, missing = torch.zeros(len(words), dtype=torch.int64), np.arange(len(words))
    for number, (shard, each) in enumerate(zip(shards, tallies, strict=True)):
        place = each.places(words[missing])
        found = place >= 0
        if not found.any():
            continue
        graphs = shard()
        if graphs.num_nodes != each.num_nodes:
            raise ValueError(CHANGED.format(f"shard {number}"))
        first = torch.from_numpy(each.read("first")[place[found]].astype(np.int64))
        rows, row = torch.unique(graphs.graph[first], return_inverse=True)
        part = graphs.take(rows)
        start = sum(earlier.num_nodes for earlier in parts)
        nodes[torch.from_numpy(missing[found])] = first - graphs.ptr[rows][row] + part.ptr[row] + start
        parts.append(part)
        missing = missing[~found]
    return joined(parts), nodes


def _check_examples(found: np.ndarray, words: np.ndarray) -> None:
    if not np.array_equal(found, words):
        raise ValueError(CHANGED.format("a shard"))
