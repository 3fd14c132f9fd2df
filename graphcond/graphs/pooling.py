"""Readout of graphs whose nodes count for more than themselves, and of ordinary ones alike."""

from typing import Literal

import torch
from torch import Tensor
from torch_geometric.data import Data

Readout = Literal["sum", "mean"]


def pool(h: Tensor, data: Data, reduce: Readout = "sum") -> Tensor:
    """Return one row per graph: the sum, or the mean, of its nodes' embeddings, each as often as it stands for.

    Ordinary graphs and batches of them are pooled as PyG's ``global_add_pool`` and ``global_mean_pool`` do. Where
    ``data`` has ``root_weight``, only roots count, with their weight; where it has ``pool_index`` and ``pool_weight``,
    nodes count in several graphs.

    Args:
        h: Embeddings of the nodes of ``data``, ``(num_nodes, width)``.
        data: A ``Data`` or a batch of a ``DataLoader``.
        reduce: ``"sum"`` or ``"mean"``.

    Returns:
        ``(num_graphs, width)``.

    Raises:
        ValueError: another ``reduce``.

    >>> data = Data(x=torch.ones(3, 1), root_weight=torch.tensor([0.0, 2.0, 1.0]), y=torch.tensor([0]))
    >>> pool(torch.tensor([[5.0], [1.0], [4.0]]), data, "mean")
    tensor([[2.]])
    """
    if reduce not in ("sum", "mean"):
        raise ValueError(f"reduce must be 'sum' or 'mean', got {reduce!r}")
    if "pool_index" in data:
        node, graph = data.pool_index
        weight, h, count = data.pool_weight, h[node], int(data.y.size(0))
    else:
        batch = data.get("batch")
        graph = h.new_zeros(h.size(0), dtype=torch.int64) if batch is None else batch
        weight = data.get("root_weight")
        count = 1 if batch is None else int(data.y.size(0))
    weight = h.new_ones(h.size(0)) if weight is None else weight.to(h)
    total = h.new_zeros(count, h.size(1)).index_add(0, graph, h * weight.unsqueeze(1))
    if reduce == "sum":
        return total
    return total / h.new_zeros(count).index_add(0, graph, weight).clamp(min=1e-12).unsqueeze(1)
