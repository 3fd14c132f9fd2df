"""Layer by layer over folded trees: each layer computes the trees of its own depth, and no others."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv


@dataclass(frozen=True, eq=False)
class Block:
    """What one layer computes: trees of a depth from those of one level less.

    Args:
        edge_index: ``(2, m)`` int64 from children (rows of the layer's input) to parents (rows of its output).
        edge_attr: ``(m, num_edge_features)`` or ``None``.
        own: ``(num_parents,)`` int64 the row of the input that is the parent itself, one level lower.
        num_inputs: Rows of the input.
        self_loops: Whether the original graphs have self-loops.
        norm: ``(m + num_parents,)`` float64, GCN's weights of the edges followed by ``own``; ``None`` without degrees.
        edge_weight: ``(m,)`` float32, the edges' own weights, which are in ``norm`` too; ``None`` without.
    """

    edge_index: Tensor
    edge_attr: Tensor | None
    own: Tensor
    num_inputs: int
    norm: Tensor | None
    self_loops: bool = False
    edge_weight: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Rows of input and output."""
        return self.num_inputs, len(self.own)

    def looped(self) -> Tensor:
        """Return the edges followed by one from each parent's own row."""
        loops = torch.stack([self.own, torch.arange(len(self.own), device=self.own.device)])
        return torch.cat([self.edge_index, loops], dim=1)


def blocks(data: Data) -> list[Block]:
    """Return the blocks of a dataset that ``method="wl_fold"`` made, one per layer.

    ``conv((x, x[block.own]), block.edge_index, size=block.size)`` is one layer of a PyG convolution that takes
    bipartite graphs; :func:`convolve` does it for all that we know.

    Raises:
        ValueError: ``data`` holds no folded trees.
    """
    if "level_ptr" not in data or "shorter" not in data:
        raise ValueError("data has no level_ptr and shorter; blocks are for what condense(method='wl_fold') returns")
    levels = data.level_ptr.tolist()
    ptr = torch.searchsorted(data.edge_index[1].contiguous(), data.level_ptr).tolist()
    result = []
    for level in range(1, len(levels) - 1):
        below, start, stop = levels[level - 1], levels[level], levels[level + 1]
        edges = slice(ptr[level], ptr[level + 1])
        edge_index = data.edge_index[:, edges] - torch.tensor([[below], [start]], device=data.edge_index.device)
        norm = None
        weight = data.edge_weight[edges] if "edge_weight" in data else None
        if "degree" in data:
            ends = (data.degree.double() + 1).rsqrt()
            scale = ends[data.edge_index[:, edges]].prod(dim=0)
            norm = torch.cat([scale if weight is None else scale * weight, ends[start:stop].square()])
        attr = data.edge_attr[edges] if "edge_attr" in data else None
        own = data.shorter[start:stop] - below
        result.append(Block(edge_index, attr, own, start - below, norm, "self_loops" in data, weight))
    return result


def leaves(data: Data) -> Tensor:
    """Return the rows of the trees of depth 0, the input of the first block."""
    return torch.arange(int(data.level_ptr[0]), int(data.level_ptr[1]), device=data.level_ptr.device)


def convolve(conv: nn.Module, x: Tensor, block: Block, edge_attr: Tensor | None = None) -> Tensor:
    """Return one PyG convolution of a block, ``(num_parents, width)``: what it gives nodes of the original graphs.

    Args:
        conv: A convolution that takes bipartite graphs (GIN, GINE, SAGE, GAT, ...), or ``GCNConv``. Those that add
            self-loops of their own (GAT) must be told not to (``add_self_loops=False``) and get them from here.
        x: ``(block.num_inputs, width)``.
        block: The block.
        edge_attr: Edge features as the convolution wants them, such as embeddings.

    Raises:
        ValueError: the convolution is GCN and degrees are unknown, or it adds self-loops by itself, or brings its own
            and takes edge features.
    """
    loops = getattr(conv, "add_self_loops", None)
    if block.self_loops and loops is not None:
        raise ValueError(f"{type(conv).__name__} adds self-loops and the graphs have some of their own; fold graphs "
                         "without them (torch_geometric.transforms.RemoveSelfLoops)")  # fmt: skip
    if isinstance(conv, GCNConv):
        if block.norm is None:
            raise ValueError("GCN needs the degrees of the original nodes: fold with degrees=True")
        h = conv.lin(x)
        out: Tensor = conv.propagate(block.looped(), x=(h, h[block.own]), edge_weight=block.norm.to(x), size=block.size)
        return out if conv.bias is None else out + conv.bias
    both = (x, x[block.own])
    if loops:
        raise ValueError(f"{type(conv).__name__} must be made with add_self_loops=False; blocks bring the self-loops")
    if loops is not None and edge_attr is not None:
        kind = type(conv).__name__
        raise ValueError(
            f"{kind} with edge features cannot run in blocks: its self-loops have none; use the Data as it is"
        )
    edges = block.edge_index if loops is None else block.looped()
    result: Tensor = conv(both, edges) if edge_attr is None else conv(both, edges, edge_attr)
    return result


def update_count(data: Data) -> int:
    """Return the rows that the layers compute, all together."""
    return int(data.level_ptr[-1] - data.level_ptr[1])


def run_layers(convs: Sequence[nn.Module], x: Tensor, data: Data) -> Tensor:
    """Return the embeddings after some convolutions with a ReLU between them, a row for each node of ``data``.

    Rows of trees that are no roots are zero.
    """
    if len(convs) != len(data.level_ptr) - 2:
        raise ValueError(f"trees of depth {len(data.level_ptr) - 2} need as many convolutions, got {len(convs)}")
    for i, (conv, block) in enumerate(zip(convs, blocks(data), strict=True)):
        x = convolve(conv, x if i else x[leaves(data)], block)
        x = x.relu() if i < len(convs) - 1 else x
    return torch.cat([x.new_zeros(int(data.level_ptr[-2]), x.size(1)), x])
