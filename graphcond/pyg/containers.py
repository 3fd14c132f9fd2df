"""The containers in which users hold graphs: PyG's and torch's datasets, lists, batches."""

from collections.abc import Sequence
from typing import Any, TypeGuard

from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Batch, Data, HeteroData, TemporalData

from graphcond.core.runtime.randomness import seeded

Collection = Sequence[Any]
"""What has a length and items by number."""


def is_collection(dataset: object) -> TypeGuard[Collection]:
    """Return whether a dataset has items by number: a dataset of PyG or torch, or a list or tuple."""
    return isinstance(dataset, list | tuple) or (isinstance(dataset, Dataset) and hasattr(dataset, "__getitem__"))


def is_graph_dataset(dataset: object) -> bool:
    """Return whether a dataset is of many graphs.

    That is any collection that does not hold exactly one graph (:func:`is_collection`), and a ``Batch`` of several
    graphs whose nodes have no ``train_mask``: with one, it is a graph of several components with labelled nodes.
    """
    if isinstance(dataset, Batch):
        return dataset.num_graphs != 1 and dataset.get("train_mask") is None
    return is_collection(dataset) and length(dataset) != 1


def length(dataset: Collection) -> int:
    """Return the number of items of a dataset.

    Raises:
        TypeError: it does not say.
    """
    try:
        return len(dataset)
    except (TypeError, NotImplementedError) as error:
        kind = type(dataset).__name__
        raise TypeError(f"the dataset ({kind}) has no length; define __len__, or pass a list of its items") from error


def _labels_nodes(dataset: object, number: int) -> bool:
    """Return whether a graph, if there is such, has as many labels as nodes."""
    if not is_collection(dataset) or length(dataset) <= number:
        return True
    with seeded(0):
        item = dataset[number]
    y = item.get("y") if isinstance(item, Data) else None
    return not isinstance(y, Tensor) or y.numel() == item.num_nodes


def check_first(dataset: object) -> None:
    """Raise if the first item of a dataset of many graphs is none with a label, such as those of PPI, whose nodes have.

    Raises:
        TypeError: it is no graph.
        ValueError: it has a label for each node.
    """
    if not is_graph_dataset(dataset) or (is_collection(dataset) and not length(dataset)):
        return
    with seeded(0):  # making an item may draw random numbers
        first = dataset[0]  # type: ignore[index]  # a Batch gives its graphs by number, too
    _check_item(first, "dataset[0]")
    y = first.get("y")
    if not isinstance(y, Tensor) or y.dim() == 0 or not 1 < y.size(0) == first.num_nodes:
        return
    if y.dim() == 1 and not _labels_nodes(dataset, 1):
        return  # as many targets of a graph as the first one happens to have nodes
    flat = "; if these are targets of whole graphs, pass y.view(1, -1)" if y.dim() == 1 else ""
    raise ValueError(
        f"these are graphs with labelled nodes: dataset[0].y holds a label for each of its {len(y)} nodes; give each "
        "graph train_mask, val_mask and test_mask, and pass torch_geometric.data.Batch.from_data_list of them, which "
        f"is one graph of many components{flat}"
    )


def items_of(dataset: object) -> list[Data]:
    """Return the graphs of a dataset of many graphs.

    Raises:
        TypeError: an item is something else; the message says what can be done.
        ValueError: there are none.
    """
    items = dataset.to_data_list() if isinstance(dataset, Batch) else dataset
    assert is_collection(items)
    count = length(items)
    if not count:
        raise ValueError("the dataset holds no graph; pass at least two of each class")
    with seeded(0):
        given = [items[i] for i in range(count)]
    for i, item in enumerate(given):
        _check_item(item, f"dataset[{i}]")
    return given


def _check_item(item: object, what: str) -> None:
    refuse_several_types(item, what)
    if isinstance(item, Batch):
        raise TypeError(f"{what} is a batch of {item.num_graphs} graphs; pass the dataset, not batches of it")
    if isinstance(item, Data):
        return
    kind = type(item).__name__
    if is_collection(item) and not isinstance(item, tuple):
        raise TypeError(
            f"{what} is a {kind}, a dataset in itself; join several by +, such as train + test, and tell their parts "
            "by split={'train': ..., 'valid': ..., 'test': ...}"
        )
    raise TypeError(f"{what} must be a torch_geometric.data.Data, got {kind}; make one of each graph")


def refuse_several_types(data: object, what: str) -> None:
    """Raise for a graph with several types of nodes or edges, PyG's or OGB's, and for one with events in time.

    Heterogeneous graphs are read elsewhere; this is for readers of graphs with one type of nodes.

    Raises:
        TypeError: it is such a graph.
    """
    if isinstance(data, TemporalData):
        raise TypeError(f"{what} is a TemporalData: events in time are not supported, graphs with labelled nodes are")
    several = isinstance(data, HeteroData)
    # OGB's sets of this kind hold dictionaries in a Data.
    if several or (isinstance(data, Data) and data.get("edge_index_dict") is not None):
        kind = "" if several else " (edge_index_dict)"
        raise TypeError(
            f"{what} is a heterogeneous graph{kind}, and such graphs are taken one at a time, with y and masks of one "
            f"type of nodes, not in sets of graphs; pass it alone to graphcond.condense or graphcond.read, or make "
            "graphs with a single type of nodes, such as data.to_homogeneous()"
        )
