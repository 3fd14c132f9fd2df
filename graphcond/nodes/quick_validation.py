"""Quick validation: small networks are trained on a candidate for a few steps and scored on the validation nodes.

What a downstream network makes of a condensed set depends on more than its geometry: on how far apart the nodes lie for
the learning rate and the weight decay that everybody uses. A short real training tells, at the cost of milliseconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.runtime.threads import side_by_side
from graphcond.core.targets import Targets

WIDTH = 64
COLUMNS = 256  # features that the small networks learn from
STEPS = 200
EVALUATIONS = 10
PASSES = 10  # of the rows of a candidate at least, where a step sees a part of them
MOST_STEPS = 1000
LEARNING_RATE = 0.01
LAST_LAYER = 2.0  # times this rate: logits of wide networks move faster
DROP = 0.1
WEIGHT_DECAY = 5e-4
DROPOUT = 0.5  # without it, nodes that stand too close together look better than they turn out
FULL_WIDTH = 256  # of the downstream network, whose initial scale the small ones imitate


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What a comparison may cost.

    Args:
        length: Its trainings have ``length`` times ``STEPS`` steps at least.
        rows: Rows that a step sees at most.
        drop: Whether steps are smaller in the second half, as in a whole training.
        validation_nodes: Validation nodes that are scored at most.
        networks: Initial networks that are trained on each candidate.
    """

    length: float = 1.0
    rows: int = 64
    drop: bool = False
    validation_nodes: int = 5000
    networks: int = 2

    def steps(self, rows: int) -> int:
        """Return how long trainings on ``rows`` rows are; where candidates are large, they have to be seen first."""
        shortest = max(1, round(self.length * STEPS))
        return max(shortest, min(MOST_STEPS, PASSES * rows // self.rows))


QUICK = Effort()
# For candidates of many nodes, between which there is less than what short trainings vary by. Nodes that lie close to
# one another look worse in these than they turn out.
THOROUGH = Effort(length=3, rows=1024, drop=True)


@dataclass(frozen=True)
class NodeValidationOutcome:
    """How a candidate did: the best evaluation of each network on the validation nodes, averaged over networks.

    Args:
        score: In [0, 1].
        contributions: Of each validation node, ``(m,)``.
        predicted: Whether any network predicted each class at its best evaluation, ``(num_classes,)`` bool.
    """

    score: float
    contributions: Tensor
    predicted: Tensor


@dataclass(frozen=True, eq=False)
class ValidationView:
    r"""Nodes as a two-layer network reads them: :math:`\sum_k T_k \, \mathrm{relu}(X W + b) \, V_k + c`.

    Args:
        x: ``(rows, inputs)`` what the first weight is applied to.
        y: ``(m,)`` int64 labels, or ``(m, outputs)`` other targets.
        operators: The :math:`T_k`, one for each weight of the second layer: ``(m, rows)``, or ``None`` for the
            identity (``m = rows``).
    """

    x: Tensor
    y: Tensor
    operators: tuple[Tensor | None, ...] = (None,)

    @classmethod
    def of(cls, batch: Batch) -> "ValidationView":
        """Return the view of a batch."""
        return cls(batch.x, batch.y, (batch.adj,))


def varying_columns(x: Tensor) -> Tensor | None:
    """Return the ``COLUMNS`` columns of a matrix that vary most, ascending; ``None`` if there are no more.

    Small networks learn from these features alone. A random projection would keep distances, but not what Adam makes of
    features: it moves each weight as far as any other, so that features of the same sign, such as counts of words, add
    up to a faster training than their projections, whose signs differ.
    """
    if x.size(1) <= COLUMNS:
        return None
    variance = x.var(dim=0, correction=0)
    return variance.topk(COLUMNS).indices.sort().values


@dataclass(frozen=True, eq=False)
class _Candidates:
    """What networks are trained on.

    Shapes:
        x: ``(k, n, inputs)``; targets: ``(k, n)`` int64 or ``(k, n, outputs)``; operators: ``(k, n, n)`` or
        ``None`` each.
    """

    x: Tensor
    targets: Tensor
    operators: tuple[Tensor | None, ...]


class Best(NamedTuple):
    """The best evaluation of a training so far: its score, and what the network said."""

    score: float
    logits: Tensor


NOTHING = Best(-math.inf, torch.empty(0))


class QuickValidation:
    """Validation nodes on which candidates are compared by short trainings, all from the same initial networks.

    Args:
        views: The validation nodes as one or several downstream networks read them, all with the same inputs and as
            many operators as the candidates have.
        targets: What is predicted.
        effort: What a comparison may cost.
        chosen: Whether the caller has chosen the features of views and candidates already; else those that vary most
            in the first view are taken.
    """

    def __init__(
        self, views: Sequence[ValidationView] | Batch, targets: Targets, effort: Effort = QUICK, *, chosen: bool = False
    ) -> None:
        given = [ValidationView.of(self._fewer(views, effort))] if isinstance(views, Batch) else list(views)
        x = given[0].x
        self._effort = effort
        self._columns = None if chosen else varying_columns(x)
        self._views = [ValidationView(self._shown(view.x), view.y, view.operators) for view in given]
        self._targets = targets
        width, layers, outputs = self._views[0].x.size(1), len(given[0].operators), targets.outputs
        self._start = (
            uniform(x, (effort.networks, width, WIDTH), width + FULL_WIDTH),
            x.new_zeros(effort.networks, 1, WIDTH),
            uniform(x, (effort.networks, layers * WIDTH, outputs), WIDTH + outputs),
            x.new_zeros(effort.networks, 1, outputs),
        )

    @staticmethod
    def _fewer(batch: Batch, effort: Effort) -> Batch:
        return batch.take(torch.randperm(len(batch))[: effort.validation_nodes].to(batch.x.device))

    def _shown(self, x: Tensor) -> Tensor:
        return x if self._columns is None else x[..., self._columns]

    @property
    def y(self) -> Tensor:
        """The labels of the validation nodes, in the first view."""
        return self._views[0].y

    def score(self, x: Tensor, y: Tensor, adj: Tensor | None = None) -> float:
        """Return the score of one candidate in the first view.

        Args:
            x: ``(n, num_features)``.
            y: ``(n,)`` int64, or ``(n, outputs)``.
            adj: ``(n, n)`` what is applied before the second layer; ``None``: the identity.
        """
        operators = (None if adj is None else adj.unsqueeze(0),)
        return self.run(x.unsqueeze(0), y.unsqueeze(0), operators=operators)[0][0].score

    def run(
        self, x: Tensor, y: Tensor, operators: tuple[Tensor | None, ...] = (None,)
    ) -> list[list[NodeValidationOutcome]]:
        """Return for each of several candidates its outcome in each view.

        All candidates are trained at once, as many small networks cost little more than one; different initial
        networks beside each other. Outcomes do not depend on how many threads there are.

        Args:
            x: ``(k, n, num_features)`` features of ``k`` candidates.
            y: Labels, ``(n,)`` int64 for all of them or ``(k, n)``; or ``(k, n, outputs)`` other or soft targets.
            operators: ``(k, n, n)`` or ``None`` each, what is applied before each weight of the second layer.
        """
        targets = y.expand(len(x), -1) if y.dim() == 1 else y
        candidates = _Candidates(self._shown(x), targets, operators)
        # Operations are too small to be shared by threads, which would wait for each other and for other processes.
        seeds = torch.randint(2**62, (self._effort.networks,)).tolist()
        found = side_by_side(partial(self._train, candidates), list(enumerate(seeds)))
        return [
            [mean_outcome(outcomes) for outcomes in zip(*networks, strict=True)]
            for networks in zip(*found, strict=True)
        ]

    def _train(self, candidates: _Candidates, start: tuple[int, int]) -> list[list[NodeValidationOutcome]]:
        """Train an initial network, by its number and a seed, on each candidate; return its best outcomes by view."""
        network, seed = start
        x, count, rows = candidates.x, len(candidates.x), candidates.x.size(1)
        draws = torch.Generator().manual_seed(seed)
        parameters = [value[network].repeat(count, 1, 1).requires_grad_() for value in self._start]
        optimizer = fast_adam(parameters[:2], parameters[2:], LEARNING_RATE)
        best: list[list[Best]] = [[NOTHING] * len(self._views) for _ in range(count)]
        # Each step sees all rows where they are few, or edges join them.
        whole = rows <= self._effort.rows or any(one is not None for one in candidates.operators)
        steps = self._effort.steps(self._effort.rows if whole else rows)
        for step in range(1, steps + 1):
            if self._effort.drop and step == steps // 2:
                optimizer = fast_adam(parameters[:2], parameters[2:], DROP * LEARNING_RATE)
            batch = slice(None) if whole else torch.randperm(rows, generator=draws)[: self._effort.rows].to(x.device)
            chosen, targets = x[:, batch], candidates.targets[:, batch]
            kept = (torch.rand(chosen.size(1), WIDTH, generator=draws) >= DROPOUT) / (1 - DROPOUT)  # the same for all
            logits = _network(chosen, candidates.operators, parameters, kept.to(x.device))
            # The mean over all candidates, times their number: each one's network has the gradient of its own mean.
            loss = count * self._targets.loss(logits.flatten(0, 1), targets.flatten(0, 1))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % max(1, steps // EVALUATIONS) == 0 or step == steps:
                self._evaluate(parameters, best)
        return [[self._outcome(one, view) for one, view in zip(ones, self._views, strict=True)] for ones in best]

    @torch.no_grad()
    def _evaluate(self, parameters: list[Tensor], best: list[list["Best"]]) -> None:
        """Score the networks of all candidates in each view; put better outcomes in the place of former ones."""
        for i, view in enumerate(self._views):
            for outcomes, logits in zip(best, _network(view.x, view.operators, parameters), strict=True):
                value = self._targets.score(logits, view.y)
                if value > outcomes[i].score or outcomes[i] is NOTHING:
                    outcomes[i] = Best(value, logits)

    def _outcome(self, best: "Best", view: ValidationView) -> NodeValidationOutcome:
        said = self._targets.contributions(best.logits, view.y), self._targets.predicted(best.logits)
        return NodeValidationOutcome(best.score, *said)

    def standard_error(self, first: NodeValidationOutcome, second: NodeValidationOutcome, view: int = 0) -> float:
        """Return the standard error of the difference of two outcomes in a view."""
        return self._targets.standard_error(first.contributions, second.contributions, self._views[view].y)


def fast_adam(first: list[Tensor], last: list[Tensor], rate: float) -> torch.optim.Optimizer:
    """Return Adam for the parameters of a first and of a last layer, which moves faster."""
    groups: list[dict[str, Any]] = [{"params": first}, {"params": last, "lr": LAST_LAYER * rate}]
    return torch.optim.Adam(groups, lr=rate, weight_decay=WEIGHT_DECAY, fused=True)


def mean_outcome(outcomes: Sequence[NodeValidationOutcome]) -> NodeValidationOutcome:
    """Return the mean outcome of several networks."""
    return NodeValidationOutcome(
        sum(outcome.score for outcome in outcomes) / len(outcomes),
        torch.stack([outcome.contributions for outcome in outcomes]).mean(dim=0),
        torch.stack([outcome.predicted for outcome in outcomes]).any(dim=0),
    )


def _network(
    x: Tensor, operators: tuple[Tensor | None, ...], parameters: list[Tensor], kept: Tensor | None = None
) -> Tensor:
    """Return the logits of several networks, ``(networks, m, num_classes)``."""
    first, first_bias, second, second_bias = parameters
    hidden = (x @ first + first_bias).relu()
    hidden = hidden if kept is None else hidden * kept
    if len(operators) == 1:
        return _gather(hidden @ second, operators[0]) + second_bias
    parts = zip(operators, torch.split(second, WIDTH, dim=1), strict=True)
    return sum((_gather(hidden @ part, operator) for operator, part in parts), second_bias)


def _gather(scores: Tensor, operator: Tensor | None) -> Tensor:
    """Return ``operator @ scores`` for the ``(networks, n, num_classes)`` scores of several networks."""
    if operator is None:
        return scores
    if operator.dim() == 3:
        return operator @ scores
    flat = operator @ scores.transpose(0, 1).flatten(1)
    return flat.view(len(flat), len(scores), -1).transpose(0, 1)


def uniform(like: Tensor, shape: tuple[int, ...], fans: int) -> Tensor:
    """Return initial weights (Glorot and Bengio, 2010) of a layer with so many inputs and outputs together."""
    bound: float = (6 / fans) ** 0.5
    return (2 * torch.rand(shape) - 1).to(like.device) * bound
