"""Train on a condensed graph, judge on the original, with controls beside it."""

import time
from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import Candidate, Rules, costs_of, impossible
from graphcond.core.evaluation.columns import Column, Columns, Score, part_of
from graphcond.core.evaluation.finite import require_finite
from graphcond.core.evaluation.metrics import Metric, metric_label, resolve_metric
from graphcond.core.evaluation.provenance import check_same_split, check_same_training_data
from graphcond.core.evaluation.report import Report, Row
from graphcond.core.evaluation.score_cache import cached_score, identity
from graphcond.core.record import Record
from graphcond.core.runtime.costs import measured
from graphcond.core.runtime.progress import Progress, ProgressCallback
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.evaluation.models import MODELS, ModelKind, View
from graphcond.nodes.evaluation.own_data import read_own
from graphcond.nodes.evaluation.protocol import Protocol
from graphcond.nodes.evaluation.training import Exam, Lesson, train_once
from graphcond.nodes.methods import METHODS as NODE_METHODS
from graphcond.nodes.modality import as_data
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.task import Graph, NodeTask, Split

CONTROLS = ("class_mean", "random", "random_propagated", "random_soft", "herding", "k_center", "whole")
"""Training sets that every table carries: the last one is the original itself."""


def evaluate_nodes(
    condensed: Data | Sequence[CondensedDataset], dataset: object, kinds: dict[str, ModelKind], rules: Rules[Protocol],
    controls: Sequence[str], *, split: int | None, inductive: bool | None, progress: ProgressCallback,
) -> Report:  # fmt: skip
    """Return the report of condensed graphs; see :func:`graphcond.evaluate`."""
    several = [] if isinstance(condensed, Data) else condensed
    if any(one.modality == "graphs" for one in several):
        raise ValueError(
            "condensed holds graphs, but the dataset is one graph with labelled nodes; pass the set that was condensed"
        )
    own = Candidate("data", (read_own(condensed),)) if isinstance(condensed, Data) else _own_candidate(several)
    records = [one.record for one in several]
    check_same_split(records, split)
    source = records[0].source if records else {}
    task = read_nodes(
        dataset,
        split=source.get("split", 0) if split is None else split,
        inductive=source.get("inductive", False) if inductive is None else inductive,
    )
    _check_fit(own, task)
    _check_source(records, dataset, task)
    task = task.dense()
    metric = resolve_metric(rules.metric, task.num_classes)
    if not len(task.test.nodes):
        raise ValueError("data.test_mask is missing or selects no labelled node; evaluation needs test nodes")
    with seeded(0):  # a network that cannot be made is told before any work; weights are drawn
        for kind in kinds.values():
            kind.build(task.train.graph.x.size(1), task.num_classes, rules.protocol)
    candidates = [own, *(_control(name, own, task, rules.device) for name in controls)]
    judge = _Judge(task.to(rules.device), rules, metric)
    rows: list[Row] = []
    total = len(kinds) * sum(len(candidate.sets) * rules.runs for candidate in candidates)
    for model, kind in kinds.items():
        for candidate in candidates:
            rows.append(judge.row(candidate, model, kind))
            progress(Progress(sum(len(row.scores) for row in rows), total, f"{candidate.name} / {model}"))
    return Report(tuple(rows), dataset=task.name, protocol=rules.protocol.name, metric=metric_label(rules.metric))


def _own_candidate(several: Sequence[CondensedDataset]) -> Candidate:
    records = [one.record for one in several]
    return Candidate(records[0].method, tuple(one[0] for one in several), **costs_of(records))


def _check_source(records: list[Record], dataset: object, task: NodeTask) -> None:
    """Raise if condensations come from other training data; what they were made from may have been induced or not."""
    for inductive in {record.source.get("inductive", False) for record in records}:
        same = task if task.inductive == inductive else read_nodes(dataset, split=task.split, inductive=inductive)
        made = [record for record in records if record.source.get("inductive", False) == inductive]
        check_same_training_data(made, same.fingerprint())


def _check_fit(own: Candidate, task: NodeTask) -> None:
    for data in own.sets:
        require_finite(data)
        if data.x.size(1) != task.train.graph.x.size(1):
            raise ValueError(
                f"the condensed data has {data.x.size(1)} features, the dataset {task.train.graph.x.size(1)}; "
                "evaluate on the dataset (and preprocessing) that was condensed"
            )
        if "y_soft" in data and data.y_soft.size(1) != task.num_classes:
            raise ValueError(
                f"y_soft of the condensed data has {data.y_soft.size(1)} columns, the dataset {task.num_classes} "
                "classes"
            )
        if int(data.y.max()) >= task.num_classes:
            raise ValueError(
                f"the condensed data has a label {int(data.y.max())}, the dataset only {task.num_classes} classes"
            )


