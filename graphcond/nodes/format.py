"""How a condensed graph with labelled nodes is checked, counted and kept in a file."""

from torch_geometric.data import Data

from graphcond.core.format import Format, bytes_of, tensors_of
from graphcond.core.hub import HubWords
from graphcond.nodes.contents import check_names, check_node_data, node_counts


def _items(tensors: dict) -> list[Data]:  # type: ignore[type-arg]
    check_names(tensors)
    return [Data(**tensors)]


NODE_FORMAT = Format(
    modality="nodes",
    check=lambda items, classes: check_node_data(tensors_of(items[0]), classes),
    original=lambda items: {"num_features": items[0].x.size(1)},
    counts=lambda items, classes: node_counts(items[0], classes),
    nbytes=lambda items: bytes_of(tensors_of(items[0])),
    tensors=lambda items: tensors_of(items[0]),
    items=_items,
    per_item=frozenset(),
    stands_for=lambda items: len(items[0].y),
    described=lambda source, spent: (
        f"{source['num_nodes']:,} nodes, {source['num_edges']:,} edges",
        f"{spent['nodes']:,} nodes, {spent['edges']:,} edges",
    ),
    hub=HubWords(task="graph-ml", counted="nodes", use="data = small[0]  # an ordinary Data of PyG: x, edge_index, y"),
    shown=lambda items: f"graphs=1, nodes={int(items[0].num_nodes)}",
)
