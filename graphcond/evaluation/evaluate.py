"""Train on the condensed dataset, judge on the original, with controls beside it."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.costs import measured
from graphcond.core.devices import resolve_device
from graphcond.core.fields import check_flag, is_whole, positive_integer
from graphcond.core.inputs import materialized
from graphcond.core.processes import alone
from graphcond.core.progress import Progress, ProgressCallback, resolve_progress
from graphcond.core.randomness import check_seed, seeded
from graphcond.evaluation import graphs
from graphcond.evaluation.columns import Column, Columns, Score
from graphcond.evaluation.controls import control_names
from graphcond.evaluation.graph_controls import GRAPH_CONTROLS
from graphcond.evaluation.graph_protocol import GraphProtocol, resolve_graph_protocol
from graphcond.evaluation.image_candidates import image_sets
from graphcond.evaluation.image_controls import image_control_names
from graphcond.evaluation.image_models import KernelRegression, image_kinds
from graphcond.evaluation.image_protocol import ImageProtocol, resolve_image_protocol
from graphcond.evaluation.images import ImageRules, evaluate_images
from graphcond.evaluation.metrics import Metric, metric_label, own_metric, resolve_metric
from graphcond.evaluation.models import ModelKind, View, models_by_name
from graphcond.evaluation.own_data import read_own, require_finite
from graphcond.evaluation.protocol import Protocol, resolve_protocol
from graphcond.evaluation.provenance import check_same_split, check_same_training_data
from graphcond.evaluation.report import Report, Row
from graphcond.evaluation.training import Exam, Lesson, train_once
from graphcond.graphs.adjacency import with_edges
from graphcond.graphs.checks import with_label
from graphcond.graphs.containers import is_graph_dataset
from graphcond.graphs.reading import Split as GraphSplit
from graphcond.images.reading import is_image_dataset
from graphcond.methods import resolve_method
from graphcond.modalities.nodes import as_data
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.task import Graph, NodeTask, Split
from graphcond.record import Record
from graphcond.surrogates.convnet import Architecture

CONTROLS = ("class_mean", "random", "random_propagated", "random_soft", "herding", "k_center", "whole")
"""Training sets that every table carries: the last one is the original itself."""


@dataclass(frozen=True)
class Candidate:
    """A training set to judge: one or several condensations under one name."""

    name: str
    data: tuple[Data, ...]
    seconds: float = 0.0
    peak_memory: int = 0
    note: str = ""


@alone()
def evaluate(
    condensed: CondensedDataset | Data | Sequence[CondensedDataset] | Sequence[Data],
    dataset: object,
    models: Sequence[str | Architecture | KernelRegression] | None = None,
    *,
    protocol: str | Protocol | GraphProtocol | ImageProtocol = "standard",
    runs: int = 3,
    controls: bool | Sequence[str] = True,
    metric: str | Metric | None = None,
    inductive: bool | None = None,
    split: GraphSplit | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback | None = None,
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
            that makes one, called as ``model(x, edge_index)``; for graphs
            ``gcn`` (the default), ``gin``, ``gat``, ``gine``, ``sage``; for images ``convnet`` (the default),
            ``convnet_w32``, ``convnet_w64``, ``mlp``, ``lenet``, ``alexnet``, the kernel regression ``ntk``, and any
            function of (shape, num_classes) that makes a module, such as
            :class:`graphcond.surrogates.convnet.ConvNet`.
        protocol: ``"standard"``, ``"published"`` or a :class:`graphcond.evaluation.Protocol`, for graphs a
            :class:`graphcond.evaluation.GraphProtocol`; for images ``"standard"``, ``"augmented"``,
            ``"augmented_digits"``, ``"moved_digits"`` or a :class:`graphcond.evaluation.ImageProtocol`.
        runs: Trainings of each condensation, with seeds ``seed``, ``seed + 1``, ...
        controls: ``True`` for all of them (for images, all but ``k_center`` and ``whole``), ``False`` for none, or
            their names.
        metric: ``"accuracy"``, ``"f1"`` (mean over classes), for two classes ``"roc_auc"`` or ``"average_precision"``;
            or a function of logits ``(n, classes)`` and labels that returns a score, the more the better. ``None``: the
            dataset's own, which is ROC-AUC for OGB's sets of molecules and those of the catalogue
            (:func:`graphcond.datasets.list_datasets`) that say so, else accuracy.
        inductive: Judge on the induced subgraphs of the splits; by default as the condensation was made.
        split: The column of the masks, or for graphs as :func:`graphcond.condense` takes it; by default the one the
            condensation was made from.
        seed: First seed of the trainings.
        device: Where to train.
        progress: Called with a :class:`graphcond.Progress` after each training.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value, or a condensed dataset that does not fit the original.
    """
    seed, runs, progress = check_seed(seed), positive_integer("runs", runs), resolve_progress(progress)
    _check_models(models)
    inductive = None if inductive is None else check_flag("inductive", inductive)
    where = resolve_device(device)
    metric = own_metric(dataset) if metric is None else metric
    dataset = materialized(dataset)
    if is_image_dataset(dataset):
        _refuse("images, whose parts ImageDataset holds", inductive=inductive, split=split)
        return evaluate_images(
            image_sets(condensed), dataset, image_kinds(("convnet",) if models is None else models),
            ImageRules(resolve_image_protocol(protocol), metric, runs, seed, where), image_control_names(controls),
            progress=progress,
        )  # fmt: skip
    if is_graph_dataset(dataset):
        _refuse("a dataset of many graphs", inductive=inductive)
        graph_rules = graphs.GraphRules(
            resolve_graph_protocol(protocol), resolve_metric(metric, None), runs, seed, where
        )
        return graphs.evaluate_graphs(
            _graph_sets(condensed), dataset, graphs.graph_kinds(_model_names(models)), graph_rules,
            control_names(controls, GRAPH_CONTROLS), split=split, metric=metric, progress=progress,
        )  # fmt: skip
    if split is not None and not is_whole(split):
        raise TypeError(f"split must be a number for a node dataset, got {split!r}")
    rules = resolve_protocol(protocol)
    kinds = models_by_name(("gcn",) if models is None else models)
    names = control_names(controls, CONTROLS)
    several = [] if isinstance(condensed, Data) else _condensations(condensed)
    if any(one.has_graphs for one in several):
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
    score = resolve_metric(metric, task.num_classes)
    if not len(task.test.nodes):
        raise ValueError("data.test_mask is missing or selects no labelled node; evaluation needs test nodes")
    candidates = [own, *(_control(name, own, task, where) for name in names)]
    judge = _Judge(task.to(where), rules, score, runs, seed, where)
    rows = []
    total = len(kinds) * sum(len(candidate.data) * runs for candidate in candidates)
    for model, kind in kinds.items():
        for candidate in candidates:
            rows.append(judge.row(candidate, model, kind))
            progress(Progress(sum(len(row.scores) for row in rows), total, f"{candidate.name} / {model}"))
    return Report(tuple(rows), dataset=task.name, protocol=rules.name, metric=metric_label(metric))


