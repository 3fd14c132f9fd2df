"""Sets of graphs in pieces: each shard a function without arguments that gives the same graphs whenever it is called.

>>> graphs = GraphSet(torch.tensor([[6], [6], [8]]), torch.tensor([[0, 1], [1, 0]]), None,
...                   torch.tensor([0, 2, 3]), torch.tensor([0, 1]))
>>> [len(shard()) for shard in shards_of(graphs, 1)]
[1, 1]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from graphcond.core.runtime import storage
from graphcond.core.runtime.contents import INT64, explained, require
from graphcond.core.runtime.files import replacing
from graphcond.graphs.contents import FEATURES, check_joined
from graphcond.graphs.storage.dtypes import narrow, widen
from graphcond.graphs.task import GraphSet

Shard = Callable[[], GraphSet]
FILES = "graphcond-graphs/1"


@dataclass(frozen=True, eq=False)
class Slice:
    """A shard in memory: views of a larger set, which travel to another process without the rest of it."""

    x: np.ndarray
    edge_index: np.ndarray
    edge_attr: np.ndarray | None
    ptr: np.ndarray
    y: np.ndarray

    def __call__(self) -> GraphSet:
        """Return the graphs."""
        nodes, ptr = torch.tensor(self.edge_index), torch.tensor(self.ptr)
        attr = None if self.edge_attr is None else torch.tensor(self.edge_attr)
        return GraphSet(torch.tensor(self.x), nodes - ptr[0], attr, ptr - ptr[0], torch.tensor(self.y))


def shards_of(graphs: GraphSet, size: int) -> list[Slice]:
    """Return a set of graphs, each graph's edges together, as shards of ``size`` graphs; the last one may be smaller.

    Raises:
        ValueError: ``size`` is not positive.
    """
    if size < 1:
        raise ValueError(f"size must be a positive number of graphs, got {size}")
    x, edge_index, ptr, y = (value.numpy() for value in (graphs.x, graphs.edge_index, graphs.ptr, graphs.y))
    attr = None if graphs.edge_attr is None else graphs.edge_attr.numpy()
    parts = []
    for start in range(0, len(graphs), size):
        stop = min(start + size, len(graphs))
        nodes = slice(ptr[start], ptr[stop])
        edges = slice(int(graphs.edge_ptr[start]), int(graphs.edge_ptr[stop]))
        parts.append(
            Slice(x[nodes], edge_index[:, edges], None if attr is None else attr[edges], ptr[start : stop + 1],
                  y[start:stop])
        )  # fmt: skip
    return parts


@dataclass(frozen=True)
class ShardFile:
    """A shard in a file that :func:`write_shard` wrote. Nothing in the file is executed.

    Args:
        path: The file.
    """

    path: Path

    def __call__(self) -> GraphSet:
        """Return the graphs.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no file of graphs, or was altered.
        """
        tensors, codes = storage.read(self.path, FILES)
        with explained(self.path):
            value = {name: widen(tensors[name], code) for name, code in (pair.split(":") for pair in codes.split())}
            rows = len(require("x", value["x"], FEATURES, (None, None)))
            check_joined(value, rows, len(require("y", value["y"], INT64, (None,))))
        size, edges = value["size"], value["edges"]
        ptr = torch.cat([size.new_zeros(1), size.cumsum(0)])
        edge_index = value["edge_index"] + torch.repeat_interleave(ptr[:-1], edges)
        return GraphSet(value["x"], edge_index, value.get("edge_attr"), ptr, value["y"])


def write_shard(path: str | Path, graphs: GraphSet, *, overwrite: bool = False) -> ShardFile:
    """Write graphs, each graph's edges together, to a safetensors file, in the narrowest types that hold the values.

    Raises:
        FileExistsError: ``path`` exists and ``overwrite`` is false.
    """
    edges = graphs.edge_ptr.diff()
    local = graphs.edge_index - torch.repeat_interleave(graphs.ptr[:-1], edges)
    tensors = {"x": graphs.x, "edge_index": local, "size": graphs.sizes, "edges": edges, "y": graphs.y}
    if graphs.edge_attr is not None:
        tensors["edge_attr"] = graphs.edge_attr
    narrowed = {name: narrow(value) for name, value in tensors.items()}
    codes = " ".join(f"{name}:{code}" for name, (_, code) in narrowed.items())
    with replacing(path, overwrite=overwrite) as temporary:
        storage.write(temporary, {name: value for name, (value, _) in narrowed.items()}, codes, FILES)
    return ShardFile(Path(path))


def joined(parts: Sequence[GraphSet]) -> GraphSet:
    """Return sets of graphs as one."""
    starts = torch.tensor([0, *(part.num_nodes for part in parts)]).cumsum(0).tolist()
    shifts = list(zip(parts, starts[:-1], strict=True))
    attrs = [part.edge_attr for part in parts if part.edge_attr is not None]
    ends: list[Tensor] = [part.ptr[1:] + start for part, start in shifts]
    return GraphSet(
        torch.cat([part.x for part in parts]),
        torch.cat([part.edge_index + start for part, start in shifts], dim=1),
        torch.cat(attrs) if attrs else None,
        torch.cat([parts[0].ptr[:1], *ends]),
        torch.cat([part.y for part in parts]),
    )
