"""One evaluation for every modality: the value that says what differs, and the loop that is the same."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from graphcond.core.evaluation.candidates import (
    Candidate,
    Extent,
    Given,
    check_alike,
    costs_of,
    not_possible,
    records_of,
)
from graphcond.core.evaluation.columns import Column, Columns, part_of
from graphcond.core.evaluation.controls import WHOLE, CondensedData, Control, OneTraining, Whole, control_names
from graphcond.core.evaluation.metrics import metric_label
from graphcond.core.evaluation.protocols import Protocols
from graphcond.core.evaluation.report import Report, Row
from graphcond.core.evaluation.setting import Setting
from graphcond.core.record import Record
from graphcond.core.runtime.progress import Progress, ProgressCallback


def _same(given: Any, *_: object) -> Any:  # noqa: ANN401 (of any modality)
    return given


def _second(_: object, given: Given) -> Given:
    return given


def _always(model: object) -> bool:
    return True


def _never(model: object) -> bool:
    return False


def _no_refusal(name: str, model: object, candidate: Candidate) -> str:
    return ""


def _row(
    setting: Setting, candidate: Candidate, model: str, columns: Mapping[Column, list[Any]], note: str, seconds: float
) -> Row:
    scores, extent = Columns(columns["plain"], columns["own"]), candidate.source.extent(setting, candidate)
    return Row(
        data=candidate.name, model=model, **scores.fields(), condensations=max(len(candidate.sets), 1),
        nodes=extent.count, edges=extent.edges, bytes=extent.bytes, condense_seconds=candidate.seconds,
        train_seconds=scores.train_seconds(seconds), peak_memory=candidate.peak_memory, note=note,
        test=part_of(setting.evaluation.test_labels(setting.scored), setting.metric), scale=setting.scale,
    )  # fmt: skip


def _report(rows: tuple[Row, ...], setting: Setting) -> Report:
    protocol, unit = setting.protocol, setting.evaluation.unit
    return Report(rows, setting.task.name, protocol.name, metric_label(setting.metric), unit=unit)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How condensed data of a modality are evaluated. Functions take models as ``models`` resolves them.

    Args:
        modality: Its name.
        unit: What the size of a training set counts.
        protocols: How models are trained.
        models: Resolves what the user calls models: ``(models)``; it returns them by what tables call them.
        default_model: The one that is trained where none is named.
        usual_model: Its name for what is evaluated, where that decides: ``(given)``; ``None``: the default one.
        kept: The library's own models whose scores on the original are kept on disk.
        controls: All controls, by their names.
        usual: Those that ``controls=True`` stands for.
        also: Further ones that it stands for under a protocol: ``(protocol)``.
        usual_protocol: The name of the protocol where none is named: ``(records)``.
        scored: The task by whose labels models are scored: ``(task, protocol)``.
        beside_itself: Whether a control stands beside condensations that the same method made.
        read: The task of an original, as it was condensed where nothing else is said: ``(dataset or task, records)``.
        given: Reads what the user calls condensed: ``(condensed)``.
        own_name: What tables call data of the user's own.
        fitted: Data of the user's own, checked and as those of a task are: ``(task, given)``.
        is_whole: Whether what is evaluated is the original itself: ``(task, given)``.
        check: Raises if condensed data do not fit a task, or come from other training data: ``(task, given)``.
        check_models: Raises, before any work, if models cannot be trained here: ``(setting, models, own)``.
        prepare: The task as models and controls take it: ``(task)``.
        on_device: Whether the task is wanted on the device where models are trained.
        training_data: What a model is trained on: ``(setting, model, data, column)``.
        whole_data: The same for the original itself: ``(setting, model)``.
        train: Trains a fresh model and returns its score on the evaluation data: ``(setting, model, training data,
            seed)``.
        carries_own: Whether data have weights or soft labels that count for a model: ``(model, sets)``.
        own_protocol: How a model is trained with these: ``(protocol, candidate)``.
        whole_protocol: How a model is trained on the original: ``(protocol)``.
        random: Whether trainings of a model with two seeds differ: ``(model)``.
        may_refuse: Whether a ``ValueError`` from a model is a note in its row: ``(model)``.
        refusal: Why a model cannot be trained on a candidate; empty if it can: ``(name, model, candidate)``.
        control_size: The size of a control of a condensation, as methods take it: ``(task, given)``.
        condense: How a control is made: ``(method, task)``; it returns a function of a size.
        extent: How large data are: ``(data)``.
        whole_extent: How large the original is: ``(task)``.
        test_labels: Labels of the test items: ``(task)``.
        row: Makes a row: ``(setting, candidate, name of the model, scores by column, note, seconds)``.
        report: Makes the report: ``(rows, setting)``.
    """

    modality: str
    unit: Literal["nodes", "images"] = "nodes"
    protocols: Protocols
    models: Callable[[Sequence[object]], dict[str, Any]]
    default_model: str
    usual_model: Callable[[Sequence[Given]], str] | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    controls: Mapping[str, Control]
    usual: tuple[str, ...]
    also: Callable[[Any], tuple[str, ...]] = lambda protocol: ()
    usual_protocol: Callable[[Sequence[Record]], str] = lambda records: "standard"
    scored: Callable[[Any, Any], Any] = _same
    beside_itself: bool = True
    read: Callable[[object, Sequence[Record]], Any]
    given: Callable[[object], list[Given]]
    own_name: str = "data"
    fitted: Callable[[Any, Given], Given] = _second
    is_whole: Callable[[Any, Sequence[Given]], bool] = lambda task, several: False
    check: Callable[[Any, Sequence[Given]], None]
    check_models: Callable[[Setting, dict[str, Any], Candidate], None]
    prepare: Callable[[Any], Any] = _same
    on_device: bool = True
    training_data: Callable[[Setting, Any, Any, Column], Any]
    whole_data: Callable[[Setting, Any], Any]
    train: Callable[[Setting, Any, Any, int], Any]
    carries_own: Callable[[Any, Sequence[Any]], bool]
    own_protocol: Callable[[Any, Candidate], Any] = _same
    whole_protocol: Callable[[Any], Any] = _same
    random: Callable[[Any], bool] = _always
    may_refuse: Callable[[Any], bool] = _never
    refusal: Callable[[str, Any, Candidate], str] = _no_refusal
    control_size: Callable[[Any, Given], Any]
    condense: Callable[[Any, Any], Callable[[Any], Any]]
    extent: Callable[[Any], Extent]
    whole_extent: Callable[[Any], Extent]
    test_labels: Callable[[Any], Tensor] = _same
    row: Callable[[Setting, Candidate, str, Mapping[Column, list[Any]], str, float], Any] = _row
    report: Callable[[tuple[Any, ...], Setting], Any] = _report


