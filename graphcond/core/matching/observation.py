"""How real data are observed: batch by batch, in shards, by several processes, and once where nothing changes."""

from typing import Any, Protocol

from graphcond.core.matching.augment import Change
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.base import Objective
from graphcond.core.matching.surrogate import Weights
from graphcond.core.runtime.processes import Processes


class Source(Protocol):
    """Real data, batch by batch."""

    @property
    def constant(self) -> bool:
        """Whether all batches are the same."""
        ...

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step."""
        ...


class Observation:
    """What an objective observes of a source, step by step.

    Args:
        objective: The objective.
        surrogate: How data are seen.
        source: Real data.
        rows_at_once: Real data are observed in shards of at most this many rows, whose statistics are added; ``None``:
            all at once.
        processes: Who shares the rows of a batch.
    """

    def __init__(
        self,
        objective: Objective[Any, Any],
        surrogate: Any,  # noqa: ANN401 (whatever the objective sees through)
        source: Source,
        rows_at_once: int | None,
        processes: Processes,
    ) -> None:
        self._objective = objective
        self._surrogate = surrogate
        self._source = source
        self._rows_at_once = rows_at_once
        self._processes = processes
        self._remembered: dict[int, Any] = {}
        self._shared: tuple[Batch, Batch] | None = None

    def __call__(self, step: int, weights: Weights, key: int | None, change: Change | None) -> Any:  # noqa: ANN401
        """Return what is observed at a step.

        Args:
            step: The step.
            weights: Of the surrogate.
            key: What stands for weights that come back, so that constant data are observed once.
            change: What is done to real and synthetic data alike.
        """
        if key is None or change is not None or not self._source.constant:
            return self._observed(step, weights, change)
        if key not in self._remembered:
            self._remembered[key] = self._observed(step, weights, change)
        return self._remembered[key]

    def _observed(self, step: int, weights: Weights, change: Change | None) -> Any:  # noqa: ANN401
        real = self._source(step)
        # No process is left without rows: networks need not know what to do with none.
        sharing = 1 < self._processes.count <= len(real) and self._objective.adds
        if sharing:
            real = self._share(real)
        total = None
        for shard in [real] if self._rows_at_once is None else real.shards(self._rows_at_once):
            seen = shard if change is None else change(shard)
            statistic = self._objective.observe(self._surrogate, weights, seen)
            total = statistic if total is None else total + statistic
        return total.over(self._processes) if sharing else total  # type: ignore[union-attr]  # it adds, so it has it

    def _share(self, real: Batch) -> Batch:
        """Return this process's rows of a batch; of one that comes back, the same object."""
        if self._shared is None or self._shared[0] is not real:
            start, stop = self._processes.bounds(len(real))[self._processes.rank :][:2]
            self._shared = real, real.part(start, stop)
        return self._shared[1]
