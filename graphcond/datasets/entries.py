"""What the catalogue knows of a dataset, and what it asks of the one who reads it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from graphcond.datasets.features import Scaling, keep_as_published

if TYPE_CHECKING:
    from torch_geometric.data import InMemoryDataset

    from graphcond.core.targets import Kind
    from graphcond.images.dataset import ImageDataset

NOUNS = {"multi_label": "label", "regression": "number"}


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
        source: Where it was published.
        licence: Under which terms, as its source states them.
        loader: How it is read.
        task: Of what something is learned: the ``"nodes"`` of one graph, those of one type of a heterogeneous graph
            (``"hetero"``), whole ``"graphs"`` or ``"images"``.
        target: What is learned: one class (``"single_label"``), several labels (``"multi_label"``) or numbers
            (``"regression"``).
        num_classes: Number of classes; 0 where labels or numbers are learned.
        num_targets: Number of labels, or of numbers; 1 for classes.
        num_graphs: Number of graphs; for images, this and the next three are 0. 0 for others: it is not known.
        num_nodes: Number of nodes, of all graphs together; 0: it is not known.
        num_edges: Columns of ``edge_index`` as loaded, of all graphs together: an undirected edge counts twice. 0: it
            is not known. Of a heterogeneous graph, as published: reverse relations that are added do not count.
        num_features: Features of each node as loaded; 0 where the graphs have none. Of a heterogeneous graph, of each
            node of the labelled type.
        types: Of a heterogeneous graph, how many nodes there are of each type, the labelled one first.
        relations: Of a heterogeneous graph, how many edges each relation has as published: source, name, target,
            number.
        num_images: Number of images, of all parts together; 0 for graphs.
        image_shape: Channels, height and width of an image; ``None`` for graphs.
        metric: By which metric it is evaluated.
        inductive: Whether the literature condenses the subgraph of the training nodes alone.
        scale: What :func:`load` does with the features unless told ``normalize=False``.
    """

    name: str
    description: str
    source: str
    licence: str
    loader: Loader
    task: Literal["nodes", "hetero", "graphs", "images"] = "nodes"
    target: "Kind" = "single_label"
    num_classes: int = 0
    num_targets: int = 1
    num_graphs: int = 1
    num_nodes: int = 0
    num_edges: int = 0
    num_features: int = 0
    types: tuple[tuple[str, int], ...] = ()
    relations: tuple[tuple[str, str, str, int], ...] = ()
    num_images: int = 0
    image_shape: tuple[int, int, int] | None = None
    metric: str = "accuracy"
    inductive: bool = False
    scale: Scaling = keep_as_published

    @property
    def learned(self) -> str:
        """What is learned of each item, in a word or two: the number of classes, or such as ``"12 labels"``."""
        if self.target == "single_label":
            return f"{self.num_classes:,}"
        noun = NOUNS[self.target]
        return f"1 {noun}" if self.num_targets == 1 else f"{self.num_targets:,} {noun}s"