@dataclass(frozen=True, eq=False)
class Asked:
    """What a call of an evaluation asks for, checked before anything is read.

    Args:
        evaluation: That of the modality.
        models: By what tables call them.
        protocol: How they are trained; ``None``: as is usual for what is evaluated.
        controls: Names of the controls, or whether there are the usual ones.
        seed: Of the first training of each condensation.
        device: Where models are trained.
        named: Whether the models were named; else there is the default one.
    """

    evaluation: Evaluation
    models: dict[str, Any]
    protocol: Any
    controls: bool | Sequence[str]
    seed: int
    device: torch.device
    named: bool = True

    @classmethod
    def of(
        cls, evaluation: Evaluation, models: Sequence[object] | None, protocol: object,
        controls: bool | Sequence[str], *, seed: int, device: torch.device,
    ) -> "Asked":  # fmt: skip
        """Return what was asked for by names and values.

        Raises:
            TypeError: an argument of the wrong type.
            ValueError: an unknown name.
        """
        control_names(controls, evaluation.controls, ())
        return cls(
            evaluation, resolve_models(evaluation, models),
            None if protocol is None else resolve_protocol(evaluation, protocol), controls, seed, device,
            models is not None,
        )  # fmt: skip

    def for_given(self, several: Sequence[Given]) -> "Asked":
        """Return the same with the model that is usual for what is evaluated, where none was named."""
        if self.named or self.evaluation.usual_model is None:
            return self
        return replace(self, models=self.evaluation.models((self.evaluation.usual_model(several),)))

    def for_records(self, records: Sequence[Record]) -> "Asked":
        """Return the same with a protocol, and with the names of the controls."""
        known = self.evaluation
        protocol = resolve_protocol(known, known.usual_protocol(records)) if self.protocol is None else self.protocol
        usual = (*known.usual, *known.also(protocol))
        return replace(self, protocol=protocol, controls=control_names(self.controls, known.controls, usual))

    def for_task(self, task: Any) -> "Asked":  # noqa: ANN401 (of any modality)
        """Return the same with the metric of the task, where the protocol has none of its own."""
        if getattr(self.protocol, "metric", "") is not None or not hasattr(task, "metric"):
            return self
        scored = self.evaluation.scored(task, self.protocol)
        return replace(self, protocol=replace(self.protocol, metric=scored.metric))


def resolve_protocol(evaluation: Evaluation, given: object) -> Any:  # noqa: ANN401 (a protocol of any modality)
    """Return the protocol of a name or a text, or the given one; see :meth:`Protocols.resolve`."""
    return evaluation.protocols.resolve(given)


def resolve_models(evaluation: Evaluation, models: Sequence[object] | None) -> dict[str, Any]:
    """Return downstream models by what tables call them; ``None`` is the default one.

    Raises:
        TypeError: they are not in a sequence, or one cannot be a model.
        ValueError: there is none, or there is no model of a name.
    """
    if models is None:
        return evaluation.models((evaluation.default_model,))
    if isinstance(models, str) or not isinstance(models, Iterable):
        raise TypeError(f"models must be a sequence of names or models, got {models!r}; pass ({models!r},)")
    given = tuple(models)
    if not given:
        raise ValueError(f"models must name at least one downstream model, such as {evaluation.default_model!r}")
    return evaluation.models(given)