def _check_models(models: Sequence[object] | None) -> None:
    if isinstance(models, str):
        raise TypeError(f"models must be a sequence of names, got the string {models!r}; pass ({models!r},)")
    if models is not None and not len(models):
        raise ValueError("models must name at least one downstream model, such as 'gcn'")


def _refuse(what: str, **arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(f"{name}={value!r} makes no sense for {what}; leave it out")


def _model_names(models: Sequence[object] | None) -> list[str]:
    models = ("gcn",) if models is None else models
    names = [model for model in models if isinstance(model, str)]
    if len(names) < len(models):
        raise TypeError("models must be names, such as 'gcn'; only datasets of images take architectures")
    return names


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


def _own_candidate(several: list[CondensedDataset]) -> Candidate:
    records = [one.record for one in several]
    return Candidate(
        records[0].method,
        tuple(one[0] for one in several),
        seconds=sum(record.seconds for record in records) / len(records),
        peak_memory=max(record.peak_memory for record in records),
    )


def _check_source(records: list[Record], dataset: object, task: NodeTask) -> None:
    """Raise if condensations come from other training data; what they were made from may have been induced or not."""
    for inductive in {record.source.get("inductive", False) for record in records}:
        same = task if task.inductive == inductive else read_nodes(dataset, split=task.split, inductive=inductive)
        made = [record for record in records if record.source.get("inductive", False) == inductive]
        check_same_training_data(made, same.fingerprint())


def _check_fit(own: Candidate, task: NodeTask) -> None:
    for data in own.data:
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
        return Candidate(name, ())
    allocations = [torch.bincount(data.y, minlength=task.num_classes).clamp(min=1) for data in own.data]
    method = resolve_method(name)
    made = []
    with measured(device) as costs:
        try:
            for i, allocation in enumerate(allocations):
                with seeded(i):
                    made.append(as_data(method.condense(task.to(device), allocation)))
        except ValueError as reason:
            return Candidate(name, (), note=f"not possible: {reason}".split(";")[0])
    return Candidate(name, tuple(made), costs.seconds / len(allocations), costs.peak_memory)


class _Judge:
    """Trains and judges under one protocol."""

    def __init__(
        self, task: NodeTask, protocol: Protocol, metric: Metric, runs: int, seed: int, device: torch.device
    ) -> None:
        self.task = task
        self.protocol = protocol
        self.metric = metric
        self.seeds = range(seed, seed + runs)
        self.device = device
        self._views: dict[tuple[int, object], View] = {}

    def row(self, candidate: Candidate, model: str, kind: ModelKind) -> Row:
        """Return the row of one candidate under one model."""
        start = time.perf_counter()
        if candidate.name == "whole":
            columns = Columns(self._trained(kind, [self._whole_lesson(kind)]))
            size = _size_of_graph(self.task.train.graph)
        else:
            columns = Columns(
                self._trained(kind, [self._lesson(kind, data, "plain") for data in candidate.data]),
                self._trained(
                    kind, [self._lesson(kind, data, "own") for data in candidate.data if _carries_own(candidate.data)]
                ),
            )
            size = _size_of_data(candidate.data[0]) if candidate.data else (0, 0, 0)
        trainings = len(columns.plain) + len(columns.own)
        return Row(
            data=candidate.name,
            model=model,
            **columns.fields(),
            condensations=max(len(candidate.data), 1),
            nodes=size[0],
            edges=size[1],
            bytes=size[2],
            condense_seconds=candidate.seconds,
            train_seconds=(time.perf_counter() - start) / max(trainings, 1),
            peak_memory=candidate.peak_memory,
            note=candidate.note,
        )

    def _trained(self, kind: ModelKind, lessons: Sequence[Lesson]) -> list[Score]:
        val, test = self._exam(kind, self.task.val), self._exam(kind, self.task.test)
        return [
            train_once(kind, lesson, val, test, self.task.num_classes, self.protocol, self.metric, seed)
            for lesson in lessons
            for seed in self.seeds
        ]

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
