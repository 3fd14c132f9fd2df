"""Downstream models for graphs: PyG's convolutions between an encoder of the features and a readout."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MLP, GATConv, GCNConv, GINConv, GINEConv, MessagePassing, SAGEConv
from torch_geometric.utils import remove_self_loops

from graphcond.core.evaluation.own_networks import Maker, by_name, checked_logits, maker, taken
from graphcond.core.names import named
from graphcond.graphs import blocks
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.graphs.pooling import pool


@dataclass(frozen=True)
class FeatureSizes:
    """What the encoder of a set of graphs has to take.

    Args:
        codes: For features that are codes of categories, how many each column has; ``None`` for quantities.
        width: Number of columns.
    """

    codes: tuple[int, ...] | None
    width: int

    @classmethod
    def of(cls, *rows: Tensor) -> "FeatureSizes":
        """Return what covers the given rows."""
        if rows[0].is_floating_point():
            return cls(None, rows[0].size(1))
        highest = torch.stack([part.amax(dim=0) for part in rows if len(part)]).amax(dim=0)
        return cls(tuple(int(value) + 1 for value in highest), rows[0].size(1))

    def encoder(self, hidden: int) -> nn.Module:
        """Return a module that maps rows to ``hidden`` columns."""
        return nn.Linear(self.width, hidden) if self.codes is None else CodeEncoder(self.codes, hidden)


class CodeEncoder(nn.Module):
    """The sum of an embedding of each column's code, as OGB encodes atoms and bonds."""

    first: Tensor

    def __init__(self, codes: tuple[int, ...], hidden: int) -> None:
        super().__init__()
        self.table = nn.EmbeddingBag(sum(codes), hidden, mode="sum")
        nn.init.xavier_uniform_(self.table.weight)
        self.register_buffer("first", torch.tensor([0, *codes[:-1]]).cumsum(0))

    def forward(self, codes: Tensor) -> Tensor:
        """Return ``(rows, hidden)`` for ``(rows, columns)`` int64 codes."""
        out: Tensor = self.table(codes + self.first)
        return out


