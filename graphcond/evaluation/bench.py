"""Datasets x methods x sizes x seeds x models: a benchmark that is stopped and goes on, here, in processes, on Ray."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from graphcond.api import condense, condense_images
from graphcond.core.evaluation.metrics import Metric
from graphcond.core.fields import positive_integer
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.jsonl import Key, Rows
from graphcond.core.runtime.parallel import Engine, check_engine
from graphcond.core.runtime.progress import ProgressCallback, resolve_progress, shows_progress
from graphcond.core.runtime.randomness import check_seed
from graphcond.core.runtime.sweep import sweep
from graphcond.core.settings import canonical
from graphcond.datasets import Entry, entry, load
from graphcond.evaluation.bench_protocols import AnyProtocol, protocol_text, resolve_any_protocol
from graphcond.evaluation.bench_report import BenchReport
from graphcond.evaluation.bench_sizes import ANY, Size, read_size
from graphcond.evaluation.evaluate import evaluate
from graphcond.graphs.evaluation.controls import GRAPH_CONTROLS, SELECTIONS
from graphcond.graphs.evaluation.models import resolve_graph_model
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.graphs.reading import HasIndexSplit
from graphcond.graphs.splits import FOLDS
from graphcond.images.evaluation.models import image_kinds
from graphcond.images.methods import METHODS as IMAGE_METHODS
from graphcond.nodes.evaluation.models import resolve_model
from graphcond.nodes.methods import METHODS as NODE_METHODS

FIELDS = ("dataset", "method", "size", "seed", "model", "protocol", "runs")
"""What tells rows apart."""
MODEL_DEFAULTS = {"nodes": "gcn", "graphs": "gin", "images": "convnet"}
METHODS = {"nodes": NODE_METHODS.resolve, "graphs": GRAPH_METHODS.resolve, "images": IMAGE_METHODS.resolve}
CONTROLS = {
    "nodes": ("whole",),
    "graphs": tuple(name for name in GRAPH_CONTROLS if name not in SELECTIONS),
    "images": ("whole",),
}
"""What stands in tables like a method, but is trained on no condensed dataset."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What all condensations of a benchmark share: how they are judged, and where."""

    runs: int
    protocol: str | AnyProtocol
    root: str | Path | None
    device: str
    metric: Metric | None


@dataclass(frozen=True)
class Cell:
    """One condensation, judged by several models."""

    dataset: str
    method: str
    size: Size | None
    seed: int

    @property
    def label(self) -> str:
        """Its size as rows name it."""
        return ANY if self.size is None else self.size.label

    def __str__(self) -> str:
        return f"{self.dataset}, {self.label}, {self.method}, seed {self.seed}"


@shows_progress("condensation")
def bench(
    datasets: Sequence[str], output: str | Path, *, methods: Sequence[str] = ("auto", "random"),
    sizes: Sequence[str | float] = (0.01,), seeds: int = 3, runs: int = 1, models: Sequence[str] | None = None,
    protocol: str | AnyProtocol = "standard", metric: Metric | None = None,
    root: str | Path | None = None, device: str = "cpu",
    workers: int = 1, engine: Engine = "auto", threads: int = 1, progress: ProgressCallback | bool | None = None,
) -> BenchReport:  # fmt: skip
    """Condense named datasets by several methods, to several sizes, with several seeds, and judge by several models.

    Each condensation's rows are appended to a file as it ends. What has rows there is not done again: stopped, killed
    or asked for more, a benchmark goes on where it was. Rows are the same wherever they are made, but for their costs.
    Where a dataset has several splits (columns of its masks; ten stratified folds of graph sets without a split of
    their own), each seed takes the next one.

    Args:
        datasets: Names of :func:`graphcond.datasets.list_datasets`, all of nodes, graphs or images, as the methods.
        output: A file of JSON lines.
        methods: Names of :func:`graphcond.list_methods`, with settings where they differ from the defaults, such as
            ``"gcond(inner_steps=10)"``; ``"whole"`` trains on the original, and graph sets have the
            controls ``"size"``, ``"untrained"`` and ``"wl_linear"``. These have no size.
        sizes: Whole numbers of nodes, graphs or images; ratios, such as 0.01; ``"10/class"``; for graphs ``"10kB"``.
        seeds: Condensations of each kind, with seeds 0, 1, ...
        runs: Trainings of each condensation.
        models: Downstream models; default: ``gcn`` for nodes, ``gin`` for graphs, ``convnet`` for images.
        protocol: As :func:`graphcond.evaluate` takes it; rows call one of your own by its ``repr``.
        metric: A function of logits and labels that returns a score, and that can be pickled where there are several
            workers; default: the protocol's, else that of each dataset's entry in the catalogue. Each metric needs a
            file of its own.
        root: Folder of raw data.
        device: Where to compute. On Ray, a task of ``"cuda"`` takes one GPU.
        workers: How many condensations are under way at a time (:func:`graphcond.core.runtime.parallel.outcomes`).
        engine: ``"local"``, ``"ray"``, or ``"auto"``: Ray if it is installed and there are several workers.
        threads: Of each of them, whatever their number: sums come out differently with another one.
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            after each condensation.

    Raises:
        ValueError: an unknown name, or a size, method or model that does not fit a dataset.
        FileNotFoundError: raw files of a dataset are missing.
    """
    seeds, runs = positive_integer("seeds", seeds), positive_integer("runs", runs)
    check_seed(seeds - 1)
    check_engine(engine, workers, threads)
    progress = resolve_progress(progress)
    where = resolve_device(device)
    methods = [canonical(method) for method in methods]
    entries, asked = [entry(name) for name in datasets], [read_size(size) for size in sizes]
    for found in entries:
        _check(found, methods, asked, models, protocol)
    rows = Rows(Path(output), FIELDS)
    rows.check()
    tasks = [
        (
            cell,
            [
                _key(cell, model, protocol_text(found.task, protocol), runs)
                for model in ([MODEL_DEFAULTS[found.task]] if models is None else models)
            ],
        )
        for found in entries
        for cell in _cells(found, methods, asked, seeds)
    ]
    keys = [key for _, missing in tasks for key in missing]
    for name in dict.fromkeys(key[0] for key in rows.missing(keys)):
        load(
            name, root
        )  # before all else: what is missing is told, and workers find what loaders write beside raw files
    conditions = Conditions(runs=runs, protocol=protocol, root=root, device=device, metric=metric)
    try:
        failed = sweep(
            partial(_measure, conditions), tasks, rows, workers=workers, engine=engine, threads=threads,
            gpus=float(where.type == "cuda"), progress=progress,
        )  # fmt: skip
    finally:
        _loaded.cache_clear()
    known = rows.read()
    failures = tuple((str(cell), str(error).split("\n")[0]) for cell, error in failed)
    return BenchReport(tuple(known[key] for key in dict.fromkeys(keys) if key in known), failures)


