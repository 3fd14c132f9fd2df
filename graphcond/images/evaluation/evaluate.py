"""Train on a condensed set of images, judge on the original, with controls beside it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from graphcond.core.evaluation.candidates import Candidate, Rules
from graphcond.core.evaluation.columns import Column, Columns, Score, part_of
from graphcond.core.evaluation.metrics import metric_label, resolve_metric
from graphcond.core.evaluation.report import Report, Row
from graphcond.core.evaluation.score_cache import cached_score, identity
from graphcond.core.runtime.progress import Progress, ProgressCallback
from graphcond.images.evaluation.candidates import OneSet, own_candidate
from graphcond.images.evaluation.controls import image_control
from graphcond.images.evaluation.models import IMAGE_MODELS, ImageModel, KernelRegression, check_models
from graphcond.images.evaluation.protocol import ImageProtocol
from graphcond.images.evaluation.training import ImageExams, ImageLesson, lesson_of, train_images
from graphcond.images.reading import read_images
from graphcond.images.task import ImageTask

Plan = Sequence[tuple[Candidate, Rules[ImageProtocol]]]


def evaluate_images(
    several: Sequence[OneSet], dataset: object, kinds: dict[str, ImageModel], rules: Rules[ImageProtocol],
    controls: Sequence[str], *, progress: ProgressCallback,
) -> Report:  # fmt: skip
    """Return the report of condensed sets of images; see :func:`graphcond.evaluate`."""
    task = read_for_judging(dataset, kinds, rules)
    own = own_candidate(several, task)
    candidates = [own, *(image_control(name, own, task) for name in controls)]
    rows = judged([(candidate, rules) for candidate in candidates], kinds, task, progress)
    return Report(tuple(rows), task.name, rules.protocol.name, metric_label(rules.metric), unit="images")


def read_for_judging(dataset: object, kinds: dict[str, ImageModel], rules: Rules[ImageProtocol]) -> ImageTask:
    """Return the task of a dataset, after checking that models and metric suit it and that it has a test part."""
    task = read_images(dataset)
    if not len(task.test):
        raise ValueError(
            f"{task.name} has no test part; evaluation needs test images: give ImageDataset(train, test=(x, y))"
        )
    resolve_metric(rules.metric, task.num_classes)
    check_models(kinds, task.shape, task.num_classes)
    return task.to(rules.device)


def judged(plan: Plan, kinds: dict[str, ImageModel], task: ImageTask, progress: ProgressCallback) -> list[Row]:
    """Return the row of each candidate under each model, each candidate by its own rules."""
    total = sum(_trainings(candidate, kind, rules) for kind in kinds.values() for candidate, rules in plan)
    done, rows = 0, []
    for model, kind in kinds.items():
        for candidate, rules in plan:
            start, note = time.perf_counter(), candidate.note
            scores: dict[Column, list[Score]] = {column: [] for column in _columns(candidate)}
            try:
                for column, kept in scores.items():
                    for score in _scores(candidate, kind, task, rules, column):
                        kept.append(score)
                        trained = done + sum(map(len, scores.values()))
                        progress(Progress(trained, total, f"{candidate.name} / {model}"))
            except ValueError as reason:
                if not isinstance(kind, KernelRegression):
                    raise
                note = f"not possible: {reason}".split(";")[0]
            done += _trainings(candidate, kind, rules)
            columns = Columns(scores["plain"], scores.get("own", ()))
            metric = resolve_metric(rules.metric, task.num_classes)
            row = _row(candidate, model, columns, note, time.perf_counter() - start, task)
            rows.append(replace(row, test=part_of(task.test.y, metric)))
    return rows


def _columns(candidate: Candidate) -> tuple[Column, ...]:
    """Return the columns of a row: one, unless a set carries soft labels, outputs or a learning rate of its own."""
    own = any(name in data for data in candidate.sets for name in ("y_soft", "target", "learning_rate"))
    return ("plain", "own") if own else ("plain",)


def _trainings(candidate: Candidate, kind: ImageModel, rules: Rules[ImageProtocol]) -> int:
    sets = (1 if candidate.name == "whole" else len(candidate.sets)) * len(_columns(candidate))
    return sets * (1 if isinstance(kind, KernelRegression) else rules.runs)


def _scores(
    candidate: Candidate, kind: ImageModel, task: ImageTask, rules: Rules[ImageProtocol], column: Column
) -> Iterator[Score]:
    metric, protocol = resolve_metric(rules.metric, task.num_classes), rules.protocol
    exams = ImageExams(task.val, task.test, metric, task.num_classes)
    lessons = [lesson_of(data, column, task.scale, rules.device) for data in candidate.sets]
    if candidate.name == "whole":
        lessons, protocol = [_whole(task)], replace(protocol, epochs=protocol.whole_epochs)
    for lesson in lessons:
        if isinstance(kind, KernelRegression):
            yield kind.judge(lesson, exams)
            continue
        for seed in rules.seeds:
            train = partial(train_images, kind, lesson, exams, protocol, seed)
            if candidate.name != "whole":
                yield train()
                continue
            own = next((name for name, one in IMAGE_MODELS.items() if one is kind), None)
            known = identity(task, own, protocol, rules.metric, seed, rules.device)
            yield cached_score(known, task.test.y, train)


def _whole(task: ImageTask) -> ImageLesson:
    return ImageLesson(task.train.x, task.train.y, task.scale)


def _row(candidate: Candidate, model: str, columns: Columns, note: str, seconds: float, task: ImageTask) -> Row:
    images = len(candidate.sets[0].y) if candidate.sets else 0
    return Row(
        data=candidate.name, model=model, **columns.fields(), condensations=max(len(candidate.sets), 1),
        nodes=len(task.train) if candidate.name == "whole" else images, edges=0, bytes=candidate.bytes,
        condense_seconds=candidate.seconds, train_seconds=columns.train_seconds(seconds),
        peak_memory=candidate.peak_memory, note=note,
    )  # fmt: skip
