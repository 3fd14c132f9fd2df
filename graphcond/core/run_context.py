"""Under what a method works, whatever it condenses: the user's ``Run``, resolved for one call."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import torch
from torch import Tensor

from graphcond.core.method import Method
from graphcond.core.ranges import first_not_finite
from graphcond.core.record import library_versions, stopping
from graphcond.core.run import Run
from graphcond.core.runtime.checkpoint import THREADS, Checkpoint, check_checkpoint
from graphcond.core.runtime.out_of_core import TensorStorage, in_memory
from graphcond.core.runtime.processes import Processes
from graphcond.core.runtime.progress import ProgressCallback, ignore_progress, resolve_progress

logger = logging.getLogger(__name__)


class OutOfTime(Exception):  # noqa: N818 (no error: the method gives what it has)
    """Ends long work that comes before the steps of a method, such as the training of experts."""


@dataclass(frozen=True)
class RunContext:
    """Under what a method works: the user's :class:`graphcond.Run`, resolved.

    Args:
        progress: Callback that is called after the steps of long work.
        checkpoint: Where the state of long work is kept; ``None``: nowhere.
        max_seconds: Time limit of long work, which then gives the best that it has; ``None``: no limit.
        identity: What a checkpoint of this run is recognised by.
        device: Where to compute; tensors that a task brings along are there already.
        storage: Makes large tensors that are needed again and again, in memory or on disk.
        began: The reading of ``time.monotonic`` from which seconds count.
        rates: The learning rates among the method's settings, by name: what to lower where a run diverges.
        max_bytes: The most bytes of the result, where they are what was asked for and the size says something else,
            such as a number of nodes; ``None``: no limit.
    """

    progress: ProgressCallback = ignore_progress
    checkpoint: Checkpoint | None = None
    max_seconds: float | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    storage: TensorStorage = in_memory
    began: float = field(default_factory=lambda: monotonic())
    rates: Mapping[str, float | None] = field(default_factory=dict)
    max_bytes: int | None = None

    @property
    def allows_long_work(self) -> bool:
        """Whether work was asked for that takes long: up to some time, or to be stopped and resumed."""
        return self.max_seconds is not None or self.checkpoint is not None

    def seconds(self) -> float:
        """Return the seconds since it began."""
        return monotonic() - self.began

    def out_of_time(self, reserve: float = 0.0) -> bool:
        """Return whether the time is over, but for what is left to be done; every loop of long work asks after a step.

        Where several processes share the run, all have to ask alike, and get the same answer.

        Args:
            reserve: Seconds that are needed after the loop.
        """
        if self.max_seconds is None:
            return False
        return Processes.current().agree(self.seconds() + reserve >= self.max_seconds)

    def time_over(self, where: str) -> str:
        """Return the words that say where a method stopped because the time was over, for the record."""
        return f"{where}: max_seconds={self.max_seconds:g} was over"


@dataclass(frozen=True)
class Call:
    """One call of ``condense``: its arguments that no method sees.

    Args:
        run: How it runs.
        seed: Of everything random.
        device: Where to compute.
        processes: Those that share the call.
        began: The reading of ``time.monotonic`` from which ``max_seconds`` count.
    """

    run: Run
    seed: int
    device: torch.device
    processes: Processes = field(default_factory=Processes.current)
    began: float = field(default_factory=lambda: monotonic())

    def check(self, method: Method, name: str) -> None:
        """Raise if the run is not for this method, of this name, or its checkpoint cannot be written."""
        for argument in ("checkpoint", "max_seconds"):
            if getattr(self.run, argument) is not None and not method.resumable:
                raise ValueError(
                    f"Run({argument}=...) is for methods that work in steps, and {name!r} does not; leave it out"
                )
        if self.run.checkpoint is not None and self.processes.count == 1:
            check_checkpoint(self.run.checkpoint)

    def context(self, method: Method, identity: Callable[[], dict[str, str]]) -> RunContext:
        """Return what the method works under.

        Args:
            method: The method.
            identity: Returns what the call is, beside its run: a checkpoint is recognised by it, and several processes
                have to agree on it.

        Raises:
            ValueError: another process was given something else.
        """
        run, several = self.run, self.processes.count > 1
        known = self._known(identity()) if several or run.checkpoint is not None else {}
        if several:
            known["processes"] = str(self.processes.count)
            given = "none" if run.checkpoint is None else "given"  # by a path that may differ between machines
            self.processes.require_same(known | {"max_seconds": str(run.max_seconds), "checkpoint": given})
            if (path := run.checkpoint) is not None:  # only now is it sure that all have one to wait for
                self.processes.first(lambda: check_checkpoint(path))
        checkpoint = run.checkpoint
        if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
            checkpoint = Checkpoint(checkpoint)
        return RunContext(
            progress=resolve_progress(run.progress if self.processes.rank == 0 else None),
            checkpoint=checkpoint,
            max_seconds=run.max_seconds,
            identity=known if checkpoint is not None else {},
            device=self.device,
            began=self.began,
            rates=rates_of(method),
        )

    def notes(self, name: str, choices: Mapping[str, Any]) -> tuple[str, ...]:
        """Return, and log, what there is to say of a method, of this name, that left steps undone."""
        stopped = stopping(choices)
        if stopped is None:
            return ()
        note = f"{name} stopped {stopped}"
        if "max_seconds" in stopped:
            checkpoint = self.run.checkpoint
            path = checkpoint.path if isinstance(checkpoint, Checkpoint) else checkpoint
            note += (
                "; give Run(checkpoint=...) to go on later" if path is None else f"; the same call goes on from {path}"
            )
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


def require_finite(method: str, values: Mapping[str, Tensor | None]) -> None:
    """Raise if something that a method made is not finite, before anybody takes it for data.

    Args:
        method: The name of the method.
        values: What it made, by name.

    Raises:
        ValueError: the message names it.
    """
    if (name := first_not_finite(values)) is not None:
        raise ValueError(
            f"{method} made {name} that are not finite: numbers of this size overflow; scale the data, for "
            "example to a mean square of 1"
        )


def settings_of(method: object) -> dict[str, Any]:
    """Return a method's fields, values of classes as the expression that makes them."""
    values = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}  # type: ignore[arg-type]
    plain = (bool, int, float, str, type(None))
    return {name: value if isinstance(value, plain) else repr(value) for name, value in values.items()}
