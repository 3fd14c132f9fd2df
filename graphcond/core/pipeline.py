"""The way from a dataset to a condensed one, the same for every modality."""

import logging
from dataclasses import replace
from typing import Any

from graphcond.core.method import Method
from graphcond.core.modality import Modality, Result
from graphcond.core.record import Record
from graphcond.core.run import check_run
from graphcond.core.run_context import Call, require_finite, settings_of
from graphcond.core.runtime.costs import measured
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.randomness import check_seed, seeded
from graphcond.core.size import Size, asked_size, check_kind

logger = logging.getLogger(__name__)


def condense(
    modality: Modality, dataset: object, *, ratio: object, size: object, method: object, seed: object, device: object,
    run: object,
) -> Any:  # noqa: ANN401 (what the modality makes)  # fmt: skip
    """Return a dataset condensed by a method; all arguments are checked before the dataset is read.

    Args:
        modality: What kind of dataset it is.
        dataset: The dataset, or a task of it.
        ratio: As :func:`graphcond.condense` takes it, and so are all others.
        size: Likewise.
        method: Likewise.
        seed: Likewise.
        device: Likewise.
        run: Likewise.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument that makes no sense, the task cannot give so much, or the method made what is not
            finite.
    """
    call = Call(check_run(run), check_seed(seed), resolve_device(device))  # type: ignore[arg-type]  # checked there
    resolved = modality.methods.resolve(method)
    call.check(resolved, modality.methods.name_of(resolved))
    asked = asked_size(ratio, size, needed=resolved.sized)
    check_kind(asked, modality.sizes, modality.described)
    modality.check_size(asked, resolved)
    modality.check_memory(call.run.memory)
    task = modality.task_of(dataset)
    if (targets := getattr(task, "targets", None)) is not None:
        modality.methods.check_targets(resolved, targets)
    task = modality.for_size(modality.for_method(task, resolved), asked, resolved)
    return condense_task(modality, task, asked, resolved, call)


def condense_task(modality: Modality, task: Any, asked: Size, method: Method, call: Call) -> Any:  # noqa: ANN401
    """Return a task condensed by a method.

    Args:
        modality: What kind of dataset it is.
        task: The validated dataset, as the method needs it.
        asked: The size.
        method: A method of the modality, which ``call.check`` has seen.
        call: Seed, device and the like.

    Raises:
        ValueError: the task cannot give so much, or the method made what is not finite.
    """
    requested, name = modality.request(asked, task, method), modality.methods.name_of(method)
    for note in task.notes:
        logger.warning(note)

    def identity() -> dict[str, str]:
        return {
            "method": repr(method),
            "source": task.fingerprint(),
            **getattr(getattr(task, "targets", None), "source", {}),
            **modality.validation(task),
            **requested.identity,
        }

    context = call.context(method, identity)
    with (
        modality.storage(method, task, call.run.memory_limit) as storage,
        measured(call.device) as costs,
        seeded(call.seed),
    ):
        given = modality.prepare(task, method, call.device)
        context = replace(context, storage=storage, max_bytes=requested.max_bytes)
        result: Result = method.condense(given, requested.size, context)  # type: ignore[attr-defined]
    delivered = modality.deliver(result, task, requested, method)
    for tensors in delivered.tensors:
        require_finite(name, tensors)
    stopped = call.notes(name, result.choices)
    for note in delivered.notes:
        logger.warning(note)
    record = Record(
        method=name,
        settings=settings_of(method),
        choices=result.choices,
        seed=call.seed,
        device=str(call.device),
        processes=call.processes.count,
        source={"modality": modality.name, **modality.source(task)},
        budget={"asked": {"size": str(asked)}} | requested.budget | {"spent": delivered.spent},
        seconds=costs.seconds,
        peak_memory=costs.peak_memory,
        notes=(*task.notes, *stopped, *delivered.notes),
    )
    return modality.condensed(delivered.items, record, result.members, task)
