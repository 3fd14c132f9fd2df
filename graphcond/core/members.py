"""Which original items stand for a synthetic one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Members:
    """Which original nodes stand behind each synthetic node, in compressed rows.

    The original nodes of synthetic node ``i`` are ``index[ptr[i]:ptr[i + 1]]``.

    Shapes:
        ptr: ``(num_synthetic + 1,)`` int64; index: ``(num_memberships,)`` int64.
    """

    ptr: Tensor
    index: Tensor

    @classmethod
    def from_groups(cls, groups: Sequence[Tensor]) -> "Members":
        """Build the compressed rows from one index tensor per synthetic node."""
        sizes = torch.tensor([0, *(len(group) for group in groups)])
        return cls(ptr=sizes.cumsum(0), index=torch.cat([group.reshape(-1) for group in groups]).long())

    def of(self, synthetic: int) -> Tensor:
        """Return the original nodes behind one synthetic node, ``(num_members,)`` int64."""
        return self.index[self.ptr[synthetic] : self.ptr[synthetic + 1]]

    def __len__(self) -> int:
        return len(self.ptr) - 1

    def __iter__(self) -> Iterator[Tensor]:
        return (self.of(i) for i in range(len(self)))
