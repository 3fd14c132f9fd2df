"""OGB's heterogeneous node datasets; apart from ``ogb.py`` because importing the package ``ogb`` uses the network."""

from graphcond.datasets.ogb_nodes import OGBNodes
from graphcond.hetero.containers import graph_of

UNUSED = "edge_reltype"  # the same number for each edge of a relation


class OGBHetero(OGBNodes):
    """An OGB node dataset with several types of nodes, as one ``HeteroData`` that carries the split as masks.

    Types without features have ``num_nodes`` only, and the relations are those that were published. ``get_idx_split``
    works as well; it gives dictionaries by type.
    """

    def _with_masks(self) -> None:
        data = graph_of(self)
        for store in data.edge_stores:
            store.pop(UNUSED, None)
        for store in data.node_stores:
            if "y" in store:
                store.y = store.y.flatten()
        self.data, self.slices = data, None
