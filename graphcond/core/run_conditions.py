"""Under which conditions a method runs, whatever it condenses."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from torch import Tensor

from graphcond.core.fields import is_number
from graphcond.core.method import Method
from graphcond.core.ranges import first_not_finite
from graphcond.core.record import library_versions, stopping
from graphcond.core.run import Run
from graphcond.core.runtime.checkpoint import THREADS, Checkpoint, check_checkpoint
from graphcond.core.runtime.processes import Processes
from graphcond.core.runtime.progress import ProgressCallback, resolve_progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conditions:
    """The conditions of one call of ``condense``; the arguments are explained there.

    ``memory`` is in bytes; ``processes`` are those that share the call, and it ``began`` at that reading of
    ``time.monotonic``, from which ``max_seconds`` count.
    """

    seed: int
    device: torch.device
    progress: ProgressCallback | bool | None
    checkpoint: str | Path | Checkpoint | None
    max_seconds: float | None
    memory: int | None = None
    processes: Processes = field(default_factory=Processes.current)
    began: float = field(default_factory=lambda: monotonic())

    def __post_init__(self) -> None:
        """Check the callback."""
        resolve_progress(self.progress)

    def check(self, method: Method) -> None:
        """Raise if a condition has an unusable value or is not for this method."""
        for name, value in (("checkpoint", self.checkpoint), ("max_seconds", self.max_seconds)):
            if value is not None and not method.stepwise:
                raise ValueError(
                    f"{name} is for methods that work in steps, and {method.label!r} does not; leave it out"
                )
        if self.checkpoint is not None and not isinstance(self.checkpoint, str | Path | Checkpoint):
            raise TypeError(f"checkpoint must be a path or a Checkpoint, got {type(self.checkpoint).__name__}")
        if self.checkpoint is not None and self.processes.count == 1:
            check_checkpoint(self.checkpoint)
        limit = self.max_seconds
        if limit is not None and not is_number(limit):
            raise TypeError(f"max_seconds must be a number of seconds, got {limit!r}")
        if limit is not None and not limit > 0:
            raise ValueError(f"max_seconds must be positive, got {limit!r}")

    def run(self, method: Method, identity: Callable[[], dict[str, str]]) -> Run:
        """Return the run of a method.

        Args:
            method: The method.
            identity: Returns what the call is, beside the conditions: a checkpoint is recognised by it, and several
                processes have to agree on it.

        Raises:
            ValueError: another process was given something else.
        """
        several = self.processes.count > 1
        known = self._known(identity()) if several or self.checkpoint is not None else {}
        if several:
            known["processes"] = str(self.processes.count)
            given = "none" if self.checkpoint is None else "given"  # by a path that may differ between machines
            self.processes.require_same(known | {"max_seconds": str(self.max_seconds), "checkpoint": given})
            if (path := self.checkpoint) is not None:  # only now is it sure that all have one to wait for
                self.processes.first(lambda: check_checkpoint(path))
        progress = resolve_progress(self.progress if self.processes.rank == 0 else None)
        checkpoint = self.checkpoint
        if isinstance(checkpoint, str | Path):
            checkpoint = Checkpoint(checkpoint)
        return Run(
            progress, checkpoint, None if self.max_seconds is None else float(self.max_seconds),
            known if checkpoint is not None else {}, self.device, began=self.began, rates=rates_of(method),
        )  # fmt: skip

    def notes(self, method: Method, choices: Mapping[str, Any]) -> tuple[str, ...]:
        """Return, and log, what there is to say of a method that left steps undone."""
        stopped = stopping(choices)
        if stopped is None:
            return ()
        note = f"{method.label} stopped {stopped}"
        if "max_seconds" in stopped:
            path = self.checkpoint.path if isinstance(self.checkpoint, Checkpoint) else self.checkpoint
            note += "; give checkpoint= to go on later" if path is None else f"; the same call goes on from {path}"
        logger.warning(f"{note}.")
        return (f"{note}.",)

    def _known(self, identity: dict[str, str]) -> dict[str, str]:
        versions = library_versions()
        return identity | {
            "seed": str(self.seed),
            "device": self.device.type,
            THREADS: str(torch.get_num_threads()),  # sums come out differently with another number
            "graphcond": versions["graphcond"],
            "torch": versions["torch"],
        }


def rates_of(settings: Any) -> dict[str, float | None]:  # noqa: ANN401 (any dataclass)
    """Return the learning rates among a method's settings, by name, those of settings within settings included."""
    found: dict[str, float | None] = {}
    for part in dataclasses.fields(settings):
        value = getattr(settings, part.name)
        if dataclasses.is_dataclass(value):
            found |= {f"{part.name}.{name}": rate for name, rate in rates_of(value).items()}
        elif part.name.endswith("rate"):
            found[part.name] = value
    return found


def require_finite(method: Method, values: Mapping[str, Tensor | None]) -> None:
    """Raise if something that a method made is not finite, before anybody takes it for data.

    Args:
        method: The method.
        values: What it made, by name.

    Raises:
        ValueError: the message names it.
    """
    if (name := first_not_finite(values)) is not None:
        raise ValueError(
            f"{method.label} made {name} that are not finite: numbers of this size overflow; scale the data, for "
            "example to a mean square of 1"
        )


def settings_of(method: object) -> dict[str, Any]:
    """Return a method's fields, values of classes as the expression that makes them."""
    values = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}  # type: ignore[arg-type]
    plain = (bool, int, float, str, type(None))
    return {name: value if isinstance(value, plain) else repr(value) for name, value in values.items()}
