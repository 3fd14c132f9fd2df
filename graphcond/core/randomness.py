"""The one door for randomness: nothing else in the package seeds a generator."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

MAX_SEED = 2**32 - 1


def check_seed(seed: int) -> int:
    """Return ``seed`` if every generator that the package uses accepts it, else raise ``ValueError``."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed must be an integer in [0, {MAX_SEED}], got {seed!r}")
    return seed


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block under ``seed`` and give the caller's global random state back afterwards.

    PyG's initialisers and dropout accept no generator, so the global state is forked, seeded and restored.
    """
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(check_seed(seed))
        yield
