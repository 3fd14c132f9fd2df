"""Sums of Gumbel-softmax draws, whose noise is drawn once more in the backward pass instead of being kept."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

AT_ONCE = 2**16  # numbers whose buffers a core's cache holds
BITS = 31  # of a random integer without its sign


def gumbel_sum(logits: Tensor, draws: int, temperature: float) -> Tensor:
    r"""Return :math:`\sum_{t=1}^{\gamma} \mathrm{softmax}((\theta + G_t)/\tau)` with Gumbel noise, ``(n, m)``.

    The noise follows one number that is drawn from torch's global state. Memory is that of a few logits.

    Args:
        logits: :math:`\theta`, ``(n, m)``.
        draws: :math:`\gamma`.
        temperature: :math:`\tau`.
    """
    total: Tensor = _GumbelSum.apply(logits, draws, temperature, int(torch.randint(2**63 - 1, ())))  # type: ignore[no-untyped-call]
    return total


class _GumbelSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, draws: int, temperature: float, seed: int) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(logits)
        ctx.settings = draws, temperature, seed
        total = torch.zeros_like(logits)
        for rows, samples in _samples(logits, draws, temperature, seed):
            mine = total[rows]
            for sample in samples:
                mine += sample
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        (logits,) = ctx.saved_tensors
        gradient = torch.zeros_like(logits)
        for rows, samples in _samples(logits, *ctx.settings):
            mine, above = gradient[rows], upstream[rows]
            for sample in samples:
                mine.addcmul_(sample, above - torch.linalg.vecdot(sample, above).unsqueeze(1))
        return gradient / ctx.settings[1], None, None, None


def _samples(logits: Tensor, draws: int, temperature: float, seed: int) -> Iterator[tuple[slice, Iterator[Tensor]]]:
    """Yield some rows after the other, each with its draws, of which one takes the place of the one before."""
    generator = torch.Generator(logits.device).manual_seed(seed)
    count, items = logits.shape
    together = max(1, AT_ONCE // max(items, 1)) if logits.device.type == "cpu" else max(count, 1)
    for start in range(0, count, together):
        rows = slice(start, min(start + together, count))
        yield rows, _samples_of(logits[rows] / temperature, draws, temperature, generator)


def _samples_of(scaled: Tensor, draws: int, temperature: float, generator: torch.Generator) -> Iterator[Tensor]:
    noise, sample = torch.empty_like(scaled), torch.empty_like(scaled)
    words = torch.empty(-(-noise.numel() // 2), dtype=torch.int64, device=scaled.device)
    halves = words.view(torch.int32)[: noise.numel()].view_as(noise)
    for _ in range(draws):
        words.random_(generator=generator)
        torch.sub(scaled, log_exponential(noise.copy_(halves)), alpha=1 / temperature, out=noise)
        yield torch.softmax(noise, dim=1, out=sample)


def log_exponential(integers: Tensor) -> Tensor:
    r"""Return, in its place, :math:`\log(-\log U)`, the negative of Gumbel noise, with :math:`U = |i|/2^{31}`.

    Integers of 64 bits are the cheapest random numbers that torch draws; their halves are :math:`i`. :math:`U` is kept
    off 0 and 1, in float32 by 2^-25, so that nothing is infinite.
    """
    least = torch.finfo(integers.dtype).eps / 4  # half the distance from 1 to the number below
    return integers.mul_(2.0**-BITS).abs_().log_().neg_().clamp_(min=least, max=-math.log(least)).log_()
