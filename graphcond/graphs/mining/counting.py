"""In how many graphs of each class a tree is: counted shard by shard on disk, added up range by range.

Colours are hashes, so shards need no common dictionary; sorted, those of one range of hashes lie together in each
shard's file. Adding up range by range takes as much memory as a range, however many shards there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from graphcond.graphs.color_refinement import refine
from graphcond.graphs.mining.shards import Shard
from graphcond.graphs.task import GraphSet

AT_ONCE = 1 << 22  # entries of a range: some 200 megabytes while they are added up


@dataclass(frozen=True)
class TreeKind:
    """What trees are distinguished by.

    Args:
        depth: Hops of the trees.
        degrees: Whether the degree of a node in its graph is part of them.
        edges: Whether edge features are.
    """

    depth: int
    degrees: bool
    edges: bool


@dataclass(frozen=True)
class Tally:
    """What is kept of a shard.

    Args:
        folder: Arrays, one a file. ``known`` ``(k,)`` uint64: its colours, ascending; ``first`` ``(k,)``: the first
            node of each; ``ptr``, ``index``, ``count``: how often each graph has each colour, in compressed rows;
            ``y`` ``(num_graphs,)``; ``words`` uint64 and ``frequency``: the colours of each class, ascending, and in
            how many of its graphs they are; ``class_ptr``: where those of each class begin.
        class_counts: Graphs of each class.
        num_nodes: Nodes of all graphs.
        form: What all shards must have in common, in words.
    """

    folder: Path
    class_counts: tuple[int, ...]
    num_nodes: int
    form: str

    def read(self, name: str) -> np.ndarray:
        """Return an array, of which only what is used is read."""
        array: np.ndarray = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        return array

    def places(self, words: np.ndarray) -> np.ndarray:
        """Return where the colours of the shard have each of some colours, -1 where they do not."""
        known = self.read("known")
        place = np.searchsorted(known, words)
        place[place == len(known)] = -1
        place[place >= 0] = np.where(known[place[place >= 0]] == words[place >= 0], place[place >= 0], -1)
        return place

    def transactions(self, words: np.ndarray) -> sp.csr_matrix:
        """Return how often each graph has each of some ascending colours, ``(num_graphs, num_words)`` float32."""
        place = self.places(words)
        column = np.full(len(self.read("known")), -1, dtype=np.int32)
        column[place[place >= 0]] = np.flatnonzero(place >= 0)
        index = column[self.read("index")]
        ptr = np.concatenate([[0], np.cumsum(index >= 0)])[self.read("ptr")]
        counts = self.read("count")[index >= 0].astype(np.float32)
        return sp.csr_matrix((counts, index[index >= 0], ptr), shape=(len(ptr) - 1, len(words)))


def tally(numbered: tuple[int, Shard], kind: TreeKind, num_classes: int, folder: Path) -> Tally:
    """Count the trees of a shard that has a number, and keep what is needed later in a folder of its own.

    Raises:
        TypeError: the shard is no function that returns a ``GraphSet``.
        ValueError: a label without a threshold, or features that are not categories.
    """
    number, shard = numbered
    graphs = shard()
    check_shard(number, graphs, num_classes)
    words = refine(graphs, kind.depth, degrees=kind.degrees, edges=kind.edges).levels[-1]
    known, first, color = np.unique(words, return_index=True, return_inverse=True)
    ones = np.ones(len(words), dtype=np.int32)
    shape = (len(graphs), len(known))
    counts = sp.csr_matrix((ones, (graphs.graph.numpy(), color.reshape(-1))), shape=shape)
    counts.sum_duplicates()
    labels = graphs.y.numpy()
    present, frequency = np.unique(np.repeat(labels, np.diff(counts.indptr)) * len(known) + counts.indices,
                                   return_counts=True)  # fmt: skip
    class_ptr = np.searchsorted(present, np.arange(num_classes + 1) * len(known))
    arrays = {
        "known": known, "first": first, "ptr": counts.indptr, "index": counts.indices, "count": counts.data,
        "y": labels, "words": known[present % max(len(known), 1)], "frequency": frequency, "class_ptr": class_ptr,
    }  # fmt: skip
    place = folder / f"{number:06d}"
    place.mkdir()
    for name, array in arrays.items():
        np.save(place / f"{name}.npy", array.astype(np.min_scalar_type(array.max(initial=0))))
    return Tally(place, tuple(np.bincount(labels, minlength=num_classes).tolist()), graphs.num_nodes, form(graphs))


def check_shard(number: int, graphs: object, num_classes: int) -> None:
    """Raise unless a shard gave graphs of known classes whose features are categories."""
    if not isinstance(graphs, GraphSet):
        raise TypeError(f"shard {number} gave a {type(graphs).__name__}; it must return a GraphSet")
    if len(graphs) and not 0 <= int(graphs.y.min()) <= int(graphs.y.max()) < num_classes:
        wrong = int(graphs.y.min()) if int(graphs.y.min()) < 0 else int(graphs.y.max())
        raise ValueError(
            f"shard {number} has a graph of class {wrong}, but thresholds has {num_classes} values, for classes 0 to "
            f"{num_classes - 1}; give one threshold for each class"
        )
    for name, rows in (("x", graphs.x), ("edge_attr", graphs.edge_attr)):
        if rows is not None and rows.is_floating_point() and bool((rows != rows.round()).any()):
            raise ValueError(
                f"shard {number}: {name} holds quantities, but trees are distinguished by category; cut the quantities "
                "into bins, the same in all shards, before"
            )


def form(graphs: GraphSet) -> str:
    """Return what all shards must have in common, in words."""
    attr = graphs.edge_attr
    edges = "no edge_attr" if attr is None else f"edge_attr of {attr.size(1)} columns ({attr.dtype})"
    return f"x of {graphs.x.size(1)} columns ({graphs.x.dtype}) and {edges}"


@dataclass(frozen=True, eq=False)
class Total:
    """The trees of one class over all shards.

    Args:
        words: Colours of the trees whose support reaches the threshold, ascending, uint64.
        distinct: How many trees there are.
        highest: The largest support.
    """

    words: np.ndarray
    distinct: int
    highest: int


def added(tallies: Sequence[Tally], label: int, threshold: int) -> Total:
    """Return the trees of a class that enough of its graphs have, by all shards' counts."""
    runs = [(each, each.read("class_ptr")[label : label + 2].astype(np.int64)) for each in tallies]
    num_ranges = max(1, -(-sum(int(stop - start) for _, (start, stop) in runs) // AT_ONCE))
    bounds = [np.uint64(i * 2**64 // num_ranges) for i in range(1, num_ranges)]
    cuts = [_cuts(each.read("words")[start:stop], bounds) + start for each, (start, stop) in runs]
    kept, distinct, highest = [], 0, 0
    for i in range(num_ranges):
        places = [(each, slice(cut[i], cut[i + 1])) for (each, _), cut in zip(runs, cuts, strict=True)]
        words, support = _merged(
            np.concatenate([each.read("words")[place] for each, place in places]),
            np.concatenate([each.read("frequency")[place].astype(np.int64) for each, place in places]),
        )
        kept.append(words[support >= threshold])
        distinct, highest = distinct + len(words), max(highest, int(support.max(initial=0)))
    return Total(np.concatenate(kept), distinct, highest)


def _cuts(words: np.ndarray, bounds: Sequence[np.uint64]) -> np.ndarray:
    inner = np.searchsorted(words, np.array(bounds, dtype=np.uint64))
    return np.concatenate([[0], inner, [len(words)]]).astype(np.int64)


def _merged(words: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not len(words):
        return words, counts
    order = np.argsort(words, kind="stable")
    words = words[order]
    starts = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
    return words[starts], np.add.reduceat(counts[order], starts)
