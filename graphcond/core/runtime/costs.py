"""What a piece of work cost: wall seconds and peak memory."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass
class Costs:
    """Wall-clock seconds and the peak memory of the process, in bytes.

    ``peak_memory`` is the high-water mark of the whole process (of the CUDA allocator when work ran there): what the
    machine must have, the data and libraries included. It is 0 where the platform does not say.
    """

    seconds: float = 0.0
    peak_memory: int = 0


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes: CUDA's allocator's on a GPU, else the process's resident high-water mark."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows has no resource module
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def measured(device: torch.device) -> Iterator[Costs]:
    """Measure a block; the yielded ``Costs`` is filled when the block ends."""
    costs = Costs()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    start = time.perf_counter()
    try:
        yield costs
    finally:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        costs.seconds = time.perf_counter() - start
        costs.peak_memory = peak_memory(device)
