"""The named datasets: what each is, where it comes from, how it loads and how it is evaluated."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphcond.core.fields import check_flag
from graphcond.core.names import named
from graphcond.datasets.entries import Entry
from graphcond.datasets.features import normalize_rows, standardize
from graphcond.datasets.files import resolve_root
from graphcond.datasets.graph_sets import GRAPH_SETS
from graphcond.datasets.image_sets import IMAGE_SETS
from graphcond.datasets.included import Included
from graphcond.datasets.ogb import OGB, import_hetero
from graphcond.datasets.pyg import PyG, import_planetoid

if TYPE_CHECKING:
    from torch_geometric.data import InMemoryDataset

PLANETOID: dict[str, Any] = {"source": "kimiyoung/planetoid", "licence": "MIT", "scale": normalize_rows}
SHCHUR: dict[str, Any] = {"source": "shchur/gnn-benchmark", "licence": "MIT"}
HETEROPHILOUS: dict[str, Any] = {"source": "yandex-research/heterophilous-graphs", "licence": "MIT"}


ENTRIES = (
    Entry(
        name="citeseer", description="citations between 6 fields of computing; inside this package",
        num_nodes=3_327, num_edges=9_104, num_features=3_703, num_classes=6,
        loader=Included("citeseer", "CiteSeer"), **PLANETOID,
    ),
    Entry(
        name="digits", description="handwritten digits, each joined with its 8 nearest; inside scikit-learn",
        num_nodes=1_797, num_edges=19_858, num_features=64, num_classes=10,
        source="UCI, Optical Recognition of Handwritten Digits", licence="CC BY 4.0",
        loader=Included("digits", "digits"),
    ),
    Entry(
        name="cora", description="citations between 7 fields of machine learning",
        num_nodes=2_708, num_edges=10_556, num_features=1_433, num_classes=7,
        loader=PyG("Planetoid", "Cora", made_by=import_planetoid, file="ind.cora.*"), **PLANETOID,
    ),
    Entry(
        name="pubmed", description="citations between papers on 3 kinds of diabetes",
        num_nodes=19_717, num_edges=88_648, num_features=500, num_classes=3,
        loader=PyG("Planetoid", "PubMed", made_by=import_planetoid, file="ind.pubmed.*"), **PLANETOID,
    ),
    Entry(
        name="photo", description="Amazon photo goods bought together, by 8 categories",
        num_nodes=7_650, num_edges=238_162, num_features=745, num_classes=8,
        loader=PyG("Amazon", "Photo", draw_split=True, file="amazon_electronics_photo.npz"), **SHCHUR,
    ),
    Entry(
        name="computers", description="Amazon computer goods bought together, by 10 categories",
        num_nodes=13_752, num_edges=491_722, num_features=767, num_classes=10,
        loader=PyG("Amazon", "Computers", draw_split=True, file="amazon_electronics_computers.npz"), **SHCHUR,
    ),
    Entry(
        name="cs", description="co-authors in computer science, by 15 fields",
        num_nodes=18_333, num_edges=163_788, num_features=6_805, num_classes=15,
        loader=PyG("Coauthor", "CS", draw_split=True, file="ms_academic_cs.npz"), **SHCHUR,
    ),
    Entry(
        name="physics", description="co-authors in physics, by 5 fields",
        num_nodes=34_493, num_edges=495_924, num_features=8_415, num_classes=5,
        loader=PyG("Coauthor", "Physics", draw_split=True, file="ms_academic_phy.npz"), **SHCHUR,
    ),
    Entry(
        name="wikics", description="links between Wikipedia articles on computing, by 10 branches; 20 splits",
        num_nodes=11_701, num_edges=431_726, num_features=300, num_classes=10,
        source="pmernyei/wiki-cs-dataset", licence="MIT",
        loader=PyG("WikiCS", options=(("is_undirected", True),), file="data.json"),
    ),
    Entry(
        name="roman-empire", description="words of a Wikipedia article, by 18 syntactic roles; 10 splits",
        num_nodes=22_662, num_edges=65_854, num_features=300, num_classes=18,
        loader=PyG("HeterophilousGraphDataset", "roman_empire", file="roman_empire.npz"), **HETEROPHILOUS,
    ),
    Entry(
        name="amazon-ratings", description="Amazon goods bought together, by 5 levels of rating; 10 splits",
        num_nodes=24_492, num_edges=186_100, num_features=300, num_classes=5,
        loader=PyG("HeterophilousGraphDataset", "amazon_ratings", file="amazon_ratings.npz"), **HETEROPHILOUS,
    ),
    Entry(
        name="minesweeper", description="cells of a minesweeper board, mine or not; 10 splits",
        num_nodes=10_000, num_edges=78_804, num_features=7, num_classes=2, metric="roc_auc",
        loader=PyG("HeterophilousGraphDataset", "minesweeper", file="minesweeper.npz"), **HETEROPHILOUS,
    ),
    Entry(
        name="tolokers", description="workers with common tasks, banned or not; 10 splits",
        num_nodes=11_758, num_edges=1_038_000, num_features=10, num_classes=2, metric="roc_auc",
        loader=PyG("HeterophilousGraphDataset", "tolokers", file="tolokers.npz"), **HETEROPHILOUS,
    ),
    Entry(
        name="questions", description="users who answered one another, active or not; 10 splits",
        num_nodes=48_921, num_edges=307_080, num_features=301, num_classes=2, metric="roc_auc",
        loader=PyG("HeterophilousGraphDataset", "questions", file="questions.npz"), **HETEROPHILOUS,
    ),
    Entry(
        name="flickr", description="images with common properties, by 7 tags",
        num_nodes=89_250, num_edges=899_756, num_features=500, num_classes=7, inductive=True,
        source="GraphSAINT/GraphSAINT, from NUS-WIDE", licence="not stated", loader=PyG("Flickr"), scale=standardize,
    ),
    Entry(
        name="reddit", description="posts commented by the same users, by 41 communities",
        num_nodes=232_965, num_edges=114_615_892, num_features=602, num_classes=41, inductive=True,
        source="GraphSAGE, by way of data.dgl.ai", licence="not stated", loader=PyG("Reddit"), scale=standardize,
    ),
    Entry(
        name="ogbn-arxiv", description="citations between arXiv papers on computing, by 40 subjects",
        num_nodes=169_343, num_edges=2_315_598, num_features=128, num_classes=40,
        source="Open Graph Benchmark", licence="ODC-BY", loader=OGB(undirected=True), scale=standardize,
    ),
    Entry(
        name="ogbn-products", description="Amazon goods bought together, by 47 categories",
        num_nodes=2_449_029, num_edges=123_718_280, num_features=100, num_classes=47,
        source="Open Graph Benchmark", licence="Amazon license", loader=OGB(), scale=standardize,
    ),
    Entry(
        name="ogbn-proteins", description="proteins that act together, by 112 functions; features of edges only",
        num_nodes=132_534, num_edges=79_122_504, target="multi_label", num_targets=112, metric="roc_auc",
        source="Open Graph Benchmark", licence="CC-0", loader=OGB(),
    ),
    Entry(
        name="ogbn-mag", description="papers, their authors, institutions and fields, by 349 venues of papers",
        task="hetero", num_nodes=1_939_743, num_edges=21_111_007, num_features=128, num_classes=349,
        types=(("paper", 736_389), ("author", 1_134_649), ("field_of_study", 59_965), ("institution", 8_740)),
        relations=(
            ("author", "affiliated_with", "institution", 1_043_998), ("author", "writes", "paper", 7_145_660),
            ("paper", "cites", "paper", 5_416_271), ("paper", "has_topic", "field_of_study", 7_505_078),
        ),
        source="Open Graph Benchmark", licence="ODC-BY",
        loader=OGB(import_hetero, undirected=True, version=2),
    ),
    *GRAPH_SETS,
    *IMAGE_SETS,
)  # fmt: skip


def list_datasets() -> list[Entry]:
    """Return the catalogue: nodes, heterogeneous graphs, graphs, images; of each, those without a download come first.

    >>> [entry.name for entry in list_datasets()][:3]
    ['citeseer', 'digits', 'cora']
    """
    return list(ENTRIES)


def entry(name: str | Path) -> Entry:
    """Return what is known of a dataset.

    Args:
        name: A name of :func:`list_datasets`, or the path of a folder for :func:`load_folder`.

    Raises:
        TypeError: ``name`` is neither a string nor a path.
        ValueError: there is no dataset of that name (the message names the nearest), or the folder's files are broken.
        FileNotFoundError: there is no such folder, or a file is missing in it.

    >>> entry("tolokers").metric
    'roc_auc'
    """
    if not isinstance(name, str | Path):
        raise TypeError(f"name must be the name of a dataset such as 'cora' or a folder, got {type(name).__name__}")
    known = {candidate.name: candidate for candidate in ENTRIES}
    key = str(name).lower().replace("_", "-")
    if isinstance(name, Path) or (key not in known and ("/" in name or Path(name).is_dir())):
        from graphcond.datasets.folders import folder_entry

        return folder_entry(Path(name))
    return named(key, known, "dataset")


def load(
    name: str | Path, root: str | Path | None = None, *, normalize: bool = True, seed: int = 0
) -> "InMemoryDataset | Any":  # noqa: ANN401 (or an ImageDataset)
    """Load a dataset by its name, ready for :func:`graphcond.condense`.

    The raw files are read from ``root``, in the layout of PyG's and OGB's loaders with the class's name in front, such
    as ``root/Planetoid/Cora/raw``, ``root/Amazon/Photo/raw`` or ``root/ogb/ogbn_arxiv``. Files that are missing are
    downloaded, some of them large (``reddit`` and ``ogbn-products`` more than 1 GB). ``citeseer``, ``digits`` and
    ``digit-images`` need neither files nor a network, nor does ``ogbg-molbace``, which is read from files where there
    are any and else from inside this package, to the same graphs.

    Features are prepared as is the custom for each family:

    - Planetoid: every access scales each node's features to the sum 1 (``NormalizeFeatures``).
    - ``flickr``, ``reddit``, ``ogbn-arxiv``, ``ogbn-products``: each feature gets mean 0 and deviation 1 over the
      training nodes.
    - the others: as published, Amazon's and Coauthor's bags of words too, on whose row-normalised form the usual GCN
      loses some twenty points; the pixels of ``digits`` are divided by 16.

    ``ogbn-arxiv`` is made undirected; ``ogbn-mag`` gets a reverse relation for each, and is one ``HeteroData`` whose
    papers carry OGB's split as masks. Amazon, Coauthor and ``digits`` were published without a split and get one by
    ``seed``: 20 training and 30 validation nodes of each class, all others for testing (Shchur et al., 2018). Datasets
    with several splits keep them as columns of their masks, of which ``condense`` takes one by ``split=``; the
    early-stopping mask of ``wikics`` stays beside its ``val_mask`` and is not used.

    Sets of graphs (``task`` is ``"graphs"``) hold one ``Data`` per graph, without masks and with features as published,
    whatever ``normalize`` and ``seed`` are; those of IMDB have no features at all, those of ``ogbg-ppa`` and the graph
    of ``ogbn-proteins`` features of edges only (``edge_attr``). ``ogbg-*`` keep OGB's split behind
    ``get_idx_split()``, and a row of ``y`` for each graph, with NaN where a label is missing. The others were
    published without a split and none is drawn here: ``condense`` draws seeded stratified folds.

    Sets of images (``task`` is ``"images"``) are an :class:`graphcond.images.dataset.ImageDataset`, pixels as
    published whatever ``normalize`` is. ``mnist``, ``fashion-mnist``, ``cifar10``, ``cifar100`` and ``svhn`` are read
    from ``root/MNIST/raw``, ``root/FashionMNIST/raw``, ``root/CIFAR10/raw`` and so on; files that are missing are
    downloaded, and refused if their checksum is another. They have no validation images, for which ``condense`` holds
    some of the training images out. ``digit-images`` gets a split by ``seed``: 20 % of each class for testing, then
    10 % of the rest for validation; its pixels are divided by 16.

    Args:
        name: A name of :func:`list_datasets`, or the path of a folder for :func:`load_folder`, whose features are left
            as they are; write ``./cora`` for a folder that is called like a dataset.
        root: The folder of all raw files; by default the environment variable ``GRAPHCOND_DATA``, else
            ``~/.cache/graphcond``.
        normalize: Whether to prepare the features; ``False`` leaves them as published.
        seed: Draws the split of nodes or images where none was published. The caller's random state is left alone.

    Returns:
        A PyG dataset, or an :class:`graphcond.images.dataset.ImageDataset` for images.

    Raises:
        ValueError: there is no dataset of that name, or its files are broken.
        FileNotFoundError: there is no such folder, or the files of a name are missing and cannot be downloaded; the
            message says where they belong.

    >>> data = load("citeseer")[0]
    >>> data.num_nodes, int(data.train_mask.sum())
    (3327, 120)
    """
    from graphcond.core.runtime.randomness import check_seed

    check_flag("normalize", normalize)
    found = entry(name)
    dataset = found.loader.read(found.name, resolve_root(root), check_seed(seed))
    if normalize:
        found.scale(dataset)
    return dataset
