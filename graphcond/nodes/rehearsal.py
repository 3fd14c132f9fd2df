"""Rehearsal: train a small network on a candidate for a few steps and look at the validation nodes.

What a downstream network makes of a condensed set depends on more than its geometry: on how far apart the nodes lie for
the learning rate and the weight decay that everybody uses. A short real training tells, at the cost of milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.batch import Batch
from graphcond.core.threads import side_by_side
from graphcond.nodes.metrics import contributions, score, standard_error_of_difference

WIDTH = 64
SKETCH_WIDTH = 512
STEPS = 200
LOOKS = 10
PASSES = 10  # of the rows of a candidate at least, where a step sees a part of them
MOST_STEPS = 1000
LEARNING_RATE = 0.01
DROP = 0.1
WEIGHT_DECAY = 5e-4
DROPOUT = 0.5  # without it, nodes that stand too close together look better than they turn out
FULL_WIDTH = 256  # of the downstream network, whose initial scale the rehearsal imitates
NETWORKS = 2
# By which a candidate has to be better to be taken. The best of five that are no better reaches two or three by chance;
# one that matters, fifteen and more.
STANDARD_ERRORS = 4


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What a rehearsal may cost.

    Args:
        length: Its trainings have so many times ``STEPS`` steps at least.
        rows: Rows that a step sees at most.
        drop: Whether steps are smaller in the second half, as in a whole training.
        validation_nodes: Validation nodes that look on at most.
    """

    length: int = 1
    rows: int = 64
    drop: bool = False
    validation_nodes: int = 5000

    def steps(self, rows: int) -> int:
        """Return how long trainings on so many rows are; where candidates are large, they have to be seen first."""
        return max(self.length * STEPS, min(MOST_STEPS, PASSES * rows // self.rows))


QUICK = Effort()
# For candidates of many nodes, between which there is less than what short trainings vary by. Nodes that lie close to
# one another look worse in these than they turn out.
THOROUGH = Effort(length=3, rows=1024, drop=True)


@dataclass(frozen=True)
class Outcome:
    """How a candidate did, on the mean over networks of their best look at the validation nodes.

    Args:
        score: In [0, 1].
        contributions: Of each validation node, ``(m,)``.
    """

    score: float
    contributions: Tensor


@dataclass(frozen=True, eq=False)
class _Candidates:
    """What networks are trained on: ``(k, n, features)``, ``(n,)``, weights of mean 1 ``(k, n)``, ``(k, n, n)``."""

    x: Tensor
    y: Tensor
    weight: Tensor
    adj: Tensor | None


class Rehearsal:
    """A validation set on which candidates are compared by short trainings, all from the same initial networks.

    Features are compressed by a random count sketch (Charikar et al., 2002), which keeps inner products in expectation.

    Args:
        seen: The validation nodes as the downstream network sees them.
        num_classes: Number of classes.
        effort: What a comparison may cost.
    """

    def __init__(self, seen: Batch, num_classes: int, effort: Effort = QUICK) -> None:
        x = seen.x
        self._effort = effort
        shown = seen.take(torch.randperm(len(seen))[: effort.validation_nodes].to(x.device))
        self._buckets, self._signs = _count_sketch(x.size(1), x)
        self._x = self._sketch(shown.x)
        self._adj = shown.adj
        self.y = shown.y
        self._num_classes = num_classes
        width = self._x.size(1)
        self._start = (
            _uniform(x, (NETWORKS, width, WIDTH), width + FULL_WIDTH),
            x.new_zeros(NETWORKS, 1, WIDTH),
            _uniform(x, (NETWORKS, WIDTH, num_classes), WIDTH + num_classes),
            x.new_zeros(NETWORKS, 1, num_classes),
        )

    def run(self, x: Tensor, y: Tensor, weight: Tensor, adj: Tensor | None = None) -> list[Outcome]:
        """Return the outcome of each of several candidates.

        All candidates are trained at once, as many small networks cost little more than one; different initial
        networks beside each other. Outcomes do not depend on how many threads there are.

        Args:
            x: ``(k, n, num_features)`` features of ``k`` candidates.
            y: ``(n,)`` labels, the same for all.
            weight: ``(k, n)`` weights of the nodes in the loss.
            adj: ``(k, n, n)`` what the network applies before its second layer; ``None``: the identity.
        """
        count, rows = weight.shape
        sketched = self._sketch(x.flatten(0, 1)).view(count, rows, -1)
        candidates = _Candidates(sketched, y, weight / weight.mean(dim=1, keepdim=True), adj)
        # Operations are too small to be shared by threads, which would wait for each other and for other processes.
        seeds = torch.randint(2**62, (NETWORKS,)).tolist()
        found = side_by_side(partial(self._train, candidates), list(enumerate(seeds)))
        return [_mean(outcomes) for outcomes in zip(*found, strict=True)]

    def _train(self, candidates: _Candidates, start: tuple[int, int]) -> list[Outcome]:
        """Train an initial network, by its number and a seed, on each candidate; return each one's best look."""
        network, seed = start
        x, count, rows = candidates.x, len(candidates.x), candidates.x.size(1)
        draws = torch.Generator().manual_seed(seed)
        parameters = [value[network].repeat(count, 1, 1).requires_grad_() for value in self._start]
        optimizer = _optimizer(parameters, LEARNING_RATE)
        best = [Outcome(float("-inf"), self.y)] * count
        whole = rows <= self._effort.rows or candidates.adj is not None  # each step sees all rows
        steps = self._effort.steps(self._effort.rows if whole else rows)
        for step in range(1, steps + 1):
            if self._effort.drop and step == steps // 2:
                optimizer = _optimizer(parameters, DROP * LEARNING_RATE)
            batch = slice(None) if whole else torch.randperm(rows, generator=draws)[: self._effort.rows].to(x.device)
            chosen = x[:, batch]
            kept = (torch.rand(chosen.size(1), WIDTH, generator=draws) >= DROPOUT) / (1 - DROPOUT)  # the same for all
            logits = _network(chosen, candidates.adj, parameters, kept.to(x.device))
            targets = candidates.y[batch].repeat(count)
            losses = F.cross_entropy(logits.flatten(0, 1), targets, reduction="none").view(count, -1)
            optimizer.zero_grad()
            (losses * candidates.weight[:, batch]).mean(dim=1).sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % (steps // LOOKS) == 0:
                with torch.no_grad():
                    seen = _network(self._x, self._adj, parameters)
                best = [self._better(old, new) for old, new in zip(best, seen, strict=True)]
        return best

    def clearly_better(self, challenger: Outcome, incumbent: Outcome, bar: float = STANDARD_ERRORS) -> bool:
        """Return whether one outcome beats another by more than so many standard errors of their difference."""
        error = standard_error_of_difference(
            challenger.contributions, incumbent.contributions, self.y, self._num_classes
        )
        return challenger.score > incumbent.score + bar * error

    def _better(self, best: Outcome, logits: Tensor) -> Outcome:
        """Return the better of the best look so far and a new one."""
        value = score(logits, self.y)
        return Outcome(value, contributions(logits, self.y)) if value > best.score else best

    def _sketch(self, x: Tensor) -> Tensor:
        if self._buckets is None or self._signs is None:
            return x
        return x.new_zeros(x.size(0), SKETCH_WIDTH).index_add_(1, self._buckets, x * self._signs)


def _optimizer(parameters: list[Tensor], rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=rate, weight_decay=WEIGHT_DECAY, fused=True)


def _mean(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        sum(outcome.score for outcome in outcomes) / len(outcomes),
        torch.stack([outcome.contributions for outcome in outcomes]).mean(dim=0),
    )


def _network(x: Tensor, adj: Tensor | None, parameters: list[Tensor], kept: Tensor | None = None) -> Tensor:
    first, first_bias, second, second_bias = parameters
    hidden = (x @ first + first_bias).relu()
    hidden = hidden if kept is None else hidden * kept
    return _gather(hidden @ second, adj) + second_bias


def _gather(scores: Tensor, adj: Tensor | None) -> Tensor:
    """Return ``adj @ scores`` for the ``(networks, n, num_classes)`` scores of several networks."""
    if adj is None:
        return scores
    if adj.dim() == 3:
        return adj @ scores
    flat = adj @ scores.transpose(0, 1).flatten(1)
    return flat.view(len(flat), len(scores), -1).transpose(0, 1)


def _uniform(like: Tensor, shape: tuple[int, ...], fans: int) -> Tensor:
    bound: float = (6 / fans) ** 0.5
    return (2 * torch.rand(shape) - 1).to(like.device) * bound


def _count_sketch(num_features: int, like: Tensor) -> tuple[Tensor | None, Tensor | None]:
    if num_features <= SKETCH_WIDTH:
        return None, None
    buckets = torch.randint(SKETCH_WIDTH, (num_features,))
    signs = 2.0 * torch.randint(2, (num_features,)) - 1
    return buckets.to(like.device), signs.to(like.device)
