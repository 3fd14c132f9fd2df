"""Downstream models for heterogeneous graphs by name, and networks of users."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch_geometric.nn import HANConv, HGTConv

from graphcond.core.evaluation.own_networks import (
    Maker,
    WrongOutputError,
    by_name,
    check_trainable,
    checked_logits,
    maker,
    taken,
)
from graphcond.core.names import named
from graphcond.hetero.evaluation.networks import (
    LAYERS,
    ROUNDS,
    AttentionNetwork,
    Edges,
    Features,
    HeteroSGC,
    MeanNetwork,
    MetapathMLP,
    Weights,
)
from graphcond.hetero.evaluation.protocol import HeteroProtocol
from graphcond.hetero.evaluation.views import HeteroView, Schema, block_view, list_view, mean_view, plain_view
from graphcond.hetero.task import HeteroGraph

Builder = Callable[[Schema, HeteroProtocol], nn.Module]


@dataclass(frozen=True)
class HeteroKind:
    """How to build a downstream model, and which view of a graph it takes.

    Args:
        build: Makes it.
        view: Returns a graph as it takes it.
        layers: How far away the output of a node reads; 0: no further than its row of the view; ``None``: all nodes.
        structure: Whether it reads relations, which a set without structure has not.
    """

    build: Builder
    view: Callable[[HeteroGraph, Schema], HeteroView]
    layers: int | None = None
    structure: bool = True


# HAN weighs relations by means over all nodes of a type, so that no part of a graph gives the same outputs.
HETERO_MODELS: dict[str, HeteroKind] = {
    "sage": HeteroKind(partial(MeanNetwork, shared=False), mean_view, LAYERS),
    "rgcn": HeteroKind(partial(MeanNetwork, shared=True), mean_view, LAYERS),
    "hgt": HeteroKind(partial(AttentionNetwork, layer=HGTConv), list_view, LAYERS),
    "han": HeteroKind(partial(AttentionNetwork, layer=HANConv), list_view),
    "hetero_sgc": HeteroKind(HeteroSGC, mean_view, ROUNDS),
    "metapath_mlp": HeteroKind(MetapathMLP, block_view, 0, structure=False),
}


def resolve_model(model: object) -> HeteroKind:
    """Return the downstream model of a name, or that of a user's own network.

    Args:
        model: A name; a function of (metadata, num_classes) that makes a ``torch.nn.Module``, with ``metadata`` the
            types of nodes and edges as :meth:`torch_geometric.data.HeteroData.metadata` gives them; or a module, of
            which every training takes a copy with fresh weights. The module is called as ``model(x_dict,
            edge_index_dict)``, and with ``edge_weight_dict`` where its ``forward`` takes that; it returns logits of the
            labelled type, or a dictionary of them by type. Layers with ``in_channels=-1`` are initialised by one call.

    Raises:
        TypeError: something else.
        ValueError: there is no model of that name; the message names the nearest.
    """
    if isinstance(model, str):
        return named(model, HETERO_MODELS, "model", " for heterogeneous graphs")
    return HeteroKind(partial(_own, maker(model, "metadata", "sage")), plain_view)


def hetero_models(models: Sequence[object]) -> dict[str, HeteroKind]:
    """Return downstream models by what tables call them; see :func:`by_name`."""
    return by_name(models, resolve_model)


def _own(make: Maker, schema: Schema, protocol: HeteroProtocol) -> nn.Module:
    network = make(schema.metadata, schema.outputs)
    model = _OwnHeteroNetwork(network, schema)
    if any(isinstance(one, nn.parameter.UninitializedParameter) for one in network.parameters()):
        check_call(type(network).__name__, model.eval(), schema)
    return model


def check_call(name: str, model: nn.Module, schema: Schema, device: torch.device | None = None) -> None:
    """Raise unless a model can be called on a graph with the types and features of the original.

    Raises:
        ValueError: it cannot, or what it returns are no logits that depend on its weights.
    """
    try:
        with torch.enable_grad():
            check_trainable(name, schema.sample(device).outputs(model))
    except WrongOutputError:
        raise
    except Exception as error:
        raise ValueError(
            f"the model {name!r} cannot be called as model(x_dict, edge_index_dict) on the dataset's types: {error}"
        ) from error


class _OwnHeteroNetwork(nn.Module):
    """A user's network, called with the arguments that it takes."""

    def __init__(self, network: nn.Module, schema: Schema) -> None:
        super().__init__()
        self.network = network
        self.node_type = schema.node_type
        self.num_classes = schema.outputs
        self.more = taken(network, ["edge_weight_dict"])

    def forward(self, x: Features, edges: Edges, weights: Weights = None) -> Tensor:
        """Return logits of the labelled nodes, ``(n, num_classes)``."""
        count = x[self.node_type].size(0)
        out = self.network(dict(x), dict(edges), **dict.fromkeys(self.more, weights))
        if isinstance(out, dict):
            if self.node_type not in out:
                raise WrongOutputError(
                    f"a model must return logits of the labelled type {self.node_type!r}, got a dictionary with "
                    f"{', '.join(map(repr, out)) or 'nothing'}"
                )
            out = out[self.node_type]
        return checked_logits(out, count, self.num_classes, f"nodes of type {self.node_type!r}")
