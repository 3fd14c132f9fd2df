"""What the catalogue knows of a dataset, and what it asks of the one who reads it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from graphcond.datasets.features import Scaling, keep_as_published

if TYPE_CHECKING:
    from torch_geometric.data import InMemoryDataset

    from graphcond.images.dataset import ImageDataset


class Loader(Protocol):
    """How a dataset is read: by a class of PyG or OGB, from files of images, or from inside a package."""

    def read(self, name: str, root: Path, seed: int) -> "InMemoryDataset | ImageDataset":
        """Return the dataset with its features or pixels as published; one of nodes has masks."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One dataset of the catalogue.

    Args:
        name: What :func:`load` takes.
        description: What it is, in one line.
        num_classes: Number of classes.
        source: Where it was published.
        licence: Under which terms, as its source states them.
        loader: How it is read.
        task: What is classified: the ``"nodes"`` of one graph, whole ``"graphs"`` or ``"images"``.
        num_graphs: Number of graphs; for images, this and the next three are 0.
        num_nodes: Number of nodes, of all graphs together.
        num_edges: Columns of ``edge_index`` as loaded, of all graphs together: an undirected edge counts twice.
        num_features: Features of each node as loaded; 0 where the graphs have none.
        num_images: Number of images, of all parts together; 0 for graphs.
        image_shape: Channels, height and width of an image; ``None`` for graphs.
        metric: How it is evaluated: ``"accuracy"`` or ``"roc_auc"``.
        inductive: Whether the literature condenses the subgraph of the training nodes alone.
        scale: What :func:`load` does with the features unless told ``normalize=False``.
    """

    name: str
    description: str
    num_classes: int
    source: str
    licence: str
    loader: Loader
    task: Literal["nodes", "graphs", "images"] = "nodes"
    num_graphs: int = 1
    num_nodes: int = 0
    num_edges: int = 0
    num_features: int = 0
    num_images: int = 0
    image_shape: tuple[int, int, int] | None = None
    metric: Literal["accuracy", "roc_auc"] = "accuracy"
    inductive: bool = False
    scale: Scaling = keep_as_published
