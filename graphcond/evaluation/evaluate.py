"""Train on the condensed dataset, test on the original, with controls beside it."""

from collections.abc import Sequence
from typing import Any

import torch

from graphcond.core.evaluation.evaluation import Asked
from graphcond.core.evaluation.evaluation import evaluate as evaluate_task
from graphcond.core.evaluation.protocols import TrainingProtocol
from graphcond.core.evaluation.report import Report
from graphcond.core.inputs import materialized
from graphcond.core.run import Run, check_run
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.gradients import with_gradients
from graphcond.core.runtime.precision import in_float32
from graphcond.core.runtime.processes import alone
from graphcond.core.runtime.progress import resolve_progress, shows_progress
from graphcond.core.runtime.randomness import check_seed
from graphcond.core.words import PROGRESS, READING, SEED, answers
from graphcond.datasets.metric import with_own_metric
from graphcond.evaluation.evaluations import evaluation_of
from graphcond.recognition import modality_of

WORDS = {
    "runs": 'protocol="standard(runs={})"',
    "metric": 'protocol="standard(metric={})"',
    "model": "models=({},)",
    "epochs": 'protocol="standard(epochs={})"',
}
"""What to write instead of an argument that :func:`evaluate` does not take."""


@answers(SEED | PROGRESS | READING | WORDS)
@shows_progress("training")
@alone()
@with_gradients()
@in_float32()
def evaluate(
    condensed: object,
    dataset: object,
    models: Sequence[object] | None = None,
    *,
    protocol: str | TrainingProtocol | None = None,
    controls: bool | Sequence[str] = True,
    seed: int = 0,
    device: str | torch.device = "cpu",
    run: Run = Run(),
) -> Report | Any:  # noqa: ANN401 (a union with what interactions give would have to be distinguished by all)
    """Train standard models on a condensed dataset and test them on the original's test split.

    Every row has two columns: *plain* trains on hard labels without weights, as a user's own loop does, and *own* with
    the weights and soft labels that a set carries; a set that carries neither has one. The weights of the best
    validation epoch are kept; the test split is read once per training, at its end. Controls of the same size stand
    beside the result: class means, random nodes (raw, propagated, and with a teacher's soft labels), herding, k-center,
    and the whole dataset. For heterogeneous graphs they are random nodes of the labelled type with nodes around them,
    and those of the other controls that have such a form. For sets of graphs they are real graphs of the same number or
    in the same bytes (random, with soft labels, herding, k-center), the number of nodes alone, an untrained network, a
    linear model on colour counts, and the whole dataset. For images they are real images of the same number in each
    class (random, with a teacher's soft labels, herding, ``k_center`` when named), class means and, when named, the
    ``whole`` dataset; the last weights are tested, as in the published tables. Controls are made once for each
    condensation, with the seeds 0, 1, ... Interactions are evaluated as :func:`recsys.evaluate` describes.

    Args:
        condensed: The condensed dataset, a ``Data`` (a ``HeteroData`` for heterogeneous graphs, for sets of graphs a
            list of ``Data``, for images also a pair ``(x, y)``) of your own making, where the labelled nodes in its
            ``train_mask`` are learned from, or several condensations (of different seeds) that count as one row, with
            the deviation over condensations and trainings.
        dataset: The original, as :func:`graphcond.condense` takes it, or a task of it; a plain dataset is read as it
            was condensed. Images must have a test part.
        models: Downstream models: ``gcn`` (the default), ``sgc``, ``sage``, ``gat``, ``appnp``, ``cheb``, ``mlp``, or
            your own: a ``torch.nn.Module`` (trained from fresh weights) or a function of (num_features, num_classes)
            that makes one, called as ``model(x, edge_index)``; for heterogeneous graphs ``sage`` (the default),
            ``rgcn``, ``hgt``, ``han``, ``hetero_sgc``, ``metapath_mlp``, or your own: a module or a function of
            (metadata, num_classes) that makes one, called as ``model(x_dict, edge_index_dict)``, and with
            ``edge_weight_dict`` where its ``forward`` takes that, which returns logits of the labelled type, or a
            dictionary by type; a set without structure is read by ``metapath_mlp`` alone, which is its default; for
            sets of graphs ``gin`` (the default), ``gcn``, ``gat``, ``gine``, ``sage``, or your own, called as
            ``model(x, edge_index, batch)`` on batches as PyG's ``DataLoader`` makes them, and with ``edge_attr`` and
            ``edge_weight`` where its ``forward`` takes them (of what a set carries, its *own* column then has soft
            labels and weights of graphs; weights of nodes need :func:`graphcond.pool`); for images ``convnet`` (the
            default), ``convnet_w32``, ``convnet_w64``, ``mlp``, ``lenet``, ``alexnet``, the kernel regression ``ntk``,
            and any function of (shape, num_classes) that makes a module, such as
            :class:`graphcond.surrogates.convnet.ConvNet`.
        protocol: How models are trained, how often, and what a score is; ``None``: ``"standard"``, and
            ``"linear_probe"`` for what was condensed without labels: the network that was trained on it is fixed, and a
            linear model of its outputs learns the labels of the original's training nodes, whichever ``dataset`` has
            (``"untrained"`` is a control more then, whose network was trained on nothing). For nodes ``"standard"``,
            ``"published"``, ``"linear_probe"`` or a :class:`graphcond.evaluation.Protocol`, for heterogeneous graphs a
            :class:`graphcond.evaluation.HeteroProtocol`, for sets of graphs a
            :class:`graphcond.evaluation.GraphProtocol`; for images ``"standard"``, ``"augmented"``,
            ``"augmented_digits"``, ``"moved_digits"`` or a :class:`graphcond.evaluation.ImageProtocol`. A name may have
            settings that differ: ``"standard(runs=5, metric='f1')"`` trains five times, with seeds ``seed``,
            ``seed + 1``, ..., and scores by the mean F1 over classes.
        controls: ``True`` for all of them (for images, all but ``k_center`` and ``whole``), ``False`` for none, or
            their names. ``whole`` takes the most time: names without it leave it out. Its scores are kept on disk,
            under ``~/.cache/graphcond`` or ``$GRAPHCOND_CACHE`` (which, if empty, switches that off), and are taken
            from there where all that they depend on is the same; those of your own networks and metrics are not kept.
        seed: First seed of the trainings.
        device: Where to train.
        run: Its ``progress``, see :class:`graphcond.Run`.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value, or a condensed dataset that does not fit the original.
    """
    progress = resolve_progress(check_run(run, only=("progress",), of="evaluate").progress)
    dataset = materialized(dataset)
    evaluation = evaluation_of(modality_of(dataset).name)
    seed, where = check_seed(seed), resolve_device(device)
    asked = Asked.of(evaluation, models, protocol, controls, seed=seed, device=where)
    return evaluate_task(asked, condensed, dataset, progress, with_own_metric)
