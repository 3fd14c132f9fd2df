"""From whatever users hold (PyG datasets, OGB datasets, lists of ``Data``) to one validated ``GraphTask``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import Subset
from torch_geometric.data import Data, Dataset, InMemoryDataset

from graphcond.core.fields import is_whole
from graphcond.graphs import checks
from graphcond.graphs.adjacency import with_edges
from graphcond.graphs.folds import fold_split
from graphcond.graphs.task import GraphSet, GraphTask

Split = int | Mapping[str, Any]
PARTS = ("train", "valid", "test")


@runtime_checkable
class HasIndexSplit(Protocol):
    """OGB's datasets: the split is a dictionary of graph numbers."""

    def get_idx_split(self) -> dict[str, Any]:
        """Return graph numbers under ``train``, ``valid`` and ``test``."""


def is_graph_dataset(dataset: object) -> bool:
    """Return whether a dataset is of many graphs: a PyG dataset with more than one, a list of ``Data``, or a subset."""
    if isinstance(dataset, Dataset):
        return len(dataset) != 1
    return isinstance(dataset, list | tuple | Subset)


def read_graphs(dataset: object, *, split: Split = 0) -> GraphTask:
    """Read and check a graph-classification dataset.

    Args:
        dataset: A PyG dataset of graphs with ``y``, OGB's ``PygGraphPropPredDataset``, or a list of ``Data``. It is not
            changed. Graphs without node features get their degrees.
        split: Graph numbers under ``"train"``, ``"valid"`` and ``"test"`` (the last two may be left out). A number
            chooses one of ten seeded stratified folds for testing and the next one for validation, where the dataset
            has no split of its own.

    Raises:
        TypeError: not a graph dataset, or a tensor of the wrong type.
        ValueError: a tensor with unusable values; the message names it, its value and the remedy.
    """
    notes: list[str] = []
    whole = _union(dataset, notes)
    parts, label = _parts(dataset, split, whole.y, notes)
    num_classes = checks.check_classes(whole.y, whole.y[parts["train"]])
    train, val, test = (whole.take(parts[name]) for name in PARTS)
    return GraphTask(train, val, test, num_classes, split=label, name=_name(dataset), notes=tuple(notes))


def read_union(dataset: object) -> GraphSet:
    """Return all graphs of a dataset, checked, whatever their split."""
    return _union(dataset, [])


def _union(dataset: object, notes: list[str]) -> GraphSet:
    if not is_graph_dataset(dataset):
        raise TypeError(
            "dataset must be a PyG dataset of graphs, OGB's PygGraphPropPredDataset or a list of Data, "
            f"got {type(dataset).__name__}"
        )
    graphs = cast("Dataset | Sequence[Data]", dataset)
    if not len(graphs):
        raise ValueError("the dataset holds no graph; pass at least two of each class")
    if isinstance(graphs, InMemoryDataset) and graphs.transform is None and "x" in (graphs.slices or {}):
        return _stored(graphs, notes)
    return _joined([graphs[i] for i in range(len(graphs))], notes)


def _stored(dataset: InMemoryDataset, notes: list[str]) -> GraphSet:
    """Read the tensors that an in-memory dataset keeps, without a Python object per graph."""
    data, slices = dataset._data, dataset.slices
    ptr, edge_ptr = torch.as_tensor(slices["x"]).long(), torch.as_tensor(slices["edge_index"]).long()
    checks.check_presence(data, "the dataset")
    checks.check_alike(dataset.slices, edge_ptr)
    y = checks.check_labels(data.y, len(ptr) - 1)
    whole = _checked(data.x, data.edge_index, data.get("edge_attr"), ptr, edge_ptr, y, notes)
    return whole if dataset._indices is None else whole.take(torch.as_tensor(list(dataset._indices)).long())


def _joined(given: Sequence[Data], notes: list[str]) -> GraphSet:
    items = []
    for i, item in enumerate(given):
        if not isinstance(item, Data):
            raise TypeError(f"dataset[{i}] must be a torch_geometric.data.Data, got {type(item).__name__}")
        items.append(item := with_edges(item))
        checks.check_presence(item, f"dataset[{i}]")
    x, edge_attr = checks.stack(items, "x"), checks.stack(items, "edge_attr")
    checks.check_edge_rows(items)
    y = checks.check_labels(checks.stacked_labels(items), len(items))
    nodes = torch.tensor([0, *(_num_nodes(item) for item in items)]).cumsum(0)
    edges = torch.tensor([0, *(item.edge_index.size(1) for item in items)]).cumsum(0)
    edge_index = torch.cat([item.edge_index for item in items], dim=1)
    if x is None:
        notes.append("The graphs have no node features; the degrees of the nodes stand in for them.")
        union = checks.check_edges(edge_index, nodes, edges)
        x = torch.bincount(union[1], minlength=int(nodes[-1])).unsqueeze(1)
    return _checked(x, edge_index, edge_attr, nodes, edges, y, notes)


def _num_nodes(item: Data) -> int:
    return int(item.x.size(0)) if item.x is not None else int(item.num_nodes or 0)


def _checked(
    x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, ptr: Tensor, edge_ptr: Tensor, y: Tensor, notes: list[str]
) -> GraphSet:
    checks.check_sizes(ptr, edge_ptr, notes)
    x = checks.check_rows("x", x)
    if edge_attr is not None:
        edge_attr = checks.check_rows("edge_attr", edge_attr)
        if edge_attr.size(0) != edge_index.size(1):
            raise ValueError(
                f"data.edge_attr must have one row per edge ({edge_index.size(1)}), got {edge_attr.size(0)}"
            )
    edge_index = checks.check_edges(edge_index, ptr, edge_ptr)
    return GraphSet(x, edge_index, edge_attr, ptr, y)


def _parts(dataset: object, split: Split, y: Tensor, notes: list[str]) -> tuple[dict[str, Tensor], int | str]:
    label: int | str
    if isinstance(split, Mapping):
        parts, label = checks.check_split(split, len(y)), "given"
    elif not is_whole(split):
        raise TypeError(f"split must be a number or a dictionary of graph numbers, got {type(split).__name__}")
    elif isinstance(dataset, HasIndexSplit) and (published := dataset.get_idx_split()):
        if getattr(dataset, "_indices", None) is not None:
            raise ValueError(
                "the dataset is a part or a permutation of another one, to whose graphs its published split refers; "
                "pass the whole dataset, or split={'train': ..., 'valid': ..., 'test': ...} with the numbers of its own"
            )
        if split != 0:
            raise ValueError(f"split must be 0 (the dataset has one split of its own), got {split}")
        parts, label = checks.check_split(published, len(y)), "published"
    else:
        parts, label = fold_split(y, split), split
    for name, rows in parts.items():
        labelled = rows[y[rows] >= 0]
        if len(labelled) < len(rows):
            notes.append(f"{len(rows) - len(labelled)} graphs of the {name} split have no label and were left out.")
        parts[name] = labelled
    if not len(parts["train"]):
        raise ValueError("split['train'] holds no graph with a label; put some there")
    return parts, label


def _name(dataset: object) -> str:
    name = getattr(dataset, "name", None)
    return name if isinstance(name, str) else type(dataset).__name__
