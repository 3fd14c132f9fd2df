"""Real users, a few at a time, as what is shown of them and what is hidden."""

from dataclasses import dataclass

import torch
from scipy.sparse import csr_matrix

from graphcond.core.matching.batch import Batch
from graphcond.core.sparse import compressed_rows


@dataclass(frozen=True, eq=False)
class UserBatches:
    """Random users with some of their interactions hidden: what is shown is ``x``, what shall be found is ``y``.

    Which users, and what is hidden, is drawn from torch's global state. A user who loses nothing has an empty row of
    targets, one who loses everything an empty context.

    Args:
        user_items: ``(num_users, num_items)`` interactions; they count as 0 and 1.
        users: Number of users in a batch; with ``None`` or more than there are, all of them.
        hidden: Chance of an interaction to be hidden; 0: every row is its own target. Where all users come so, ``x`` is
            sparse CSR.
        device: Where the batches are.
    """

    user_items: csr_matrix
    users: int | None
    hidden: float
    device: torch.device

    @property
    def constant(self) -> bool:
        """Whether every batch is the same."""
        return self._everybody and self.hidden == 0

    @property
    def _everybody(self) -> bool:
        return self.users is None or self.users >= self.user_items.shape[0]

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step."""
        rows = self.user_items
        if not self._everybody:
            rows = rows[torch.randperm(rows.shape[0])[: self.users].numpy()]
        x = torch.from_numpy(rows.toarray() > 0).to(self.device, torch.float32)
        if self.constant:
            return Batch(compressed_rows(x), x)
        if self.hidden == 0:
            return Batch(x, x)
        shown = (torch.rand(x.shape, device=x.device) >= self.hidden).to(x.dtype)
        return Batch(x * shown, x * (1 - shown))


def users_with_targets(batch: Batch) -> int:
    """Return how many users of a batch have something to be found: losses are means over them."""
    return int((batch.y.sum(dim=1) > 0).sum())