def _control(name: str, own: Candidate, task: NodeTask, device: torch.device) -> Candidate:
    """Condense by a control as often as the dataset was, with the same number of nodes in each class."""
    if name == "whole":
        return Candidate(name)
    allocations = [torch.bincount(data.y, minlength=task.num_classes).clamp(min=1) for data in own.sets]
    method = NODE_METHODS.resolve(name)
    made = []
    with measured(device) as costs:
        try:
            for i, allocation in enumerate(allocations):
                with seeded(i):
                    made.append(as_data(method.condense(task.to(device), allocation)))
        except ValueError as reason:
            return impossible(name, reason)
    return Candidate(name, tuple(made), seconds=costs.seconds / len(allocations), peak_memory=costs.peak_memory)


class _Judge:
    """Trains and judges under one protocol."""

    def __init__(self, task: NodeTask, rules: Rules[Protocol], metric: Metric) -> None:
        self.task = task
        self.protocol = rules.protocol
        self.metric = metric
        self.seeds = rules.seeds
        self.device = rules.device
        self._views: dict[tuple[int, object], View] = {}

    def row(self, candidate: Candidate, model: str, kind: ModelKind) -> Row:
        """Return the row of one candidate under one model."""
        start = time.perf_counter()
        if candidate.name == "whole":
            columns = Columns(self._whole(model, kind))
            size = _size_of_graph(self.task.train.graph)
        else:
            columns = Columns(
                self._trained(kind, [self._lesson(kind, data, "plain") for data in candidate.sets]),
                self._trained(
                    kind, [self._lesson(kind, data, "own") for data in candidate.sets if _carries_own(candidate.sets)]
                ),
            )
            size = _size_of_data(candidate.sets[0]) if candidate.sets else (0, 0, 0)
        return Row(
            data=candidate.name,
            model=model,
            **columns.fields(),
            condensations=max(len(candidate.sets), 1),
            nodes=size[0],
            edges=size[1],
            bytes=size[2],
            condense_seconds=candidate.seconds,
            train_seconds=columns.train_seconds(time.perf_counter() - start),
            peak_memory=candidate.peak_memory,
            note=candidate.note,
            test=part_of(self.task.test.labels, self.metric),
        )

    def _trained(self, kind: ModelKind, lessons: Sequence[Lesson]) -> list[Score]:
        return [self._train(kind, lesson, seed) for lesson in lessons for seed in self.seeds]

    def _train(self, kind: ModelKind, lesson: Lesson, seed: int) -> Score:
        val, test = self._exam(kind, self.task.val), self._exam(kind, self.task.test)
        return train_once(kind, lesson, val, test, self.task.num_classes, self.protocol, self.metric, seed)

    def _whole(self, model: str, kind: ModelKind) -> list[Score]:
        name = model if MODELS.get(model) is kind else None
        scores = []
        for seed in self.seeds:
            known = identity(self.task, name, self.protocol, self.metric, seed, self.device)
            train = partial(self._train, kind, self._whole_lesson(kind), seed)
            scores.append(cached_score(known, self.task.test.labels, train))
        return scores

    def _exam(self, kind: ModelKind, split: Split) -> Exam:
        key = (id(split.graph), kind.view)
        if key not in self._views:
            self._views[key] = kind.view(split.graph, training=False)
        return Exam(self._views[key], split.nodes, split.labels)

    def _whole_lesson(self, kind: ModelKind) -> Lesson:
        exam = self._exam(kind, self.task.train)
        return Lesson(exam.view, exam.nodes, exam.labels, torch.ones(len(exam.nodes), device=self.device))

    def _lesson(self, kind: ModelKind, data: Data, column: Column) -> Lesson:
        graph = _as_graph(data, self.protocol.edge_threshold, column).to(self.device)
        targets, weights = graph.y, torch.ones(graph.num_nodes, device=self.device)
        if column == "own":
            targets = data.get("y_soft", graph.y).to(self.device)
            weights = data.get("node_weight", weights).to(self.device)
        nodes = data.train_mask.nonzero().flatten().to(self.device)
        return Lesson(kind.view(graph, training=True), nodes, targets[nodes], weights[nodes])


def _as_graph(data: Data, threshold: float, column: Column) -> Graph:
    weight = torch.ones(data.edge_index.size(1))
    if column == "plain":  # model(data.x, data.edge_index)
        return Graph(data.x, data.edge_index, weight, data.y)
    weight = data.get("edge_weight", weight)
    keep = weight >= threshold
    return Graph(data.x, data.edge_index[:, keep], weight[keep], data.y)


def _carries_own(several: Sequence[Data]) -> bool:
    """Return whether any of several sets has soft labels, or weights that are not all the same."""
    return any(
        "y_soft" in data or _differ(data.get("node_weight")) or _differ(data.get("edge_weight")) for data in several
    )


def _differ(weight: Tensor | None) -> bool:
    return weight is not None and len(weight) > 0 and bool((weight != weight[0]).any())


def _size_of_data(data: Data) -> tuple[int, int, int]:
    return data.num_nodes, data.num_edges, _bytes(data.to_dict().values())


def _size_of_graph(graph: Graph) -> tuple[int, int, int]:
    return graph.num_nodes, graph.edge_index.size(1), _bytes((graph.x, graph.edge_index, graph.y))


def _bytes(values: Iterable[object]) -> int:
    return sum(value.numel() * value.element_size() for value in values if isinstance(value, Tensor))
