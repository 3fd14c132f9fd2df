"""The one call: a dataset in, a small dataset of the same kind out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from graphcond.condensed import CondensedDataset
from graphcond.core import pipeline
from graphcond.core.fields import check_flag, is_whole
from graphcond.core.inputs import materialized
from graphcond.core.method import Method
from graphcond.core.modality import Modality, Task
from graphcond.core.run_conditions import Conditions
from graphcond.core.runtime.checkpoint import Checkpoint
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.memory import parse_memory
from graphcond.core.runtime.progress import ProgressCallback, shows_progress
from graphcond.core.runtime.randomness import check_seed
from graphcond.graphs.modality import GRAPHS, graph_budget, read_for
from graphcond.graphs.reading import Split
from graphcond.images.budget import ImageBudget
from graphcond.images.methods.base import ImageMethod
from graphcond.images.modality import IMAGES
from graphcond.images.reading import read_images
from graphcond.nodes.budget import Budget, RatioOf
from graphcond.nodes.modality import NODES
from graphcond.nodes.reading import read_nodes
from graphcond.pyg.containers import check_first
from graphcond.recognition import modality_of

NO_SIZES = ("inductive", "memory", "ratio_of", "split")


@shows_progress("step")
def condense(
    dataset: object,
    ratio: float | None = None,
    *,
    num_nodes: int | None = None,
    nodes_per_class: int | None = None,
    ratio_of: RatioOf = "nodes",
    num_graphs: int | None = None,
    graphs_per_class: int | None = None,
    max_bytes: int | None = None,
    method: str | Method = "auto",
    inductive: bool = False,
    split: Split = 0,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback | bool | None = None,
    checkpoint: str | Path | Checkpoint | None = None,
    max_seconds: float | None = None,
    memory: int | str | None = None,
) -> CondensedDataset | Any:  # noqa: ANN401 (a union with what a matrix gives would have to be told apart by all)
    """Condense a dataset for node or graph classification into a small one that trains nearly as well.

    Images are handed on to :func:`condense_images`, and a SciPy sparse matrix, which counts as implicit feedback, users
    x items, to :func:`recsys.condense`. Both take more ways to say how large the result shall be.

    The size is asked in exactly one way: ``ratio``, ``num_nodes`` or ``nodes_per_class`` for nodes; ``ratio``,
    ``num_graphs``, ``graphs_per_class`` or ``max_bytes`` for graphs. Classes share it in proportion to their training
    nodes or graphs (largest remainder, at least one each), and the number asked is delivered; of graphs, there may be
    fewer where a method finds fewer patterns or groups (``record.budget["spent"]``).

    Processes of an initialised ``torch.distributed`` that make the same call share the work and get the same result.

    Args:
        dataset: For nodes: a PyG dataset with one graph, a ``Data`` with ``x``, ``edge_index``, ``y`` and boolean
            masks, or OGB's ``PygNodePropPredDataset``. For graphs: a PyG dataset with several graphs, a list or
            generator of ``Data`` with ``y``, any dataset of torch that gives them (such as ``train + test``), or OGB's
            ``PygGraphPropPredDataset``. Labels of -1 or NaN mean unlabelled. For implicit feedback: a SciPy sparse
            matrix. It is not changed.
        ratio: Nodes out / nodes of the graph that is condensed, or graphs out / training graphs, in (0, 1].
        num_nodes: Number of synthetic nodes.
        nodes_per_class: Number of synthetic nodes of each class.
        ratio_of: ``"nodes"``: ``ratio`` counts against all nodes, as the papers' tables do; ``"train"``: against the
            training nodes, as their code does.
        num_graphs: Number of synthetic graphs.
        graphs_per_class: Number of synthetic graphs of each class.
        max_bytes: Bytes that the synthetic graphs take in their file, for methods that can choose by it.
        method: A method's name (:func:`graphcond.list_methods`), perhaps with settings, such as ``"auto(depth=3)"``, or
            object, such as ``Auto(depth=3)``.
        inductive: Condense the subgraph of the training nodes only; validation nodes see only one another.
        split: For nodes: which column of the masks to take where a dataset has several splits. For graphs: a
            dictionary of graph numbers under ``"train"``, ``"valid"`` (or ``"val"``) and ``"test"``, or, where the
            dataset has no split of its own, which of ten seeded stratified folds is for testing (the next one is for
            validation).
        seed: Same input, same seed, same machine: same bits. The caller's random state is left alone.
        device: Where to compute, such as ``"cuda"``. The result is on the CPU.
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            while long work runs.
        checkpoint: A file in which a method that works in steps keeps its state; the same call with the same file goes
            on from there, to the same bits as without the interruption. A :class:`graphcond.Checkpoint` says how often.
        max_seconds: A method that works in steps stops after so many seconds since the call and gives the best that it
            has found, or where it had not begun, what it starts from; the record's ``stopped`` says where. The training
            of experts counts. ``"auto"`` takes such steps only if this or ``checkpoint`` is given.
        memory: The memory that the process may take for a node dataset, such as ``"4GB"``: what does not fit is kept
            in a temporary file. Pages of memory-mapped files do not count. See :func:`graphcond.plan`.

    Returns:
        A PyG dataset with one small ``Data``, or one for each synthetic graph, and the record of how it was made; for a
        sparse matrix, a :class:`recsys.CondensedInteractions`.

    Raises:
        TypeError: an argument or a tensor of the wrong type.
        ValueError: an argument or a tensor with an unusable value; the message names it and the remedy.

    >>> import graphcond
    >>> small = graphcond.condense(graphcond.datasets.load("digits"), num_nodes=20)
    >>> small[0].num_nodes, small.num_classes, small.record.method
    (20, 10, 'auto')
    """
    seed, inductive = check_seed(seed), check_flag("inductive", inductive)
    dataset = materialized(dataset)
    nodes: dict[str, Any] = {"num_nodes": num_nodes, "nodes_per_class": nodes_per_class}
    graphs: dict[str, Any] = {"num_graphs": num_graphs, "graphs_per_class": graphs_per_class, "max_bytes": max_bytes}
    inapt: dict[str, Any] = {
        "ratio_of": None if ratio_of == "nodes" else ratio_of, "inductive": inductive or None, "memory": memory,
    }  # fmt: skip
    apart = {"split": None if is_whole(split) and split == 0 else split}
    limit = None if memory is None else parse_memory(memory)
    modality = modality_of(dataset)
    if modality == "interactions":
        from recsys.api import condense as condense_interactions  # it stands on this package

        _refuse(nodes | graphs | inapt | apart, "interactions", {}, "; recsys.condense takes users=")
        return condense_interactions(
            dataset, ratio, method=method, seed=seed, device=device, progress=progress, checkpoint=checkpoint,
            max_seconds=max_seconds,
        )  # fmt: skip
    conditions = Conditions(seed, resolve_device(device), progress, checkpoint, max_seconds, limit)
    if modality == "images":
        _refuse(nodes | graphs | inapt | apart, "images", {}, "; condense_images takes per_class=")
        return _condensed_images(dataset, ImageBudget(ratio=ratio), method, conditions)
    if modality == "graphs":
        check_first(dataset)
        _refuse(nodes | inapt, "a dataset of many graphs", graphs)
        return _condensed(
            GRAPHS, method, conditions, lambda resolved: graph_budget({"ratio": ratio} | graphs, resolved),
            lambda resolved: read_for(resolved, dataset, split),
        )  # fmt: skip
    _refuse(graphs, "a node dataset", nodes)
    if not is_whole(split):
        raise TypeError(f"split must be a number for a node dataset, whose parts are masks, got {split!r}")
    budget = Budget(ratio=ratio, ratio_of=ratio_of, **nodes)
    return _condensed(
        NODES, method, conditions, lambda _: budget,
        lambda _: read_nodes(dataset, split=int(split), inductive=inductive),
    )  # fmt: skip


@shows_progress("step")
def condense_images(
    dataset: object,
    ratio: float | None = None,
    *,
    num_images: int | None = None,
    per_class: int | None = None,
    method: str | ImageMethod = "auto",
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback | bool | None = None,
    checkpoint: str | Path | Checkpoint | None = None,
    max_seconds: float | None = None,
) -> CondensedDataset:
    """Condense an image-classification dataset into a few images that a network trains on nearly as well.

    The size is asked in exactly one way; ``per_class`` is the "IPC" of the literature.

    Args:
        dataset: A pair ``(x, y)`` of images ``(n, channels, height, width)``, bytes or other numbers, and labels
            ``(n,)``; a map-style dataset of pairs (image, label), such as torchvision's, or a list or generator of
            them; or a :class:`graphcond.ImageDataset` with parts for training, validation and testing. Where there is
            no part for validation, a tenth of the training images is held out. It is not changed.
        ratio: Images out / training images, in (0, 1].
        num_images: Number of synthetic images, shared by the classes in proportion to their training images.
        per_class: Number of synthetic images of each class.
        method: A method's name (``graphcond.list_methods("images")``), perhaps with settings, such as
            ``"dm(steps=500)"``, or object, such as ``DM(steps=500)``.
        seed: Same input, same seed, same machine: same bits. The caller's random state is left alone.
        device: Where to compute, such as ``"cuda"``. The result is on the CPU.
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            while long work runs.
        checkpoint: A file in which a method keeps its state; the same call with the same file goes on from there, to
            the same bits as without the interruption.
        max_seconds: The method stops after so many seconds since the call and gives the best that it has found, or
            where it had not begun, what it starts from; the record's ``stopped`` says where.

    Returns:
        A dataset with one ``Data`` that holds the images, and the record of how it was made; ``images()`` gives the
        tensors to train on.

    Raises:
        TypeError: an argument, images or labels of the wrong type.
        ValueError: an argument, images or labels with unusable values; the message names them and the remedy.

    >>> import graphcond
    >>> from graphcond import DM
    >>> digits = graphcond.datasets.load("digit-images")
    >>> small = graphcond.condense_images(digits, per_class=1, method=DM(networks=2, steps=4, looks=1))
    >>> small.images()[0].shape, small.record.method
    (torch.Size([10, 1, 8, 8]), 'dm')
    """
    seed = check_seed(seed)
    dataset = materialized(dataset)
    budget = ImageBudget(ratio=ratio, num_images=num_images, per_class=per_class)
    conditions = Conditions(seed, resolve_device(device), progress, checkpoint, max_seconds)
    return _condensed_images(dataset, budget, method, conditions)


def _condensed_images(dataset: object, budget: ImageBudget, method: object, conditions: Conditions) -> CondensedDataset:
    return _condensed(IMAGES, method, conditions, lambda _: budget, lambda _: read_images(dataset))


def _condensed(
    modality: Modality,
    method: object,
    conditions: Conditions,
    size: Callable[[Any], object],
    read: Callable[[Any], Task],
) -> CondensedDataset:
    """Return a condensed dataset; it is read once method, conditions and size are known to be good."""
    resolved = modality.methods.resolve(method)
    conditions.check(resolved)
    asked = size(resolved)
    made = pipeline.condense(modality, read(resolved), asked, resolved, conditions)
    return CondensedDataset(made.items, made.record, made.members)


def _refuse(arguments: dict[str, Any], kind: str, instead: dict[str, Any], more: str = "") -> None:
    """Raise if an argument was given that is not for this kind of dataset."""
    for name, value in arguments.items():
        if value is not None:
            sizes = f"ask its size by {', '.join(f'{other}=' for other in ('ratio', *instead))}{more}"
            remedy = "leave it out" if name in NO_SIZES else sizes
            raise ValueError(f"{name}={value} makes no sense for {kind}; {remedy}")


def list_methods(modality: str = "nodes") -> dict[str, str]:
    """Return the name of every method for a kind of dataset, and the first line of its description.

    Args:
        modality: ``"nodes"``, ``"graphs"``, ``"images"`` or ``"interactions"``.

    Raises:
        ValueError: there is no such kind.
    """
    if modality == "interactions":
        from recsys.modality import INTERACTIONS

        return INTERACTIONS.methods.lines()
    known = {one.name: one for one in (NODES, GRAPHS, IMAGES)}
    if modality not in known:
        raise ValueError(f"modality must be one of {', '.join(known)}, interactions, got {modality!r}")
    return known[modality].methods.lines()
