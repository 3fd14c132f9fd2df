"""Coarsening: nodes of the original are contracted, and the coarse graph is what networks are trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from graphcond.core.fields import plain_fields, require_positive
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.contraction import Coarse, Family, Integers, Weights, contract, quotient, without_loops
from graphcond.nodes.contraction_families import HeavyEdges, VariationNeighborhoods
from graphcond.nodes.cost_model import Shape, Work
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes
from graphcond.nodes.partition import (
    classes_without_part,
    completed,
    counts_by_class,
    large_components,
    part_means,
    split_by_class,
)
from graphcond.nodes.spectral import row_sums, symmetric, with_loops
from graphcond.nodes.task import NodeTask

Kind = Literal["variation_neighborhoods", "heavy_edge"]


@dataclass(frozen=True, kw_only=True)
class Coarsening(NodeMethod):
    r"""Coarse graph that preserves slow signals, to train on in place of the original (Coarsening: Loukas, JMLR 2019).

    Disjoint sets of nodes become one node each, level by level. With the partition :math:`P`, of zeros and ones,

    .. math:: A_c = P^\top (A + I) P, \qquad X_c = (P^\top P)^{-1} P^\top X

    which is what networks are trained on as Huang et al. (SCAL, KDD 2021) train them. The sets are those that cost
    least: closed neighbourhoods of low local variation,
    :class:`graphcond.nodes.contraction_families.VariationNeighborhoods`, or the pairs of a heavy edge matching,
    :class:`graphcond.nodes.contraction_families.HeavyEdges`.

    ``y`` is the class that most training nodes of a coarse node have, ``y_soft`` the shares of the classes among them,
    ``node_weight`` their number. Coarse nodes without a training node are not in ``train_mask``. Labels and numbers are
    means.

    Args:
        kind: ``"variation_neighborhoods"`` or ``"heavy_edge"``.
        eigenvectors: How many of the Laplacian's slowest eigenvectors are to be preserved.
        largest: How many nodes a coarse node stands for at most, as a multiple of their mean number; ``None``: any.
        threshold: Edges are left out whose weight in the normalised adjacency of the coarse graph, as a GCN has it, is
            below; 0 keeps all.

    Note:
        The paper's algorithm and definitions are kept: the Laplacian is not normalised, signals become means over
        coarse nodes, sets that lose nodes to cheaper ones get a new cost. Departures from it:

        - The greedy choice is made in rounds, each of which takes all sets that are the cheapest around; the cheapest
          are then contracted. The paper takes one set after the other. Ties are broken at random.
        - Sets that would contract too many nodes for the size asked are cut. The paper leaves them out.
        - Condensed graphs are so small that a few hubs absorb most nodes. ``largest`` limits what a coarse node stands
          for, as METIS does (Karypis and Kumar, 1998, with the factor 1.5). Where sets are too large, edges are
          candidates too, and pairs of nodes with the same heaviest neighbour. ``Coarsening.preset("published")`` has no
          limit.
        - Components whose share of the coarse nodes is less than half a node go to the coarse node with the nearest
          mean features. If components are still too many, they are clustered by these. The code of SCAL coarsens
          components of more than ten nodes one by one, keeps smaller ones as they are, and drops those without
          labels.
        - Where a class would be in the majority in no coarse node, its training nodes leave the coarse node with most
          of them and become one of their own; as many other nodes are contracted.
        - Loops are kept: :math:`P^\top (A + I) P` is the quotient of what a GCN propagates with, so that PyG's
          ``GCNConv`` adds none and normalises as on the original. Loukas drops loops between levels, which change no
          Laplacian, and SCAL's code for GCN leaves out loops and the edges' weights.
        - Edges between small coarse graphs' nodes are many and weak, and most networks ignore weights: ``threshold``.
        - Features are means, the paper's :math:`x_c = P x`. A mean by degree would be what a random walk's lumping asks
          for; a GCN's normalisation is symmetric. SCAL's code divides by the root of the number of nodes.
        - SCAL's code leaves coarse nodes of several classes out of the training; here their class is the most frequent.
        - The published code of local variation takes the Frobenius norm where the paper has the spectral one, which is
          taken here. Its heavy edges are relative to the heaviest edges of both nodes; the paper's, and these, to their
          degrees.
        - Eigenvectors that are constant on components cost nothing, and are not counted among ``eigenvectors``. The
          others are found by LOBPCG up to a tolerance.
    """

    name: ClassVar[str] = "coarsen_variation_neighborhoods"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    on_device: ClassVar[bool] = False
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"published": {"largest": None, "threshold": 0.0}}
    kind: Kind = "variation_neighborhoods"
    eigenvectors: int = 10
    largest: float | None = 1.5
    threshold: float = 0.05

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        require_positive(self, but=("threshold",))
        if not self.threshold < 1:
            raise ValueError(f"threshold must be in [0, 1), got {self.threshold!r}")
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {self.kind!r}")

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        graph, count = task.train.graph, int(allocation.sum())
        weights = symmetric(graph)
        weights.eliminate_zeros()
        owner = self.partition(task, weights, count)
        coarse = self.without_weak(quotient(with_loops(weights), owner, count)).tocoo()
        parts = torch.from_numpy(owner)
        labels = _labels(task, parts, count)
        return SyntheticNodes(
            x=part_means(graph.x, parts, count),
            y=labels.y,
            edge_index=torch.from_numpy(np.stack([coarse.col, coarse.row])).long(),
            edge_weight=torch.from_numpy(coarse.data).float(),
            node_weight=labels.weight,
            y_soft=labels.soft,
            train_mask=labels.known,
            members=Members.from_groups(
                list(torch.split(parts.argsort(stable=True), torch.bincount(parts, minlength=count).tolist()))
            ),
        )

    def partition(self, task: NodeTask, weights: Weights, count: int) -> Integers:
        """Return the coarse node of each node, ``(num_nodes,)`` in ``[0, count)``, such that each class has one."""
        draws, train = np.random.default_rng(int(torch.randint(2**31 - 1, ()))), task.train
        kept = large_components(weights, count)
        inner = weights[kept][:, kept]
        coarse = Coarse.start(inner, self.family(without_loops(inner), draws))
        seed, parts = int(draws.integers(2**31)), count
        while True:
            coarse = contract(coarse, parts, draws, self.largest)
            owner = completed(train.graph.x, weights, kept, coarse.owner, parts, seed)
            if train.strata is not None:  # of other targets than classes, any node may have any
                return owner
            counts = counts_by_class(owner, train, parts, task.num_classes)
            if parts + len(classes_without_part(counts)) <= count:
                return split_by_class(owner, train, counts, count)
            parts -= 1

    def without_weak(self, coarse: Weights) -> Weights:
        """Return the weights of a coarse graph, loops included, without those that are weak where normalised."""
        scale = 1 / np.sqrt(row_sums(coarse))
        edges = coarse.tocoo()
        normalised = edges.data * scale[edges.row] * scale[edges.col]
        kept = (normalised >= self.threshold) | (edges.row == edges.col)
        places = (edges.row[kept], edges.col[kept])
        return sp.csr_array((edges.data[kept], places), shape=coarse.shape)

    def family(self, weights: Weights, draws: np.random.Generator) -> Family:
        """Return what is contracted at which cost."""
        if self.kind == "heavy_edge":
            return HeavyEdges()
        return VariationNeighborhoods.of(weights, self.eigenvectors, draws)

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`."""
        columns = self.eigenvectors if self.kind == "variation_neighborhoods" else 1
        return Work(
            products=float(60 * columns * shape.entries), dense=0.0,
            memory=8 * (6 * shape.entries + shape.num_nodes * (columns**2 + 4 * columns)),
        )  # fmt: skip


