"""Train on the condensed dataset, judge on the original, with controls beside it."""

from collections.abc import Sequence

import torch
from torch import nn
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import Rules
from graphcond.core.evaluation.controls import control_names
from graphcond.core.evaluation.metrics import Metric, resolve_metric
from graphcond.core.evaluation.own_networks import Maker
from graphcond.core.evaluation.report import Report
from graphcond.core.fields import check_flag, is_whole, positive_integer
from graphcond.core.inputs import materialized
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.processes import alone
from graphcond.core.runtime.progress import ProgressCallback, resolve_progress, shows_progress
from graphcond.core.runtime.randomness import check_seed
from graphcond.evaluation.dataset_metric import chosen_metric
from graphcond.graphs.checks import with_label
from graphcond.graphs.evaluation import evaluate as graphs
from graphcond.graphs.evaluation.controls import GRAPH_CONTROLS
from graphcond.graphs.evaluation.protocol import GraphProtocol, resolve_graph_protocol
from graphcond.graphs.reading import Split as GraphSplit
from graphcond.images.evaluation.candidates import image_sets
from graphcond.images.evaluation.controls import image_control_names
from graphcond.images.evaluation.evaluate import evaluate_images
from graphcond.images.evaluation.models import KernelRegression, image_kinds
from graphcond.images.evaluation.protocol import ImageProtocol, resolve_image_protocol
from graphcond.nodes.evaluation import evaluate as nodes
from graphcond.nodes.evaluation.models import models_by_name
from graphcond.nodes.evaluation.protocol import Protocol, resolve_protocol
from graphcond.pyg.adjacency import with_edges
from graphcond.recognition import modality_of
from graphcond.surrogates.convnet import Architecture


