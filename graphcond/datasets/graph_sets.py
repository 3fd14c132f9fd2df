"""The named datasets whose graphs are classified, each as a whole."""

from typing import Any

from graphcond.datasets import ogb
from graphcond.datasets.entries import Entry
from graphcond.datasets.pyg import PyG

TU: dict[str, Any] = {"task": "graphs", "source": "TU Dortmund, chrsmrrs.github.io/datasets", "licence": "not stated"}
MOLECULES: dict[str, Any] = {
    "task": "graphs", "source": "Open Graph Benchmark, from MoleculeNet", "licence": "MIT", "metric": "roc_auc",
    "num_features": 9, "num_classes": 2, "loader": ogb.OGB(ogb.import_graphs),
}  # fmt: skip


def tu(part: str, *labels: str) -> PyG:
    """Return the loader of a TU dataset, which has labels of ``"node"`` or ``"edge"`` beside those of its graphs."""
    return PyG("TUDataset", part, needs=tuple(f"{part}_{kind}_labels.txt" for kind in ("graph", *labels)))


GRAPH_SETS = (
    Entry(
        name="mutag", description="nitro compounds, mutagenic or not",
        num_graphs=188, num_nodes=3_371, num_edges=7_442, num_features=7, num_classes=2,
        loader=tu("MUTAG", "node", "edge"), **TU,
    ),
    Entry(
        name="ptc-mr", description="compounds, carcinogenic to male rats or not",
        num_graphs=344, num_nodes=4_915, num_edges=10_108, num_features=18, num_classes=2,
        loader=tu("PTC_MR", "node", "edge"), **TU,
    ),
    Entry(
        name="nci1", description="compounds, active against a lung cancer or not",
        num_graphs=4_110, num_nodes=122_747, num_edges=265_506, num_features=37, num_classes=2,
        loader=tu("NCI1", "node"), **TU,
    ),
    Entry(
        name="nci109", description="compounds, active against an ovarian cancer or not",
        num_graphs=4_127, num_nodes=122_494, num_edges=265_208, num_features=38, num_classes=2,
        loader=tu("NCI109", "node"), **TU,
    ),
    Entry(
        name="proteins", description="proteins by their secondary structure, enzymes or not",
        num_graphs=1_113, num_nodes=43_471, num_edges=162_088, num_features=3, num_classes=2,
        loader=tu("PROTEINS", "node"), **TU,
    ),
    Entry(
        name="enzymes", description="enzymes by their secondary structure, of 6 classes",
        num_graphs=600, num_nodes=19_580, num_edges=74_564, num_features=3, num_classes=6,
        loader=tu("ENZYMES", "node"), **TU,
    ),
    Entry(
        name="dd", description="proteins by their amino acids, enzymes or not",
        num_graphs=1_178, num_nodes=334_925, num_edges=1_686_092, num_features=89, num_classes=2,
        loader=tu("DD", "node"), **TU,
    ),
    Entry(
        name="imdb-binary", description="actors who appeared together, by 2 genres; no features",
        num_graphs=1_000, num_nodes=19_773, num_edges=193_062, num_features=0, num_classes=2,
        loader=tu("IMDB-BINARY"), **TU,
    ),
    Entry(
        name="imdb-multi", description="actors who appeared together, by 3 genres; no features",
        num_graphs=1_500, num_nodes=19_502, num_edges=197_806, num_features=0, num_classes=3,
        loader=tu("IMDB-MULTI"), **TU,
    ),
    Entry(
        name="ogbg-molbace", description="molecules, inhibiting beta-secretase 1 or not",
        num_graphs=1_513, num_nodes=51_577, num_edges=111_536, **MOLECULES,
    ),
    Entry(
        name="ogbg-molbbbp", description="molecules, passing the blood-brain barrier or not",
        num_graphs=2_039, num_nodes=49_068, num_edges=105_842, **MOLECULES,
    ),
    Entry(
        name="ogbg-molhiv", description="molecules, inhibiting HIV or not",
        num_graphs=41_127, num_nodes=1_049_163, num_edges=2_259_376, **MOLECULES,
    ),
)  # fmt: skip
