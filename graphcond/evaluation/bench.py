"""Datasets x methods x sizes x seeds x models: a benchmark that is stopped and goes on, here, in processes, on Ray."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from graphcond.api import condense
from graphcond.core.evaluation.evaluation import Evaluation, resolve_protocol
from graphcond.core.evaluation.metrics import metric_label
from graphcond.core.evaluation.protocols import TrainingProtocol
from graphcond.core.fields import positive_integer
from graphcond.core.inputs import materialized
from graphcond.core.modality import Modality
from graphcond.core.run import Run
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.jsonl import Key, RowFile
from graphcond.core.runtime.progress import resolve_progress, shows_progress
from graphcond.core.runtime.randomness import check_seed
from graphcond.core.runtime.sweep import sweep
from graphcond.core.settings import canonical
from graphcond.core.size import Size, check_kind
from graphcond.core.words import SIZES, answers
from graphcond.datasets import entry, load
from graphcond.datasets.metric import with_own_metric
from graphcond.evaluation.bench_report import NO_SIZE, BenchReport
from graphcond.evaluation.evaluate import evaluate
from graphcond.evaluation.evaluations import check_asked, evaluation_of, row_protocol
from graphcond.evaluation.workers import Workers
from graphcond.recognition import modality_of, named_modality

FIELDS = ("dataset", "method", "size", "seed", "model", "protocol", "runs", "metric")
"""What tells rows apart."""
EVALUATED = ("nodes", "hetero", "graphs", "images")
STAND_IN = Size.per_class(1)  # of the condensation that a control without a size does not look at
WORDS = {
    "runs": 'protocol="standard(runs={})"',
    "metric": 'protocol="standard(metric={})"',
    **{name: f"workers=Workers({name}={{}})" for name in ("engine", "threads", "device", "root", "progress")},
    "verbose": "workers=Workers(progress={})",
    "n_jobs": "workers=Workers(number={})",
    "run": "workers=Workers(progress=...)",
    **dict.fromkeys(("random_state", "seed"), "seeds=3, of which the first is 0"),
    **{name: form.replace("size=", "sizes=[").replace("ratio=", "sizes=[") + "]" for name, form in SIZES.items()},
    **dict.fromkeys(("split", "inductive"), "graphcond.read(dataset, ...) among the datasets, by a name"),
}


@dataclass(frozen=True)
class BenchDataset:
    """A dataset of a benchmark.

    Args:
        name: What rows call it.
        kind: Its modality's name.
        metric: By which it is evaluated.
        inductive: Whether the literature condenses the subgraph of its training nodes alone.
        data: The dataset, or a task of it; ``None``: it is loaded by its name.
    """

    name: str
    kind: str
    metric: str
    inductive: bool = False
    data: Any = None

    @cached_property
    def digest(self) -> str | None:
        """What tells data of one's own from others; ``None`` for a dataset of the catalogue."""
        if self.data is None:
            return None
        task = self.modality.task_of(self.data)
        parts = [task.fingerprint(), *self.modality.validation(task).values(), str(getattr(task, "split", ""))]
        parts += task.targets.source.values()
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]

    @property
    def modality(self) -> Modality:
        """What it is of."""
        return named_modality(self.kind)

    @property
    def evaluation(self) -> Evaluation:
        """How its condensations are evaluated."""
        return evaluation_of(self.kind)

    @property
    def unsized(self) -> list[str]:
        """What stands in tables like a method, but has no size, and is trained on no condensed dataset."""
        return [name for name, control in self.evaluation.controls.items() if not control.sized]

    def protocol(self, asked: str | TrainingProtocol) -> Any:  # noqa: ANN401 (of the modality)
        """Return the protocol that was asked for, with the dataset's metric where it has none of its own."""
        chosen: Any = resolve_protocol(self.evaluation, asked)
        return replace(chosen, metric=self.metric) if chosen.metric is None else chosen

    def read(self, dataset: Any, number: int) -> tuple[Any, int]:  # noqa: ANN401 (of any modality)
        """Return the task of one of the dataset's splits, of which each seed takes the next, and the split."""
        if isinstance(dataset, self.modality.task):
            return dataset, getattr(dataset, "split", 0)
        split = number % self.modality.splits(dataset)
        given = {"split": split, "inductive": self.inductive}
        reading = {name: value for name, value in given.items() if name in self.modality.reading}
        return self.modality.task_of(dataset, **reading), split


@dataclass(frozen=True, kw_only=True)
class BenchConditions:
    """What all condensations of a benchmark share: how they are evaluated, and where."""

    protocol: str | TrainingProtocol
    root: str | Path | None
    device: str