class GraphView:
    """A batch of graphs as the models want it; what they derive from it is made once."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.blocks = blocks.blocks(data) if "shorter" in data else None

    @cached_property
    def looped(self) -> Tensor:
        """Edges and one self-loop at every node, ``(2, num_edges + num_nodes)``."""
        nodes = torch.arange(self.data.x.size(0), device=self.data.x.device)
        return torch.cat([remove_self_loops(self.data.edge_index)[0], nodes.repeat(2, 1)], dim=1)

    @cached_property
    def norm(self) -> Tensor:
        """The weights of GCN for :attr:`looped`, by the degrees of the original graphs where they are known.

        Each edge counts by its ``edge_weight``, where there is one, and each self-loop once.
        """
        data = self.data
        edges = torch.ones(self.looped.size(1), device=data.x.device)
        if (given := data.get("edge_weight")) is not None:
            kept = given[data.edge_index[0] != data.edge_index[1]]
            edges[: len(kept)] = kept
        if "degree" in data:
            count = data.degree + 1
        else:
            count = edges.new_zeros(data.x.size(0)).index_add_(0, self.looped[1], edges)
        ends = count.to(torch.float32).rsqrt()
        weights: Tensor = edges * ends[self.looped].prod(dim=0)
        return weights


class GraphNetwork(nn.Module):
    """Encoder, convolutions with ReLU and dropout between them, readout, and a head of two layers."""

    def __init__(
        self,
        kind: "GraphModel",
        nodes: FeatureSizes,
        edges: FeatureSizes | None,
        outputs: int,
        protocol: GraphProtocol,
    ) -> None:
        super().__init__()
        hidden = protocol.hidden
        self.encoder = nodes.encoder(hidden)
        self.convs = nn.ModuleList(kind.conv(hidden) for _ in range(protocol.layers))
        self.edge_encoders = nn.ModuleList()
        if kind.edges:
            assert edges is not None  # checked before anything is trained
            self.edge_encoders.extend(edges.encoder(hidden) for _ in range(protocol.layers))
        self.head = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
        self.dropout = protocol.dropout
        self.readout = protocol.readout
        self.scale = 1.0

    def embed(self, view: GraphView) -> Tensor:
        """Return one row for each graph, before the head."""
        data = view.data
        if view.blocks is not None:
            return pool(self._layers(view), data, self.readout) / self.scale
        h = self.encoder(data.x)
        for i, conv in enumerate(self.convs):
            attr = self.edge_encoders[i](data.edge_attr) if self.edge_encoders else None
            h = self._between(_convolve(conv, h, view, attr), i)
        return pool(h, data, self.readout) / self.scale

    def forward(self, view: GraphView) -> Tensor:
        """Return ``(num_graphs, outputs)``: logits, or standardised numbers."""
        out: Tensor = self.head(F.dropout(self.embed(view), self.dropout, self.training))
        return out

    def _layers(self, view: GraphView) -> Tensor:
        data = view.data
        h = self.encoder(data.x[blocks.leaves(data)])
        for i, (conv, block) in enumerate(zip(self.convs, view.blocks or (), strict=True)):
            attr = self.edge_encoders[i](block.edge_attr) if self.edge_encoders else None
            h = self._between(blocks.convolve(conv, h, block, attr), i)
        return torch.cat([h.new_zeros(int(data.level_ptr[-2]), h.size(1)), h])

    def _between(self, h: Tensor, layer: int) -> Tensor:
        h = h.relu()
        return F.dropout(h, self.dropout, self.training) if layer < len(self.convs) - 1 else h


def _convolve(conv: MessagePassing, h: Tensor, view: GraphView, edge_attr: Tensor | None) -> Tensor:
    out: Tensor
    if isinstance(conv, GCNConv):
        out = conv(h, view.looped, view.norm)
    elif isinstance(conv, GATConv):
        out = conv(h, view.looped)
    elif edge_attr is not None:
        out = conv(h, view.data.edge_index, edge_attr)
    else:
        out = conv(h, view.data.edge_index)
    return out


@dataclass(frozen=True)
class GraphModel:
    """A kind of convolution.

    Args:
        conv: Makes one of a width.
        edges: Whether it takes edge features.
    """

    folds: ClassVar[bool] = True  # what it computes of graphs it computes of their distinct trees
    conv: Callable[[int], MessagePassing]
    edges: bool = False

    def network(
        self,
        features: tuple[FeatureSizes, FeatureSizes | None],
        outputs: int,
        protocol: GraphProtocol,
        scale: float,
    ) -> nn.Module:
        """Return a network with fresh weights, which is called with a :class:`GraphView`.

        Args:
            features: Of nodes and edges.
            outputs: Classes, or labels or numbers of each graph.
            protocol: How it is trained.
            scale: The mean number of nodes of the graphs that it is trained on.
        """
        made = GraphNetwork(self, *features, outputs, protocol)
        made.scale = scale if protocol.readout == "sum" else 1.0
        return made


@dataclass(frozen=True)
class OwnGraphModel:
    """A network of the user's.

    Args:
        make: Makes one with fresh weights.
    """

    folds: ClassVar[bool] = False  # it may tell apart what convolutions cannot
    edges: ClassVar[bool] = False
    make: Maker

    def network(
        self,
        features: tuple[FeatureSizes, FeatureSizes | None],
        outputs: int,
        protocol: GraphProtocol,
        scale: float,
    ) -> nn.Module:
        """See :meth:`GraphModel.network`."""
        return _OwnGraphNetwork(self.make(features[0].width, outputs), outputs)


GraphKind = GraphModel | OwnGraphModel


class _OwnGraphNetwork(nn.Module):
    """A user's network, called with the arguments that it takes."""

    def __init__(self, network: nn.Module, outputs: int) -> None:
        super().__init__()
        self.network = network
        self.outputs = outputs
        self.more = taken(network, ["edge_attr", "edge_weight"])

    def forward(self, view: GraphView) -> Tensor:
        """Return ``(num_graphs, outputs)``: logits, or standardised numbers."""
        data = view.data
        out = self.network(data.x, data.edge_index, data.batch, **{name: data.get(name) for name in self.more})
        return checked_logits(out, len(data.y), self.outputs, "graphs")


def _mlp(hidden: int) -> MLP:
    return MLP([hidden, hidden, hidden], norm=None)


GRAPH_MODELS = {
    "gcn": GraphModel(lambda hidden: GCNConv(hidden, hidden, normalize=False)),
    "gin": GraphModel(lambda hidden: GINConv(_mlp(hidden))),
    "gat": GraphModel(lambda hidden: GATConv(hidden, hidden // 4, heads=4, add_self_loops=False)),
    "gine": GraphModel(lambda hidden: GINEConv(_mlp(hidden)), edges=True),
    "sage": GraphModel(lambda hidden: SAGEConv(hidden, hidden)),
}


def graph_models(models: Sequence[object]) -> dict[str, GraphKind]:
    """Return downstream models by what tables call them; see :func:`by_name`."""
    return by_name(models, resolve_graph_model)


def resolve_graph_model(model: object) -> GraphKind:
    """Return the downstream model of a name, or that of a user's own network.

    Args:
        model: A name; a function of (num_features, num_classes) that makes a ``torch.nn.Module``; or a module, of which
            every training takes a copy with fresh weights. The module is called as ``model(x, edge_index, batch)``,
            and with ``edge_attr`` and ``edge_weight`` where its ``forward`` takes them (``None`` where there are none).

    Raises:
        TypeError: something else.
        ValueError: there is no model of that name; the message names the nearest.
    """
    return named(model, GRAPH_MODELS, "model", " for graphs") if isinstance(model, str) else OwnGraphModel(maker(model))
