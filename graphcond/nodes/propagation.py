r"""Feature propagation over a sparse adjacency: :math:`\hat A = D^{-1/2} (A + I) D^{-1/2}`, as a GCN applies it."""

import torch
from torch import Tensor
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from graphcond.core.processes import Processes
from graphcond.core.sparse import from_rows
from graphcond.nodes.sparse import adjacency_matrix
from graphcond.nodes.task import Graph

SHARED_FROM = 10_000_000  # multiplications of a hop; fewer cost less than sending the rows


def normalized_adjacency(graph: Graph) -> Tensor:
    r"""Return :math:`\hat A` of a graph as a sparse CSR tensor, ``(num_nodes, num_nodes)`` float32.

    Row ``i`` gathers the messages that node ``i`` receives, so ``adjacency @ x`` is one hop. Self-loops of weight 1
    are added where there are none (the renormalisation trick of Kipf and Welling, 2017).
    """
    edge_index, weight = gcn_norm(graph.edge_index, graph.edge_weight, graph.num_nodes, add_self_loops=True)
    return adjacency_matrix(edge_index, weight, graph.num_nodes)


def propagate(adjacency: Tensor, x: Tensor, depth: int) -> Tensor:
    r"""Return :math:`\hat A^{depth} x`, keeping one hop in memory."""
    processes = Processes.current()
    for _ in range(depth):
        x = adjacency @ x if processes.count == 1 else _shared_hop(adjacency, x, processes)
    return x


def _shared_hop(adjacency: Tensor, x: Tensor, processes: Processes) -> Tensor:
    """Return ``adjacency @ x``, each process multiplying a block of rows with its share of the edges."""
    pointers, columns, values = adjacency.crow_indices(), adjacency.col_indices(), adjacency.values()
    if len(values) * x.size(1) < SHARED_FROM:
        return adjacency @ x
    ends = torch.tensor(processes.bounds(len(values)), dtype=pointers.dtype, device=pointers.device)
    bounds = [*torch.searchsorted(pointers, ends)[:-1].tolist(), len(adjacency)]
    start, stop = bounds[processes.rank :][:2]
    first, last = int(pointers[start]), int(pointers[stop])
    block = from_rows(pointers[start : stop + 1] - first, columns[first:last], values[first:last], len(x))
    return processes.gather(block @ x, bounds)


def personalized_pagerank(adjacency: Tensor, x: Tensor, teleport: float, steps: int = 10) -> Tensor:
    r"""Return the truncated personalised PageRank smoothing of ``x`` (APPNP: Klicpera et al., 2019).

    .. math:: z_0 = x, \qquad z_{k+1} = (1 - \alpha) \hat A z_k + \alpha x

    with :math:`\alpha` = ``teleport``; at ``teleport=1`` the input comes back.
    """
    z = x
    for _ in range(steps):
        z = torch.add(teleport * x, adjacency @ z, alpha=1 - teleport)
    return z