def evaluate(
    asked: Asked, condensed: object, dataset: object, progress: ProgressCallback,
    with_metric: Callable[[Any, object], Any] = _same,
) -> Any:  # noqa: ANN401 (a report of any modality)  # fmt: skip
    """Return the report of condensations of a dataset; see :func:`graphcond.evaluate`.

    Args:
        asked: Models, protocol and controls.
        condensed: As the user gives it.
        dataset: The original, or its task.
        progress: Is told after each training.
        with_metric: Returns the task of a dataset with the metric by which the dataset is evaluated.

    Raises:
        ValueError: the condensations do not fit the task.
    """
    _check_modality(asked.evaluation.modality, condensed)
    several = asked.evaluation.given(condensed)
    asked = asked.for_given(several).for_records(records_of(several))
    task = with_metric(asked.evaluation.read(dataset, records_of(several)), dataset)
    setting, own = begin(asked.for_task(task), several, task)
    made = () if asked.evaluation.beside_itself else [record.method for record in records_of(several)]
    names: Sequence[str] = asked.controls if not isinstance(asked.controls, bool) else ()
    controls = {name: asked.evaluation.controls[name] for name in names if name not in made}
    beside = [one.candidate(name, setting, several) for name, one in controls.items() if one != own.source]
    rows = rows_of(setting, [own, *beside], asked.models, progress)
    return asked.evaluation.report(tuple(rows), setting)


def _check_modality(modality: str, condensed: object) -> None:
    for one in condensed if isinstance(condensed, list | tuple) else [condensed]:
        held = getattr(one, "modality", modality)
        if held != modality:
            raise ValueError(
                f"condensed holds {held}, but the dataset is of {modality}; pass the set that was condensed"
            )


def begin(asked: Asked, several: Sequence[Given], task: Any) -> tuple[Setting, Candidate]:  # noqa: ANN401
    """Return what all rows share, and what is evaluated, once that is known to fit.

    Raises:
        ValueError: it does not fit the task, or a model cannot be trained here.
    """
    evaluation = asked.evaluation
    several = [evaluation.fitted(task, one) for one in several]
    evaluation.check(task, several)
    ready = evaluation.prepare(task)
    moved = ready.to(asked.device) if evaluation.on_device else ready
    setting = Setting(evaluation, moved, asked.protocol, asked.seed, asked.device)
    records, sets = records_of(several), tuple(one.data for one in several)
    check_alike(records)
    if evaluation.is_whole(task, several):
        own = Candidate(WHOLE, Whole())
    else:
        name = records[0].method if records else evaluation.own_name
        own = Candidate(name, CondensedData(), sets, **costs_of(records), depth=_depth(several))
    evaluation.check_models(setting, asked.models, own)
    return setting, own


def _depth(several: Sequence[Given]) -> int | None:
    """Return the least depth of the computation trees of several condensations; ``None``: none holds trees."""
    return min((one.depth for one in several if one.depth is not None), default=None)


def rows_of(
    setting: Setting, candidates: Sequence[Candidate], models: dict[str, Any], progress: ProgressCallback
) -> list[Any]:
    """Return the row of each training set under each model, and those of models that a set brings along."""
    shared = [one for one in candidates if one.model is None]
    plan = [(candidate, name, model) for name, model in models.items() for candidate in shared]
    plan += [(one, *one.model) for one in candidates if one.model is not None and one.model[0] not in models]
    total = sum(len(_trainings(setting, *one)) for one in plan)
    rows, planned = [], 0
    for candidate, name, model in plan:
        # Not kept from the count above: the data that trainings share would stay until the last row.
        trainings = _trainings(setting, candidate, name, model)
        columns: dict[Column, list[Any]] = {"plain": [], "own": []}
        start = time.perf_counter()
        note = candidate.note or setting.evaluation.refusal(name, model, candidate)
        try:
            for i, training in enumerate(trainings):
                columns[training.column].append(training.score())
                progress(Progress(planned + i + 1, total, f"{candidate.name} / {name}"))
        except ValueError as reason:
            if not setting.evaluation.may_refuse(model):
                raise
            note = not_possible(reason)
            columns = {"plain": [], "own": []}  # parts of them would not pair
        planned += len(trainings)
        seconds = time.perf_counter() - start
        rows.append(setting.evaluation.row(setting, candidate, name, columns, note, seconds))
    return rows


def _trainings(setting: Setting, candidate: Candidate, name: str, model: Any) -> list[OneTraining]:  # noqa: ANN401
    if candidate.note or setting.evaluation.refusal(name, model, candidate):
        return []
    return candidate.source.trainings(setting, candidate, model)
