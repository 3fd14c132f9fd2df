"""Downstream models: PyG's own, behind one signature ``model(x, adjacency, weight)``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.nn import APPNP, GAT, GCN, MLP, ChebConv, GraphSAGE
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import remove_self_loops

from graphcond.core.evaluation.own_networks import by_name, checked_logits, maker, taken
from graphcond.core.names import named
from graphcond.nodes.evaluation.protocol import Protocol
from graphcond.nodes.evaluation.spectral_models import GPRGNN, BernNet
from graphcond.nodes.propagation import normalized_adjacency
from graphcond.nodes.sparse import adjacency_matrix, maybe_sparse
from graphcond.nodes.task import Graph


@dataclass(frozen=True)
class NodeView:
    """A graph as a model wants it: features, and what PyG's layers take as ``edge_index`` and ``edge_weight``."""

    x: Tensor
    edge_index: Tensor
    edge_weight: Tensor | None

    def outputs(self, model: nn.Module) -> Tensor:
        """Return a model's logits of all nodes, ``(num_nodes, num_classes)``."""
        logits: Tensor = model(self.x, self.edge_index, self.edge_weight)
        return logits


class Propagated(nn.Module):
    """A network on the features followed by propagation of its outputs: SGC and APPNP."""

    def __init__(self, network: nn.Module, propagation: APPNP) -> None:
        super().__init__()
        self.network = network
        self.propagation = propagation

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Return logits, ``(num_nodes, num_classes)``."""
        out: Tensor = self.propagation(self.network(x), edge_index, edge_weight)
        return out


class Cheb(nn.Module):
    """Two Chebyshev layers of order 2 (Defferrard et al., 2016)."""

    def __init__(self, num_features: int, num_classes: int, protocol: Protocol) -> None:
        super().__init__()
        self.first = ChebConv(num_features, protocol.hidden, K=2)
        self.second = ChebConv(protocol.hidden, num_classes, K=2)
        self.dropout = nn.Dropout(protocol.dropout)

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Return logits, ``(num_nodes, num_classes)``."""
        hidden = self.dropout(self.first(x, edge_index, edge_weight).relu())
        out: Tensor = self.second(hidden, edge_index, edge_weight)
        return out


class FeaturesOnly(nn.Module):
    """An MLP, which does not use edges."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Return logits, ``(num_nodes, num_classes)``."""
        out: Tensor = self.network(x)
        return out


def normalized_view(graph: Graph, *, training: bool) -> NodeView:
    r"""Return :math:`\hat A`, normalised once: with gradients through edges for training, as sparse CSR for scoring."""
    if not training:
        return NodeView(maybe_sparse(graph.x), normalized_adjacency(graph), None)
    edge_index, weight = gcn_norm(graph.edge_index, graph.edge_weight, graph.num_nodes, add_self_loops=True)
    return NodeView(graph.x, edge_index, weight)


def filtered_view(graph: Graph, *, training: bool) -> NodeView:
    r"""Return :math:`\hat A` as sparse CSR, for networks that multiply by it many times."""
    return NodeView(graph.x if training else maybe_sparse(graph.x), normalized_adjacency(graph), None)


def laplacian_view(graph: Graph, *, training: bool) -> NodeView:
    """Return the identity less the normalised Laplacian, as sparse CSR: an adjacency without self-loops."""
    edges, weight = remove_self_loops(graph.edge_index, graph.edge_weight)
    edges, weight = gcn_norm(edges, weight, graph.num_nodes, add_self_loops=False)
    adjacency = adjacency_matrix(edges[0], edges[1], weight, graph.num_nodes)
    return NodeView(graph.x if training else maybe_sparse(graph.x), adjacency, None)


def weighted_view(graph: Graph, *, training: bool) -> NodeView:
    """Return the edges with their weights."""
    return NodeView(graph.x, graph.edge_index, graph.edge_weight)


def unweighted_view(graph: Graph, *, training: bool) -> NodeView:
    """Return the edges without weights, for layers that take none."""
    return NodeView(graph.x, graph.edge_index, None)


