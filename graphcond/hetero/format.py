"""How a condensed heterogeneous graph is checked, counted and kept in a file."""

from collections.abc import Mapping
from typing import Any

from torch_geometric.data import HeteroData

from graphcond.core.format import Format, bytes_of
from graphcond.core.hub import HubWords
from graphcond.hetero.contents import (
    check_hetero_data,
    check_recorded,
    hetero_counts,
    hetero_data,
    is_typed,
    labelled_type,
    learned,
    original_of,
    tensors_by_name,
)

__all__ = ["HETERO_FORMAT", "tensors_by_name"]


def _described(source: Mapping[str, Any], spent: Mapping[str, Any]) -> tuple[str, str]:
    """Return the original and the graph in words, with the number of labelled nodes of each."""
    name, types, by_type = source["node_type"], source["node_types"], spent["nodes_by_type"]
    before = f"{source['num_nodes']:,} nodes of {_types(len(types))} ({types[name]:,} {name})"
    if not spent["edges"] and list(by_type) == [name] and len(types) > 1:
        return f"{before}, {source['num_edges']:,} edges", f"{spent['nodes']:,} {name} nodes without edges"
    after = f"{sum(by_type.values()):,} nodes of {_types(len(by_type))} ({spent['nodes']:,} {name})"
    return f"{before}, {source['num_edges']:,} edges", f"{after}, {spent['edges']:,} edges"


def _types(count: int) -> str:
    return f"{count} type{'s' * (count != 1)}"


def _shown(data: HeteroData) -> str:
    name = labelled_type(data)
    return f"graphs=1, nodes={len(learned(data)['y'])} of {name!r}, types={len(data.node_types)}"


HETERO_FORMAT = Format(
    modality="hetero",
    check=lambda items, classes: check_hetero_data(items[0], classes),
    original=lambda items: original_of(items[0]),
    fits=lambda items, source: check_recorded(items[0], source),
    counts=lambda items, classes: hetero_counts(items[0], classes),
    nbytes=lambda items: bytes_of(tensors_by_name(items[0])),
    tensors=lambda items: tensors_by_name(items[0]),
    items=lambda tensors: [hetero_data(tensors)],
    reads=lambda tensors: any(map(is_typed, tensors)),
    per_item=frozenset(),
    stands_for=lambda items: len(learned(items[0])["y"]),
    described=_described,
    hub=HubWords(
        task="graph-ml",
        counted="nodes",
        use="data = small[0]  # an ordinary HeteroData of PyG: x_dict, edge_index_dict, y of the labelled type",
    ),
    shown=lambda items: _shown(items[0]),
)
