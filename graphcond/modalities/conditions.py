"""Under which conditions a method runs, whatever it condenses."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from graphcond.core.checkpoint import Checkpoint, check_checkpoint
from graphcond.core.processes import Processes
from graphcond.core.progress import ProgressCallback, ignore_progress
from graphcond.core.run import Run
from graphcond.methods.method import Method
from graphcond.record import library_versions


@dataclass(frozen=True)
class Conditions:
    """The conditions of one call of ``condense``; the arguments are explained there.

    ``memory`` is in bytes; ``processes`` are those that share the call.
    """

    seed: int
    device: torch.device
    progress: ProgressCallback
    checkpoint: str | Path | Checkpoint | None
    max_seconds: float | None
    memory: int | None = None
    processes: Processes = field(default_factory=Processes.current)

    def check(self, method: Method) -> None:
        """Raise if a condition has an unusable value or is not for this method."""
        for name, value in (("checkpoint", self.checkpoint), ("max_seconds", self.max_seconds)):
            if value is not None and not method.stepwise:
                raise ValueError(
                    f"{name} is for methods that work in steps, and {method.label!r} does not; leave it out"
                )
        if self.checkpoint is not None and not isinstance(self.checkpoint, str | Path | Checkpoint):
            raise TypeError(f"checkpoint must be a path or a Checkpoint, got {type(self.checkpoint).__name__}")
        if (checkpoint := self.checkpoint) is not None:
            self.processes.first(lambda: check_checkpoint(checkpoint))
        limit = self.max_seconds
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float)):
            raise TypeError(f"max_seconds must be a number of seconds, got {limit!r}")
        if limit is not None and not limit > 0:
            raise ValueError(f"max_seconds must be positive, got {limit!r}")

    def run(self, identity: Callable[[], dict[str, str]]) -> Run:
        """Return the run of a method.

        Args:
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
        progress = self.progress if self.processes.rank == 0 else ignore_progress
        checkpoint = self.checkpoint
        if checkpoint is None:
            return Run(progress, None, self.max_seconds, {}, self.device)
        if not isinstance(checkpoint, Checkpoint):
            checkpoint = Checkpoint(checkpoint)
        return Run(progress, checkpoint, self.max_seconds, known, self.device)

    def _known(self, identity: dict[str, str]) -> dict[str, str]:
        versions = library_versions()
        return identity | {
            "seed": str(self.seed),
            "device": self.device.type,
            "graphcond": versions["graphcond"],
            "torch": versions["torch"],
        }


def settings_of(method: object) -> dict[str, Any]:
    """Return a method's fields, values of classes as the expression that makes them."""
    values = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}  # type: ignore[arg-type]
    plain = (bool, int, float, str, type(None))
    return {name: value if isinstance(value, plain) else repr(value) for name, value in values.items()}
