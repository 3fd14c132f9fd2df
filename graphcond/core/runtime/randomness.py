"""The one module that seeds generators."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from graphcond.core.fields import is_whole

MAX_SEED = 2**32 - 1


def check_seed(seed: int) -> int:
    """Return ``seed`` as a plain number if every generator of the package accepts it, else raise ``ValueError``."""
    if not is_whole(seed) or not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed must be an integer in [0, {MAX_SEED}], got {seed!r}")
    return int(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block under ``seed`` and give the caller's global random state back afterwards.

    PyG's initialisers and dropout accept no generator, so the global state is forked, seeded and restored.
    """
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(check_seed(seed))
        yield


def future_seed() -> int:
    """Return a seed that follows from torch's global random state, which stays as it is.

    What comes after long work is seeded by it: then it does not matter what that work draws.
    """
    with torch.random.fork_rng(devices=[]):
        return int(torch.randint(MAX_SEED, ()))


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return torch's global random state, for a checkpoint: that of the CPU, and of the GPU where one is used."""
    state = {"cpu": torch.get_rng_state()}
    return state | {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def restore_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put back what :func:`random_state` returned."""
    torch.set_rng_state(state["cpu"].cpu())
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
