"""The ways in which users hold a heterogeneous graph, brought to one ``HeteroData`` with masks."""

import copy
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData
from torch_geometric.utils import index_to_mask

from graphcond.core.runtime.randomness import seeded
from graphcond.hetero import checks
from graphcond.nodes.reading import MASKS, HasNodeSplit
from graphcond.pyg.containers import is_collection, length

OF_NODES = frozenset({"x", "y", "num_nodes", *MASKS})
OF_RELATIONS = frozenset({"edge_index", "adj_t", "edge_weight", "edge_attr"})
PARTS = dict(zip(MASKS, ("train", "valid", "test"), strict=True))


def is_hetero(dataset: object) -> bool:
    """Return whether a dataset is of one heterogeneous graph.

    That is a ``HeteroData``, a dataset or list of exactly one, or what OGB's classes hold instead: a ``Data`` whose
    ``x_dict``, ``edge_index_dict`` and so on are dictionaries by type.
    """
    return _is_graph(_first(dataset))


def graph_of(dataset: object) -> HeteroData:
    """Return the graph of a dataset as ``HeteroData``, with the masks of a split that the dataset tells.

    The dataset is not changed.

    Raises:
        TypeError: it is not of one heterogeneous graph, or its dictionaries are not by type.
    """
    found = _first(dataset)
    if not _is_graph(found):
        raise TypeError(
            "dataset must be a torch_geometric.data.HeteroData or a dataset of exactly one, got "
            f"{type(dataset).__name__}"
        )
    data = _ordinary(found if isinstance(found, HeteroData) else _from_dictionaries(cast("Data", found)))
    if not isinstance(dataset, HasNodeSplit) or any("train_mask" in store for store in data.node_stores):
        return data
    return _with_masks(data, dataset.get_idx_split())


def _is_graph(value: object) -> bool:
    return isinstance(value, HeteroData) or (isinstance(value, Data) and value.get("edge_index_dict") is not None)


def _ordinary(data: HeteroData) -> HeteroData:
    """Return a graph without tensors that were made under ``inference_mode``, of which there are no gradients."""
    values = [value for store in data.stores for value in store.values()]
    if not any(isinstance(value, Tensor) and value.is_inference() for value in values):
        return data
    made: HeteroData = copy.copy(data).apply(lambda value: value.clone() if value.is_inference() else value)
    return made


def _first(dataset: object) -> object:
    """Return the one item of a dataset; anything else as it is."""
    if not is_collection(dataset) or length(dataset) != 1:
        return dataset
    with seeded(0):  # making an item may draw random numbers
        return dataset[0]


def _from_dictionaries(data: Data) -> HeteroData:
    """Return the graph whose attributes are dictionaries by type of nodes or edges, as OGB loads it.

    Raises:
        TypeError: a dictionary has other keys.
    """
    made = HeteroData()
    if not isinstance(data.edge_index_dict, Mapping):
        kind = type(data.edge_index_dict).__name__
        raise TypeError(f"data.edge_index_dict must be a dictionary by relation, got {kind}; pass a HeteroData")
    for name, values in data.items():
        if not isinstance(values, Mapping):
            continue
        attribute = name.removesuffix("_dict")
        for key, value in values.items():
            is_node, is_relation = isinstance(key, str), isinstance(key, tuple) and len(key) == 3
            if not (is_node or is_relation) or attribute in (OF_NODES if is_relation else OF_RELATIONS):
                raise TypeError(
                    f"data.{name} must have types of nodes or edges as keys, such as 'paper' or ('author', 'writes', "
                    f"'paper'), got {key!r}; pass a torch_geometric.data.HeteroData"
                )
            made[key][attribute] = value
    return made


def _with_masks(data: HeteroData, split: Mapping[str, Any]) -> HeteroData:
    """Return a graph with the masks of node numbers, which OGB's splits have by type of nodes.

    Raises:
        TypeError: they are no numbers of nodes.
        ValueError: a part is missing, or a number is no node.
    """
    data = copy.copy(data)
    for mask, part in PARTS.items():
        if part not in split:
            raise ValueError(f"get_idx_split() of the dataset must tell the nodes of {part!r}, got {', '.join(split)}")
        numbers = split[part]
        by_type = numbers if isinstance(numbers, Mapping) else {checks.labelled_type(data, None): numbers}
        for name, nodes in by_type.items():
            data[name][mask] = _mask_of(nodes, checks.count_nodes(data[name], name), f"{part!r} of get_idx_split()")
    return data


def _mask_of(nodes: Any, count: int, what: str) -> Tensor:  # noqa: ANN401 (whatever a dataset tells)
    """Return the mask of node numbers, ``(count,)``; a mask as it is.

    Raises:
        TypeError: they are no whole numbers.
        ValueError: a number that is no node.
    """
    try:
        numbers = torch.as_tensor(nodes)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{what} must be node numbers, got {type(nodes).__name__}; pass a tensor") from None
    if numbers.dtype == torch.bool and numbers.shape == (count,):
        return numbers
    if numbers.numel() and (numbers.is_floating_point() or numbers.is_complex() or numbers.dtype == torch.bool):
        raise TypeError(f"{what} must be node numbers, got {numbers.dtype}; pass whole numbers")
    numbers = numbers.long().flatten()
    if len(numbers):
        low, high = map(int, torch.aminmax(numbers))
        if low < 0 or high >= count:
            raise ValueError(f"{what} must lie in [0, {count - 1}] (there are {count} nodes), got {low} to {high}")
    mask: Tensor = index_to_mask(numbers, size=count)
    return mask
