"""Training one downstream model on graphs: written once for condensed sets, controls and the whole dataset."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from graphcond.core.evaluation.columns import Column, Score, outcomes
from graphcond.core.evaluation.metrics import Metric, direction
from graphcond.core.evaluation.training import LEARNING_RATE_DROP, train
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import Targets
from graphcond.graphs.color_refinement import refine
from graphcond.graphs.evaluation.models import FeatureSizes, GraphKind, GraphView
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.graphs.folding import folded_graphs
from graphcond.graphs.storage.packing import merged, union
from graphcond.graphs.task import GraphSet

SHARED = (
    "the condensed graphs share nodes, which only graphcond.pool can pool, so that no network called as "
    "model(x, edge_index, batch) can be trained on them; condense by another method"
)


@dataclass(frozen=True, eq=False)
class GraphEvaluationData:
    """Graphs on which a model is validated or tested, in one or several batches.

    Args:
        views: The batches.
        labels: Classes, or ``(num_graphs, outputs)`` targets, NaN where missing.
    """

    views: list[GraphView]
    labels: Tensor

    @classmethod
    def of(cls, graphs: GraphSet, layers: int, device: torch.device | str = "cpu") -> "GraphEvaluationData":
        """Return evaluation data of some graphs for models of ``layers`` layers, on a device.

        They are folded: what models compute is the same, and takes a fraction of the time. Graphs with self-loops or
        weights of edges are taken as they are.
        """
        return cls([GraphView(_folded(graphs, layers).to(device))], graphs.learned.to(device))

    @classmethod
    def unfolded(cls, graphs: GraphSet, batch_size: int, device: torch.device | str = "cpu") -> "GraphEvaluationData":
        """Return evaluation data of some graphs as they are, in batches, on a device."""
        parts = torch.split(torch.arange(len(graphs)), batch_size)
        return cls([GraphView(as_batch(graphs.take(part)).to(device)) for part in parts], graphs.learned.to(device))

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class GraphTrainingData:
    """Graphs on which a model is trained: condensed ones all together, or many in batches.

    Args:
        batches: The batches of a pass; one of them, if all graphs go into one.
        targets: For each batch, ``(m,)`` classes or numbers, or ``(m, outputs)`` labels, numbers or soft targets.
        weights: For each batch, ``(m,)`` float32.
    """

    batches: list[GraphView]
    targets: list[Tensor]
    weights: list[Tensor]

    @property
    def scale(self) -> float:
        """The mean sum of the weights of a graph's nodes, by which a sum of embeddings is divided."""
        total, graphs = 0.0, 0
        for view in self.batches:
            data = view.data
            weight = data.get("pool_weight")
            total += data.x.size(0) if weight is None else float(weight.sum())
            graphs += len(data.y)
        return total / graphs


def train_graphs(
    kind: GraphKind, training: GraphTrainingData, val: GraphEvaluationData, test: GraphEvaluationData,
    features: tuple[FeatureSizes, FeatureSizes | None],
    targets: Targets, protocol: GraphProtocol, metric: Metric, seed: int,
) -> Score:  # fmt: skip
    """Train a fresh model, keep the weights of its best validation, read the test graphs once."""
    with seeded(seed):
        model = kind.network(features, targets.outputs, protocol, training.scale).to(test.labels.device)
        steps = max(protocol.steps, protocol.passes * len(training.batches))
        optimizer = torch.optim.Adam(
            model.parameters(), lr=protocol.learning_rate, weight_decay=protocol.weight_decay, fused=True
        )
        batches, last, sign = _order(len(training.batches)), list[float](), direction(metric)

        def step(optimizer: torch.optim.Optimizer) -> None:
            _step(model, training, targets, next(batches), optimizer)

        def score(data: GraphEvaluationData) -> float:
            return metric(targets.answers(predict(model, data)), data.labels)

        best = train(
            model,
            optimizer,
            steps=steps,
            step=step,
            at_half_time=_slower,
            validate=(lambda: sign * score(val)) if len(val) else None,
            validates_after=lambda number: (
                protocol.validations * number // steps > protocol.validations * (number - 1) // steps
            ),
            at_end=lambda: last.append(score(test)),
        )
        answers = targets.answers(predict(model, test))
        return Score(
            test=metric(answers, test.labels),
            val=float("nan") if best is None else sign * best,
            last=last[0],
            items=outcomes(answers, test.labels, metric),
        )


@torch.no_grad()
def predict(model: nn.Module, data: GraphEvaluationData) -> Tensor:
    """Return the model's outputs for the graphs of evaluation data, ``(num_graphs, outputs)``."""
    model.eval()
    return torch.cat([model(view) for view in data.views])


