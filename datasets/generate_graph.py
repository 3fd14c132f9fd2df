"""Make a graph in the size and shape of ogbn-arxiv, Reddit or ogbn-products, for measuring time and memory.

    python datasets/generate_graph.py products FOLDER
    python datasets/generate_graph.py reddit FOLDER --scale 0.1 --seed 1

Numbers of nodes, edges, features, classes and of the nodes of each split are the originals'; homophily, the skew of
degrees and of class sizes are like theirs. Everything else is drawn: no accuracy is claimed on these graphs. FOLDER is
what ``graphcond.datasets.load_folder`` and the command line read. Same seed and scale, same bits.

Edges are those of a degree-corrected block model: both ends are drawn in proportion to weights with a heavy tail, the
other end within the class of the first or anywhere. No node is without an edge, no edge is there twice; the numbers of
nodes say nothing about their classes.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from graphcond.core.runtime.files import replacing_folder, require_space

CHUNK = 1 << 22  # edges, or numbers of features, that are drawn at a time
TELLING = 2.0  # how far apart classes are in their features: one node alone tells its class poorly
MOST_WITHIN = 0.95  # share of the edges that are drawn again: full classes must not hold them up
LIGHTEST = 0.1  # weight of the lightest node; the mean is about 1


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size and shape of a graph.

    Args:
        edges: Undirected ones; twice as many are stored.
        train: Number of training nodes; of validation nodes ``val``, and all others are for testing.
        homophily: Share of edges within a class.
        skew: Class sizes fall with this power of their rank.
        tail: Exponent of the Pareto distribution of weights: the smaller, the heavier the tail.
        most: No node is expected to have more neighbours.
    """

    nodes: int
    edges: int
    features: int
    classes: int
    train: int
    val: int
    homophily: float
    skew: float
    tail: float
    most: int

    def scaled(self, scale: float) -> "Shape":
        """Return the shape with a share of the nodes and as many edges a node, as far as there is space in classes."""
        counts = {name: round(scale * getattr(self, name)) for name in ("nodes", "edges", "train", "val")}
        small = replace(self, **counts)
        if small.train < self.classes:
            raise ValueError(
                f"scale must be at least {self.classes / self.train:.2g} for a training node of each of {self.classes} "
                f"classes, got {scale}"
            )
        sizes = small.class_sizes()
        space = int(0.1 * (sizes * (sizes - 1)).sum() / 2 / self.homophily)
        return small if scale == 1 else replace(small, edges=min(small.edges, max(space, small.nodes)))

    def class_sizes(self) -> np.ndarray:
        """Return the number of nodes of each class, ``(classes,)`` int64, largest first; at least 2."""
        share = np.arange(1, self.classes + 1) ** -self.skew
        ends = np.rint(np.cumsum(share) / share.sum() * (self.nodes - 2 * self.classes)).astype(np.int64)
        return 2 + np.diff(ends, prepend=0)


SHAPES = {
    "arxiv": Shape(
        nodes=169_343, edges=1_157_799, features=128, classes=40, train=90_941, val=29_799,
        homophily=0.65, skew=0.9, tail=2.0, most=13_000,
    ),
    "reddit": Shape(
        nodes=232_965, edges=57_307_946, features=602, classes=41, train=153_932, val=23_699,
        homophily=0.78, skew=0.7, tail=2.5, most=21_000,
    ),
    "products": Shape(
        nodes=2_449_029, edges=61_859_140, features=100, classes=47, train=196_615, val=39_323,
        homophily=0.81, skew=1.2, tail=2.2, most=17_000,
    ),
}  # fmt: skip


def labels(shape: Shape, draw: np.random.Generator) -> np.ndarray:
    """Return the class of each node, ``(nodes,)`` int64."""
    return draw.permutation(np.repeat(np.arange(shape.classes), shape.class_sizes()))


