"""The kernels of GC-SNTK as values: what an infinitely wide network is, and what it sees of the nodes around one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.utils import add_remaining_self_loops

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.nodes.edges import induced
from graphcond.nodes.propagation import normalized_adjacency
from graphcond.nodes.sparse import adjacency_matrix
from graphcond.nodes.task import NodePart
from graphcond.surrogates.structured_width import StructuredWidth

NEGLIGIBLE = 1e-12  # a variance of biases with which nodes without features have a kernel


class NodeKernel(ABC):
    """A kernel between nodes of a graph and synthetic nodes, which have no neighbours."""

    @property
    @abstractmethod
    def surrogate(self) -> StructuredWidth:
        """The kernel in closed form."""

    @abstractmethod
    def batch(self, split: NodePart, x: Tensor, y: Tensor) -> Batch:
        """Return the nodes of a split with what the kernel sees around them.

        Args:
            split: Its nodes.
            x: ``(num_nodes, num_features)`` of all nodes of the split's graph.
            y: ``(m, outputs)`` what is regressed on for the nodes of the split.
        """


@dataclass(frozen=True, kw_only=True)
class SNTK(NodeKernel):
    r"""The published structure-based neural tangent kernel: means over neighbours, then layers without neighbours.

    From :math:`\Theta = \Sigma = X {X'}^\top`, it repeats :math:`K` times: with the mean operator :math:`A` over a node
    and its neighbours among the nodes of its split (synthetic nodes are their only neighbours)

    .. math:: \Sigma \leftarrow A \Sigma {A'}^\top, \qquad \Theta \leftarrow A \Theta {A'}^\top

    and then :math:`L` times, with the arc-cosine kernels of :func:`graphcond.surrogates.infinite_width.arc_cosine`,

    .. math:: \Theta \leftarrow \Theta \odot 2 \kappa_0(\Sigma) + 2 \kappa_1(\Sigma), \qquad
              \Sigma \leftarrow 2 \kappa_1(\Sigma)

    A factor that is the same for all nodes is left out, for the ridge is relative.

    Args:
        aggregations: :math:`K`.
        layers: :math:`L`, after each aggregation.
        average: Whether neighbours are averaged; if not, they are added up.
        late_slope: :math:`\kappa_0` of the new :math:`\Sigma` instead of the old one in the product with
            :math:`\Theta`.

    Note:
        - Equation (10) of the paper divides a sum of neighbours by its norm. The published code for Cora and Pubmed
          divides by the number of neighbours, that for Flickr and ogbn-arxiv not at all: ``average``.
        - Equation (16) of the paper takes :math:`\kappa_0` of the old :math:`\Sigma`, which makes a tangent kernel. The
          published code overwrites :math:`\Sigma` first: ``late_slope``.
        - Equations (16) and (17) of the paper have the factor :math:`1 / 2 \pi`, and (17) lacks the factor
          :math:`\Sigma` of :math:`\pi - \arccos \Sigma`; the code has :math:`1 / \pi` and the factor, as above.
        - The code limits cosines to 0.9999 in magnitude, the one of a node with itself as well, which takes about
          :math:`10^{-4}` from the kernel's diagonal at each layer. Here angles are exact.
        - The code ignores edge weights; here means are weighted, self-loops counting 1 where there are none.
    """

    aggregations: int = 2
    layers: int = 2
    average: bool = True
    late_slope: bool = True

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    @property
    def surrogate(self) -> StructuredWidth:
        """See :class:`NodeKernel`."""
        return StructuredWidth(
            depth=self.aggregations * self.layers, layers_per_hop=self.layers, bias_variance=NEGLIGIBLE,
            late_slope=self.late_slope,
        )  # fmt: skip

    def batch(self, split: NodePart, x: Tensor, y: Tensor) -> Batch:
        """See :class:`NodeKernel`."""
        graph, count = split.graph, len(split.nodes)
        edge_index, weight = induced(graph.edge_index, graph.edge_weight, split.nodes, graph.num_nodes)
        (source, target), weight = add_remaining_self_loops(edge_index, weight, 1.0, count)
        if self.average:
            weight = weight / weight.new_zeros(count).scatter_add_(0, target, weight)[target]
        adjacency = adjacency_matrix(source, target, weight, count)
        return Batch(x[split.nodes], y, adjacency, strata=split.strata)


@dataclass(frozen=True, kw_only=True)
class WideGCN(NodeKernel):
    """The tangent kernel of an infinitely wide GCN on the whole graph, its propagation that of ``GCNConv``.

    Args:
        depth: Hidden layers.
        hops_per_layer: Hops before each of them.
        weight_variance: Of each layer.
        bias_variance: Of each layer, where features have a mean square of 1.
    """

    depth: int = 2
    hops_per_layer: int = 1
    weight_variance: float = 2.0
    bias_variance: float = 0.01

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("hops_per_layer", "bias_variance"))

    @property
    def surrogate(self) -> StructuredWidth:
        """See :class:`NodeKernel`."""
        return StructuredWidth(
            depth=self.depth, hops_per_layer=self.hops_per_layer, weight_variance=self.weight_variance,
            bias_variance=self.bias_variance,
        )  # fmt: skip

    def batch(self, split: NodePart, x: Tensor, y: Tensor) -> Batch:
        """See :class:`NodeKernel`."""
        return Batch(x, y, normalized_adjacency(split.graph), split.nodes, strata=split.strata)


@dataclass(frozen=True)
class FeatureScale:
    """How features become what a kernel sees: ``(x / unit - mean) / deviation``, and back.

    Shapes:
        unit: a scalar; mean, deviation: ``(num_features,)``, or a scalar; the deviation is 0 where all nodes are alike.
    """

    unit: Tensor
    mean: Tensor
    deviation: Tensor

    def to_kernel(self, x: Tensor) -> Tensor:
        """Return features as a kernel sees them."""
        return (x / self.unit - self.mean) / torch.where(self.deviation > 0, self.deviation, 1.0)

    def from_kernel(self, x: Tensor) -> Tensor:
        """Return features in their own units."""
        return self.unit * (self.mean + self.deviation * x)
