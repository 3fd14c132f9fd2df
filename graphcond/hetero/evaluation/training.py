"""What downstream models for heterogeneous graphs are trained and evaluated on; the training is that of nodes."""

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from graphcond.core.evaluation.columns import Column, Score
from graphcond.core.evaluation.setting import Setting
from graphcond.core.runtime.randomness import seeded
from graphcond.hetero.evaluation.models import HeteroKind
from graphcond.hetero.evaluation.views import HeteroView, Schema, neighbourhood
from graphcond.hetero.task import HeteroGraph, HeteroPart, HeteroTask
from graphcond.nodes.evaluation.training import EvaluationData, TrainingData, score_on, trained


def schema_of(setting: Setting) -> Schema:
    """Return what networks have to know of the original."""
    task: HeteroTask = setting.task
    return Schema.of(task.graph, task.targets.outputs)


def evaluation_data(setting: Setting, kind: HeteroKind, part: HeteroPart) -> EvaluationData[HeteroView]:
    """Return nodes of a part of the original as a model is evaluated on them.

    A view is made once for all trainings, of no more than the outputs of the nodes depend on.
    """
    layers = kind.layers
    if layers == 0:
        view = setting.once((id(part), kind.view), lambda: _whole_view(setting, kind, part).rows(part.nodes))
        return EvaluationData(view, torch.arange(len(part.nodes), device=part.nodes.device), part.learned)
    if layers is None:
        return EvaluationData(_whole_view(setting, kind, part), part.nodes, part.learned)
    graph, nodes = setting.once((id(part), layers), lambda: neighbourhood(part.graph, part.nodes, layers))
    view = setting.once((id(graph), kind.view), lambda: kind.view(graph, schema_of(setting)))
    return EvaluationData(view, nodes, part.learned)


def _whole_view(setting: Setting, kind: HeteroKind, part: HeteroPart) -> HeteroView:
    return setting.once((id(part.graph), kind.view), lambda: kind.view(part.graph, schema_of(setting)))


def whole_data(setting: Setting, kind: HeteroKind) -> TrainingData[HeteroView]:
    """Return the training nodes of the original, as a model is trained on them."""
    part = evaluation_data(setting, kind, setting.task.train)
    return TrainingData(part.view, part.nodes, part.targets, torch.ones(len(part.nodes), device=setting.device))


def training_data(setting: Setting, kind: HeteroKind, data: HeteroData, column: Column) -> TrainingData[HeteroView]:
    """Return a condensed graph as a model is trained on it, with its weights and soft labels in its own column."""
    schema = schema_of(setting)
    store = data[schema.node_type]
    graph = as_graph(data, schema.node_type, setting.protocol.edge_threshold, column).to(setting.device)
    targets, weights = setting.task.targets.read(graph.y), torch.ones(len(graph.y))
    if column == "own":
        targets, weights = store.get("y_soft", targets), store.get("node_weight", weights)
    nodes = store.train_mask.nonzero().flatten().to(setting.device)
    targets, weights = targets.to(setting.device), weights.to(setting.device)
    return TrainingData(kind.view(graph, schema), nodes, targets[nodes], weights[nodes])


def as_graph(data: HeteroData, node_type: str, threshold: float, column: Column) -> HeteroGraph:
    """Return a condensed graph; without weights in the plain column, else without edges of a weight below a threshold.

    A set without structure becomes a graph with one type of nodes and no relations.
    """
    edges, weights = {}, {}
    for relation in data.edge_types:
        index: Tensor = data[relation].edge_index
        weight = torch.ones(index.size(1))
        if column == "own":
            weight = data[relation].get("edge_weight", weight)
            kept = weight >= threshold
            index, weight = index[:, kept], weight[kept]
        edges[relation], weights[relation] = index, weight
    x = {name: data[name].x for name in data.node_types}
    return HeteroGraph(x, edges, weights, node_type, data[node_type].y)


def train(setting: Setting, kind: HeteroKind, training: TrainingData[HeteroView], seed: int) -> Score:
    """Return the score of a fresh model on the test nodes of the original, chosen by those of validation."""
    task: HeteroTask = setting.task
    val = evaluation_data(setting, kind, task.val)
    with seeded(seed):
        model = kind.build(schema_of(setting), setting.protocol).to(setting.device)
        score = trained(model, training, val, task.targets, setting.protocol, setting.metric)
        test = evaluation_data(setting, kind, task.test)
        return score_on(model, score, test, task.targets, setting.metric)
