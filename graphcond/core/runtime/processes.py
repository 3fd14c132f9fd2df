"""Several processes on one run: those of ``torch.distributed``, where the caller has initialised it.

Every process does the same steps on the same synthetic data, from the same random state, and sees a share of the real
data; what they see is added up. Nothing that depends on the rank may draw a random number.

A sum of shares is rounded otherwise than the sum of the whole, so that several processes find what one finds up to
rounding, not to the bit. Steps magnify that: after a few of GCond, features differ by up to 1e-3 in float32, and by
less than 1e-10 in float64.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

V = TypeVar("V")
_alone: ContextVar[bool] = ContextVar("alone", default=False)


@dataclass(frozen=True)
class Processes:
    """The processes that share a run, as one of them sees them. Alone, it takes everything for its own.

    All of them have to make the same calls in the same order.

    Args:
        rank: The number of this process, from 0.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def current(cls) -> "Processes":
        """Return the processes of the default group of ``torch.distributed``; without one, this process alone."""
        if _alone.get() or not (dist.is_available() and dist.is_initialized()):
            return cls()
        return cls(dist.get_rank(), dist.get_world_size())

    def bounds(self, rows: int) -> list[int]:
        """Return where the shares of a number of rows begin and the last one ends.

        >>> Processes(0, 3).bounds(8)
        [0, 2, 5, 8]
        """
        return [rows * rank // self.count for rank in range(self.count + 1)]

    def sum(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return the sums over processes of tensors of the same shapes, the same bits on all of them."""
        if self.count == 1:
            return tuple(tensors)
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])  # one message instead of many
        dist.all_reduce(flat)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        return tuple(part.view_as(tensor).to(tensor) for part, tensor in zip(parts, tensors, strict=True))

    def gather(self, mine: Tensor, bounds: Sequence[int], dim: int = 0) -> Tensor:
        """Return the rows (or columns) of all processes, those of each between its bounds."""
        if self.count == 1:
            return mine
        whole = mine.new_empty([bounds[-1] if i == dim else size for i, size in enumerate(mine.shape)])
        for rank in range(self.count):
            place = whole.narrow(dim, bounds[rank], bounds[rank + 1] - bounds[rank])
            block = mine.contiguous() if rank == self.rank else mine.new_empty(place.shape)
            if block.numel():
                dist.broadcast(block, src=rank)
                place.copy_(block)
        return whole

    def agree(self, value: V) -> V:
        """Return what the first process holds for right."""
        if self.count == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def first(self, work: Callable[[], V]) -> V:
        """Return what ``work`` gives on the first process, the only one to do it; its error is raised on all."""
        if self.count == 1:
            return work()
        given: Any = None
        error: Exception | None = None
        if self.rank == 0:
            try:
                given = work()
            except Exception as caught:  # noqa: BLE001 (raised again, everywhere)
                error = caught
        given, error = self.agree((given, error))
        if error is not None:
            raise error
        value: V = given
        return value

    def after_first(self, work: Callable[[], V]) -> V:
        """Return what ``work`` gives here, done once it is done on the first process: others find its files."""
        done: list[V] = []
        self.first(lambda: done.append(work()))
        return done[0] if done else work()

    def require_same(self, values: Mapping[str, str]) -> None:
        """Raise, on all processes, if the arguments of one differ from those of the first.

        Raises:
            ValueError: the message says which and what.
        """
        if self.count == 1:
            return
        reported: list[Any] = [None] * self.count
        dist.all_gather_object(reported, dict(values))
        for rank, other in enumerate(reported):
            for name, value in reported[0].items():
                if other.get(name) != value:
                    raise ValueError(
                        f"all processes must be given the same, but {name} is {value} on process 0 and "
                        f"{other.get(name)} on process {rank}; load the same dataset and pass the same arguments on all"
                    )


@contextmanager
def alone() -> Iterator[None]:
    """Do a block in this process by itself, whatever others are there: they need not do it."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)
