"""Planetoid's citation graphs (Yang et al., ICML 2016), read without running what is pickled in their raw files."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch_geometric.datasets
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, index_to_mask, remove_self_loops

from graphcond.datasets.pickles import read_arrays

NUM_VAL = 500  # validation nodes come right after those for training


class Planetoid(torch_geometric.datasets.Planetoid):  # type: ignore[misc]
    """PyG's ``Planetoid`` with the public split, but for its reader, which unpickles whatever the files hold."""

    def process(self) -> None:
        """Write the processed file."""
        self.save([read_planetoid(Path(self.raw_dir), self.name)], self.processed_paths[0])


def read_planetoid(folder: Path, name: str) -> Data:
    """Return the graph of the eight raw files, with the public split.

    ``allx`` and ``ally`` hold the features and one-hot labels of the first nodes, ``tx`` and ``ty`` those of the nodes
    in ``test.index``, in its order; ``y`` those of the training nodes, which come first; ``graph`` the neighbours of
    each node. Numbers that are in none of them (in CiteSeer) are nodes without features, of class 0.

    Raises:
        pickle.UnpicklingError: a file holds something else; the message names it.
        ValueError: the files do not fit together.
    """
    files = {part: folder / f"ind.{name.lower()}.{part}" for part in ("allx", "ally", "tx", "ty", "y", "graph")}
    parts = {part: read_arrays(file) for part, file in files.items()}
    allx, ally, tx, ty, y = (_dense(parts[part], files[part]) for part in ("allx", "ally", "tx", "ty", "y"))
    test = torch.from_numpy(np.loadtxt(folder / f"ind.{name.lower()}.test.index", dtype=np.int64, ndmin=1))
    known = len(allx)
    if len(ally) != known or not len(tx) == len(ty) == len(test) or allx.size(1) != tx.size(1):
        raise ValueError(f"the rows of allx, ally, tx, ty and test.index of {folder} do not fit together")
    if ally.size(1) != ty.size(1) or len(y) + NUM_VAL > known or int(test.min()) < known:
        raise ValueError(f"the labels or test nodes of {folder} do not fit the other files")
    count = int(test.max()) + 1
    if count > known + 2 * len(test):  # CiteSeer leaves out 15 of 1,015
        raise ValueError(f"the numbers in test.index of {folder} reach {count - 1}, for {known + len(test)} nodes")
    x, labels = allx.new_zeros(count, allx.size(1)), ally.new_zeros(count, ally.size(1))
    for whole, first, last in ((x, allx, tx), (labels, ally, ty)):
        whole[:known], whole[test] = first, last
    return Data(
        x=x,
        edge_index=_edges(parts["graph"], count, files["graph"]),
        y=labels.argmax(dim=1),
        train_mask=index_to_mask(torch.arange(len(y)), size=count),
        val_mask=index_to_mask(torch.arange(len(y), len(y) + NUM_VAL), size=count),
        test_mask=index_to_mask(test, size=count),
    )


def _dense(value: Any, file: Path) -> torch.Tensor:  # noqa: ANN401 (whatever was in the file)
    array = value.toarray() if hasattr(value, "toarray") else value
    if not isinstance(array, np.ndarray) or array.ndim != 2:
        raise ValueError(f"{file} must hold a matrix")
    return torch.from_numpy(array.astype(np.float32))


def _edges(graph: Any, num_nodes: int, file: Path) -> torch.Tensor:  # noqa: ANN401 (whatever was in the file)
    """Return the edges as PyG does: each once, without self-loops, by target and source."""
    if not isinstance(graph, dict) or not all(isinstance(found, list) for found in graph.values()):
        raise ValueError(f"{file} must hold lists of neighbours")
    ends = [np.fromiter(chain.from_iterable(graph.values()), np.int64), np.fromiter(graph, np.int64)]
    source = np.repeat(ends[1], [len(found) for found in graph.values()])
    edges = torch.from_numpy(np.stack([source, ends[0]]))
    if edges.numel() and not 0 <= int(edges.min()) <= int(edges.max()) < num_nodes:
        raise ValueError(f"{file} must hold numbers of nodes below {num_nodes}")
    clean: torch.Tensor = coalesce(remove_self_loops(edges)[0], num_nodes=num_nodes, sort_by_row=False)
    return clean
