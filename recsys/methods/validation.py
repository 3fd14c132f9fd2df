"""Validation of synthetic users: how well do they serve validation users?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.positive_definite import ridged, solve
from graphcond.surrogates.infinite_width import InfiniteWidth
from recsys.data.split import Holdout

Metric = Literal["ndcg@10", "hr@100"]
RIDGES = (0.03, 0.15, 0.5, 1.5)  # of the ridge that users are condensed with
USERS = 2000  # validation users that are scored, at most
BLOCK = 500
CUT = 10  # length of the lists
LONG = 100  # of those of the hit rate


class UserValidation:
    """A metric of the infinite autoencoder on validation users, with the best of a few ridges.

    Args:
        val: The validation users.
        kernel: Of the autoencoder.
        interactions: Returns the synthetic users, ``(n, num_items)``.
        ridge: What users are condensed with: the ridges that are tried lie around it.
        ridges: The ridges that are tried instead; ``None``: those around ``ridge``.
        metric: What is maximised.
        most: Validation users that are scored, at most; ``None``: all.
        chosen: Is told the best ridge of each validation, of equals the first.
    """

    def __init__(
        self,
        val: Holdout,
        kernel: InfiniteWidth,
        interactions: Callable[[], Tensor],
        ridge: float = 1.0,
        *,
        ridges: Sequence[float] | None = None,
        metric: Metric = "ndcg@10",
        most: int | None = USERS,
        chosen: Callable[[float], object] | None = None,
    ) -> None:
        asked = val.asked()
        # The same users at every validation, whatever the seed.
        self._val = val.take(np.sort(np.random.default_rng(0).permutation(asked)[:most]))
        self._kernel = kernel
        self._interactions = interactions
        self._ridges = [factor * ridge for factor in RIDGES] if ridges is None else list(ridges)
        self._metric = METRICS[metric]
        self._chosen = chosen

    def __call__(self) -> float:
        """Return the score, the best of all ridges."""
        score, ridge = self.best(self._interactions)
        if self._chosen is not None:
            self._chosen(ridge)
        return score

    @torch.no_grad()
    def best(self, interactions: Callable[[], Tensor]) -> tuple[float, float]:
        """Return the best score of users, and its ridge."""
        rows = interactions()
        users = Batch(rows, rows)
        gram = self._kernel.gram((), users)
        solutions = [solve(ridged(gram, ridge), rows.double()).to(rows.dtype) for ridge in self._ridges]
        totals = np.zeros(len(self._ridges))
        for part in self._parts():
            context = _dense(part.context, rows)
            cross = self._kernel.cross((), Batch(context, context), users)
            wanted = _dense(part.targets, rows)
            totals += [float(self._metric(cross @ solution, context, wanted).sum()) for solution in solutions]
        return float(totals.max() / len(self._val.asked())), self._ridges[int(totals.argmax())]

    def _parts(self) -> Iterator[Holdout]:
        count = self._val.targets.shape[0]
        return (self._val.take(np.arange(start, min(start + BLOCK, count))) for start in range(0, count, BLOCK))


def ndcg(scores: Tensor, context: Tensor, targets: Tensor, cut: int = CUT) -> Tensor:
    """Return each user's NDCG of the best items outside the context, the ideal being that of its targets, ``(b,)``."""
    hits, most = _hits(scores, context, targets, cut)
    gains = 1 / torch.log2(torch.arange(2, hits.size(1) + 2, device=scores.device))
    ideal = torch.cat([gains.new_zeros(1), gains.cumsum(0)])[most]
    return (hits.to(gains.dtype) * gains).sum(dim=1) / ideal.clamp(min=gains[-1])


def hit_rate(scores: Tensor, context: Tensor, targets: Tensor, cut: int = LONG) -> Tensor:
    """Return how many of each user's targets are among the best items, over the most that can be, ``(b,)``."""
    hits, most = _hits(scores, context, targets, cut)
    return hits.sum(dim=1) / most.clamp(min=1)


METRICS: dict[Metric, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"ndcg@10": ndcg, "hr@100": hit_rate}


def _hits(scores: Tensor, context: Tensor, targets: Tensor, cut: int) -> tuple[Tensor, Tensor]:
    """Return which of the best items are targets, ``(b, cut)``, and how many could be, ``(b,)``."""
    highest, best = scores.masked_fill(context > 0, -torch.inf).topk(min(cut, scores.size(1)), dim=1)
    return (targets.gather(1, best) > 0) & (highest > -torch.inf), (targets > 0).sum(dim=1).clamp(max=best.size(1))


def _dense(rows: csr_matrix, like: Tensor) -> Tensor:
    return torch.from_numpy(rows.toarray()).to(like)