def _slower(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """Return the optimizer with its state and a smaller rate."""
    for group in optimizer.param_groups:
        group["lr"] *= LEARNING_RATE_DROP
    return optimizer


def _order(batches: int) -> Iterator[int]:
    while True:
        yield from torch.randperm(batches).tolist()


def _step(
    model: nn.Module, training: GraphTrainingData, targets: Targets, batch: int, optimizer: torch.optim.Optimizer
) -> None:
    model.train()
    optimizer.zero_grad()
    losses = targets.losses(model(training.batches[batch]), training.targets[batch])
    weights = training.weights[batch]
    loss = (losses * weights).sum() / weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def carries_own(items: Sequence[Data], *, roots: bool = True) -> bool:
    """Return whether condensed graphs have soft labels, or weights of graphs or nodes that are not all the same.

    Args:
        items: The graphs.
        roots: Whether weights of nodes count.
    """
    weights = torch.cat([item.graph_weight for item in items]) if "graph_weight" in items[0] else torch.ones(1)
    return (roots and "root_weight" in items[0]) or "y_soft" in items[0] or bool((weights != weights[0]).any())


def training_data_of_items(
    items: Sequence[Data], protocol: GraphProtocol, column: Column, device: torch.device | str = "cpu",
    *, fold: bool = True,
) -> GraphTrainingData:  # fmt: skip
    """Return condensed graphs as training data: all of them in one batch, and trees that several nodes have once.

    Args:
        items: The graphs.
        protocol: How models are trained.
        column: ``"plain"``: labels as the original has them, and all nodes pooled alike; ``"own"``: with soft labels
            and the weights of graphs and of roots, where there are any.
        device: Where.
        fold: Whether trees that several nodes have may be there once, and nodes may have weights; else a batch is as
            PyG's ``DataLoader`` makes it.

    Raises:
        ValueError: they have to be folded, for they share nodes.
    """
    data = _batched(items, protocol, column, fold).to(device)
    targets, weights = data.y, torch.ones(len(data.y), device=device)
    if column == "own":
        targets = data.get("y_soft", targets)
        weights = data.get("graph_weight", weights)
    return GraphTrainingData([GraphView(data)], [targets], [weights])


def _batched(items: Sequence[Data], protocol: GraphProtocol, column: Column, fold: bool) -> Data:
    first = items[0]
    if column == "own" and "root_weight" in first and fold:
        return merged(items)
    if "pool_index" in first:  # all graphs in one, whose nodes are shared: no plain loop can pool them
        if not fold:
            raise ValueError(SHARED)
        return copy.copy(first)
    data = _unified(union(items), protocol) if fold else as_batch(union(items))
    if column == "own":
        for key in ("y_soft", "graph_weight"):
            if key in first:
                data[key] = torch.cat([item[key] for item in items])
    return data


def _unified(graphs: GraphSet, protocol: GraphProtocol) -> Data:
    """Return graphs as one ``Data``, folded unless nodes that are alike get different dropout."""
    return as_batch(graphs) if protocol.dropout else _folded(graphs, protocol.layers)


def _folded(graphs: GraphSet, layers: int) -> Data:
    """Return graphs as one ``Data`` of their distinct trees, or as they are if they have self-loops or edge weights."""
    loops = bool((graphs.edge_index[0] == graphs.edge_index[1]).any())  # GCN and GAT have their own
    if loops or graphs.edge_weight is not None:
        return as_batch(graphs)
    return folded_graphs(graphs, refine(graphs, layers, degrees=True), degrees=True)


def training_data_of_graphs(
    graphs: GraphSet, protocol: GraphProtocol, device: torch.device | str = "cpu", *, fold: bool = True
) -> GraphTrainingData:
    """Return original graphs as training data, in batches drawn once; ``fold``: see :func:`training_data_of_items`."""
    with seeded(0):
        parts = torch.split(torch.randperm(len(graphs)), protocol.batch_size)
    batches = [graphs.take(part) for part in parts]
    weights = [torch.ones(len(part), device=device) for part in parts]
    views = [GraphView((_unified(batch, protocol) if fold else as_batch(batch)).to(device)) for batch in batches]
    return GraphTrainingData(views, [batch.labels.to(device) for batch in batches], weights)


def shallower(protocol: GraphProtocol, depth: int | None) -> GraphProtocol:
    """Return the protocol with no more layers than trees are deep."""
    return protocol if depth is None else replace(protocol, layers=max(1, min(protocol.layers, depth)))


def as_batch(graphs: GraphSet) -> Data:
    """Return a set of graphs as one ``Data`` with ``batch``, as PyG's ``DataLoader`` would."""
    data = Data(x=graphs.x, edge_index=graphs.edge_index, y=graphs.labels, batch=graphs.graph)
    if graphs.edge_attr is not None:
        data.edge_attr = graphs.edge_attr
    if graphs.edge_weight is not None:
        data.edge_weight = graphs.edge_weight
    return data