def _check(
    found: Entry, methods: Sequence[str], sizes: Sequence[Size], models: Sequence[str] | None, protocol: object
) -> None:
    for what, given in (("methods", methods), ("sizes", sizes), ("models", models)):
        if given is not None and not given:
            raise ValueError(f"{what} is empty; name at least one")
    for method in methods:
        if method not in CONTROLS[found.task]:
            METHODS[found.task](method)
    for size in sizes:
        size.argument(found.task)
    check_judging(found.task, models, protocol, 1)
    protocol_text(found.task, protocol)


def check_judging(task: str, models: Sequence[str] | None, protocol: object, runs: int) -> None:
    """Raise if what a condensed dataset is to be judged by is unknown: to be told before it is made.

    Args:
        task: What the dataset is of: ``"nodes"``, ``"graphs"`` or ``"images"``.
        models: Names of downstream models; ``None``: the default.
        protocol: Name of a protocol, or one.
        runs: Trainings of each condensation.

    Raises:
        ValueError: there is no model or protocol of a name, no model was named, or the runs are no positive number.
    """
    positive_integer("runs", runs)
    resolve_any_protocol(task, protocol)
    if models is None:
        return
    if not models:
        raise ValueError(f"models must name at least one downstream model, such as {MODEL_DEFAULTS[task]!r}")
    if task == "images":
        image_kinds(models)
    for model in models if task != "images" else ():
        resolve_model(model) if task == "nodes" else resolve_graph_model(model)


def _cells(found: Entry, methods: Sequence[str], sizes: Sequence[Size], seeds: int) -> Iterable[Cell]:
    for method in dict.fromkeys(methods):
        unsized = method in CONTROLS[found.task] or not METHODS[found.task](method).sized
        for size in (None,) if unsized else sizes:
            for seed in range(seeds):
                yield Cell(found.name, method, size, seed)


def _key(cell: Cell, model: str, protocol: str, runs: int) -> Key:
    return (cell.dataset, cell.method, cell.label, cell.seed, model, protocol, runs)


def _measure(conditions: Conditions, cell: Cell, keys: Sequence[Key]) -> list[dict[str, Any]]:
    """Condense once, judge by the models of the keys, and return their rows."""
    found, dataset = entry(cell.dataset), _loaded(cell.dataset, conditions.root)
    control = cell.method if cell.method in CONTROLS[found.task] else None
    # A control needs no condensed dataset; the quickest one stands in for what is judged beside it.
    method, size = (cell.method, cell.size) if control is None else ("random", read_size("1/class"))
    split = cell.seed % _number_of_splits(found, dataset)
    given: dict[str, Any] = {} if size is None else size.argument(found.task)
    given |= {"method": method, "seed": cell.seed, "device": conditions.device, "progress": False}
    if found.task == "images":
        small = condense_images(dataset, **given)
    else:
        small = condense(dataset, split=split, inductive=found.inductive, **given)
    models = [key[FIELDS.index("model")] for key in keys]
    protocol = resolve_any_protocol(found.task, conditions.protocol)
    report = evaluate(
        small, dataset, models, protocol=protocol, runs=conditions.runs, device=conditions.device,
        metric=conditions.metric or protocol.metric or found.metric, controls=[control] if control else False,
        seed=conditions.runs * cell.seed, progress=False,
    )  # fmt: skip
    rows = []
    for key, model in zip(keys, models, strict=True):
        row = report.row(control or report.best.data, model)
        if row.note:
            raise ValueError(row.note)
        rows.append(dict(zip(FIELDS, key, strict=True)) | {"split": split, "metric": report.metric} | row.as_dict())
    return rows


@lru_cache(maxsize=1)
def _loaded(name: str, root: str | Path | None) -> Any:  # noqa: ANN401 (a dataset of nodes, graphs or images)
    return load(name, root)


def _number_of_splits(found: Entry, dataset: Any) -> int:  # noqa: ANN401
    if found.task == "nodes":
        mask = dataset[0].train_mask
        return int(mask.size(1)) if mask.dim() == 2 else 1
    return FOLDS if found.task == "graphs" and not isinstance(dataset, HasIndexSplit) else 1
