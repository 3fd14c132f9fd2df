"""How condensed sets of graphs are checked, counted and kept in a file."""

from graphcond.core.format import Format
from graphcond.core.hub import HubWords
from graphcond.graphs.contents import check_graph_data, graph_counts
from graphcond.graphs.storage import packing

GRAPH_FORMAT = Format(
    modality="graphs",
    check=check_graph_data,
    original=lambda items: {"num_features": items[0].x.size(1)},
    counts=graph_counts,
    nbytes=packing.packed_bytes,
    tensors=packing.to_tensors,
    items=packing.from_tensors,
    reads=lambda tensors: packing.CODES in tensors,
    canonical=packing.canonical,
    per_item=frozenset(packing.PER_GRAPH),
    stands_for=len,
    described=lambda source, spent: (
        f"{source['num_graphs']:,} training graphs, {source['num_nodes']:,} nodes, {source['num_edges']:,} edges",
        f"{spent['graphs']:,} graphs, {spent['nodes']:,} nodes, {spent['edges']:,} edges",
    ),
    hub=HubWords(
        task="graph-ml",
        counted="graphs",
        imports="from torch_geometric.loader import DataLoader",
        use="for batch in DataLoader(small, batch_size=32, shuffle=True):\n    ...",
    ),
    shown=lambda items: f"graphs={len(items)}, nodes={sum(int(item.num_nodes) for item in items)}",
)
