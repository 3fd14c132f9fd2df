"""Train on a condensed set of graphs, judge on the original, with controls beside it."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import Candidate, Rules, costs_of, impossible
from graphcond.core.evaluation.columns import Column, Columns, Score, outcomes, part_of
from graphcond.core.evaluation.finite import require_finite
from graphcond.core.evaluation.metrics import metric_label, resolve_metric
from graphcond.core.evaluation.own_networks import by_name
from graphcond.core.evaluation.provenance import check_same_split, check_same_training_data
from graphcond.core.evaluation.report import Report, Row
from graphcond.core.evaluation.score_cache import cached_score, identity
from graphcond.core.fields import is_whole
from graphcond.core.runtime.costs import measured
from graphcond.core.runtime.progress import Progress, ProgressCallback
from graphcond.core.runtime.randomness import seeded
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.evaluation import controls as graph_controls
from graphcond.graphs.evaluation.controls import SELECTIONS
from graphcond.graphs.evaluation.models import GRAPH_MODELS, Features, GraphKind, resolve_graph_model
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.graphs.evaluation.training import (
    SHARED,
    GraphExam,
    GraphLesson,
    carries_own,
    lesson_of_graphs,
    lesson_of_items,
    predict,
    shallower,
    train_graphs,
)
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.graphs.reading import Split, read_graphs
from graphcond.graphs.storage.packing import canonical, packed_bytes
from graphcond.graphs.task import GraphTask


def evaluate_graphs(
    several: Sequence[CondensedDataset | list[Data]], dataset: object, kinds: dict[str, GraphKind],
    rules: Rules[GraphProtocol], controls: Sequence[str], *, split: Split | None, progress: ProgressCallback,
) -> Report:  # fmt: skip
    """Return the report of condensed sets of graphs; see :func:`graphcond.evaluate`."""
    records = [one.record for one in several if isinstance(one, CondensedDataset)]
    if any(isinstance(one, CondensedDataset) and one.modality != "graphs" for one in several):
        raise ValueError(
            "condensed is one graph with labelled nodes, but the dataset is a set of graphs; pass what was condensed"
        )
    check_same_split(records, split)
    recorded = records[0].source.get("split", 0) if records else 0
    if split is None and recorded == "given":
        raise ValueError("the graphs were condensed with a split of your own; pass the same split= to evaluate")
    chosen = split if split is not None else recorded if is_whole(recorded) else 0
    task = read_graphs(dataset, split=chosen)
    check_same_training_data(records, task.fingerprint())
    if not len(task.test):
        raise ValueError("split['test'] is missing or holds no labelled graph; evaluation needs test graphs")
    for name, kind in kinds.items():
        if kind.edges and task.train.edge_attr is None:
            raise ValueError(f"model {name!r} needs edge features, and {task.name} has none; use 'gin'")
    own = _own(several)
    _check_fit(own, task)
    judge = _GraphJudge(task, rules)
    judge.check(kinds, own)
    candidates = [own, *(_control(name, own, several, task) for name in controls)]
    rows: list[Row] = []
    for model, kind in kinds.items():
        for candidate in candidates:
            rows.append(judge.row(candidate, model, kind))
            progress(Progress(len(rows), len(kinds) * len(candidates), f"{candidate.name} / {model}"))
    return Report(tuple(rows), dataset=task.name, protocol=rules.protocol.name, metric=metric_label(rules.metric))


def graph_kinds(models: Sequence[object]) -> dict[str, GraphKind]:
    """Return downstream models by what tables call them; see :func:`by_name`."""
    return by_name(models, resolve_graph_model)


def _own(several: Sequence[CondensedDataset | list[Data]]) -> Candidate:
    sets = tuple(list(one) for one in several)
    made = [one for one in several if isinstance(one, CondensedDataset)]
    if not made:
        return Candidate("data", sets)
    records = [one.record for one in made]
    return Candidate(records[0].method, sets, depth=made[0].depth, **costs_of(records))


def _check_fit(own: Candidate, task: GraphTask) -> None:
    for items in own.sets:
        for item in items:
            require_finite(item)
            if item.x is None or item.y is None or item.edge_index is None:
                raise ValueError("each condensed graph must have x, edge_index and y")
            if item.x.size(1) != task.train.x.size(1):
                raise ValueError(
                    f"the condensed graphs have {item.x.size(1)} features, the dataset {task.train.x.size(1)}; "
                    "evaluate on the dataset that was condensed"
                )
            if int(item.y.max()) >= task.num_classes:
                raise ValueError(
                    f"a condensed graph has the label {int(item.y.max())}, the dataset only {task.num_classes} classes"
                )


def _control(name: str, own: Candidate, several: Sequence[CondensedDataset | list[Data]], task: GraphTask) -> Candidate:
    """Select real graphs as often as the dataset was condensed, in as many bytes or of the same number."""
    if name not in SELECTIONS:
        return Candidate(name)
    method, made = GRAPH_METHODS.resolve(name), []
    with measured(torch.device("cpu")) as costs:
        try:
            for i, (one, items) in enumerate(zip(several, own.sets, strict=True)):
                with seeded(i):
                    made.append(canonical(method.condense(task, _same_size(one, items, task)).items))
        except ValueError as reason:
            return impossible(name, reason)
    return Candidate(name, tuple(made), seconds=costs.seconds / max(len(made), 1), peak_memory=costs.peak_memory)


def _same_size(one: CondensedDataset | list[Data], items: list[Data], task: GraphTask) -> GraphBudget:
    asked = one.record.budget.get("asked", {}) if isinstance(one, CondensedDataset) else {}
    if "max_bytes" in asked or (isinstance(one, CondensedDataset) and not asked):
        return GraphBudget(max_bytes=packed_bytes(items))
    counts = torch.bincount(torch.cat([item.y for item in items]), minlength=task.num_classes).clamp(min=1)
    return GraphBudget(allocation=tuple(counts.tolist()))


class _GraphJudge:
    """Trains and judges under one protocol."""

    def __init__(self, task: GraphTask, rules: Rules[GraphProtocol]) -> None:
        self.task, self.rules = task, rules
        self.metric = resolve_metric(rules.metric, task.num_classes)
        sets = (task.train, task.val, task.test)
        # How many codes a column has is a matter of the encoder, not of what a model learns.
        edges = [s.edge_attr for s in sets if s.edge_attr is not None]
        self.features = Features.of(*(s.x for s in sets)), Features.of(*edges) if edges else None
        self._exams: dict[tuple[str, int | None], GraphExam] = {}
        self._lessons: dict[GraphKind, GraphLesson] = {}  # of all graphs

    def check(self, kinds: dict[str, GraphKind], own: Candidate) -> None:
        """Raise, before any work, if a user's network cannot be made, called on graphs, or trained on those given."""
        few = self.task.train.take(torch.arange(min(2, len(self.task.train))))
        for name, kind in kinds.items():
            if kind.folds:
                continue
            if any("pool_index" in items[0] for items in own.sets):
                raise ValueError(SHARED)
            with seeded(0):  # weights are drawn
                network = kind.network(self.features, self.task.num_classes, self.rules.protocol, 1.0)
                try:
                    predict(network, GraphExam.unfolded(few, 2))
                except Exception as error:
                    raise ValueError(
                        f"the model {name!r} cannot be called as model(x, edge_index, batch) on graphs of the dataset: "
                        f"{error}"
                    ) from error

    def row(self, candidate: Candidate, model: str, kind: GraphKind) -> Row:
        """Return the row of one candidate under one model."""
        start = time.perf_counter()
        direct = {"size": graph_controls.size_logits, "wl_linear": graph_controls.linear_logits}
        if candidate.name in direct:
            columns = Columns([self._direct(direct[candidate.name](self.task))])
        elif candidate.name == "untrained":
            columns = Columns([self._untrained(kind, seed) for seed in self.rules.seeds])
        elif candidate.name == "whole":
            columns = Columns(self._whole(model, kind))
        else:
            columns = Columns(self._column(candidate, kind, "plain"), self._column(candidate, kind, "own"))
        seconds = columns.train_seconds(time.perf_counter() - start)
        nodes, edges, size = self._size(candidate)
        return Row(
            data=candidate.name, model=model, **columns.fields(), condensations=max(len(candidate.sets), 1),
            nodes=nodes, edges=edges, bytes=size, condense_seconds=candidate.seconds, train_seconds=seconds,
            peak_memory=candidate.peak_memory, note=candidate.note,
            test=part_of(self.task.test.y, self.metric),
        )  # fmt: skip

    def _column(self, candidate: Candidate, kind: GraphKind, column: Column) -> list[Score]:
        """Return the scores of one column; a set without weights and soft labels has no own one."""
        protocol = self.rules.protocol
        if column == "own":
            if not any(carries_own(items, roots=kind.folds) for items in candidate.sets):
                return []
            protocol = shallower(protocol, candidate.depth)
        lessons = [
            lesson_of_items(items, protocol, column, self.rules.device, fold=kind.folds) for items in candidate.sets
        ]
        return self._trained(kind, lessons, protocol)

    def _trained(self, kind: GraphKind, lessons: Sequence[GraphLesson], protocol: GraphProtocol) -> list[Score]:
        return [self._train(kind, lesson, protocol, seed) for lesson in lessons for seed in self.rules.seeds]

    def _train(self, kind: GraphKind, lesson: GraphLesson, protocol: GraphProtocol, seed: int) -> Score:
        val, test = (self._exam(name, kind, protocol.layers) for name in ("val", "test"))
        classes, metric = self.task.num_classes, self.metric
        return train_graphs(kind, lesson, val, test, self.features, classes, protocol, metric, seed)

    def _whole(self, model: str, kind: GraphKind) -> list[Score]:
        name, rules = model if GRAPH_MODELS.get(model) is kind else None, self.rules
        scores = []
        for seed in self.rules.seeds:
            known = identity(self.task, name, rules.protocol, self.metric, seed, rules.device)
            scores.append(cached_score(known, self.task.test.y, partial(self._train_on_all, kind, seed)))
        return scores

    def _train_on_all(self, kind: GraphKind, seed: int) -> Score:
        protocol = self.rules.protocol
        if kind not in self._lessons:
            self._lessons[kind] = lesson_of_graphs(self.task.train, protocol, self.rules.device, fold=kind.folds)
        return self._train(kind, self._lessons[kind], protocol, seed)

    def _untrained(self, kind: GraphKind, seed: int) -> Score:
        val, test = (self._exam(name, kind, self.rules.protocol.layers) for name in ("val", "test"))
        if len(torch.unique(val.labels)) < 2:
            return Score(float("nan"), float("nan"), float("nan"))
        logits = graph_controls.untrained_logits(kind, self.features, self.task, self.rules.protocol, val, seed)
        return self._score(logits(val), logits(test))

    def _direct(self, logits: Callable[..., Tensor]) -> Score:
        return self._score(logits(self.task.val) if len(self.task.val) else None, logits(self.task.test))

    def _score(self, val: Tensor | None, test: Tensor) -> Score:
        """Return the score of logits that are not trained step by step."""
        metric, task = self.metric, self.task
        found = metric(test, task.test.y.to(test.device))
        val_score = float("nan") if val is None else metric(val, task.val.y.to(val.device))
        return Score(found, val_score, found, outcomes(test, task.test.y.to(test.device), metric))

    def _exam(self, name: str, kind: GraphKind, layers: int) -> GraphExam:
        key = name, layers if kind.folds else None
        if key not in self._exams:
            graphs, rules = getattr(self.task, name), self.rules
            self._exams[key] = (
                GraphExam.of(graphs, layers, rules.device)
                if kind.folds
                else GraphExam.unfolded(graphs, rules.protocol.batch_size, rules.device)
            )
        return self._exams[key]

    def _size(self, candidate: Candidate) -> tuple[int, int, int]:
        if candidate.name == "whole":
            train = self.task.train
            return train.num_nodes, train.edge_index.size(1), packed_bytes(train.data())
        if not candidate.sets:
            return 0, 0, 0
        items = candidate.sets[0]
        nodes, edges = sum(item.x.size(0) for item in items), sum(item.edge_index.size(1) for item in items)
        return nodes, edges, packed_bytes(items)
