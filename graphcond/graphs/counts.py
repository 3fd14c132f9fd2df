"""Graphs as counts of colours: sparse rows that linear models, clusterings and selections work on."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD

from graphcond.graphs.color_refinement import Colors, refine
from graphcond.graphs.discretization import Quantizer, fitting_bins
from graphcond.graphs.task import GraphSet


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The colours that training graphs have, level by level; others are not counted.

    Args:
        levels: For each round, the known colours, sorted.
        degrees: Whether colours know of degrees.
        quantizer: Makes categories of quantities, of which there are none in most sets.
    """

    levels: tuple[np.ndarray, ...]
    degrees: bool
    quantizer: Quantizer

    @classmethod
    def of(
        cls, graphs: GraphSet, depth: int, *, degrees: bool = False, min_graphs: int = 1, bins: int | None = None
    ) -> "Vocabulary":
        """Return the colours of rounds 0 to ``depth`` that at least ``min_graphs`` of the graphs have.

        Quantities are cut into ``bins`` categories each; ``None``: as many as fit the data.
        """
        quantizer = Quantizer.of(graphs, bins or fitting_bins(graphs))
        colors = refine(quantizer.apply(graphs), depth, degrees=degrees)
        return cls(tuple(_frequent(graphs, level, min_graphs) for level in colors.levels), degrees, quantizer)

    def count(self, graphs: GraphSet, weight: np.ndarray | None = None) -> sp.csr_matrix:
        """Return how often each graph has each colour, ``(num_graphs, num_colors)`` float32, by round.

        Args:
            graphs: The graphs.
            weight: ``(num_nodes,)`` float32, how often each node counts; ``None``: once.
        """
        colors = refine(self.quantizer.apply(graphs), len(self.levels) - 1, degrees=self.degrees)
        blocks = [counted(graphs, colors, i, known, weight) for i, known in enumerate(self.levels)]
        return sp.hstack(blocks, format="csr", dtype=np.float32)


def counted(
    graphs: GraphSet, colors: Colors, level: int, known: np.ndarray, weight: np.ndarray | None = None
) -> sp.csr_matrix:
    """Return how often each graph has each of some sorted colours after a round, ``(num_graphs, num_known)``."""
    words = colors.levels[level]
    if not len(known):
        return sp.csr_matrix((len(graphs), 0), dtype=np.float32)
    place = np.minimum(np.searchsorted(known, words), len(known) - 1)
    found = known[place] == words
    shape = (len(graphs), len(known))
    ones = np.ones(int(found.sum()), dtype=np.float32) if weight is None else weight[found]
    return sp.csr_matrix((ones, (graphs.graph.numpy()[found], place[found])), shape=shape)


def logarithmic(counts: sp.csr_matrix) -> sp.csr_matrix:
    """Return ``log(1 + count)``: the tenth equal tree tells less than the first."""
    result = counts.copy()
    result.data = np.log1p(result.data)
    return result


def projected(counts: sp.csr_matrix, width: int) -> np.ndarray:
    """Return rows of counts on their leading singular directions, ``(n, width)``; fewer columns where there are fewer.

    Where all rows are alike, as those of graphs that no colour tells apart, so are the points.
    """
    width = min(width, min(counts.shape) - 1)
    if width < 1:
        return np.asarray(counts.toarray())
    with np.errstate(divide="ignore", invalid="ignore"):  # of the share of a variance that is zero
        return np.asarray(TruncatedSVD(width, random_state=0).fit_transform(counts))


def _frequent(graphs: GraphSet, words: np.ndarray, min_graphs: int) -> np.ndarray:
    known, number = np.unique(words, return_inverse=True)
    pairs = np.unique(graphs.graph.numpy() * len(known) + number.reshape(-1))
    return known[np.bincount(pairs % len(known), minlength=len(known)) >= min_graphs]
