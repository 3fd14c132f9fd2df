"""The way from a dataset to a condensed one, the same for every modality."""

import logging
from dataclasses import dataclass, replace
from typing import Any

from graphcond.core.members import Members
from graphcond.core.method import Method
from graphcond.core.modality import Modality, Result, Task
from graphcond.core.record import Record
from graphcond.core.run_conditions import Conditions, require_finite, settings_of
from graphcond.core.runtime.costs import measured
from graphcond.core.runtime.randomness import seeded

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Condensed:
    """Condensed data, the record of how they were made, and which originals stand for them."""

    items: Any
    record: Record
    members: Members | None


def condense(modality: Modality, task: Task, asked: object, method: Method, conditions: Conditions) -> Condensed:
    """Return a task condensed by a method.

    Args:
        modality: What kind of dataset it is.
        task: The validated dataset.
        asked: Its size, as ``modality.request`` takes it.
        method: A method of the modality, which ``conditions.check`` has seen.
        conditions: Seed, device and the like.

    Raises:
        ValueError: the task cannot give so much, or the method made what is not finite.
    """
    requested = modality.request(asked, task, method)
    for note in task.notes:
        logger.warning(note)

    def identity() -> dict[str, str]:
        return {
            "method": repr(method),
            "source": task.fingerprint(),
            **modality.validation(task),
            **requested.identity,
        }

    run = conditions.run(method, identity)
    with (
        modality.place(method, task, conditions.memory) as place,
        measured(conditions.device) as costs,
        seeded(conditions.seed),
    ):
        given = modality.prepare(task, method, conditions.device)
        result: Result = method.condense(given, requested.size, replace(run, place=place))  # type: ignore[attr-defined]
    delivered = modality.deliver(result, task, requested, method)
    for tensors in delivered.tensors:
        require_finite(method, tensors)
    stopped = conditions.notes(method, result.choices)
    for note in delivered.notes:
        logger.warning(note)
    record = Record(
        method=method.label,
        settings=settings_of(method),
        choices=result.choices,
        seed=conditions.seed,
        device=str(conditions.device),
        processes=conditions.processes.count,
        source=modality.source(task),
        budget=requested.budget | {"spent": delivered.spent},
        seconds=costs.seconds,
        peak_memory=costs.peak_memory,
        notes=(*task.notes, *stopped, *delivered.notes),
    )
    return Condensed(delivered.items, record, result.members)
