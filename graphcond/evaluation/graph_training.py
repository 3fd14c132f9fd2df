"""Training one downstream model on graphs: written once for condensed sets, controls and the whole dataset."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric.data import Batch, Data

from graphcond.core.randomness import seeded
from graphcond.evaluation.graph_models import Features, GraphModel, GraphNetwork, View
from graphcond.evaluation.graph_protocol import GraphProtocol
from graphcond.evaluation.metrics import Metric
from graphcond.graphs.folding import folded_graphs
from graphcond.graphs.packing import merged
from graphcond.graphs.refinement import refine
from graphcond.graphs.task import GraphSet


@dataclass(frozen=True, eq=False)
class GraphExam:
    """Graphs on which a model is judged, folded: what it computes is the same, and takes a fraction of the time.

    Graphs with self-loops or weights of edges are taken as they are.
    """

    view: View
    labels: Tensor

    @classmethod
    def of(cls, graphs: GraphSet, layers: int, device: torch.device | str = "cpu") -> "GraphExam":
        """Return the exam of some graphs for models of so many layers, on a device."""
        loops = bool((graphs.edge_index[0] == graphs.edge_index[1]).any())  # GCN and GAT have their own
        if loops or graphs.edge_weight is not None:
            return cls(View(as_batch(graphs).to(device)), graphs.y.to(device))
        colors = refine(graphs, layers, degrees=True)
        return cls(View(folded_graphs(graphs, colors, degrees=True).to(device)), graphs.y.to(device))

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class GraphLesson:
    """Graphs on which a model is trained: condensed ones all together, or many in batches.

    Args:
        batches: The batches of a pass; one of them, if all graphs go into one.
        targets: For each batch, ``(m,)`` int64 or ``(m, num_classes)`` float32.
        weights: For each batch, ``(m,)`` float32.
    """

    batches: list[View]
    targets: list[Tensor]
    weights: list[Tensor]

    @property
    def scale(self) -> float:
        """The mean sum of the weights of a graph's nodes, by which a sum of embeddings is divided."""
        total, graphs = 0.0, 0
        for view in self.batches:
            data = view.data
            weight = data.get("pool_weight", data.get("root_weight"))
            total += data.x.size(0) if weight is None else float(weight.sum())
            graphs += len(data.y)
        return total / graphs


@dataclass(frozen=True)
class GraphScore:
    """One training: scores of the weights of the best validation look, and on the test split also of the last ones."""

    val: float
    test: float
    last: float


def train_graphs(
    kind: GraphModel, lesson: GraphLesson, val: GraphExam, test: GraphExam, features: tuple[Features, Features | None],
    num_classes: int, protocol: GraphProtocol, metric: Metric, seed: int,
) -> GraphScore:  # fmt: skip
    """Train a fresh model, keep the weights of its best look at the validation graphs, read the test graphs once."""
    with seeded(seed):
        model = GraphNetwork(kind, *features, num_classes, protocol).to(test.labels.device)
        if protocol.readout == "sum":
            model.scale = lesson.scale
        steps = max(protocol.steps, protocol.passes * len(lesson.batches))
        optimizer = torch.optim.Adam(
            model.parameters(), lr=protocol.learning_rate, weight_decay=protocol.weight_decay, fused=True
        )
        best, best_weights = float("-inf"), None
        for step, batch in zip(range(1, steps + 1), _order(len(lesson.batches)), strict=False):
            if step == steps // 2 + 1:
                for group in optimizer.param_groups:
                    group["lr"] *= 0.1
            _step(model, lesson, batch, optimizer)
            if len(val) and protocol.looks * step // steps > protocol.looks * (step - 1) // steps:
                score = judge_graphs(model, val, metric)
                if score > best:
                    best, best_weights = score, copy.deepcopy(model.state_dict())
        last = judge_graphs(model, test, metric)
        if best_weights is not None:
            model.load_state_dict(best_weights)
        return GraphScore(best if best_weights is not None else float("nan"), judge_graphs(model, test, metric), last)


@torch.no_grad()
def judge_graphs(model: GraphNetwork, exam: GraphExam, metric: Metric) -> float:
    """Return the model's score on an exam."""
    model.eval()
    return metric(model(exam.view), exam.labels)


def _order(batches: int) -> Iterator[int]:
    while True:
        yield from torch.randperm(batches).tolist()


def _step(model: GraphNetwork, lesson: GraphLesson, batch: int, optimizer: torch.optim.Optimizer) -> None:
    model.train()
    optimizer.zero_grad()
    losses = F.cross_entropy(model(lesson.batches[batch]), lesson.targets[batch], reduction="none")
    weights = lesson.weights[batch]
    loss = (losses * weights).sum() / weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def lesson_of_items(items: Sequence[Data], protocol: GraphProtocol, device: torch.device | str = "cpu") -> GraphLesson:
    """Return condensed graphs as a lesson: all of them in one batch, and trees that several of them have once."""
    if "root_weight" in items[0]:
        data = merged(items)
    else:
        data = copy.copy(items[0]) if "pool_index" in items[0] else Batch.from_data_list(list(items))
    data = data.to(device)
    targets: Tensor = data.y
    if protocol.soft_labels and "y_soft" in data:
        targets = data.y_soft
    weights = torch.ones(len(data.y), device=device)
    if protocol.graph_weights and "graph_weight" in data:
        weights = data.graph_weight
    return GraphLesson([View(data)], [targets], [weights])


def lesson_of_graphs(graphs: GraphSet, protocol: GraphProtocol, device: torch.device | str = "cpu") -> GraphLesson:
    """Return original graphs as a lesson, in batches drawn once."""
    with seeded(0):
        parts = torch.split(torch.randperm(len(graphs)), protocol.batch_size)
    batches = [graphs.take(part).to(torch.device(device)) for part in parts]
    weights = [torch.ones(len(part), device=device) for part in parts]
    return GraphLesson([View(as_batch(batch)) for batch in batches], [batch.y for batch in batches], weights)


def shallower(protocol: GraphProtocol, depth: int | None) -> GraphProtocol:
    """Return the protocol with no more layers than trees are deep."""
    return protocol if depth is None else replace(protocol, layers=max(1, min(protocol.layers, depth)))


def as_batch(graphs: GraphSet) -> Data:
    """Return a set of graphs as one ``Data`` with ``batch``, as PyG's ``DataLoader`` would."""
    data = Data(x=graphs.x, edge_index=graphs.edge_index, y=graphs.y, batch=graphs.graph)
    if graphs.edge_attr is not None:
        data.edge_attr = graphs.edge_attr
    if graphs.edge_weight is not None:
        data.edge_weight = graphs.edge_weight
    return data
