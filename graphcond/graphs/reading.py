"""From whatever users hold (PyG datasets, OGB datasets, lists of ``Data``) to one validated ``GraphTask``."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset

from graphcond.core.fields import is_whole
from graphcond.core.inputs import materialized, no_dataset
from graphcond.core.target_reading import check_columns, check_kind, published_kind, targets_of
from graphcond.core.targets import Kind, SingleLabel, Targets
from graphcond.graphs import checks, labels
from graphcond.graphs.labels import GraphLabels
from graphcond.graphs.splits import FOLDS, fold_split
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


class _Read(NamedTuple):
    """All graphs of a dataset, and the kind of their targets."""

    graphs: GraphSet
    kind: Kind


def read_graphs(dataset: object, *, split: GraphSplit = 0, target: str | None = None) -> GraphTask:
    """Read and check a dataset of graphs.

    Args:
        dataset: Graphs with ``y``, of each a class, shape ``(1,)``, or a row of labels or numbers, shape ``(1,
            targets)``, NaN where one is missing: a PyG dataset, OGB's ``PygGraphPropPredDataset``, a list or generator
            of ``Data``, any dataset of torch that gives ``Data`` (such as ``train + test``), or a ``Batch``. It is not
            changed. Graphs without node features get their degrees.
        split: Graph numbers under ``"train"``, ``"valid"`` and ``"test"`` (the last two may be left out). A number
            chooses one of ten seeded stratified folds for testing and the next one for validation, where the dataset
            has no split of its own.
        target: What ``y`` is: ``"single_label"``, ``"multi_label"`` or ``"regression"``; ``None``: what OGB says of its
            datasets, else what the values look like (:func:`graphcond.core.target_reading.kind_of`).

    Raises:
        TypeError: not a graph dataset, or a tensor of the wrong type.
        ValueError: a tensor with unusable values; the message names it, its value and the remedy.
    """
    notes: list[str] = []
    asked = check_kind(target)
    dataset = materialized(dataset)
    whole, kind = _union(dataset, asked or published_kind(dataset), notes)
    parts, label = _parts(dataset, split, _strata(whole, kind), notes)
    targets = _targets(whole, kind, parts["train"], notes)
    train, val, test = (whole.take(parts[name]) for name in PARTS)
    return GraphTask(
        train, val, test, targets, split=label, name=_name(dataset), notes=tuple(notes), metric=targets.metric
    )


def read_union(dataset: object) -> GraphSet:
    """Return all graphs of a dataset, checked, whatever their split."""
    dataset = materialized(dataset)
    return _union(dataset, published_kind(dataset), []).graphs


def _targets(whole: GraphSet, kind: Kind, train: Tensor, notes: list[str]) -> Targets:
    """Return what is learned, once it is known that there is something to learn."""
    if whole.targets is None:
        return SingleLabel(labels.check_classes(whole.y, whole.y[train]))
    check_columns(whole.learned, kind)
    return targets_of(kind, whole.learned, train, notes, flat=whole.targets.dim() == 1)


def _strata(whole: GraphSet, kind: Kind) -> Tensor:
    """Return the classes of graphs, or strata of labels or numbers, by which folds are drawn; -1 where unlabelled."""
    known = whole.y >= 0
    if whole.targets is None or not bool(known.any()):
        return whole.y
    everything = targets_of(kind, whole.learned, known, [])
    return everything.stratified(whole.learned[known], FOLDS).classes(whole.learned)


def _union(dataset: object, asked: Kind | None, notes: list[str]) -> _Read:
    check_first(dataset)
    if not is_graph_dataset(dataset):
        raise no_dataset(dataset, "a PyG dataset of graphs, OGB's PygGraphPropPredDataset or a list of Data")
    if isinstance(dataset, InMemoryDataset) and len(dataset) and _is_plain(dataset):
        return _stored(dataset, asked, notes)
    return _joined(items_of(dataset), asked, notes)


def _is_plain(dataset: InMemoryDataset) -> bool:
    """Return whether the tensors that a dataset keeps are what its items give."""
    kept = dataset.slices or {}
    return dataset.transform is None and {"x", "edge_index"} <= kept.keys() and "weight" not in kept


def _stored(dataset: InMemoryDataset, asked: Kind | None, notes: list[str]) -> _Read:
    """Read the tensors that an in-memory dataset keeps, without a Python object per graph."""
    data, slices = dataset._data, dataset.slices or {}
    ptr, edge_ptr = torch.as_tensor(slices["x"]).long(), torch.as_tensor(slices["edge_index"]).long()
    data = with_edges(data)
    checks.check_presence(data, "the dataset")
    checks.check_alike(slices, edge_ptr)
    notes += unused_notes(data, OF_GRAPHS)
    count = len(ptr) - 1
    found = labels.labels_of(labels.stored_labels(data.y, slices, count), count, asked)
    rows = {name: data.get(name) for name in checks.EDGE_ROWS}
    whole = _checked(data.x, data.edge_index, rows, ptr, edge_ptr, found, notes)
    if dataset._indices is not None:
        whole = whole.take(torch.as_tensor(list(dataset._indices)).long())
    return _Read(whole, found.kind)


def _joined(given: Sequence[Data], asked: Kind | None, notes: list[str]) -> _Read:
    items = [labels.with_label(with_edges(item), f"dataset[{i}]") for i, item in enumerate(given)]
    for i, item in enumerate(items):
        checks.check_presence(item, f"dataset[{i}]")
    items = with_weights(items, notes)
    notes += unused_notes((pair for item in items for pair in item), OF_GRAPHS)
    x, rows = checks.stack(items, "x"), {name: checks.stack(items, name) for name in checks.EDGE_ROWS}
    checks.check_edge_rows(items)
    found = labels.labels_of(labels.stacked_labels(items), len(items), asked)
    nodes = torch.tensor([0, *(_num_nodes(item) for item in items)]).cumsum(0)
    edges = torch.tensor([0, *(item.edge_index.size(1) for item in items)]).cumsum(0)
    edge_index = torch.cat([item.edge_index for item in items], dim=1)
    if x is None:
        notes.append("The graphs have no node features; the degrees of the nodes stand in for them.")
        union = checks.check_edges(edge_index, nodes, edges)
        x = torch.bincount(union[1], minlength=int(nodes[-1])).unsqueeze(1)
    return _Read(_checked(x, edge_index, rows, nodes, edges, found, notes), found.kind)


def _num_nodes(item: Data) -> int:
    return int(item.x.size(0)) if item.x is not None else int(item.num_nodes or 0)


def _checked(
    x: Tensor, edge_index: Tensor, edge_rows: dict[str, Tensor | None], ptr: Tensor, edge_ptr: Tensor,
    found: GraphLabels, notes: list[str],
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
    return GraphSet(x, checks.check_edges(edge_index, ptr, edge_ptr), attr, ptr, found.y, weight, found.targets)


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
