"""Which part of the synthetic data moves at a step, and how fast."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

DROP = 0.1


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Learning rates by part, with alternation and drops.

    Args:
        rates: Learning rate of each part, such as ``{"features": 1e-4, "structure": 1e-4}``.
        turns: Parts that take turns, each with its number of steps, over and over; empty: all parts move at every step.
        rate_drops: Steps from which on the learning rates are a tenth of what they were.
        cosine: Steps over which the learning rates fall to 0, by a cosine; ``None``: they do not.
        momentum: ``None``: Adam; a number: stochastic gradient descent with so much momentum.
        betas: Adam's decay of the means of gradients and of their squares.
    """

    rates: Mapping[str, float]
    turns: Sequence[tuple[str, int]] = ()
    rate_drops: Sequence[int] = ()
    cosine: int | None = None
    momentum: float | None = None
    betas: tuple[float, float] = (0.9, 0.999)

    def __post_init__(self) -> None:
        """Check the fields."""
        unknown = [part for part, _ in self.turns if part not in self.rates]
        if unknown:
            raise ValueError(f"turns names the part {unknown[0]!r}, for which rates holds no learning rate")
        if any(steps < 1 for _, steps in self.turns):
            raise ValueError(f"every turn must last at least one step, got {list(self.turns)}")

    def only(self, parts: Collection[str]) -> "Schedule":
        """Return the schedule of synthetic data that have these parts only."""
        turns = [turn for turn in self.turns if turn[0] in parts]
        rates = {part: rate for part, rate in self.rates.items() if part in parts}
        return replace(self, rates=rates, turns=turns)

    def at(self, step: int) -> dict[str, float]:
        """Return the learning rates of the parts that move at a step."""
        factor = DROP ** sum(step >= drop for drop in self.rate_drops)
        if self.cosine is not None:
            factor *= (1 + math.cos(math.pi * min(step / self.cosine, 1.0))) / 2
        return {part: self.rates[part] * factor for part in self._moving(step)}

    def _moving(self, step: int) -> Sequence[str]:
        if not self.turns:
            return list(self.rates)
        place = step % sum(steps for _, steps in self.turns)
        for part, steps in self.turns:
            if place < steps:
                return [part]
            place -= steps
        raise AssertionError("unreachable: place is smaller than the sum of the turns")
