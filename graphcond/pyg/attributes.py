"""Which attributes of a PyG ``Data`` are used, and what users are told of all others."""

from collections.abc import Collection, Iterable

import numpy as np
from torch import Tensor

STRUCTURE = frozenset({"x", "y", "edge_index", "adj_t", "edge_weight", "num_nodes"})
OF_NODES = STRUCTURE | {"train_mask", "val_mask", "test_mask"}
OF_GRAPHS = STRUCTURE | {"edge_attr"}
"""What is used of a graph with labelled nodes, and of graphs with labels."""
BOOKKEEPING = frozenset(
    {"batch", "ptr", "n_id", "e_id", "idx", "name", "smiles", "node_year", "node_species", "edge_reltype"}
)
"""What says nothing about nodes or edges."""
REMEDIES = {
    "edge_attr": "one weight per edge would be data.edge_weight",
    "edge_type": "all edges count alike",
    "node_type": "append it to data.x one-hot if it matters",
    "node_weight": "all nodes count alike",
    "graph_weight": "all graphs count alike",
    "pos": "append it to data.x if positions matter: torch.cat([data.x, data.pos], dim=1)",
    "weight": "one weight per edge would be data.edge_weight",
    "y_soft": "labels are data.y",
}
FOR_GRAPHS = {
    "edge_type": "edges of several kinds would have data.edge_attr = data.edge_type.reshape(-1, 1)",
    "train_mask": "split= takes the numbers of the graphs of each part",
}


def unused_notes(given: Iterable[tuple[str, object]], used: Collection[str], where: str = "data") -> list[str]:
    """Return a sentence for each attribute that is not used and has a remedy, and one for all others together.

    Args:
        given: Names and values of attributes; only arrays count.
        used: What is used: :data:`OF_NODES` or :data:`OF_GRAPHS`.
        where: What messages call the holder.
    """
    arrays = {name: value for name, value in given if _is_array(value)}
    remedies = REMEDIES | (FOR_GRAPHS if used is OF_GRAPHS else {})
    if "edge_weight" in arrays:
        remedies |= dict.fromkeys(("edge_attr", "weight"), "edges count by data.edge_weight")
    elif _is_column(arrays.get("edge_attr")):
        remedies |= {"edge_attr": "if it holds weights, pass data.edge_weight = data.edge_attr.flatten()"}
    names = sorted(arrays.keys() - used - BOOKKEEPING)
    if used is OF_GRAPHS and "train_mask" in names:  # the other masks have the same remedy
        names = [name for name in names if name not in ("val_mask", "test_mask")]
    remedies = {name: text.replace("data.", f"{where}.") for name, text in remedies.items()}
    notes = [f"{where}.{name} was not used; {remedies[name]}." for name in names if name in remedies]
    others = [f"{where}.{name}" for name in names if name not in remedies]
    return [*notes, f"Not used: {', '.join(others)}."] if others else notes


def _is_array(value: object) -> bool:
    return isinstance(value, Tensor | np.ndarray) and value.ndim > 0


def _is_column(value: object) -> bool:
    """Return whether a value holds one number for each edge."""
    return isinstance(value, Tensor | np.ndarray) and all(size == 1 for size in value.shape[1:])