def neighbour_view(graph: Graph, *, training: bool) -> NodeView:
    """Return the adjacency for a plain mean over neighbours: sparse CSR for evaluation, where it saves memory."""
    if training:
        return unweighted_view(graph, training=training)
    source, target = graph.edge_index
    adjacency = adjacency_matrix(source, target, torch.ones_like(graph.edge_weight), graph.num_nodes)
    return NodeView(graph.x, adjacency, None)


def feature_view(graph: Graph, *, training: bool) -> NodeView:
    """Return the features, sparse where that is faster, and the edges."""
    return NodeView(graph.x if training else maybe_sparse(graph.x), graph.edge_index, None)


Builder = Callable[[int, int, Protocol], nn.Module]


@dataclass(frozen=True)
class ModelKind:
    """How to build a downstream model, and which view of a graph it takes."""

    build: Builder
    view: Callable[..., NodeView]


def _gcn(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    model: nn.Module = GCN(
        num_features, protocol.hidden, 2, num_classes, dropout=protocol.dropout, normalize=False, add_self_loops=False
    )
    return model


def _sgc(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    # APPNP without teleport is plain propagation; it commutes with the linear layer, so only logits are propagated.
    return Propagated(
        nn.Linear(num_features, num_classes), APPNP(K=2, alpha=0.0, normalize=False, add_self_loops=False)
    )


def _appnp(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    return Propagated(
        _network(num_features, num_classes, protocol), APPNP(K=10, alpha=0.1, normalize=False, add_self_loops=False)
    )


def _network(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    model: nn.Module = MLP([num_features, protocol.hidden, num_classes], dropout=[protocol.dropout, 0.0], norm=None)
    return model


def _gprgnn(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    return GPRGNN(_network(num_features, num_classes, protocol))


def _bernnet(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    return BernNet(_network(num_features, num_classes, protocol))


def _mlp(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    return FeaturesOnly(_network(num_features, num_classes, protocol))


def _sage(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    model: nn.Module = GraphSAGE(num_features, protocol.hidden, 2, num_classes, dropout=protocol.dropout)
    return model


def _gat(num_features: int, num_classes: int, protocol: Protocol) -> nn.Module:
    model: nn.Module = GAT(num_features, protocol.hidden, 2, num_classes, dropout=protocol.dropout)
    return model


MODELS: dict[str, ModelKind] = {
    "gcn": ModelKind(_gcn, normalized_view),
    "sgc": ModelKind(_sgc, normalized_view),
    "sage": ModelKind(_sage, neighbour_view),
    "gat": ModelKind(_gat, unweighted_view),
    "appnp": ModelKind(_appnp, normalized_view),
    "cheb": ModelKind(Cheb, weighted_view),
    "gprgnn": ModelKind(_gprgnn, filtered_view),
    "bernnet": ModelKind(_bernnet, laplacian_view),
    "mlp": ModelKind(_mlp, feature_view),
}


def resolve_model(model: object) -> ModelKind:
    """Return the downstream model of a name, or that of a user's own network.

    Args:
        model: A name; a function of (num_features, num_classes) that makes a ``torch.nn.Module``; or a module, of which
            every training takes a copy with fresh weights. The module is called as ``model(x, edge_index)``, and with
            ``edge_weight`` where its ``forward`` takes that.

    Raises:
        TypeError: something else.
        ValueError: there is no model of that name; the message names the nearest.
    """
    if isinstance(model, str):
        return named(model, MODELS, "model")
    make = maker(model)
    return ModelKind(lambda features, classes, _: _OwnNetwork(make(features, classes), classes), weighted_view)


def models_by_name(models: Sequence[object]) -> dict[str, ModelKind]:
    """Return downstream models by what tables call them; see :func:`by_name`."""
    return by_name(models, resolve_model)


class _OwnNetwork(nn.Module):
    """A user's network, called with the arguments that it takes."""

    def __init__(self, network: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.network = network
        self.num_classes = num_classes
        self.more = taken(network, ["edge_weight"])

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Return logits, ``(num_nodes, num_classes)``."""
        out = self.network(x, edge_index, **dict.fromkeys(self.more, edge_weight))
        return checked_logits(out, x.size(0), self.num_classes, "nodes")