def split(shape: Shape, y: np.ndarray, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a random split as masks; every class has a training node."""
    order = draw.permutation(shape.nodes)
    one_each = np.unique(y[order], return_index=True)[1]
    order = np.concatenate([order[one_each], np.delete(order, one_each)])
    ends = np.cumsum([0, shape.train, shape.val, shape.nodes - shape.train - shape.val])
    masks = {}
    for name, (start, end) in zip(("train_mask", "val_mask", "test_mask"), pairwise(ends), strict=True):
        masks[name] = np.zeros(shape.nodes, dtype=bool)
        masks[name][order[start:end]] = True
    return masks


def features(shape: Shape, y: np.ndarray, draw: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the features of nodes in blocks, ``(rows, features)`` float32 of mean about 0 and deviation about 1."""
    distance = TELLING / shape.features**0.5
    scale = np.float32((1 + distance**2) ** -0.5)
    centres = np.float32(distance) * draw.standard_normal((shape.classes, shape.features), dtype=np.float32)
    rows = CHUNK // shape.features
    for start in range(0, shape.nodes, rows):
        block = centres[y[start : start + rows]]
        yield scale * (block + draw.standard_normal(block.shape, dtype=np.float32))


class Ends:
    """Draws the ends of edges.

    Args:
        shape: What the graph shall be like.
        y: The class of each node.
        draw: The source of chance.
    """

    def __init__(self, shape: Shape, y: np.ndarray, draw: np.random.Generator) -> None:
        self.nodes = shape.nodes
        self._draw, self._y = draw, y
        weight = LIGHTEST + draw.pareto(shape.tail, shape.nodes)
        weight = np.minimum(weight, weight.mean() * shape.most * shape.nodes / (2 * shape.edges))
        self._by_class = np.argsort(y, kind="stable")
        self._cumulative = np.concatenate([[0.0], np.cumsum(weight[self._by_class])])
        bounds = np.searchsorted(y[self._by_class], np.arange(shape.classes + 1))
        self._low, self._total = self._cumulative[bounds[:-1]], self._cumulative[-1]
        self._width = np.diff(self._cumulative[bounds])
        # Ends that are drawn from all nodes fall into the same class by chance, too.
        self._chance = float(((self._width / self._total) ** 2).sum())

    def first(self, count: int) -> np.ndarray:
        """Return nodes in proportion to their weights, ``(count,)`` int64."""
        return self._at(self._draw.random(count) * self._total)

    def other(self, first: np.ndarray, homophily: float) -> np.ndarray:
        """Return another node for each, ``(count,)`` int64; that share of them is of the same class."""
        within = self._draw.random(len(first)) < (homophily - self._chance) / (1 - self._chance)
        place, label = self._draw.random(len(first)), self._y[first]
        other = self._at(np.where(within, self._low[label] + place * self._width[label], place * self._total))
        if (same := other == first).any():
            other[same] = self.other(first[same], homophily)
        return other

    def _at(self, place: np.ndarray) -> np.ndarray:
        rows = np.searchsorted(self._cumulative, place, side="right") - 1
        return self._by_class[np.minimum(rows, len(self._by_class) - 1)]


def undirected_edges(shape: Shape, y: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return ``smaller end * nodes + larger end`` of each edge, ascending and each once, ``(edges,)`` int64."""
    ends = Ends(shape, y, draw)
    keys = _distinct(_keys(np.arange(shape.nodes), ends, shape.homophily))
    # Edges that were drawn twice, most of them within classes, are drawn again until none is missing.
    while missing := shape.edges - len(keys):
        homophily = min((shape.homophily * shape.edges - _within(keys, y)) / missing, MOST_WITHIN)
        drawn = np.empty(missing, dtype=np.int64)
        for start in range(0, missing, CHUNK):
            part = drawn[start : start + CHUNK]
            part[:] = _keys(ends.first(len(part)), ends, homophily)
        drawn = _distinct(drawn)
        places = np.minimum(np.searchsorted(keys, drawn), len(keys) - 1)
        keys = np.concatenate([keys, drawn[keys[places] != drawn]])
        keys.sort(kind="stable")  # which merges two sorted parts
    return keys


def _keys(first: np.ndarray, ends: Ends, homophily: float) -> np.ndarray:
    other = ends.other(first, homophily)
    return np.minimum(first, other) * ends.nodes + np.maximum(first, other)


def _within(keys: np.ndarray, y: np.ndarray) -> int:
    """Return how many edges are within a class."""
    count = 0
    for start in range(0, len(keys), CHUNK):
        one, other = np.divmod(keys[start : start + CHUNK], len(y))
        count += int((y[one] == y[other]).sum())
    return count


def _distinct(keys: np.ndarray) -> np.ndarray:
    """Sort in place; return each key once."""
    keys.sort()
    return keys[np.concatenate([[True], keys[1:] != keys[:-1]])]


def both_directions(keys: np.ndarray, nodes: int) -> np.ndarray:
    """Return ``target * nodes + source`` of each edge in both directions, ascending, ``(2 * edges,)`` int64."""
    both = np.empty(2 * len(keys), dtype=np.int64)
    both[: len(keys)] = keys
    for start in range(0, len(keys), CHUNK):
        one, other = np.divmod(keys[start : start + CHUNK], nodes)
        both[len(keys) + start :][: len(one)] = other * nodes + one
    both.sort()
    return both


def write(shape: Shape, folder: Path, seed: int) -> None:
    """Write a graph into an empty folder, holding neither its features nor its ``edge_index`` in memory."""
    of_labels, of_split, of_features, of_edges = np.random.default_rng(seed).spawn(4)
    y = labels(shape, of_labels)
    np.save(folder / "y.npy", y)
    for name, mask in split(shape, y, of_split).items():
        np.save(folder / f"{name}.npy", mask)
    x = open_memmap(folder / "x.npy", "w+", np.float32, (shape.nodes, shape.features))
    start = 0
    for block in features(shape, y, of_features):
        x[start : start + len(block)] = block
        start += len(block)
    del x
    keys = both_directions(undirected_edges(shape, y, of_edges), shape.nodes)
    edge_index = open_memmap(folder / "edge_index.npy", "w+", np.int64, (2, len(keys)))
    for row, part in enumerate((np.remainder, np.floor_divide)):  # source, target
        for start in range(0, len(keys), CHUNK):
            edge_index[row, start : start + CHUNK] = part(keys[start : start + CHUNK], shape.nodes)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=Path, help="must not exist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the nodes, with as many edges a node")
    options = parser.parse_args()
    shape = SHAPES[options.shape].scaled(options.scale)
    start = time.perf_counter()
    with replacing_folder(options.folder) as folder:
        # The arrays are written to as memory, where a full disk ends the process.
        require_space(folder, 4 * shape.nodes * shape.features + 32 * shape.edges)
        write(shape, folder, options.seed)
    seconds = time.perf_counter() - start
    print(f"{shape.nodes:,} nodes, {2 * shape.edges:,} directed edges in {options.folder}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