@dataclass(frozen=True)
class Cell:
    """One condensation, evaluated with several models."""

    source: BenchDataset
    method: str
    size: Size | None
    seed: int

    @property
    def label(self) -> str:
        """Its size as rows name it."""
        return NO_SIZE if self.size is None else str(self.size)

    def __str__(self) -> str:
        return f"{self.source.name}, {self.label}, {self.method}, seed {self.seed}"


@answers(WORDS)
@shows_progress("condensation", of="workers")
def bench(
    datasets: Sequence[str] | Mapping[str, object],
    output: str | Path,
    *,
    methods: Sequence[str] = ("auto", "random"),
    sizes: Sequence[int | float | str | Size] = (0.01,),
    seeds: int = 3,
    models: Sequence[str] | None = None,
    protocol: str | TrainingProtocol = "standard(runs=1)",
    workers: Workers = Workers(),
) -> BenchReport:
    """Condense datasets by several methods, to several sizes, with several seeds, and evaluate with several models.

    Each condensation's rows are appended to a file as it ends. What has rows there is not done again: stopped, killed
    or asked for more, a benchmark goes on where it was. Rows are the same wherever they are made, but for their costs.
    Where a dataset has several splits (columns of its masks; ten stratified folds of graph sets without a split of
    their own), each seed takes the next one.

    Args:
        datasets: Names of :func:`graphcond.datasets.list_datasets`, or datasets and tasks of your own by the names that
            rows shall have, such as ``{"mine": dataset}``; all of one kind, as the methods are.
        output: A file of JSON lines.
        methods: Names of :func:`graphcond.list_methods`, with settings where they differ from the defaults, such as
            ``"gcond(inner_steps=10)"``; ``"whole"`` trains on the original, and graph sets have the
            controls ``"size"``, ``"untrained"`` and ``"wl_linear"``. These have no size.
        sizes: Whole numbers of (labelled) nodes, graphs or images; ratios, such as 0.01; ``"10/class"``; for
            sets of graphs, and for nodes, ``"10kB"``.
        seeds: Condensations of each kind, with seeds 0, 1, ...
        models: Downstream models; default: ``gcn`` for nodes, ``sage`` for heterogeneous graphs, ``gin``
            for sets of graphs, ``convnet`` for images.
        protocol: As :func:`graphcond.evaluate` takes it; by default each condensation is trained on once. Rows call one
            of your own by its ``repr``, and have its runs and its metric beside it. A metric of your own has to be one
            that can be pickled where there are several workers; those of one name need a file each.
        workers: Where condensations run: how many at a time, on which device, with raw data from which folder.

    Raises:
        ValueError: an unknown name, or a size, method or model that does not fit a dataset.
        FileNotFoundError: raw files of a dataset are missing.
    """
    seeds = positive_integer("seeds", seeds)
    check_seed(seeds - 1)
    if not isinstance(workers, Workers):
        raise TypeError(f"workers must be a Workers, such as Workers(number=2), got {workers!r}")
    for name, given in (("datasets", datasets), ("methods", methods), ("sizes", sizes)):
        if isinstance(given, str) or not isinstance(given, Collection):
            raise TypeError(f"{name} must be a sequence, got {given!r}; pass [{given!r}]")
    if not all(isinstance(method, str) for method in methods):
        raise TypeError("methods must be texts, which rows can hold, such as 'gcond(inner_steps=10)'")
    methods = [canonical(method) for method in methods]
    sources, asked = _sources(datasets), [Size.parse(size) for size in sizes]
    for source in sources:
        _check(source, methods, asked, models, protocol)
    rows = RowFile(Path(output), FIELDS)
    rows.check()
    cells = [cell for source in sources for cell in _cells(source, methods, asked, seeds)]
    tasks = [(cell, _keys(cell, models, protocol)) for cell in cells]
    keys = [key for _, missing in tasks for key in missing]
    _check_known(sources, rows.read())
    _load_missing(sources, rows.missing(keys), workers.root)
    conditions = BenchConditions(protocol=protocol, root=workers.root, device=workers.device)
    try:
        failed = sweep(
            partial(_measure, conditions), tasks, rows, workers=workers.number, engine=workers.engine,
            threads=workers.threads, gpus=float(resolve_device(workers.device).type == "cuda"),
            progress=resolve_progress(workers.progress),
        )  # fmt: skip
    finally:
        _loaded.cache_clear()
    known = rows.read()
    failures = tuple((str(cell), str(error).split("\n")[0]) for cell, error in failed)
    return BenchReport(tuple(known[key] for key in dict.fromkeys(keys) if key in known), failures)


