"""How condensed sets of graphs are evaluated: what the evaluation of graphs has of its own."""

from collections.abc import Callable, Sequence

import torch
from torch_geometric.data import Data

from graphcond.core.evaluation.candidates import Candidate, Extent, Given
from graphcond.core.evaluation.columns import Column, Score
from graphcond.core.evaluation.controls import check_metric
from graphcond.core.evaluation.evaluation import Evaluation
from graphcond.core.evaluation.protocols import Protocols
from graphcond.core.evaluation.setting import Setting
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import Size
from graphcond.graphs.budget import GraphBudget, expected_graphs
from graphcond.graphs.evaluation.controls import GRAPH_CONTROLS
from graphcond.graphs.evaluation.data import evaluation_data, features_of
from graphcond.graphs.evaluation.fit import check_graphs, given_graphs, read_task
from graphcond.graphs.evaluation.models import GRAPH_MODELS, GraphKind, graph_models
from graphcond.graphs.evaluation.protocol import GRAPH_PROTOCOLS, GraphProtocol
from graphcond.graphs.evaluation.training import (
    SHARED,
    GraphEvaluationData,
    GraphTrainingData,
    carries_own,
    predict,
    shallower,
    train_graphs,
    training_data_of_graphs,
    training_data_of_items,
)
from graphcond.graphs.methods.base import GraphMethod
from graphcond.graphs.storage.packing import canonical, packed_bytes
from graphcond.graphs.task import GraphTask


def _check_models(setting: Setting, kinds: dict[str, GraphKind], own: Candidate) -> None:
    """Raise, before any work, if a user's network cannot be made, called on graphs, or trained on those given."""
    task: GraphTask = setting.task
    check_metric(setting)
    few = task.train.take(torch.arange(min(2, len(task.train))))
    for name, kind in kinds.items():
        if kind.edges and task.train.edge_attr is None:
            raise ValueError(f"model {name!r} needs edge features, and {task.name} has none; use 'gin'")
        if kind.folds:
            continue
        if any("pool_index" in items[0] for items in own.sets):
            raise ValueError(SHARED)
        with seeded(0):  # weights are drawn
            network = kind.network(features_of(setting), task.targets.outputs, setting.protocol, 1.0)
            try:
                predict(network, GraphEvaluationData.unfolded(few, 2))
            except Exception as error:
                raise ValueError(
                    f"the model {name!r} cannot be called as model(x, edge_index, batch) on graphs of the dataset: "
                    f"{error}"
                ) from error


def _training_data(setting: Setting, kind: GraphKind, items: Sequence[Data], column: Column) -> GraphTrainingData:
    return training_data_of_items(items, setting.protocol, column, setting.device, fold=kind.folds)


def _whole_data(setting: Setting, kind: GraphKind) -> GraphTrainingData:
    return training_data_of_graphs(setting.task.train, setting.protocol, setting.device, fold=kind.folds)


def _train(setting: Setting, kind: GraphKind, training: GraphTrainingData, seed: int) -> Score:
    val, test = (evaluation_data(setting, kind, part) for part in ("val", "test"))
    features, targets = features_of(setting), setting.task.targets
    return train_graphs(kind, training, val, test, features, targets, setting.protocol, setting.metric, seed)


def _carries_own(kind: GraphKind, several: Sequence[Sequence[Data]]) -> bool:
    return any(carries_own(items, roots=kind.folds) for items in several)


def _own_protocol(protocol: GraphProtocol, candidate: Candidate) -> GraphProtocol:
    return shallower(protocol, candidate.depth)


def _control_size(task: GraphTask, one: Given) -> GraphBudget:
    """Return the same bytes, where these were asked or the method chose, else the same number of each class."""
    asked = {} if one.record is None else one.record.budget.get("asked", {})
    if one.record is not None and Size.parse(asked.get("size", "everything")).kind in ("bytes", "everything"):
        return GraphBudget(Size.bytes(packed_bytes(one.data)))
    classes = task.targets.classes(torch.cat([item.y for item in one.data]))
    counts = torch.bincount(classes.clamp(min=0), minlength=task.num_classes).clamp(min=1)
    return GraphBudget(Size.count(len(one.data)), tuple(counts.tolist()))


def _condense(method: GraphMethod, task: GraphTask) -> Callable[[GraphBudget], list[Data]]:
    def condense(budget: GraphBudget) -> list[Data]:
        ready = task.stratified(expected_graphs(task, budget.size))
        return canonical(method.condense(ready, budget).items)

    return condense


def _extent(items: Sequence[Data]) -> Extent:
    nodes, edges = sum(item.x.size(0) for item in items), sum(item.edge_index.size(1) for item in items)
    return Extent(nodes, edges, packed_bytes(items))


def _whole_extent(task: GraphTask) -> Extent:
    return Extent(task.train.num_nodes, task.train.edge_index.size(1), packed_bytes(task.train.data()))


GRAPH_EVALUATION = Evaluation(
    modality="graphs",
    protocols=Protocols(kind=GraphProtocol, known=GRAPH_PROTOCOLS, of=" for graphs"),
    models=graph_models,
    default_model="gin",
    kept=GRAPH_MODELS,
    controls=GRAPH_CONTROLS,
    usual=tuple(GRAPH_CONTROLS),
    read=read_task,
    given=given_graphs,
    check=check_graphs,
    check_models=_check_models,
    on_device=False,  # colours are integers, which are counted on the CPU
    training_data=_training_data,
    whole_data=_whole_data,
    train=_train,
    carries_own=_carries_own,
    own_protocol=_own_protocol,
    control_size=_control_size,
    condense=_condense,
    extent=_extent,
    whole_extent=_whole_extent,
    test_labels=lambda task: task.test.learned,
)
