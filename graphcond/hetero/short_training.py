r"""Short trainings of networks with one weight for each type of nodes, on many candidates at once.

A network is :math:`\sum_b T_b \, \mathrm{relu}(X_b W_b + c_b) \, V_b + c`: branch :math:`b` is a type of nodes as the
second layer reads it, the labelled nodes themselves or the neighbours of one relation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from graphcond.core.runtime.threads import side_by_side
from graphcond.core.targets import Targets
from graphcond.nodes.quick_validation import (
    DROP,
    DROPOUT,
    EVALUATIONS,
    LEARNING_RATE,
    NOTHING,
    WIDTH,
    Best,
    Effort,
    NodeValidationOutcome,
    fast_adam,
    mean_outcome,
    uniform,
)


@dataclass(frozen=True, eq=False)
class Branch:
    """Nodes as one branch of a network reads them.

    Args:
        x: ``(rows, inputs)``; of several candidates ``(candidates, rows, inputs)``.
        operator: ``(m, rows)`` sparse CSR, what is applied before the second layer; ``None``: the identity.
    """

    x: Tensor
    operator: Tensor | None = None


def short_trainings(
    candidates: Sequence[Branch], y: Tensor, view: Sequence[Branch], truth: Tensor, targets: Targets, effort: Effort
) -> list[NodeValidationOutcome]:
    """Return how each candidate does: the best evaluation of each network on validation nodes, averaged over networks.

    Args:
        candidates: Their branches, without operators: each synthetic node has one neighbour in a relation.
        y: What they learn, ``(candidates, n)`` int64 or ``(candidates, n, outputs)``.
        view: The same branches of the validation nodes.
        truth: Their targets.
        targets: What is predicted.
        effort: What a comparison may cost.
    """
    starts = [_start(candidates, targets.outputs) for _ in range(effort.networks)]
    seeds = torch.randint(2**62, (effort.networks,)).tolist()
    train = partial(_train, candidates, y, view, truth, targets, effort)
    found = side_by_side(train, list(zip(starts, seeds, strict=True)))
    return [mean_outcome(networks) for networks in zip(*found, strict=True)]


def _start(candidates: Sequence[Branch], outputs: int) -> list[Tensor]:
    """Return initial weights: of each branch the first layer's and the second's, then the last bias."""
    x = candidates[0].x
    found = []
    for branch in candidates:
        inputs = branch.x.size(-1)
        found += [uniform(x, (1, inputs, WIDTH), inputs + WIDTH), x.new_zeros(1, 1, WIDTH)]
        found.append(uniform(x, (1, WIDTH, outputs), WIDTH + outputs))
    return [*found, x.new_zeros(1, 1, outputs)]


def _train(
    candidates: Sequence[Branch], y: Tensor, view: Sequence[Branch], truth: Tensor, targets: Targets, effort: Effort,
    start: tuple[list[Tensor], int],
) -> list[NodeValidationOutcome]:  # fmt: skip
    """Train an initial network, given with a seed, on each candidate; return its best outcomes."""
    initial, seed = start
    count, rows = candidates[0].x.shape[:2]
    draws = torch.Generator().manual_seed(seed)
    parameters = [value.repeat(count, 1, 1).requires_grad_() for value in initial]
    last = [value for i, value in enumerate(parameters) if i % 3 == 2 or value is parameters[-1]]
    first = [value for value in parameters if not any(value is one for one in last)]
    optimizer = fast_adam(first, last, LEARNING_RATE)
    best = [NOTHING] * count
    steps = effort.steps(rows)
    for step in range(1, steps + 1):
        if effort.drop and step == steps // 2:
            optimizer = fast_adam(first, last, DROP * LEARNING_RATE)
        chosen = torch.randperm(rows, generator=draws)[: effort.rows].to(y.device) if rows > effort.rows else None
        kept = (torch.rand(len(candidates), min(rows, effort.rows), WIDTH, generator=draws) >= DROPOUT) / (1 - DROPOUT)
        shown = [Branch(one.x if chosen is None else one.x[:, chosen]) for one in candidates]
        learned = y if chosen is None else y[:, chosen]
        logits = _network(shown, parameters, kept.to(y.device))
        loss = count * targets.loss(logits.flatten(0, 1), learned.flatten(0, 1))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % max(1, steps // EVALUATIONS) == 0 or step == steps:
            _evaluate(view, truth, targets, parameters, best)
    return [
        NodeValidationOutcome(one.score, targets.contributions(one.logits, truth), targets.predicted(one.logits))
        for one in best
    ]


@torch.no_grad()
def _evaluate(
    view: Sequence[Branch], truth: Tensor, targets: Targets, parameters: list[Tensor], best: list[Best]
) -> None:
    for i, logits in enumerate(_network(view, parameters)):
        value = targets.score(logits, truth)
        if value > best[i].score or best[i] is NOTHING:
            best[i] = Best(value, logits)


def _network(branches: Sequence[Branch], parameters: list[Tensor], kept: Tensor | None = None) -> Tensor:
    """Return the logits of several networks, ``(networks, m, outputs)``."""
    total = parameters[-1]
    for i, branch in enumerate(branches):
        first, bias, second = parameters[3 * i : 3 * i + 3]
        hidden = (branch.x @ first + bias).relu()
        hidden = hidden if kept is None else hidden * kept[i]
        scores = hidden @ second
        if branch.operator is not None:
            flat = branch.operator @ scores.transpose(0, 1).flatten(1)
            scores = flat.view(len(flat), len(scores), -1).transpose(0, 1)
        total = total + scores
    return total
