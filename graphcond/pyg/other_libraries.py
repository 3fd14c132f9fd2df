"""Condensed data in the containers of other libraries: NetworkX, DGL, torch's ``TensorDataset`` and OGB's files."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset
from torch_geometric.data import Data, HeteroData
from torch_geometric.utils import to_networkx

from graphcond.core.format import Format
from graphcond.core.record import Record
from graphcond.pyg.hetero_graphs import hetero_to_dgl, hetero_to_networkx, write_hetero_ogb
from graphcond.pyg.ogb_files import write_ogb

if TYPE_CHECKING:
    import networkx

POOLED = ("root_weight", "pool_index")


class OtherLibraries:
    """What a condensed dataset offers to users of other libraries; its data are copied, none of them changed."""

    record: Record

    @property
    @abstractmethod
    def _format(self) -> Format: ...

    @abstractmethod
    def _items(self) -> list[Any]: ...

    @abstractmethod
    def images(self) -> tuple[Tensor, Tensor]:
        """Return images as networks train on them, and their labels."""

    def to_networkx(self) -> "networkx.DiGraph | networkx.MultiDiGraph | list[networkx.DiGraph]":
        """Return a NetworkX graph of condensed nodes, or one for each condensed graph.

        Nodes and edges have the attributes that PyG's have, as numbers and lists: nodes ``x``, ``y``, ``node_weight``
        and so on, edges ``edge_weight`` and ``edge_attr``. What belongs to a graph as a whole, such as its ``y``, is in
        ``graph.graph``. Where an edge is there several times, it is a ``MultiDiGraph``. Of a heterogeneous graph, the
        nodes of all types are numbered one type after the other, nodes and edges have a ``type``, and there may be
        several edges between two nodes.

        Raises:
            ValueError: the dataset holds images.

        >>> import graphcond
        >>> small = graphcond.condense(graphcond.datasets.load("digits"), size=20, method="random")
        >>> graph = small.to_networkx()
        >>> graph.number_of_nodes(), sorted(graph.nodes[0])
        (20, ['node_weight', 'train_mask', 'x', 'y'])
        """
        per_item = self._per_item("to_networkx")
        graphs = []
        for data in self._items():
            if isinstance(data, HeteroData):
                return hetero_to_networkx(data)
            edges, whole = _of_edges(data), _of_graph(data, per_item)
            nodes = [name for name in _names(data) if name not in (*edges, *whole, "edge_index")]
            several = len(torch.unique(data.edge_index, dim=1).T) < data.num_edges
            graphs.append(to_networkx(data, node_attrs=nodes, edge_attrs=edges, graph_attrs=whole, to_multi=several))
        return graphs if "y" in per_item else graphs[0]

    def to_dgl(self) -> Any:  # noqa: ANN401 (DGL has no types)
        """Return a DGL graph of condensed nodes, or a pair (graph, label) for each condensed graph.

        Tensors are in ``ndata`` and ``edata`` by the names that PyG has for them. ``dgl.dataloading.GraphDataLoader``
        takes the list of pairs. A heterogeneous graph is a heterograph, with tensors in ``nodes[type].data`` and
        ``edges[type].data``; a set without structure has no edges.

        Raises:
            ImportError: DGL is not installed, or not for this torch.
            ValueError: the dataset holds images, or computation trees that count by weights.
        """
        per_item = self._per_item("to_dgl")
        self._require_unpooled("to_dgl")
        try:
            import dgl  # PyG's function imports it, too, with no word on what to do
        except (ImportError, OSError) as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise ImportError(
                f"to_dgl() needs DGL, which cannot be imported ({reason}); install the build for your torch, see "
                "www.dgl.ai/pages/start.html"
            ) from error
        from torch_geometric.utils import to_dgl

        graphs = []
        for data in self._items():
            if isinstance(data, HeteroData):
                return hetero_to_dgl(data, dgl)
            whole = _of_graph(data, per_item)
            tensors = {name: data[name] for name in _names(data) if name not in whole}
            graph = to_dgl(Data(num_nodes=data.num_nodes, **tensors))
            graphs.append((graph, data.y) if "y" in per_item else graph)
        return graphs if "y" in per_item else graphs[0]

    def to_tensor_dataset(self) -> TensorDataset:
        """Return condensed images as a dataset of torch, of pairs (image, label) as :meth:`images` gives them.

        Raises:
            ValueError: the dataset does not hold images.

        >>> import graphcond
        >>> small = graphcond.condense(graphcond.datasets.load("digit-images"), size="1/class", method="random")
        >>> image, label = small.to_tensor_dataset()[0]
        >>> image.shape, label
        (torch.Size([1, 8, 8]), tensor(0))
        """
        return TensorDataset(*self.images())

    def to_ogb(self, folder: str | Path, *, overwrite: bool = False) -> dict[str, Any]:
        """Write condensed nodes or graphs as OGB keeps its datasets, and return what OGB asks to know of them.

        OGB's classes read the folder when they are given that: ``NodePropPredDataset``, ``GraphPropPredDataset`` and
        their kin for PyG, under ``name`` and with ``meta_dict``; under torch >= 2.6 within
        :func:`graphcond.datasets.ogb_loading`. The same is in ``meta.json`` in the folder. All items are for training;
        the other parts of the split are empty. Weights and soft labels of nodes and weights of edges are the
        additional files that OGB knows; those of whole graphs it does not, and they are in ``raw/graph-more.npz``. A
        heterogeneous graph is kept as ogbn-mag is, with dictionaries by type.

        Args:
            folder: The folder to make. It is written under another name beside it, and renamed when it is whole.
            overwrite: Replace the folder if it exists; one that holds anything else is refused.

        Raises:
            FileExistsError: ``folder`` exists and ``overwrite`` is false, or it holds something else.
            FileNotFoundError: the folder that it is in does not exist.
            NotADirectoryError: ``folder`` is a file.
            ValueError: the dataset holds images, computation trees that count by weights, or types whose names OGB's
                files have no place for.

        >>> import graphcond, tempfile
        >>> small = graphcond.condense(graphcond.datasets.load("digits"), size=20, method="random")
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     meta = small.to_ogb(f"{scratch}/digits")
        >>> meta["task type"], meta["num classes"]
        ('multiclass classification', 10)
        """
        per_item = self._per_item("to_ogb")
        self._require_unpooled("to_ogb")
        kind = self.record.source.get("target", "single_label")
        items, told = self._items(), {"kind": kind, "num_classes": self.record.num_classes, "overwrite": overwrite}
        if isinstance(items[0], HeteroData):
            return write_hetero_ogb(items[0], folder, **told)
        return write_ogb(items, folder, per_item=per_item, **told)

    def _per_item(self, method: str) -> frozenset[str]:
        """Return the names of what belongs to a graph as a whole; raise if items are no graphs."""
        if self._format.per_item is None:
            raise ValueError(
                f"{method}() is for condensed nodes and graphs, and this dataset was made of {self._format.modality}; "
                "use to_tensor_dataset()"
            )
        return self._format.per_item

    def _require_unpooled(self, method: str) -> None:
        if any(name in self._items()[0] for name in POOLED):
            raise ValueError(
                f"{method}() is for ordinary graphs, and these are computation trees that count by weights, which "
                "training has to pool with graphcond.pool; condense by a method that gives graphs, such as 'random'"
            )


def _names(data: Data) -> list[str]:
    mapping: Mapping[str, Any] = data.to_dict()
    return [name for name, value in mapping.items() if isinstance(value, Tensor)]


def _of_edges(data: Data) -> list[str]:
    return [name for name in _names(data) if name.startswith("edge_") and name != "edge_index"]


def _of_graph(data: Data, per_item: frozenset[str]) -> list[str]:
    """Return what is of a graph as a whole: by its name, or because there is not one for each node."""
    others = [name for name in _names(data) if not name.startswith("edge_")]
    return [name for name in others if name in per_item or data[name].size(0) != data.num_nodes]
