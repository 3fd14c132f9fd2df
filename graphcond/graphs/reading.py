"""From whatever users hold (PyG datasets, OGB datasets, lists of ``Data``) to one validated ``GraphTask``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset

from graphcond.core.fields import is_whole
from graphcond.core.inputs import materialized, no_dataset
from graphcond.graphs import checks
from graphcond.graphs.splits import fold_split
from graphcond.graphs.task import GraphSet, GraphTask
from graphcond.pyg.adjacency import check_weights, with_edges, with_weights
from graphcond.pyg.attributes import OF_GRAPHS, unused_notes
from graphcond.pyg.containers import check_first, is_graph_dataset, items_of

GraphSplit = int | Mapping[str, Any]
PARTS = ("train", "valid", "test")


@runtime_checkable
class HasGraphSplit(Protocol):
    """OGB's datasets: the split is a dictionary of graph numbers."""

    def get_idx_split(self) -> dict[str, Any]:
        """Return graph numbers under ``train``, ``valid`` and ``test``."""


def read_graphs(dataset: object, *, split: GraphSplit = 0) -> GraphTask:
    """Read and check a graph-classification dataset.

    Args:
        dataset: Graphs with ``y``: a PyG dataset, OGB's ``PygGraphPropPredDataset``, a list or generator of ``Data``,
            any dataset of torch that gives ``Data`` (such as ``train + test``), or a ``Batch``. It is not changed.
            Graphs without node features get their degrees.
        split: Graph numbers under ``"train"``, ``"valid"`` and ``"test"`` (the last two may be left out). A number
            chooses one of ten seeded stratified folds for testing and the next one for validation, where the dataset
            has no split of its own.

    Raises:
        TypeError: not a graph dataset, or a tensor of the wrong type.
        ValueError: a tensor with unusable values; the message names it, its value and the remedy.
    """
    notes: list[str] = []
    dataset = materialized(dataset)
    whole = _union(dataset, notes)
    parts, label = _parts(dataset, split, whole.y, notes)
    num_classes = checks.check_classes(whole.y, whole.y[parts["train"]])
    train, val, test = (whole.take(parts[name]) for name in PARTS)
    return GraphTask(train, val, test, num_classes, split=label, name=_name(dataset), notes=tuple(notes))


def read_union(dataset: object) -> GraphSet:
    """Return all graphs of a dataset, checked, whatever their split."""
    return _union(materialized(dataset), [])


def _union(dataset: object, notes: list[str]) -> GraphSet:
    check_first(dataset)
    if not is_graph_dataset(dataset):
        raise no_dataset(dataset, "a PyG dataset of graphs, OGB's PygGraphPropPredDataset or a list of Data")
    if isinstance(dataset, InMemoryDataset) and len(dataset) and _is_plain(dataset):
        return _stored(dataset, notes)
    return _joined(items_of(dataset), notes)


def _is_plain(dataset: InMemoryDataset) -> bool:
    """Return whether the tensors that a dataset keeps are what its items give."""
    kept = dataset.slices or {}
    return dataset.transform is None and {"x", "edge_index"} <= kept.keys() and "weight" not in kept


def _stored(dataset: InMemoryDataset, notes: list[str]) -> GraphSet:
    """Read the tensors that an in-memory dataset keeps, without a Python object per graph."""
    data, slices = dataset._data, dataset.slices
    ptr, edge_ptr = torch.as_tensor(slices["x"]).long(), torch.as_tensor(slices["edge_index"]).long()
    data = with_edges(data)
    checks.check_presence(data, "the dataset")
    checks.check_alike(slices, edge_ptr)
    notes += unused_notes(data, OF_GRAPHS)
    y = checks.check_labels(data.y, len(ptr) - 1)
    rows = {name: data.get(name) for name in checks.EDGE_ROWS}
    whole = _checked(data.x, data.edge_index, rows, ptr, edge_ptr, y, notes)
    return whole if dataset._indices is None else whole.take(torch.as_tensor(list(dataset._indices)).long())


def _joined(given: Sequence[Data], notes: list[str]) -> GraphSet:
    items = [checks.with_label(with_edges(item), f"dataset[{i}]") for i, item in enumerate(given)]
    for i, item in enumerate(items):
        checks.check_presence(item, f"dataset[{i}]")
    items = with_weights(items, notes)
    notes += unused_notes((pair for item in items for pair in item), OF_GRAPHS)
    x, rows = checks.stack(items, "x"), {name: checks.stack(items, name) for name in checks.EDGE_ROWS}
    checks.check_edge_rows(items)
    y = checks.check_labels(checks.stacked_labels(items), len(items))
    nodes = torch.tensor([0, *(_num_nodes(item) for item in items)]).cumsum(0)
    edges = torch.tensor([0, *(item.edge_index.size(1) for item in items)]).cumsum(0)
    edge_index = torch.cat([item.edge_index for item in items], dim=1)
    if x is None:
        notes.append("The graphs have no node features; the degrees of the nodes stand in for them.")
        union = checks.check_edges(edge_index, nodes, edges)
        x = torch.bincount(union[1], minlength=int(nodes[-1])).unsqueeze(1)
    return _checked(x, edge_index, rows, nodes, edges, y, notes)


def _num_nodes(item: Data) -> int:
    return int(item.x.size(0)) if item.x is not None else int(item.num_nodes or 0)


def _checked(
    x: Tensor, edge_index: Tensor, edge_rows: dict[str, Tensor | None], ptr: Tensor, edge_ptr: Tensor, y: Tensor,
    notes: list[str],
) -> GraphSet:  # fmt: skip
    checks.check_sizes(ptr, edge_ptr, notes)
    x = checks.check_rows("x", x)
    attr, weight = (edge_rows[name] for name in checks.EDGE_ROWS)
    if attr is not None:
        attr = checks.check_rows("edge_attr", attr)
        if attr.size(0) != edge_index.size(1):
            raise ValueError(f"data.edge_attr must have one row per edge ({edge_index.size(1)}), got {attr.size(0)}")
    if weight is not None:
        weight = check_weights(weight, edge_index.size(1))
    return GraphSet(x, checks.check_edges(edge_index, ptr, edge_ptr), attr, ptr, y, weight)


def _parts(dataset: object, split: GraphSplit, y: Tensor, notes: list[str]) -> tuple[dict[str, Tensor], int | str]:
    label: int | str
    if isinstance(split, Mapping):
        parts, label = checks.check_split(split, len(y)), "given"
    elif not is_whole(split):
        raise TypeError(f"split must be a number or a dictionary of graph numbers, got {type(split).__name__}")
    elif isinstance(dataset, HasGraphSplit) and (published := dataset.get_idx_split()):
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
