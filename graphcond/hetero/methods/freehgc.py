"""FreeHGC: condensation of heterogeneous graphs without training, by what selected nodes reach."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.hetero.metapaths import HOPS, as_tensor, mean_operator, metapaths, start_of
from graphcond.hetero.methods.base import HeteroMethod, SyntheticHetero, other_counts
from graphcond.hetero.methods.selection import real_nodes
from graphcond.hetero.task import HeteroGraph, HeteroTask
from graphcond.nodes.methods.base import class_rows, require_capacity

STEPS = 10  # of personalised PageRank


@dataclass(frozen=True, kw_only=True)
class FreeHGC(HeteroMethod):
    r"""Training nodes that reach most along meta-paths, and what matters to them (FreeHGC: Liang et al., ICDE 2025).

    1. *Labelled nodes*, class by class and one after the other: the one whose meta-paths reach most nodes that those
       before it do not (each meta-path's count divided by all that it can reach), plus ``diversity`` times one minus
       the mean Jaccard similarity of what its own meta-paths to the same type reach.
    2. *Nodes of the other types*: those with the largest personalised PageRank from the labelled ones.

    The selected nodes keep their features and the relations among them.

    Args:
        hops: Relations of a meta-path at most.
        diversity: Weight of the second term.
        teleport: Of the PageRank.

    Note:
        Where this departs from the published code (GooLiang/FreeHGC), and why: PageRank is iterated, where the code
        inverts a dense matrix of nodes by nodes; types that are far from the labelled one are selected like the others,
        where the code makes means of neighbours of some.
    """

    name: ClassVar[str] = "freehgc"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    hops: int = HOPS
    diversity: float = 0.05
    teleport: float = 0.15

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("diversity",))
        if self.teleport >= 1:
            raise ValueError(f"teleport must be below 1, got {self.teleport!r}")

    def condense(self, task: HeteroTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticHetero:
        """See :meth:`HeteroMethod.condense`."""
        require_capacity(task, allocation)
        groups = []
        for label, count in enumerate(allocation.tolist()):
            rows = class_rows(task, label)
            reached = _reached(task.graph, rows.cpu().numpy(), self.hops)
            picked = _covering(reached, count, self.diversity * _unlike(reached, len(rows)))
            groups.append(rows[torch.from_numpy(picked).to(rows.device)])
        chosen = torch.cat(groups)
        ranks = _pagerank(task.graph, chosen, self.teleport)
        counts = other_counts(task.graph, len(chosen))
        others = {name: ranks[name].topk(count).indices for name, count in counts.items()}
        return real_nodes(task, groups, others)


def _reached(graph: HeteroGraph, rows: np.ndarray, hops: int) -> dict[str, list[sp.csr_matrix]]:
    """Return what each meta-path reaches from some labelled nodes, ``(rows, nodes)`` of zeros and ones, by type."""
    found: dict[str, list[sp.csr_matrix]] = {}
    for path in metapaths(graph.edges, graph.node_type, hops)[1:]:
        matrix = mean_operator(graph, path[0])[rows]
        for relation in path[1:]:
            matrix = sp.csr_matrix(matrix @ mean_operator(graph, relation))
        matrix.data = (matrix.data > 0).astype(np.float32)
        matrix.eliminate_zeros()
        found.setdefault(start_of(path, graph.node_type), []).append(matrix)
    return found


def _covering(reached: dict[str, list[sp.csr_matrix]], count: int, bonus: np.ndarray) -> np.ndarray:
    """Return rows, one after the other, that reach most of what those before them do not."""
    matrices = [matrix for several in reached.values() for matrix in several]
    uncovered = [(np.asarray(one.sum(axis=0)).ravel() > 0).astype(np.float32) for one in matrices]
    totals = [max(float(one.sum()), 1.0) for one in uncovered]
    left, picked = np.zeros(len(bonus)), []
    for _ in range(count):
        gains = sum((one @ new / total for one, new, total in zip(matrices, uncovered, totals, strict=True)), bonus)
        best = int(np.argmax(gains + left))
        picked.append(best)
        left[best] = -np.inf
        for one, new in zip(matrices, uncovered, strict=True):
            new[one.indices[one.indptr[best] : one.indptr[best + 1]]] = 0
    return np.array(picked)


def _unlike(reached: dict[str, list[sp.csr_matrix]], rows: int) -> np.ndarray:
    """Return for each row one minus the mean Jaccard similarity of what its meta-paths to the same type reach."""
    pairs = [(a, b) for several in reached.values() for i, a in enumerate(several) for b in several[:i]]
    if not pairs:
        return np.ones(rows)
    total = np.zeros(rows)
    for a, b in pairs:
        both = np.asarray(a.multiply(b).sum(axis=1)).ravel()
        either = np.asarray(a.sum(axis=1)).ravel() + np.asarray(b.sum(axis=1)).ravel() - both
        total += np.divide(both, either, out=np.zeros(rows), where=either > 0)
    return np.asarray(1 - total / len(pairs))


def _pagerank(graph: HeteroGraph, chosen: Tensor, teleport: float) -> dict[str, Tensor]:
    """Return the personalised PageRank of all nodes from the chosen ones, by type; walks go against the edges."""
    device = graph.y.device
    walks = {relation: as_tensor(sp.csr_matrix(mean_operator(graph, relation).T), device) for relation in graph.edges}
    start = {name: torch.zeros(count, 1, device=device) for name, count in graph.counts.items()}
    start[graph.node_type][chosen] = 1 / len(chosen)
    ways = {name: max(1, sum(relation[2] == name for relation in graph.edges)) for name in graph.x}
    rank = start
    for _ in range(STEPS):
        moved = {name: teleport * value for name, value in start.items()}
        for relation, walk in walks.items():
            share = (1 - teleport) / ways[relation[2]]
            moved[relation[0]] = moved[relation[0]] + share * (walk @ rank[relation[2]])
        rank = moved
    return {name: value.squeeze(1) for name, value in rank.items()}