@shows_progress("training")
@alone()
def evaluate(
    condensed: CondensedDataset | Data | Sequence[CondensedDataset] | Sequence[Data],
    dataset: object,
    models: Sequence[str | Architecture | KernelRegression | nn.Module | Maker] | None = None,
    *,
    protocol: str | Protocol | GraphProtocol | ImageProtocol = "standard",
    runs: int = 3,
    controls: bool | Sequence[str] = True,
    metric: str | Metric | None = None,
    inductive: bool | None = None,
    split: GraphSplit | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback | bool | None = None,
) -> Report:
    """Train standard models on a condensed dataset and judge them on the original's test split.

    Every row has two columns: *plain* trains on hard labels without weights, as a user's own loop does, and *own* with
    the weights and soft labels that a set carries; a set that carries neither has one. The weights of the best
    validation epoch are kept; the test split is read once per training, at its end. Controls of
    the same size stand beside the result: class means, random nodes (raw, propagated, and with a teacher's soft
    labels), herding, k-center, and the whole dataset. For sets of graphs they are real graphs of the same number or in
    the same bytes (random, with soft labels, herding, k-center), the number of nodes alone, an untrained network, a
    linear model on colour counts, and the whole dataset. For images they are real images of the same number in each
    class (random, with a teacher's soft labels, herding, ``k_center`` when named), class means and, when named, the
    ``whole`` dataset; the last weights are judged, as in the published tables.

    Args:
        condensed: The condensed dataset, a ``Data`` (for graphs a list of ``Data``, for images also a pair ``(x, y)``)
            of your own making, where the labelled nodes in its ``train_mask`` are learned from, or several
            condensations (of different seeds) that count as one row, with the deviation over condensations and
            trainings.
        dataset: The original, as :func:`graphcond.condense` takes it; a dataset of images must have a test part.
        models: Downstream models: ``gcn`` (the default), ``sgc``, ``sage``, ``gat``, ``appnp``, ``cheb``, ``mlp``, or
            your own: a ``torch.nn.Module`` (trained from fresh weights) or a function of (num_features, num_classes)
            that makes one, called as ``model(x, edge_index)``; for graphs ``gcn`` (the default), ``gin``, ``gat``,
            ``gine``, ``sage``, or your own, called as ``model(x, edge_index, batch)`` on batches as PyG's
            ``DataLoader`` makes them, and with ``edge_attr`` and ``edge_weight`` where its ``forward`` takes them (of
            what a set carries, its *own* column then has soft labels and weights of graphs; weights of nodes need
            :func:`graphcond.pool`); for images ``convnet`` (the default),
            ``convnet_w32``, ``convnet_w64``, ``mlp``, ``lenet``, ``alexnet``, the kernel regression ``ntk``, and any
            function of (shape, num_classes) that makes a module, such as
            :class:`graphcond.surrogates.convnet.ConvNet`.
        protocol: ``"standard"``, ``"published"`` or a :class:`graphcond.evaluation.Protocol`, for graphs a
            :class:`graphcond.evaluation.GraphProtocol`; for images ``"standard"``, ``"augmented"``,
            ``"augmented_digits"``, ``"moved_digits"`` or a :class:`graphcond.evaluation.ImageProtocol`.
        runs: Trainings of each condensation, with seeds ``seed``, ``seed + 1``, ...
        controls: ``True`` for all of them (for images, all but ``k_center`` and ``whole``), ``False`` for none, or
            their names. ``whole`` takes the most time: names without it leave it out. Its scores are kept on disk,
            under ``~/.cache/graphcond`` or ``$GRAPHCOND_CACHE`` (which, if empty, switches that off), and are taken
            from there where all that they depend on is the same; those of your own networks and metrics are not kept.
        metric: ``"accuracy"``, ``"f1"`` (mean over classes), for two classes ``"roc_auc"`` or ``"average_precision"``;
            or a function of logits ``(n, classes)`` and labels that returns a score, the more the better. ``None``: the
            dataset's own, which is ROC-AUC for OGB's sets of molecules and those of the catalogue
            (:func:`graphcond.datasets.list_datasets`) that say so, else accuracy.
        inductive: Judge on the induced subgraphs of the splits; by default as the condensation was made.
        split: The column of the masks, or for graphs as :func:`graphcond.condense` takes it; by default the one the
            condensation was made from.
        seed: First seed of the trainings.
        device: Where to train.
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            after each training.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value, or a condensed dataset that does not fit the original.
    """
    seed, runs, progress = check_seed(seed), positive_integer("runs", runs), resolve_progress(progress)
    _check_models(models)
    inductive = None if inductive is None else check_flag("inductive", inductive)
    where = resolve_device(device)
    metric = chosen_metric(metric, protocol, dataset)
    resolve_metric(metric, None)  # an unknown one is told before anything is read
    dataset = materialized(dataset)
    modality = modality_of(dataset)
    if modality == "images":
        _refuse("images, whose parts ImageDataset holds", inductive=inductive, split=split)
        return evaluate_images(
            image_sets(condensed), dataset, image_kinds(("convnet",) if models is None else models),
            Rules(resolve_image_protocol(protocol), metric, runs, seed, where), image_control_names(controls),
            progress=progress,
        )  # fmt: skip
    if modality == "graphs":
        _refuse("a dataset of many graphs", inductive=inductive)
        graph_rules = Rules(resolve_graph_protocol(protocol), metric, runs, seed, where)
        return graphs.evaluate_graphs(
            _graph_sets(condensed), dataset, graphs.graph_kinds(("gcn",) if models is None else models), graph_rules,
            control_names(controls, GRAPH_CONTROLS), split=split, progress=progress,
        )  # fmt: skip
    if split is not None and not is_whole(split):
        raise TypeError(f"split must be a number for a node dataset, got {split!r}")
    several = condensed if isinstance(condensed, Data) else _condensations(condensed)
    node_rules = Rules(resolve_protocol(protocol), metric, runs, seed, where)
    return nodes.evaluate_nodes(
        several, dataset, models_by_name(("gcn",) if models is None else models), node_rules,
        control_names(controls, nodes.CONTROLS), split=split, inductive=inductive, progress=progress,
    )  # fmt: skip


def _check_models(models: Sequence[object] | None) -> None:
    if isinstance(models, str):
        raise TypeError(f"models must be a sequence of names, got the string {models!r}; pass ({models!r},)")
    if models is not None and not len(models):
        raise ValueError("models must name at least one downstream model, such as 'gcn'")


def _refuse(what: str, **arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(f"{name}={value!r} makes no sense for {what}; leave it out")


def _graph_sets(condensed: object) -> Sequence[CondensedDataset | list[Data]]:
    """Return one or several condensed sets of graphs as a list of sets."""
    if isinstance(condensed, CondensedDataset):
        return [condensed]
    several = list(condensed) if isinstance(condensed, list | tuple) else []
    if several and all(isinstance(one, Data) for one in several):
        return [[with_label(with_edges(item), f"condensed[{i}]") for i, item in enumerate(several)]]
    return _condensations(condensed, "a list of Data")


def _condensations(condensed: object, own: str = "a Data") -> list[CondensedDataset]:
    several = list(condensed) if isinstance(condensed, list | tuple) else [condensed]
    kept = [one for one in several if isinstance(one, CondensedDataset)]
    if not kept or len(kept) < len(several):
        raise TypeError(
            f"condensed must be what condense() returns, {own}, or a sequence of the former, "
            f"got {type(condensed).__name__}"
        )
    return kept
