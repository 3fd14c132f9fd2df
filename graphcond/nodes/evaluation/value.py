"""How condensed graphs with labelled nodes are evaluated: what the evaluation of nodes has of its own."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from graphcond.core.evaluation.candidates import Candidate, Extent, Given, records_of
from graphcond.core.evaluation.columns import Column, Score
from graphcond.core.evaluation.controls import Control, Prior, Selection, Whole, check_metric
from graphcond.core.evaluation.evaluation import Evaluation
from graphcond.core.evaluation.linear_probe import LinearProbe
from graphcond.core.evaluation.metrics import resolve_metric
from graphcond.core.evaluation.own_networks import WrongOutputError, check_trainable
from graphcond.core.evaluation.protocols import Protocols
from graphcond.core.evaluation.provenance import check_same_training_data
from graphcond.core.evaluation.setting import Setting
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import Size
from graphcond.nodes.evaluation.fit import check_fit, fitted, given_nodes, read_task, usual_protocol
from graphcond.nodes.evaluation.models import MODELS, ModelKind, NodeView, models_by_name
from graphcond.nodes.evaluation.probing import UntrainedNodeModel, check_probed, evaluation_data, probe, scored_task
from graphcond.nodes.evaluation.protocol import PROTOCOLS, Protocol
from graphcond.nodes.evaluation.training import TrainingData, score_on, trained
from graphcond.nodes.methods import METHODS
from graphcond.nodes.methods.base import NodeMethod
from graphcond.nodes.modality import allocation_of, as_data
from graphcond.nodes.task import Graph, NodePart, NodeTask

METHOD_CONTROLS = ("class_mean", "random", "random_propagated", "random_soft", "herding", "k_center")
CONTROLS: dict[str, Control] = {
    "prior": Prior(),
    **{name: Selection(METHODS.resolve(name)) for name in METHOD_CONTROLS},
    "whole": Whole(),
}
FURTHER: dict[str, Control] = {"random_means": Selection(METHODS.resolve("random_means"))}
"""Those that are there to be named."""
PROBED: dict[str, Control] = {"untrained": UntrainedNodeModel()}
"""Those that linear probes have besides."""


def _check(task: NodeTask, several: Sequence[Given]) -> None:
    check_fit(several, task)
    for inductive in (False, True):
        made = [one for one in records_of(several) if one.source.get("inductive", False) == inductive]
        if made and (same := _training_part(task, inductive)) is not None:
            check_same_training_data(made, same.fingerprint())
    if not len(task.test.nodes):
        raise ValueError("data.test_mask is missing or selects no labelled node; evaluation needs test nodes")


def _training_part(task: NodeTask, inductive: bool) -> NodePart | None:
    """Return what a condensation of the task was made from; ``None`` if an inductive task does not hold it."""
    if task.inductive == inductive:
        return task.train
    nodes = task.train.nodes
    return (
        NodePart(task.train.graph.induced(nodes), torch.arange(len(nodes), device=nodes.device)) if inductive else None
    )


def _check_models(setting: Setting, kinds: dict[str, ModelKind], own: Candidate) -> None:
    task: NodeTask = setting.task
    check_probed(setting)
    check_metric(setting)
    with seeded(0):  # so is a network that cannot be made; weights are drawn
        for name, kind in kinds.items():
            model = kind.build(task.train.graph.x.size(1), task.targets.outputs, setting.protocol).eval()
            if kind not in MODELS.values():
                _check_call(name, kind, model, task)


def _check_call(name: str, kind: ModelKind, model: nn.Module, task: NodeTask) -> None:
    few = task.train.graph.induced(torch.arange(min(2, task.train.graph.num_nodes)))
    try:
        with torch.enable_grad():
            view = kind.view(few, training=False)
            check_trainable(name, model.to(few.x.device)(view.x, view.edge_index, view.edge_weight))
    except WrongOutputError:
        raise
    except Exception as error:
        raise ValueError(
            f"the model {name!r} cannot be called as model(x, edge_index) on {few.x.size(1)} features: {error}"
        ) from error


def _training_data(setting: Setting, kind: ModelKind, data: Data, column: Column) -> TrainingData[NodeView]:
    graph = _as_graph(data, setting.protocol.edge_threshold, column).to(setting.device)
    targets, weights = setting.task.targets.read(graph.y), torch.ones(graph.num_nodes, device=setting.device)
    if column == "own":
        targets = data.get("y_soft", targets).to(setting.device)
        weights = data.get("node_weight", weights).to(setting.device)
    nodes = data.train_mask.nonzero().flatten().to(setting.device)
    return TrainingData(kind.view(graph, training=True), nodes, targets[nodes], weights[nodes])


def _whole_data(setting: Setting, kind: ModelKind) -> TrainingData[NodeView]:
    part = evaluation_data(setting, kind, setting.task.train)
    return TrainingData(part.view, part.nodes, part.targets, torch.ones(len(part.nodes), device=setting.device))


def _train(setting: Setting, kind: ModelKind, training: TrainingData[NodeView], seed: int) -> Score:
    task: NodeTask = setting.task
    val, test = (evaluation_data(setting, kind, part) for part in (task.val, task.test))
    targets, protocol = task.targets, setting.protocol
    metric = setting.metric if setting.scored is task else resolve_metric(targets.metric, targets)
    with seeded(seed):
        model = kind.build(training.view.x.size(1), targets.outputs, protocol).to(training.view.x.device)
        score = trained(model, training, val, targets, protocol, metric)
        if protocol.probe is not None:
            return probe(setting, kind, model, protocol.probe)
        return score_on(model, score, test, targets, metric)


def _as_graph(data: Data, threshold: float, column: Column) -> Graph:
    weight = torch.ones(data.edge_index.size(1))
    if column == "plain":  # model(data.x, data.edge_index)
        return Graph(data.x, data.edge_index, weight, data.y)
    weight = data.get("edge_weight", weight)
    keep = weight >= threshold
    return Graph(data.x, data.edge_index[:, keep], weight[keep], data.y)


def _carries_own(_: ModelKind, several: Sequence[Data]) -> bool:
    """Return whether any of several sets has soft labels, or weights that are not all the same."""
    return any(
        "y_soft" in data or differ(data.get("node_weight")) or differ(data.get("edge_weight")) for data in several
    )


def differ(weight: Tensor | None) -> bool:
    """Return whether weights are not all the same."""
    return weight is not None and len(weight) > 0 and bool((weight != weight[0]).any())


def _control_size(task: NodeTask, one: Given) -> Tensor:
    """Return how many nodes of each class are learned from, at least one; or of each stratum, shared out among them."""
    y = task.targets.read(one.data.y)[one.data.train_mask]
    if y.dim() == 1:
        return torch.bincount(y[y >= 0], minlength=task.num_classes).clamp(min=1)
    count = int((~y.isnan()).any(dim=1).sum())
    return allocation_of(Size.count(count), task.train.graph.num_nodes, task.stratified(count).class_counts)


def _condense(method: NodeMethod, task: NodeTask) -> Callable[[Tensor], Data]:
    return lambda sizes: as_data(method.condense(task.stratified(int(sizes.sum())), sizes), task.targets)


def _extent(data: Data) -> Extent:
    return Extent(data.num_nodes, data.num_edges, _bytes(data.to_dict().values()))


def _whole_extent(task: NodeTask) -> Extent:
    graph = task.train.graph
    return Extent(graph.num_nodes, graph.edge_index.size(1), _bytes((graph.x, graph.edge_index, graph.y)))


def _bytes(values: Iterable[object]) -> int:
    return sum(value.numel() * value.element_size() for value in values if isinstance(value, Tensor))


NODE_EVALUATION = Evaluation(
    modality="nodes",
    protocols=Protocols(kind=Protocol, known=PROTOCOLS, nested=(LinearProbe,), of=" for nodes"),
    models=models_by_name,
    default_model="gcn",
    kept=MODELS,
    controls=CONTROLS | FURTHER | PROBED,
    usual=tuple(CONTROLS),
    also=lambda protocol: () if protocol.probe is None else tuple(PROBED),
    usual_protocol=usual_protocol,
    scored=scored_task,
    read=read_task,
    given=given_nodes,
    fitted=fitted,
    check=_check,
    check_models=_check_models,
    prepare=NodeTask.dense,
    training_data=_training_data,
    whole_data=_whole_data,
    train=_train,
    carries_own=_carries_own,
    control_size=_control_size,
    condense=_condense,
    extent=_extent,
    whole_extent=_whole_extent,
    test_labels=lambda task: task.test.learned,
)
