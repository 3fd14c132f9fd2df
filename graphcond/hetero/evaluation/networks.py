"""The networks of downstream models for heterogeneous graphs: PyG's layers behind one signature.

Each is called as ``model(x_dict, edge_index_dict, edge_weight_dict)`` and returns logits of the labelled nodes. A layer
computes no more than the later ones need. Types of nodes to which no relation leads keep what they had.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch_geometric.nn import HANConv, HGTConv, SAGEConv

from graphcond.hetero.evaluation.protocol import HeteroProtocol
from graphcond.hetero.evaluation.views import Metadata, Schema, Step
from graphcond.hetero.task import EdgeType

LAYERS = 2
ROUNDS = 3
HEADS = {HGTConv: 2, HANConv: 4}  # the time of a transformer grows with its heads
KEPT = 0.01

Features = Mapping[str, Tensor]
Edges = Mapping[EdgeType, Tensor]
Weights = Mapping[EdgeType, Tensor] | None


class TypeLinear(nn.Module):
    """A linear map for each type of nodes, into one space."""

    def __init__(self, schema: Schema, types: Sequence[str], hidden: int) -> None:
        super().__init__()
        self.types = tuple(types)
        self.maps = nn.ModuleList(nn.Linear(schema.widths[name], hidden) for name in self.types)

    def forward(self, x: Features) -> dict[str, Tensor]:
        """Return the mapped features of the types that are mapped."""
        return {name: linear(x[name]) for name, linear in zip(self.types, self.maps, strict=True)}


class MeanLayer(nn.Module):
    """The sum over relations of maps of the means over neighbours, and maps of the nodes themselves.

    Args:
        step: What is computed.
        hidden: Width of the representations.
        shared: Whether one map is for all nodes themselves (RGCN), rather than one for each relation (GraphSAGE).
    """

    def __init__(self, step: Step, hidden: int, *, shared: bool) -> None:
        super().__init__()
        self.step = step
        # Rows of the matrices sum to 1, so that products with them are means, of weighted edges too.
        self.maps = nn.ModuleList(
            SAGEConv(hidden, hidden, aggr="sum", root_weight=not shared, bias=not shared) for _ in step.relations
        )
        self.root = nn.Linear(hidden, hidden) if shared else None

    def forward(self, hidden: Features, operators: Edges) -> dict[str, Tensor]:
        """Return the representations of the targets."""
        found = {} if self.root is None else {name: self.root(hidden[name]) for name in self.step.targets}
        for relation, convolution in zip(self.step.relations, self.maps, strict=True):
            source, _, target = relation
            message = convolution((hidden[source], hidden[target]), operators[relation])
            found[target] = found[target] + message if target in found else message
        return {name: found.get(name, hidden[name]) for name in self.step.targets}


class MeanNetwork(nn.Module):
    """GraphSAGE with weights for each relation, or RGCN (Schlichtkrull et al., ESWC 2018)."""

    def __init__(self, schema: Schema, protocol: HeteroProtocol, *, shared: bool) -> None:
        super().__init__()
        steps = schema.steps(LAYERS)
        self.node_type = schema.node_type
        self.first = TypeLinear(schema, steps[0].types, protocol.hidden)
        self.layers = nn.ModuleList(MeanLayer(step, protocol.hidden, shared=shared) for step in steps)
        self.dropout = nn.Dropout(protocol.dropout)
        self.head = nn.Linear(protocol.hidden, schema.outputs)

    def forward(self, x: Features, operators: Edges, weights: Weights = None) -> Tensor:
        """Return logits, ``(n, num_classes)``."""
        hidden = self.first(x)
        for layer in self.layers:
            hidden = {name: self.dropout(value.relu()) for name, value in layer(hidden, operators).items()}
        out: Tensor = self.head(hidden[self.node_type])
        return out


class Numbered:
    """Numbers in place of the names of types, which PyG's layers of attention use as names of parameters.

    Args:
        schema: The types.
    """

    def __init__(self, schema: Schema) -> None:
        self._types = {name: str(number) for number, name in enumerate(schema.widths)}
        self._relations = {
            (source, name, target): (self._types[source], str(number), self._types[target])
            for number, (source, name, target) in enumerate(schema.edge_types)
        }

    def metadata(self, step: Step) -> Metadata:
        """Return the types of nodes and edges of a layer."""
        return [self._types[name] for name in step.types], [self._relations[one] for one in step.relations]

    def call(self, layer: nn.Module, step: Step, hidden: Features, edges: Edges) -> dict[str, Tensor]:
        """Return what a layer gives for its targets; what they had where no relation leads to them."""
        if not step.relations:
            return {name: hidden[name] for name in step.targets}
        out = layer(
            {self._types[name]: hidden[name] for name in step.types},
            {self._relations[one]: edges[one] for one in step.relations},
        )
        reached = {one[2] for one in step.relations}
        return {name: out[self._types[name]] if name in reached else hidden[name] for name in step.targets}


class AttentionNetwork(nn.Module):
    """Two layers of attention between linear maps: HGT (Hu et al., WWW 2020) or HAN (Wang et al., WWW 2019).

    Note:
        HAN was published with neighbours along meta-paths that return to the labelled type. There are too many of these
        for graphs of some size, and condensed graphs have few of them; here, as in PyG's layer, neighbours are those of
        each relation, and two layers reach what meta-paths of two relations do.
    """

    def __init__(self, schema: Schema, protocol: HeteroProtocol, layer: type[HGTConv] | type[HANConv]) -> None:
        super().__init__()
        self.steps = schema.steps(LAYERS)
        self.node_type = schema.node_type
        self.numbered = Numbered(schema)
        self.first = TypeLinear(schema, self.steps[0].types, protocol.hidden)
        self.layers = nn.ModuleList(
            layer(protocol.hidden, protocol.hidden, self.numbered.metadata(step), heads=HEADS[layer])
            if step.relations
            else nn.Identity()
            for step in self.steps
        )
        self.dropout = nn.Dropout(protocol.dropout)
        self.head = nn.Linear(protocol.hidden, schema.outputs)

    def forward(self, x: Features, edges: Edges, weights: Weights = None) -> Tensor:
        """Return logits, ``(n, num_classes)``."""
        hidden = {name: self.dropout(value.relu()) for name, value in self.first(x).items()}
        for layer, step in zip(self.layers, self.steps, strict=True):
            hidden = self.numbered.call(layer, step, hidden, edges)
        out: Tensor = self.head(self.dropout(hidden[self.node_type]))
        return out


class HeteroSGC(nn.Module):
    r"""The relay network of HGCond (Gao et al., TKDE 2024).

    :math:`h_t \leftarrow 0.01\,h_t + \sum_r \hat A_r h_{s(r)}`, three times, on a linear map with ReLU of each type,
    with :math:`\hat A_r` the mean over the neighbours of relation :math:`r`, then a linear map of the labelled type.
    """

    def __init__(self, schema: Schema, protocol: HeteroProtocol) -> None:
        super().__init__()
        self.steps = schema.steps(ROUNDS)
        self.node_type = schema.node_type
        self.first = TypeLinear(schema, self.steps[0].types, protocol.hidden)
        self.head = nn.Linear(protocol.hidden, schema.outputs)

    def forward(self, x: Features, operators: Edges, weights: Weights = None) -> Tensor:
        """Return logits, ``(n, num_classes)``."""
        hidden = {name: value.relu() for name, value in self.first(x).items()}
        for step in self.steps:
            found = {name: KEPT * hidden[name] for name in step.targets}
            for relation in step.relations:
                found[relation[2]] = found[relation[2]] + torch.sparse.mm(operators[relation], hidden[relation[0]])
            hidden = found
        out: Tensor = self.head(hidden[self.node_type])
        return out


class MetapathMLP(nn.Module):
    """A perceptron of 2 layers on features that were propagated along meta-paths, with a first map for each.

    So NARS (Yu et al., 2020) and SeHGNN (Yang et al., AAAI 2023) read a heterogeneous graph.
    """

    def __init__(self, schema: Schema, protocol: HeteroProtocol) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(width, protocol.hidden) for width in schema.block_widths)
        self.dropout = nn.Dropout(protocol.dropout)
        self.head = nn.Linear(protocol.hidden, schema.outputs)

    def forward(self, x: Features, edges: Edges, weights: Weights = None) -> Tensor:
        """Return logits, ``(n, num_classes)``; ``x`` holds the blocks in the order of meta-paths."""
        mapped = [linear(block) for linear, block in zip(self.first, x.values(), strict=True)]
        out: Tensor = self.head(self.dropout(sum(mapped[1:], mapped[0]).relu()))
        return out
