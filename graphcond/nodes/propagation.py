r"""Feature propagation over a sparse adjacency: :math:`\hat A = D^{-1/2} (A + I) D^{-1/2}`, as a GCN applies it."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from graphcond.core.runtime.processes import Processes, alone
from graphcond.nodes.edges import blocks, is_ascending
from graphcond.nodes.sparse import adjacency_matrix, row_sums, with_self_loops
from graphcond.nodes.task import Graph

COLUMNS = 32  # of features that are propagated together: 128 bytes of a row, two lines of the cache
NODES_AT_ONCE = 1 << 16
PAGERANK_STEPS = 10
SHARED_FROM = 100_000_000  # multiplications; to do fewer costs less than to send what they give


def normalized_adjacency(graph: Graph) -> Tensor:
    r"""Return :math:`\hat A` of a graph as a sparse CSR tensor, ``(num_nodes, num_nodes)`` float32.

    Row ``i`` gathers the messages that node ``i`` receives, so ``adjacency @ x`` is one hop. Self-loops of weight 1
    are added where there are none (the renormalisation trick of Kipf and Welling, 2017).
    """
    if graph.edge_index.is_cuda:
        edge_index, weight = gcn_norm(graph.edge_index, graph.edge_weight, graph.num_nodes, add_self_loops=True)
        return adjacency_matrix(edge_index[0], edge_index[1], weight, graph.num_nodes)
    missing = torch.ones(graph.num_nodes, dtype=torch.bool)
    for source, target, _ in blocks(graph.edge_index, graph.edge_weight):
        missing[source[source == target]] = False
    source, target = graph.edge_index
    if graph.undirected and not is_ascending(target):
        source, target = target, source  # the same edges, in PyG's usual order, which needs no counting
    adjacency = adjacency_matrix(source, target, graph.edge_weight, graph.num_nodes)
    looped = with_self_loops(adjacency, missing)
    return _scaled(looped, row_sums(looped).rsqrt())


def _scaled(adjacency: Tensor, scale: Tensor) -> Tensor:
    """Multiply rows and columns of a sparse CSR matrix by a scale, in its own memory."""
    scale = torch.where(scale.isfinite(), scale, 0.0)
    pointers, columns, values = adjacency.crow_indices(), adjacency.col_indices(), adjacency.values()
    for start in range(0, len(scale), NODES_AT_ONCE):
        part = pointers[start : start + NODES_AT_ONCE + 1]
        entries = slice(int(part[0]), int(part[-1]))
        rows = torch.repeat_interleave(scale[start : start + NODES_AT_ONCE], part.diff())
        values[entries] *= rows * scale[columns[entries]]
    return adjacency


def propagate(adjacency: Tensor, x: Tensor, depth: int) -> Tensor:
    r"""Return :math:`\hat A^{depth} x`.

    On a CPU this is done for some columns after the other: rows that are gathered then fit in the cache, and of the
    hops in between only those columns are in memory.
    """
    if depth == 0:
        return x

    def propagated(part: Tensor) -> Tensor:
        out = torch.empty_like(part)
        for columns in column_blocks(part):
            out[:, columns] = _hops(adjacency, part[:, columns].contiguous(), depth)
        return out

    return shared_columns(x, propagated, cost=depth * len(adjacency.values()))


def shared_columns(x: Tensor, work: Callable[[Tensor], Tensor], cost: int) -> Tensor:
    """Return what some work makes of a matrix, several processes sharing its columns.

    Hops treat each column by itself: whole columns need to be told to the others once, after the last hop, whereas of
    rows the next hop would need those of all processes.

    Args:
        x: The matrix.
        work: Makes of some columns as many of the result.
        cost: Multiplications for each column.
    """
    processes, bounds = sharing(x, cost)
    if processes.count == 1:
        return work(x)
    start, stop = bounds[processes.rank :][:2]
    with alone():
        mine = work(x[:, start:stop])
    return processes.gather(mine, bounds, dim=1)


def sharing(x: Tensor, cost: int) -> tuple[Processes, list[int]]:
    """Return the processes that share the columns of a matrix, and where the share of each begins and the last ends.

    Args:
        x: The matrix.
        cost: Multiplications for each column; where all together are few, a process does better by itself.
    """
    processes = Processes.current()
    if not 1 < processes.count <= x.size(1) or cost * x.size(1) < SHARED_FROM:
        processes = Processes()
    return processes, processes.bounds(x.size(1))


def column_blocks(x: Tensor) -> Iterator[slice]:
    """Yield the columns of a matrix that are best propagated together."""
    step = COLUMNS if x.device.type == "cpu" else max(x.size(1), 1)
    for start in range(0, x.size(1), step):
        yield slice(start, start + step)


def _hops(adjacency: Tensor, x: Tensor, depth: int) -> Tensor:
    for _ in range(depth):
        x = adjacency @ x
    return x


def personalized_pagerank(adjacency: Tensor, x: Tensor, teleport: float, steps: int = PAGERANK_STEPS) -> Tensor:
    r"""Return the truncated personalised PageRank smoothing of ``x`` (APPNP: Klicpera et al., 2019).

    .. math:: z_0 = x, \qquad z_{k+1} = (1 - \alpha) \hat A z_k + \alpha x

    with :math:`\alpha` = ``teleport``; at ``teleport=1`` the input comes back.
    """
    z = x
    for _ in range(steps):
        z = torch.add(teleport * x, adjacency @ z, alpha=1 - teleport)
    return z
