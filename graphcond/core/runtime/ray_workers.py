"""Ray as the place where tasks run: the caller's cluster, or a small one on this machine for a while."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

OBJECT_STORE = 100 * 2**20  # bytes: results are small
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


@dataclass(frozen=True)
class RayWorkers:
    """Runs a function as tasks of Ray (:class:`graphcond.core.runtime.parallel.WorkerPool`)."""

    ray: Any
    remote: Any
    running: set[Any]

    def submit(self, argument: object) -> Any:  # noqa: ANN401 (Ray has no public name for it)
        """Start a call, and return a handle of it."""
        handle = self.remote.remote(argument)
        self.running.add(handle)
        return handle

    def ended(self, handles: Iterable[Any]) -> list[Any]:
        """Wait for a call to end, and return the handles of those that have."""
        ready, _ = self.ray.wait(list(handles), num_returns=1)
        return list(ready)

    def result(self, handle: Any) -> tuple[Any, Exception | None]:  # noqa: ANN401
        """Return what an ended call returned."""
        self.running.discard(handle)
        try:
            value: tuple[Any, Exception | None] = self.ray.get(handle)
        except self.ray.exceptions.WorkerCrashedError as error:
            raise ChildProcessError(
                "a worker process died, as when the machine runs out of memory; try again with fewer workers"
            ) from error
        except self.ray.exceptions.RayError as error:  # the result could not be sent back
            return None, error
        return value


@contextmanager
def ray_workers(function: Callable[[Any], Any], workers: int, gpus: float) -> Iterator[RayWorkers]:
    """Yield Ray's processes; a cluster that is started here ends with the block, one of the caller's goes on."""
    import ray  # an extra

    ours = not ray.is_initialized()
    if ours:
        ray.init(**_options(workers))
    try:
        remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(lambda argument: function(argument))
        pool = RayWorkers(ray, remote, set())
        try:
            yield pool
        finally:
            for handle in pool.running:
                ray.cancel(handle, force=True)
    finally:
        if ours:
            ray.shutdown()


def _options(workers: int) -> dict[str, Any]:
    """Return how Ray is started: the cluster of ``RAY_ADDRESS``, or a small one here."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if "RAY_ADDRESS" not in os.environ:
        options |= {"num_cpus": workers, "include_dashboard": False, "object_store_memory": OBJECT_STORE}
    return options
