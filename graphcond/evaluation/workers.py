"""Where the condensations of a benchmark run."""

from dataclasses import dataclass
from pathlib import Path

from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.parallel import Engine, check_engine
from graphcond.core.runtime.progress import ProgressCallback, resolve_progress
from graphcond.core.words import answers


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Where the condensations of a benchmark run, and who is told.

    Args:
        number: How many condensations are under way at a time (:func:`graphcond.core.runtime.parallel.outcomes`).
        engine: ``"local"``, ``"ray"``, or ``"auto"``: Ray if it is installed and there are several workers.
        threads: Of each of them, whatever their number: sums come out differently with another one.
        device: Where to compute. On Ray, a task of ``"cuda"`` takes one GPU.
        root: Folder of raw data.
        progress: As :class:`graphcond.Run` has it; told after each condensation.

    Raises:
        TypeError: ``progress`` is no function.
        ValueError: a number that is not positive, or an unknown engine or device.
        ImportError: Ray was asked for and is not installed.
    """

    number: int = 1
    engine: Engine = "auto"
    threads: int = 1
    device: str = "cpu"
    root: str | Path | None = None
    progress: ProgressCallback | bool | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        check_engine(self.engine, self.number, self.threads)
        resolve_device(self.device)
        resolve_progress(self.progress)


WORDS = {"verbose": "progress={}", **dict.fromkeys(("n", "n_jobs", "workers"), "number={}")}
Workers.__init__ = answers(WORDS, "Workers")(Workers.__init__)  # type: ignore[method-assign]
