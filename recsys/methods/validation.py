"""Validation of synthetic users: how well do they serve validation users?"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.positive_definite import ridged, solve
from graphcond.surrogates.infinite_width import InfiniteWidth
from recsys.data.split import Holdout

RIDGES = (0.03, 0.15, 0.5, 1.5)  # of the ridge that users are condensed with
USERS = 2000  # validation users that are scored, at most
BLOCK = 500
CUT = 10  # length of the lists


class UserValidation:
    """NDCG@10 of the infinite autoencoder on validation users, with the best of a few ridges.

    Args:
        val: The validation users.
        kernel: Of the autoencoder.
        interactions: Returns the synthetic users, ``(n, num_items)``.
        ridge: What users are condensed with: the ridges that are tried lie around it.
    """

    def __init__(
        self, val: Holdout, kernel: InfiniteWidth, interactions: Callable[[], Tensor], ridge: float = 1.0
    ) -> None:
        asked = val.asked()
        # The same users at every validation, whatever the seed.
        chosen = np.sort(np.random.default_rng(0).permutation(asked)[:USERS])
        self._val = val.take(chosen)
        self._kernel = kernel
        self._interactions = interactions
        self._ridges = [factor * ridge for factor in RIDGES]

    @torch.no_grad()
    def __call__(self) -> float:
        """Return the score, the best of all ridges."""
        rows = self._interactions()
        users = Batch(rows, rows)
        gram = self._kernel.gram((), users)
        solutions = [solve(ridged(gram, ridge), rows.double()).to(rows.dtype) for ridge in self._ridges]
        totals = np.zeros(len(self._ridges))
        for part in self._parts():
            context = _dense(part.context, rows)
            cross = self._kernel.cross((), Batch(context, context), users)
            wanted = _dense(part.targets, rows)
            totals += [float(ndcg(cross @ solution, context, wanted).sum()) for solution in solutions]
        return float(totals.max() / len(self._val.asked()))

    def _parts(self) -> Iterator[Holdout]:
        count = self._val.targets.shape[0]
        return (self._val.take(np.arange(start, min(start + BLOCK, count))) for start in range(0, count, BLOCK))


def ndcg(scores: Tensor, context: Tensor, targets: Tensor, cut: int = CUT) -> Tensor:
    """Return each user's NDCG of the best items outside the context, the ideal being that of its targets, ``(b,)``."""
    highest, best = scores.masked_fill(context > 0, -torch.inf).topk(min(cut, scores.size(1)), dim=1)
    gains = 1 / torch.log2(torch.arange(2, best.size(1) + 2, device=scores.device))
    hits = ((targets.gather(1, best) > 0) & (highest > -torch.inf)).to(gains.dtype)
    most = (targets > 0).sum(dim=1).clamp(max=best.size(1))
    ideal = torch.cat([gains.new_zeros(1), gains.cumsum(0)])[most]
    return (hits * gains).sum(dim=1) / ideal.clamp(min=gains[-1])


def _dense(rows: csr_matrix, like: Tensor) -> Tensor:
    return torch.from_numpy(rows.toarray()).to(like)
