"""Small networks for short trainings: a GIN that sums nodes and a GCN that averages them, on folded graphs.

Trees that several nodes have are computed once (:mod:`graphcond.graphs.folding`), which changes nothing but the time.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from graphcond.core.sparse import from_rows
from graphcond.graphs.blocks import blocks, leaves
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.features import Features
from graphcond.graphs.folding import folded_graphs
from graphcond.graphs.task import GraphSet

HIDDEN = 32

Kind = Literal["gin", "gcn"]
KINDS: tuple[Kind, ...] = ("gin", "gcn")  # the sum of all nodes, and their mean


class _Product(torch.autograd.Function):
    """A constant sparse matrix times a dense one; torch would transpose the former at each step."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, h: Tensor) -> Tensor:  # noqa: ANN401 (torch's own)
        ctx.transposed = transposed
        return matrix @ h

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor]:  # noqa: ANN401
        return None, None, ctx.transposed @ gradient


@dataclass(frozen=True, eq=False)
class Operator:
    """A constant sparse matrix in both directions."""

    matrix: Tensor
    transposed: Tensor

    @classmethod
    def of(cls, matrix: sp.spmatrix) -> "Operator":
        """Return the operator of a matrix."""
        return cls(_rows(matrix.tocsr()), _rows(matrix.T.tocsr()))

    def __call__(self, h: Tensor) -> Tensor:
        """Return the product with ``(columns, width)``."""
        out: Tensor = _Product.apply(self.matrix, self.transposed, h)  # type: ignore[no-untyped-call]
        return out


@dataclass(frozen=True, eq=False)
class Folded:
    """Graphs as both kinds of networks need them.

    Args:
        x: ``(num_leaves, width)`` features of the first layer's rows.
        layers: For each kind, one operator a layer.
        pools: For each kind, the operator from the last layer to graphs.
        mean_size: Mean number of nodes, or sum of the weights of roots.
    """

    x: Tensor
    layers: dict[Kind, list[Operator]]
    pools: dict[Kind, Operator]
    mean_size: float

    @classmethod
    def of(cls, graphs: GraphSet, features: Features, layers: int, count: Tensor | None = None) -> "Folded":
        """Fold graphs for networks of some layers, which read no self-loops and edge features; weights the GCN alone.

        Args:
            graphs: The graphs.
            features: How their features become numbers.
            layers: Layers of the networks.
            count: ``(num_nodes,)`` how often each node is pooled; ``None``: once.
        """
        kept = graphs.edge_index[0] != graphs.edge_index[1]
        edge_weight = None if graphs.edge_weight is None else graphs.edge_weight[kept]
        graphs = replace(graphs, edge_index=graphs.edge_index[:, kept], edge_attr=None, edge_weight=edge_weight)
        colors = refine(graphs, layers, degrees=True, weights=True)
        data = folded_graphs(graphs, colors, degrees=True)
        operators: dict[Kind, list[Operator]] = {"gin": [], "gcn": []}
        for block in blocks(data):
            source, target = block.looped().numpy()
            norm = np.ones(len(source)) if block.norm is None else block.norm.numpy()
            weights: dict[Kind, np.ndarray] = {"gin": np.ones(len(source)), "gcn": norm}
            for kind, weight in weights.items():
                matrix = sp.coo_matrix((weight, (target, source)), shape=block.size[::-1])
                operators[kind].append(Operator.of(matrix))
        tree = np.unique(colors.levels[-1], return_inverse=True)[1].reshape(-1)
        graph, times = graphs.graph.numpy(), np.ones(graphs.num_nodes) if count is None else count.double().numpy()
        sizes, shape = np.bincount(graph, times), (len(graphs), int(data.level_ptr[-1] - data.level_ptr[-2]))
        pools: dict[Kind, Operator] = {
            "gin": Operator.of(sp.coo_matrix((times, (graph, tree)), shape=shape)),
            "gcn": Operator.of(sp.coo_matrix((times / sizes[graph], (graph, tree)), shape=shape)),
        }
        return cls(features.encode(data.x[leaves(data)]), operators, pools, float(sizes.mean()))


class ShortNetwork(nn.Module):
    """Encoder, layers of one kind, readout, and a head of two layers."""

    def __init__(self, kind: Kind, layers: int, width: int, outputs: int) -> None:
        super().__init__()
        self.kind, self.scale = kind, 1.0
        self.encoder = nn.Linear(width, HIDDEN)
        linears = 2 if kind == "gin" else 1
        linear = partial(nn.Linear, HIDDEN, HIDDEN)
        self.layers = nn.ModuleList(
            nn.Sequential(*(part for _ in range(linears) for part in (linear(), nn.ReLU()))) for _ in range(layers)
        )
        self.head = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))

    def forward(self, graphs: Folded) -> Tensor:
        """Return ``(num_graphs, outputs)``."""
        h = self.encoder(graphs.x)
        for operator, layer in zip(graphs.layers[self.kind], self.layers, strict=True):
            h = layer(operator(h))
        out: Tensor = self.head(graphs.pools[self.kind](h) / self.scale)
        return out


def _rows(matrix: sp.csr_matrix) -> Tensor:
    pointers, columns = (torch.from_numpy(part.astype(np.int32)) for part in (matrix.indptr, matrix.indices))
    return from_rows(pointers, columns, torch.from_numpy(matrix.data.astype(np.float32)), matrix.shape[1])