def _sources(datasets: Sequence[str] | Mapping[str, object]) -> list[BenchDataset]:
    if not len(datasets):
        raise ValueError("datasets is empty; name at least one")
    if not isinstance(datasets, Mapping):
        if not all(isinstance(name, str) for name in datasets):
            raise TypeError("datasets must be names, or datasets of your own by their names, such as {'mine': dataset}")
        found = [entry(name) for name in datasets]
        return [BenchDataset(one.name, one.task, one.metric, one.inductive) for one in found]
    sources = []
    for name, given in datasets.items():
        data = materialized(given)
        if isinstance(data, str) or data is None:
            raise TypeError(f"datasets[{name!r}] must be a dataset or a task, got {data!r}; load it first")
        if modality_of(data).name not in EVALUATED:
            raise ValueError(f"datasets[{name!r}] holds interactions; recsys.evaluate compares recommenders on them")
        modality = modality_of(data)
        metric = with_own_metric(data if hasattr(data, "metric") else modality.task_of(data), data).metric
        sources.append(BenchDataset(str(name), modality.name, metric, data=data))
    return sources


def _check_known(sources: Sequence[BenchDataset], known: Mapping[Key, Mapping[str, Any]]) -> None:
    """Raise if there are rows of other data under the name of a dataset of one's own."""
    own = {source.name: source.digest for source in sources if source.data is not None}
    for key, row in known.items():
        if key[0] in own and row.get("data_digest") != own[key[0]]:
            raise ValueError(f"the file has rows of other data named {key[0]!r}; give another name, or another file")


def _load_missing(sources: Sequence[BenchDataset], missing: Iterable[Key], root: str | Path | None) -> None:
    """Load before all else: what is missing is told, and workers find what loaders write beside raw files."""
    wanted = {key[0] for key in missing}
    for source in sources:
        if source.data is None and source.name in wanted:
            load(source.name, root)


def _check(
    source: BenchDataset, methods: Sequence[str], sizes: Sequence[Size], models: Sequence[str] | None, protocol: object
) -> None:
    for what, given in (("methods", methods), ("sizes", sizes), ("models", models)):
        if given is not None and not given:
            raise ValueError(f"{what} is empty; name at least one")
    modality = source.modality
    resolved = [modality.methods.resolve(method) for method in methods if method not in source.unsized]
    for size in sizes:
        check_kind(size, modality.sizes, source.kind)
        for method in (one for one in resolved if one.sized):
            modality.check_size(size, method)
    check_asked(source.kind, models, protocol)
    row_protocol(source.kind, protocol)


def _cells(source: BenchDataset, methods: Sequence[str], sizes: Sequence[Size], seeds: int) -> Iterable[Cell]:
    for method in dict.fromkeys(methods):
        unsized = method in source.unsized or not source.modality.methods.resolve(method).sized
        for size in (None,) if unsized else sizes:
            for seed in range(seeds):
                yield Cell(source, method, size, seed)


def _keys(cell: Cell, models: Sequence[str] | None, protocol: str | TrainingProtocol) -> list[Key]:
    chosen = cell.source.protocol(protocol)
    how = (row_protocol(cell.source.kind, chosen), chosen.runs, metric_label(chosen.metric))
    names = [cell.source.evaluation.default_model] if models is None else models
    return [(cell.source.name, cell.method, cell.label, cell.seed, name, *how) for name in names]


def _measure(conditions: BenchConditions, cell: Cell, keys: Sequence[Key]) -> list[dict[str, Any]]:
    """Condense once, evaluate with the models of the keys, and return their rows."""
    source = cell.source
    dataset = _loaded(source.name, conditions.root) if source.data is None else source.data
    task, split = source.read(dataset, cell.seed)
    control = cell.method if cell.method in source.unsized else None
    # A control needs no condensed dataset; the quickest one stands in for what is evaluated beside it.
    method, size = (cell.method, cell.size) if control is None else ("random", STAND_IN)
    quiet = Run(progress=False)
    small = condense(task, size=size, method=method, seed=cell.seed, device=conditions.device, run=quiet)
    models = [key[FIELDS.index("model")] for key in keys]
    protocol = source.protocol(conditions.protocol)
    report = evaluate(
        small, task, models, protocol=protocol, device=conditions.device, controls=[control] if control else False,
        seed=protocol.runs * cell.seed, run=quiet,
    )  # fmt: skip
    rows = []
    for key, model in zip(keys, models, strict=True):
        row = report.row(control or report.best.data, model)
        if row.note:
            raise ValueError(row.note)
        own = {} if source.digest is None else {"data_digest": source.digest}
        rows.append(dict(zip(FIELDS, key, strict=True)) | {"split": split} | own | row.as_dict())
    return rows


@lru_cache(maxsize=1)
def _loaded(name: str, root: str | Path | None) -> Any:  # noqa: ANN401 (a dataset of any kind)
    return load(name, root)
