"""The HTML report of a condensed dataset of any modality: what became of what, at what cost, and what it is worth."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from graphcond.core.evaluation.evaluation import Evaluation
from graphcond.core.evaluation.protocols import TrainingProtocol
from graphcond.core.evaluation.provenance import check_same_training_data
from graphcond.core.evaluation.report import RowsReport
from graphcond.core.inputs import materialized
from graphcond.core.record import Record
from graphcond.core.reporting.figures import ClassNames, Illustration
from graphcond.core.reporting.overview import page
from graphcond.core.reporting.page import Page, check_libraries
from graphcond.core.runtime.files import check_target
from graphcond.core.runtime.precision import in_float32
from graphcond.datasets.metric import with_own_metric
from graphcond.evaluation.evaluate import evaluate
from graphcond.evaluation.evaluations import evaluation_of
from graphcond.graphs.illustration import GRAPH_ILLUSTRATION
from graphcond.hetero.illustration import HETERO_ILLUSTRATION
from graphcond.images.illustration import IMAGE_ILLUSTRATION
from graphcond.nodes.illustration import NODE_ILLUSTRATION

OWN = {one.modality: one for one in (NODE_ILLUSTRATION, HETERO_ILLUSTRATION, GRAPH_ILLUSTRATION, IMAGE_ILLUSTRATION)}


def illustration_of(modality: str) -> Illustration:
    """Return what a report shows of a modality."""
    if modality == "interactions":
        from recsys.illustration import USER_ILLUSTRATION  # it stands on this package

        return USER_ILLUSTRATION
    return OWN[modality]


def check_installed(modality: str) -> None:
    """Raise ``ImportError`` if a report could not be drawn: to be called before anything is trained."""
    check_libraries()
    illustration_of(modality).needs()


def check_evaluation(evaluation: RowsReport[Any], record: Record) -> None:
    """Raise ``ValueError`` if an evaluation is not of a condensed dataset, as far as both can tell.

    The seconds that a condensation took are its own; those of several are a mean.
    """
    best, first = evaluation.best, evaluation.scores().first
    several = getattr(best, "condensations", first.runs) > 1
    if best.data != record.method or not (several or math.isclose(first.seconds, record.seconds)):
        raise ValueError(
            f"evaluation is of another condensation ({best.data!r} on {evaluation.dataset!r}) than this one "
            f"({record.method!r}); pass what evaluate(small, dataset) returned for the small that the report is of"
        )


@in_float32()
def report(
    condensed: Any,  # noqa: ANN401 (a condensed dataset, or condensed interactions)
    dataset: object,
    path: str | Path | None = None,
    *,
    evaluation: RowsReport[Any] | Literal[False] | None = None,
    models: Sequence[object] | None = None,
    protocol: str | TrainingProtocol | None = None,
    controls: bool | Sequence[str] = True,
    overwrite: bool = False,
) -> Page:
    """Return the report of a condensed dataset; see :meth:`graphcond.CondensedDataset.report`.

    Raises what that says.
    """
    illustration = illustration_of(condensed.modality)
    check_installed(condensed.modality)
    if path is not None:
        check_target(path, overwrite=overwrite)
    given = evaluation is not None
    if given and not (evaluation is False or isinstance(evaluation, RowsReport)):
        raise TypeError(
            f"evaluation must be what graphcond.evaluate returns, False (none) or None (made here), got {evaluation!r}"
        )
    if given and (models is not None or protocol is not None or controls is not True):
        raise ValueError("models, protocol and controls are for an evaluation that is made here; leave evaluation= out")
    dataset = materialized(dataset)
    column = evaluation_of(condensed.modality)
    task = with_own_metric(column.read(dataset, [condensed.record]), dataset)
    check_same_training_data([condensed.record], task.fingerprint())
    if isinstance(evaluation, RowsReport):
        check_evaluation(evaluation, condensed.record)
    found = evaluation if given else evaluate(condensed, task, models, protocol=protocol, controls=controls)
    made = page(
        condensed.record, condensed.described(), condensed.nbytes, _whole_bytes(column, task, found),
        illustration.counted, None if found is False or found is None else found.scores(),
        illustration.sections(condensed, task, ClassNames.of(dataset)),
    )  # fmt: skip
    if path is not None:
        made.save(path, overwrite=overwrite)
    return made


def _whole_bytes(column: Evaluation, task: Any, found: Any) -> int:  # noqa: ANN401 (of any modality)
    rows = [] if found is False or found is None else [row for row in found.rows if row.data == "whole" and row.bytes]
    return int(rows[0].bytes if rows else column.whole_extent(task).bytes)
