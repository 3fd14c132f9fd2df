"""The named datasets whose graphs are classified, each as a whole."""

from typing import Any

from graphcond.datasets import ogb
from graphcond.datasets.entries import Entry
from graphcond.datasets.included import IncludedGraphs
from graphcond.datasets.pyg import PyG

TU: dict[str, Any] = {"task": "graphs", "source": "TU Dortmund, chrsmrrs.github.io/datasets", "licence": "not stated"}
MOLECULES: dict[str, Any] = {
    "task": "graphs", "source": "Open Graph Benchmark, from MoleculeNet", "licence": "MIT",
    "num_features": 9, "loader": ogb.OGB(ogb.import_graphs),
}  # fmt: skip
TWO_CLASSES: dict[str, Any] = MOLECULES | {"num_classes": 2, "metric": "roc_auc"}
REGRESSION: dict[str, Any] = MOLECULES | {"target": "regression", "metric": "rmse"}


def labelled(num_targets: int, metric: str = "roc_auc") -> dict[str, Any]:
    """Return what sets of molecules with several labels have in common."""
    return MOLECULES | {"target": "multi_label", "num_targets": num_targets, "metric": metric}


def tu(part: str, *labels: str) -> PyG:
    """Return the loader of a TU dataset, which has labels of ``"node"`` or ``"edge"`` beside those of its graphs."""
    needs = tuple(f"{part}_{kind}_labels.txt" for kind in ("graph", *labels))
    return PyG("TUDataset", part, needs=needs, file=f"{part}.zip")


GRAPH_SETS = (
    Entry(
        name="ogbg-molbace", description="molecules, inhibiting beta-secretase 1 or not; inside this package",
        num_graphs=1_513, num_nodes=51_577, num_edges=111_536,
        **TWO_CLASSES | {"loader": IncludedGraphs("molbace", MOLECULES["loader"])},
    ),
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
        name="ogbg-molbbbp", description="molecules, passing the blood-brain barrier or not",
        num_graphs=2_039, num_nodes=49_068, num_edges=105_842, **TWO_CLASSES,
    ),
    Entry(
        name="ogbg-molhiv", description="molecules, inhibiting HIV or not",
        num_graphs=41_127, num_nodes=1_049_163, num_edges=2_259_376, **TWO_CLASSES,
    ),
    Entry(
        name="ogbg-moltox21", description="molecules, toxic in 12 assays or not; some labels missing",
        num_graphs=7_831, **labelled(12),
    ),
    Entry(
        name="ogbg-molclintox", description="molecules, failed in clinical trials for being toxic, or approved",
        num_graphs=1_477, **labelled(2),
    ),
    Entry(
        name="ogbg-molsider", description="drugs, by the 27 organs that have side effects",
        num_graphs=1_427, **labelled(27),
    ),
    Entry(
        name="ogbg-moltoxcast", description="molecules, toxic in 617 assays or not; some labels missing",
        num_graphs=8_576, **labelled(617),
    ),
    Entry(
        name="ogbg-molmuv", description="molecules, active in 17 assays or not; most labels missing",
        num_graphs=93_087, **labelled(17, "average_precision"),
    ),
    Entry(
        name="ogbg-molpcba", description="molecules, active in 128 assays or not; some labels missing",
        num_graphs=437_929, **labelled(128, "average_precision"),
    ),
    Entry(
        name="ogbg-molchembl", description="molecules, active in 1,310 assays or not; most labels missing",
        num_graphs=0, **labelled(1_310),
    ),
    Entry(
        name="ogbg-molesol", description="molecules, by how well they dissolve in water",
        num_graphs=1_128, num_nodes=14_991, num_edges=30_856, **REGRESSION,
    ),
    Entry(
        name="ogbg-molfreesolv", description="molecules, by their free energy of hydration",
        num_graphs=642, **REGRESSION,
    ),
    Entry(
        name="ogbg-mollipo", description="molecules, by how well they dissolve in fat",
        num_graphs=4_200, **REGRESSION,
    ),
    Entry(
        name="ogbg-ppa", description="proteins that act together, by 37 groups of species; features of edges only",
        num_graphs=158_100, num_features=0, num_classes=37, task="graphs", source="Open Graph Benchmark",
        licence="CC-0", loader=ogb.OGB(ogb.import_graphs),
    ),
)  # fmt: skip