class _Labels(NamedTuple):
    """What coarse nodes learn.

    Shapes:
        y: ``(n,)`` classes, -1 where no member is a training node, or ``(n, outputs)``, NaN there; soft: ``(n,
        outputs)``; weight: ``(n,)`` training nodes, their mean where there are none; known: ``(n,)`` bool.
    """

    y: Tensor
    soft: Tensor
    weight: Tensor
    known: Tensor


def _labels(task: NodeTask, owner: Tensor, count: int) -> _Labels:
    """Return the means of the targets of the training nodes in each part."""
    train, targets = task.train, task.targets
    part, learned = owner[train.nodes], train.learned
    rows = targets.softened(learned).double()
    given = (~rows.isnan()).double()
    sums = rows.new_zeros(count, rows.size(1)).index_add_(0, part, rows.nan_to_num(0.0))
    present = rows.new_zeros(count, rows.size(1)).index_add_(0, part, given)
    usual = sums.sum(dim=0) / present.sum(dim=0).clamp(min=1)
    soft = torch.where(present > 0, sums / present.clamp(min=1), usual).float()
    members = torch.bincount(part, minlength=count).float()
    known = members > 0
    classes = (
        torch.zeros(count, task.num_classes)
        .index_put_((part, train.labels), torch.ones(len(part)), accumulate=True)
        .argmax(dim=1)
    )
    y = targets.made(classes, soft)
    missing = -1 if y.dim() == 1 and not y.is_floating_point() else torch.nan
    y = torch.where(known if y.dim() == 1 else known.unsqueeze(1), y, missing)
    return _Labels(y, soft, torch.where(known, members, members.sum() / known.sum()), known)
