"""The calls: a dataset in, a small dataset of the same kind out; a dataset as a task; a file read back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload

import torch

from graphcond.condensed import CondensedDataset
from graphcond.core import pipeline
from graphcond.core.hub import fetched
from graphcond.core.inputs import materialized
from graphcond.core.method import Method
from graphcond.core.record import Record
from graphcond.core.run import Run
from graphcond.core.runtime import storage
from graphcond.core.runtime.contents import explained
from graphcond.core.runtime.gradients import with_gradients
from graphcond.core.runtime.precision import in_float32
from graphcond.core.runtime.progress import shows_progress
from graphcond.core.size import Size
from graphcond.core.targets import Kind
from graphcond.core.words import LIMITS, MEMORY, PROGRESS, READING, SEED, SIZES, answers
from graphcond.datasets.metric import with_own_metric
from graphcond.graphs.reading import GraphSplit
from graphcond.graphs.task import GraphTask
from graphcond.hetero.task import HeteroTask
from graphcond.images.dataset import ImageDataset
from graphcond.images.task import ImageTask
from graphcond.nodes.task import NodeTask
from graphcond.recognition import modality_of, named_modality

if TYPE_CHECKING:
    from torch_geometric.data import Data, HeteroData

    import recsys
    from graphcond.hetero.features import HeteroFeatures
    from graphcond.nodes.singular_vectors import SingularVectors
    from graphcond.nodes.structural_features import StructuralFeatures
    from recsys.modality import Interactions


class SparseMatrix(Protocol):
    """A sparse matrix or array of SciPy, as type checkers see it."""

    @property
    def nnz(self) -> int:
        """Number of stored entries."""
        ...

    def tocsr(self) -> Any:  # noqa: ANN401 (SciPy has no types)
        """Return the matrix in compressed rows."""
        ...


@overload
def condense(  # type: ignore[overload-overlap]  # all else is no matrix
    dataset: "SparseMatrix | recsys.Split | recsys.InteractionLog | Interactions",
    ratio: float | None = None,
    *,
    size: int | float | str | Size | None = None,
    method: str | Method = "auto",
    seed: int = 0,
    device: str | torch.device = "cpu",
    run: Run = Run(),
) -> "recsys.CondensedInteractions": ...


@overload
def condense(
    dataset: object,
    ratio: float | None = None,
    *,
    size: int | float | str | Size | None = None,
    method: str | Method = "auto",
    seed: int = 0,
    device: str | torch.device = "cpu",
    run: Run = Run(),
) -> CondensedDataset: ...


@answers(SIZES | READING | SEED | PROGRESS | LIMITS | MEMORY)
@shows_progress("step")
@with_gradients()
@in_float32()
def condense(
    dataset: object,
    ratio: float | None = None,
    *,
    size: int | float | str | Size | None = None,
    method: str | Method = "auto",
    seed: int = 0,
    device: str | torch.device = "cpu",
    run: Run = Run(),
) -> Any:
    """Condense a dataset into a small one of the same kind that trains nearly as well.

    It takes graphs with labelled nodes, of one type or several, sets of graphs, images, and implicit feedback. The size
    is asked in exactly one way, by ``ratio`` or ``size``. Classes share it in proportion to their training items
    (largest remainder, at least one each), and the number asked is delivered; of graphs, there may be fewer where a
    method finds fewer patterns or groups (``record.budget["spent"]``).

    Processes of an initialised ``torch.distributed`` that make the same call share the work and get the same result.

    Args:
        dataset: For nodes: a PyG dataset with one graph, a ``Data`` with ``x``, ``edge_index``, ``y`` and boolean
            masks, or OGB's ``PygNodePropPredDataset``. For heterogeneous graphs: a ``HeteroData`` one of whose types of
            nodes has ``y`` and masks, a PyG dataset of one, or OGB's ``ogbn-mag``. For graphs: a PyG dataset with
            several graphs, a list or generator of ``Data`` with ``y``, any dataset of torch that gives them (such as
            ``train + test``), or OGB's ``PygGraphPropPredDataset``. For images: a pair ``(x, y)`` of images
            ``(n, channels, height, width)`` and labels ``(n,)``, a map-style dataset of pairs (image, label) such as
            torchvision's, a list or generator of them, or a :class:`graphcond.ImageDataset`; where it has no part for
            validation, a tenth of the training images is held out. For implicit feedback: a SciPy sparse matrix, users
            x items, or a :class:`recsys.Split`. Labels of -1 or NaN mean unlabelled. Or a task that
            :func:`graphcond.read` gave. It is not changed.
        ratio: Items out / items of the original, in (0, 1]: nodes of the graph that is condensed (of a heterogeneous
            graph those of the labelled type; the other types get the same share), training graphs or images, users.
        size: A number of synthetic nodes, graphs, images or users; ``"10/class"``; for graphs and nodes ``"10kB"``,
            which the result's ``nbytes`` never exceeds; for nodes ``"5%train"``, a fraction of the training nodes; or a
            :class:`graphcond.Size`. Of nodes, methods that make no edges take bytes, and those that count them.
        method: A method's name (:func:`graphcond.list_methods`), perhaps with settings, such as ``"auto(depth=3)"``, or
            object, such as ``Auto(depth=3)``.
        seed: Same input, same seed, same machine: same bits. The caller's random state is left alone.
        device: Where to compute, such as ``"cuda"``. The result is on the CPU.
        run: Progress, checkpoint, time and memory limit, see :class:`graphcond.Run`.

    Returns:
        A PyG dataset with one small ``Data``, or one for each synthetic graph, and the record of how it was made (of
        images, ``images()`` gives the tensors to train on); of implicit feedback, a
        :class:`recsys.CondensedInteractions`.

    Raises:
        TypeError: an argument or a tensor of the wrong type.
        ValueError: an argument or a tensor with an unusable value; the message names it and the remedy.

    >>> import graphcond
    >>> small = graphcond.condense(graphcond.datasets.load("digits"), size=20)
    >>> small[0].num_nodes, small.num_classes, small.record.method
    (20, 10, 'auto')
    >>> images = graphcond.condense(graphcond.datasets.load("digit-images"), size="1/class", method="random")
    >>> images.images()[0].shape
    torch.Size([10, 1, 8, 8])
    """
    dataset = materialized(dataset)
    return pipeline.condense(
        modality_of(dataset), dataset, ratio=ratio, size=size, method=method, seed=seed, device=device, run=run
    )


@overload
def read(dataset: ImageDataset) -> ImageTask: ...


@overload
def read(  # type: ignore[overload-overlap]  # all else is no matrix
    dataset: "SparseMatrix | recsys.Split | recsys.InteractionLog",
) -> "Interactions": ...


@overload
def read(
    dataset: object,
    *,
    split: GraphSplit | None = None,
    inductive: bool | None = None,
    target: "Kind | str | SingularVectors | None" = None,
    features: "str | StructuralFeatures | HeteroFeatures | None" = None,
    node_type: str | None = None,
) -> NodeTask | HeteroTask | GraphTask | ImageTask: ...


@answers({})
@with_gradients()
@in_float32()
def read(
    dataset: object,
    *,
    split: GraphSplit | None = None,
    inductive: bool | None = None,
    target: "Kind | str | SingularVectors | None" = None,
    features: "str | StructuralFeatures | HeteroFeatures | None" = None,
    node_type: str | None = None,
) -> Any:
    """Read and check a dataset once: ``condense``, ``evaluate``, ``plan`` and ``bench`` take the task in its place.

    A plain dataset goes wherever a task does; it is then read with the defaults.

    Args:
        dataset: What :func:`graphcond.condense` takes.
        split: For nodes, of heterogeneous graphs too: which column of the masks to take where a dataset has several
            splits; default: 0. For graphs: a dictionary of graph numbers under ``"train"``, ``"valid"`` (or ``"val"``)
            and ``"test"``, or, where the dataset has no split of its own, which of ten seeded stratified folds is for
            testing (the next one is for validation).
        inductive: For nodes: each part has its own induced subgraph, so that the subgraph of the training nodes is
            condensed, and validation nodes see only one another.
        target: For nodes, of heterogeneous graphs too, and graphs: what ``y`` holds. ``"single_label"``: one class
            each; ``"multi_label"``: a row of labels that are 0, 1 or NaN (missing); ``"regression"``: numbers, NaN
            where missing. By default what OGB says of its own datasets; else one column of whole numbers are classes,
            of fractions numbers, several columns of 0 and 1 labels, and of anything else numbers. For nodes also
            ``"singular_vectors(columns=64, hops=2)"``: ``y`` is not read, and nodes learn the leading singular vectors
            of their propagated features, so that one condensed graph serves several sets of labels; the default where
            there is no ``y``.
        features: For nodes without ``x``: what is made from the edges, such as ``"eigenvectors(columns=64)"``, see
            :func:`graphcond.node_features`, which makes the same for other uses; default: what is best on validation
            nodes. For a heterogeneous graph: what the types without ``x`` get, ``"neighbour_means"`` (default),
            ``"singular_vectors(columns=64)"`` (default where no type has ``x``) or ``"degrees"``.
        node_type: For heterogeneous graphs: the type of nodes that is learned; default: the one that has ``y``.

    Raises:
        TypeError: an argument or a tensor of the wrong type.
        ValueError: an argument or a tensor with an unusable value; the message names it and the remedy.

    >>> import graphcond
    >>> task = graphcond.read(graphcond.datasets.load("digits"), inductive=True)
    >>> graphcond.condense(task, size=20).record.source["inductive"]
    True
    """
    dataset = materialized(dataset)
    reading = {"split": split, "inductive": inductive, "target": target, "features": features, "node_type": node_type}
    task = modality_of(dataset).task_of(dataset, **reading)
    return with_own_metric(task, dataset)


@in_float32()
def node_features(data: "Data | HeteroData", features: object = None) -> Any:  # noqa: ANN401 (a graph as it was given)
    """Return a copy of a graph with features ``x`` of nodes that are made from its edges.

    So a model that was trained on a condensed graph without features of its own gets the features that it knows:
    ``graphcond.node_features(data, small.record.source["features"])``. The same graph has the same features at every
    call. On another graph only the columns of ``"degrees"`` and ``"edge_means"`` mean the same.

    Args:
        data: A ``Data`` with ``edge_index``, and ``edge_attr`` where its means are asked for, whose ``x`` is made in
            place of any that it has; the number of nodes is ``num_nodes``, or that of ``train_mask`` or ``y``. Or a
            ``HeteroData``, whose types without ``x`` get some. It is not changed.
        features: For a ``Data`` ``"degrees"``, ``"edge_means"``, ``"eigenvectors(columns=64)"`` (default),
            ``"edge_factorization(columns=128)"``, ``"random_projections(columns=256, hops=3)"``, or a value such as
            ``Eigenvectors(columns=64)``. For a ``HeteroData`` ``"neighbour_means"`` (default),
            ``"singular_vectors(columns=64)"`` (default where no type has ``x``) or ``"degrees"``, or a value such as
            ``RelationFactors(columns=64)``.

    Raises:
        TypeError: an argument or a tensor of the wrong type.
        ValueError: an argument or a tensor with an unusable value, or a graph without edges.

    >>> import graphcond, torch
    >>> from torch_geometric.data import Data
    >>> path = Data(edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), num_nodes=3)
    >>> graphcond.node_features(path, "eigenvectors(columns=2)").x.shape
    torch.Size([3, 2])
    """
    return modality_of(data).with_features(data, features)


@answers({})
def load(path: str | Path) -> "CondensedDataset | recsys.CondensedInteractions":
    """Read a condensed dataset, of whatever modality, from the file that ``save`` wrote. Nothing in it is executed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not of this format, is truncated, was altered, or holds no condensed dataset.
    """
    tensors, text = storage.read(path)
    with explained(path):
        record = Record.from_json(text)
        if record.modality == "interactions":
            from recsys.condensed import CondensedInteractions  # it stands on this package

            return CondensedInteractions.from_tensors(tensors, record)
        return CondensedDataset.from_tensors(tensors, record)


@answers({})
def from_hub(place: str | Path, *, revision: str | None = None) -> "CondensedDataset | recsys.CondensedInteractions":
    """Read a condensed dataset, of whatever modality, that ``to_hub`` published. Nothing in it is executed.

    Args:
        place: A repository of Hugging Face's hub, ``"owner/name"``, or a folder: a ``Path``, or a text such as
            ``"./name"``. ``huggingface_hub`` keeps what it downloads.
        revision: A version of the repository: a branch, a tag or a commit.

    Raises:
        ImportError: ``huggingface_hub`` is not installed.
        FileNotFoundError: there is no such file.
        ValueError: ``place`` is neither a repository nor a folder, or its file holds no condensed dataset.
        OSError: the hub cannot be reached or refuses.
    """
    return load(fetched(place, revision))


def list_methods(modality: str = "nodes") -> dict[str, str]:
    """Return the name of every method for a kind of dataset, and the first line of its description.

    Args:
        modality: ``"nodes"``, ``"hetero"``, ``"graphs"``, ``"images"`` or ``"interactions"``.

    Raises:
        ValueError: there is no such kind.
    """
    return named_modality(modality).methods.lines()
