"""The condensed dataset: an in-memory PyG dataset that carries its record and knows its file format."""

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torch_geometric.data import Data, HeteroData, InMemoryDataset

from graphcond.core.format import Format
from graphcond.core.hub import HubWords
from graphcond.core.members import Members
from graphcond.core.notebook import shown_condensed
from graphcond.core.record import Record
from graphcond.core.runtime import storage
from graphcond.core.runtime.contents import explained, require_members, require_present, require_recorded
from graphcond.core.runtime.files import replacing
from graphcond.core.sharing import Shared
from graphcond.graphs.format import GRAPH_FORMAT
from graphcond.hetero.format import HETERO_FORMAT
from graphcond.images.crops import with_crop_labels, with_crops
from graphcond.images.format import IMAGE_FORMAT
from graphcond.images.formation import expand, expand_labels
from graphcond.images.task import Scale
from graphcond.nodes.format import NODE_FORMAT
from graphcond.pyg.other_libraries import OtherLibraries

FORMATS = {one.modality: one for one in (HETERO_FORMAT, GRAPH_FORMAT, IMAGE_FORMAT, NODE_FORMAT)}


class CondensedDataset(Shared, OtherLibraries, InMemoryDataset):  # type: ignore[misc]
    """A small synthetic dataset that goes wherever a PyG dataset goes.

    Besides everything that :class:`torch_geometric.data.InMemoryDataset` offers (``num_features``, ``num_classes``,
    ``len``, indexing, ``DataLoader``), it holds ``record`` (method, settings, seed, versions, source, costs) and, where
    the method knows them, ``members`` (the original nodes behind each synthetic one). :meth:`to_networkx`,
    :meth:`to_dgl`, :meth:`to_tensor_dataset` and :meth:`to_ogb` give it to other libraries.

    A node dataset holds one ``Data`` with ``x`` ``(n, num_features)`` float32, ``edge_index`` ``(2, num_edges)`` int64,
    ``edge_weight`` ``(num_edges,)`` float32, ``y`` ``(n,)`` int64, ``node_weight`` ``(n,)`` float32 with mean 1,
    ``train_mask`` and, from methods that have a teacher, ``y_soft`` ``(n, num_classes)`` float32 whose rows sum to 1.
    ``train_mask`` is true but for nodes that are there for their features and edges, whose ``y`` is -1. Where the
    original has several labels or numbers, ``y`` has them too: ``(n, outputs)`` float32, NaN where one is missing, and
    ``y_soft`` holds a probability of each label, or predicted numbers.

    A dataset of a heterogeneous graph holds one ``HeteroData``. Every node type has ``x`` ``(n, features)`` float32, of
    a width of its own; the labelled type, ``record.source["node_type"]``, has ``y``, ``node_weight``, ``train_mask``
    and perhaps ``y_soft`` as above: those of its nodes that only belong to the neighbourhoods of others are not in
    ``train_mask``. Every edge type of the original has ``edge_index`` ``(2, edges)`` int64, perhaps empty, and
    ``edge_weight`` ``(edges,)`` float32. ``num_features`` is a dictionary by node type, as PyG has it. A set without
    structure holds the labelled type alone and no edge type: its ``x`` are the features that all meta-paths bring, side
    by side, for networks that read no edges. ``members`` are original nodes of the labelled type.

    A graph dataset holds one ``Data`` for each synthetic graph, with ``x``, ``edge_index``, ``y`` ``(1,)`` int64 and,
    where there are any, ``edge_attr``, ``edge_weight``, ``graph_weight`` ``(1,)`` float32 with mean 1 and ``y_soft``
    ``(1, num_classes)``. Of several labels or numbers, ``y`` is ``(1, targets)`` float32, NaN where one is missing, as
    the original has it (of one number perhaps ``(1,)``), ``num_classes`` is how many these are, and ``y_soft`` holds
    the probability of each label, or each number in its own units. Graphs that are bags of computation trees have
    ``root_mask`` and ``root_weight`` ``(n,)``: :func:`graphcond.pool` reads out the roots, each as often as it counts.

    An image dataset holds one ``Data`` with ``x`` ``(n, channels, height, width)`` float32 in the units of the original
    (bytes as floats in [0, 1]), ``y`` ``(n,)`` int64, ``mean`` and ``std`` ``(channels,)`` by which networks have to
    see them and, from methods that learn them, ``y_soft`` ``(n, num_classes)``, ``target`` ``(n, num_classes)`` for
    regressions, ``vectors`` ``(n, columns)`` that networks learn in place of labels, ``learning_rate`` ``(1,)``,
    ``formation`` ``(1,)``, and ``crop_box`` ``(n, crops, 4)`` int16 with the labels ``crop_soft`` ``(n, crops,
    num_classes)``. :meth:`images` gives what goes into training.

    >>> import torch
    >>> from torch_geometric.data import Data
    >>> from graphcond.core.record import Record
    >>> data = Data(x=torch.eye(2), edge_index=torch.arange(2).repeat(2, 1), y=torch.arange(2))
    >>> record = Record("example", {}, 0, "cpu", {"num_classes": 2}, {}, 0.0, 0)
    >>> small = CondensedDataset([data], record)
    >>> len(small), small.num_features, small.num_classes
    (1, 2, 2)
    """

    def __init__(self, data_list: Sequence[Data | HeteroData], record: Record, members: Members | None = None) -> None:
        super().__init__(root=None)
        self.record = record
        self.members = members
        self._data, self.slices = self.collate(list(data_list))

    @property
    def num_classes(self) -> int:
        """Number of classes of the original dataset; of labels or numbers, where items have several."""
        return self.record.num_classes

    @property
    def modality(self) -> str:
        """What the items are: ``"nodes"``, ``"hetero"`` (nodes of several types), ``"graphs"`` or ``"images"``."""
        alone = NODE_FORMAT if len(self) == 1 else GRAPH_FORMAT
        return self.record.modality or alone.modality

    @property
    def _format(self) -> Format:
        return FORMATS[self.modality]

    @property
    def depth(self) -> int | None:
        """Layers of a network for which the items are made: computation trees say nothing to deeper networks.

        ``None`` where items are ordinary graphs, which networks of any depth train on.
        """
        trees = "root_weight" in self[0] or "pool_index" in self[0]
        depth: int | None = self.record.choices.get("depth", self.record.settings.get("depth")) if trees else None
        return depth

    def images(self) -> tuple[Tensor, Tensor]:
        """Return images as networks train on them, and their labels, such as ``TensorDataset(*small.images())`` takes.

        Images are normalised by ``mean`` and ``std``, those that stand for several taken apart, crops after the images;
        labels are soft where the method made soft ones, and vectors where it read no labels.

        Shapes:
            images: ``(n, channels, height, width)`` float32; labels: ``(n,)`` int64, or ``(n, num_classes)`` or ``(n,
            columns)`` float32.

        Raises:
            ValueError: the dataset does not hold images.
        """
        if self.modality != IMAGE_FORMAT.modality:
            raise ValueError(f"images() is for condensed images, and this dataset was made of {self.modality}")
        data = self.get(0)
        x, y = Scale(data.mean, data.std).normalized(data.x), data.get("vectors", data.get("y_soft", data.y))
        factor = int(data.formation) if "formation" in data else 1
        if factor > 1:
            x, y = expand(x, factor), expand_labels(y, factor)
        return with_crops(x, data.get("crop_box")), with_crop_labels(y, data.get("crop_soft"))

    @property
    def nbytes(self) -> int:
        """Bytes of everything that training needs: features, edges, weights, labels and soft labels.

        Graph datasets are counted as they lie in their file (:mod:`graphcond.graphs.storage.packing`), others as their
        tensors.
        """
        return self._format.nbytes(self._items())

    def described(self) -> tuple[str, str]:
        """Return the original and this dataset in words, such as ``("1,797 training images", "10 images")``."""
        return self._format.described(self.record.source, self.record.spent)

    def thresholded(self, weight: float) -> "CondensedDataset":
        """Return the dataset without the edges below a weight, as papers do with a learned dense adjacency.

        Of a heterogeneous graph, this is done for each relation; those without edges stay, empty.

        >>> import torch
        >>> from torch_geometric.data import Data
        >>> from graphcond.core.record import Record
        >>> edges, weights = torch.tensor([[0, 1], [1, 0]]), torch.tensor([0.9, 0.01])
        >>> data = Data(x=torch.eye(2), edge_index=edges, edge_weight=weights, y=torch.arange(2))
        >>> dense = CondensedDataset([data], Record("example", {}, 0, "cpu", {"num_classes": 2}, {}, 0.0, 0))
        >>> dense.thresholded(0.05)[0].edge_index
        tensor([[0],
                [1]])
        """
        kept = []
        for data in self._items():
            light = copy.copy(data)
            if not light.edge_stores or any(store.get("edge_weight") is None for store in light.edge_stores):
                raise ValueError("the edges have no weights to be compared; thresholded() is for learned adjacencies")
            for store in light.edge_stores:  # one, but of several types of edges
                mask = store.edge_weight >= weight
                store.edge_index, store.edge_weight = store.edge_index[:, mask], store.edge_weight[mask]
                if store.get("edge_attr") is not None:
                    store.edge_attr = store.edge_attr[mask]
            kept.append(light)
        spent = self.record.budget.get("spent", {}) | {"edges": sum(data.num_edges for data in kept)}
        record = dataclasses.replace(self.record, budget=self.record.budget | {"spent": spent})
        small = CondensedDataset(kept, record, self.members)
        small.record.budget["spent"]["bytes"] = small.nbytes
        return small

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the dataset to one safetensors file with the record as JSON metadata; return its path.

        The file is written under a temporary name and renamed, so that it is whole or absent.

        Raises:
            FileExistsError: ``path`` exists and ``overwrite`` is false.
            PermissionError: the folder cannot be written to.
            OSError: the disk is full.
            ValueError: the dataset holds what could not be trained on, such as NaN.
        """
        self._check()
        with replacing(path, overwrite=overwrite) as temporary:
            items = self._format.canonical(self._items())
            record = self.record.counted(self._counts(items), lambda: self.nbytes)
            storage.write(temporary, self._tensors(), record.to_json())
        return Path(path)

    @property
    def _hub(self) -> HubWords:
        return self._format.hub

    @classmethod
    def load(cls, path: str | Path) -> "CondensedDataset":
        """Read a file that :meth:`save` wrote. Nothing in the file is executed.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a graphcond file, is truncated, was altered after it was written, or holds what
                does not fit together.
        """
        tensors, text = storage.read(path)
        with explained(path):
            record = Record.from_json(text)
            if record.modality in (*FORMATS, None):
                return cls.from_tensors(tensors, record)
        raise ValueError(f"{path} holds {record.modality}, not graphs or images; read it with graphcond.load")

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], record: Record) -> "CondensedDataset":
        """Put together what a file holds.

        Raises:
            ValueError: that does not fit together.
        """
        members = None
        if "members.ptr" in tensors or "members.index" in tensors:
            require_present(tensors, ("members.ptr", "members.index"))
            members = Members(tensors.pop("members.ptr"), tensors.pop("members.index"))
        packed = [one for one in FORMATS.values() if one.reads(tensors)]
        items = (packed[0] if packed else NODE_FORMAT).items(tensors)
        small = cls(items, record, members)
        small._check()
        require_recorded(record.spent, small._counts(small._items()), "the condensed")
        return small

    def _check(self) -> None:
        """Raise ``ValueError`` unless data and record are whole and fit together."""
        items = self._items()
        self._format.check(items, self.num_classes)
        require_recorded(self.record.source, self._format.original(items), "the original's")
        self._format.fits(items, self.record.source)
        if (members := self._selected_members()) is not None:
            require_members(members.ptr, members.index, self._format.stands_for(items))

    def _selected_members(self) -> Members | None:
        """Return the members of the items that there are; a selection holds on to those of all."""
        if self.members is None or self._indices is None or self.modality != GRAPH_FORMAT.modality:
            return self.members
        return Members.from_groups([self.members.of(i) for i in self.indices()])

    def _counts(self, items: list[Any]) -> dict[str, object]:
        """Return what there is, as ``record.budget["spent"]`` says it."""
        return self._format.counts(items, self.num_classes)

    def _items(self) -> list[Any]:
        """Return the items as they are stored, whatever ``transform`` does to them on access."""
        return [self.get(i) for i in self.indices()]

    def _tensors(self) -> dict[str, Tensor]:
        tensors = self._format.tensors(self._items())
        if (members := self._selected_members()) is not None:
            tensors |= {"members.ptr": members.ptr, "members.index": members.index}
        return tensors

    def _repr_html_(self) -> str:
        return shown_condensed(self.record, self.described, self.nbytes, self._format.shown(self._items()))

    def __repr__(self) -> str:
        return f"CondensedDataset({self.record.method}, {self._format.shown(self._items())}, bytes={self.nbytes})"


def condensed_dataset(
    items: Sequence[Data | HeteroData], record: Record, members: Members | None, _: object
) -> CondensedDataset:
    """Return what ``condense`` gives for nodes, heterogeneous graphs, graphs and images."""
    return CondensedDataset(items, record, members)
