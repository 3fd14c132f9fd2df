"""Real graphs in batches, as a surrogate sees them."""

from dataclasses import replace

import torch
from torch import Tensor
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import coalesce, to_undirected

from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.sparse import compressed_rows
from graphcond.graphs.features import Features
from graphcond.graphs.pooling import Readout
from graphcond.graphs.task import GraphSet


def union(graphs: GraphSet, readout: Readout) -> GraphBatch:
    """Return graphs with the operator of a GCN between their nodes; features stay as they are.

    Directed edges are taken in both directions, as the operator has to be symmetric.
    """
    share = torch.ones(graphs.num_nodes, device=graphs.x.device)
    if readout == "mean":
        share = share / graphs.sizes[graphs.graph]
    strata = None if graphs.targets is None else graphs.y
    return GraphBatch(graphs.x, graphs.labels, adj=_operator(graphs), ptr=graphs.ptr, share=share, strata=strata)


def _operator(graphs: GraphSet) -> Tensor:
    """Return the normalised adjacency of all graphs as sparse CSR."""
    edge_index = graphs.edge_index[:, graphs.edge_index[0] != graphs.edge_index[1]]  # each node gets one self-loop
    ones, number = torch.ones(edge_index.size(1), device=edge_index.device), graphs.num_nodes
    edge_index, weight = coalesce(edge_index, ones, num_nodes=number, reduce="sum")
    edge_index, weight = to_undirected(edge_index, weight, num_nodes=number, reduce="max")
    edge_index, weight = gcn_norm(edge_index, weight, number)
    # Said explicitly, because torch otherwise warns that it does not check.
    matrix = torch.sparse_coo_tensor(edge_index, weight, (number, number), check_invariants=False)
    return compressed_rows(matrix.coalesce())


class GraphSource:
    """Training graphs, at most ``per_class`` of each class at a step, drawn afresh where a class has more.

    Operators are made once, here: a step takes slices of them.

    Args:
        whole: All training graphs.
        features: How their features become numbers.
        per_class: Graphs of each class in a batch.
    """

    def __init__(self, whole: GraphBatch, features: Features, per_class: int) -> None:
        self._whole = whole
        self._features = features
        self._per_class = per_class
        self._classes = [(whole.classes == label).nonzero().flatten() for label in torch.unique(whole.classes).tolist()]
        self.constant = all(len(graphs) <= per_class for graphs in self._classes)
        self._everything = self._encoded(whole.take(torch.cat(self._classes))) if self.constant else None

    def __call__(self, step: int) -> GraphBatch:
        """Return the batch of a step, its graphs in the order of their classes."""
        if self._everything is not None:
            return self._everything
        return self._encoded(self._whole.take(torch.cat([self._drawn(graphs) for graphs in self._classes])))

    def _drawn(self, graphs: Tensor) -> Tensor:
        if len(graphs) <= self._per_class:
            return graphs
        return graphs[torch.randperm(len(graphs))[: self._per_class].to(graphs.device)]

    def _encoded(self, batch: GraphBatch) -> GraphBatch:
        return replace(batch, x=self._features.encode(batch.x))
