"""Lossless condensation: the part of a graph that training reads."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphcond.core.fields import is_whole, plain_fields
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.nodes.cost_model import NUMBER, Shape, Work
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes
from graphcond.nodes.receptive_field import Field, cut_graph, folded, receptive_field
from graphcond.nodes.sparse import dense, taken_rows
from graphcond.nodes.task import NodeTask


@dataclass(frozen=True, kw_only=True)
class ReceptiveField(NodeMethod):
    r"""What networks of some depth see in training, with all degrees: exact (after Hamilton et al., NeurIPS 2017).

    The training nodes and all nodes of up to ``depth`` hops before them, with all edges into nodes that are less than
    ``depth`` hops away. Training a network of up to ``depth`` layers on the nodes of ``train_mask`` gives the logits,
    losses and gradients of training on the whole graph: :class:`~torch_geometric.nn.models.GCN`, ``GraphSAGE``,
    ``GAT``, ``GIN``, and ``APPNP`` and ``SGC`` of as many steps. Other nodes have no label, ``y`` is -1 (NaN).

    Layers such as ``GCNConv`` divide by the degrees of both ends of an edge. So ``edge_weight`` holds the weights of
    the original, and nodes that are ``depth`` hops away have a self-loop whose weight is their degree in the whole
    graph. Pass it, ``model(data.x, data.edge_index, data.edge_weight)``; without it, these degrees are lost.

    It takes no size. How much is left depends on how many nodes are labelled and how dense the graph is.

    Args:
        depth: Layers of the networks that will be trained, or hops.
        fold: Whether one node stands for all others that send the same messages, so that those with the same features,
            degrees and neighbourhoods are kept once; edges may then be there several times. It pays where features are
            discrete. ``members`` are the nodes behind each.

    Note:
        Exact up to rounding for full-batch training without what depends on other nodes: no batch or graph
        normalisation. Dropout draws other random numbers. Degrees are those of incoming edges with self-loops of weight
        1, as ``GCNConv`` counts them: not exact are ``improved=True``, and ``ChebConv``, whose Laplacian has no
        self-loops. With ``fold``, dropout drops for all nodes behind one together.
    """

    name: ClassVar[str] = "receptive_field"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
    reads_sparse: ClassVar[bool] = True
    depth: int = 2
    fold: bool = False

    def __post_init__(self) -> None:
        """Check the fields."""
        plain_fields(self)
        if not is_whole(self.depth) or self.depth < 1:
            raise ValueError(f"depth must be a whole number of layers, 1 or more, got {self.depth!r}")

    @property
    def sized(self) -> bool:
        """See :class:`graphcond.core.method.Method`."""
        return False

    def condense(self, task: NodeTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        graph, given = task.train.graph, receptive_field(task.train.graph, task.train.nodes, self.depth)
        small, place = given, torch.arange(len(given.nodes))
        if self.fold:
            small, place = folded(given, taken_rows(graph.x, given.nodes), self.depth)
        cut = cut_graph(small, graph.x, self.depth)
        learned = small.distance == 0
        return SyntheticNodes(
            x=dense(cut.x),
            y=_known(task, small, learned),
            edge_index=cut.edge_index,
            edge_weight=cut.edge_weight,
            train_mask=learned,
            members=_members(given, place.cpu(), len(small.nodes)),
        )

    def work(self, shape: Shape) -> Work:
        """See :meth:`NodeMethod.work`: the whole graph may be what is seen."""
        kept = shape.rows_bytes(shape.num_features) + 6 * NUMBER * shape.num_edges
        return Work(products=self.depth * shape.num_edges, dense=0.0, memory=kept + shape.rows_bytes(8))


def _known(task: NodeTask, field: Field, learned: Tensor) -> Tensor:
    """Return what the nodes of a field learn: -1, or NaN, but for training nodes."""
    graph = task.train.graph
    if graph.targets is None:
        return torch.where(learned, graph.y[field.nodes], -1)
    return torch.where(learned.unsqueeze(1), graph.targets[field.nodes], torch.nan)


def _members(field: Field, place: Tensor, count: int) -> Members:
    """Return the nodes of a field behind each of some that stand for them, given by their places, -1 for none."""
    needed = (place >= 0).nonzero().flatten()
    order = needed[torch.sort(place[needed], stable=True).indices]
    sizes = torch.bincount(place[needed], minlength=count)
    return Members(torch.cat([sizes.new_zeros(1), sizes.cumsum(0)]), field.nodes.cpu()[order])
