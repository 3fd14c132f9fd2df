"""How alike rows are, number by number, in blocks of rows: the products of all pairs are never in memory together."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

NUMBERS_AT_ONCE = 1 << 22


def similarity(x: Tensor) -> Tensor:
    r"""Return :math:`s_{ij} = \frac 1 d \sum_f e^{-(x_{if} - x_{jf})^2 / 2}` of all pairs of rows, ``(n, n)``.

    Args:
        x: ``(n, d)``.
    """
    out: Tensor = _Similarity.apply(x)  # type: ignore[no-untyped-call]
    return out


class _Similarity(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401 (torch gives it no type that knows what was saved)
        ctx.save_for_backward(x)
        return torch.cat([_kernel(_gaps(part, x)).mean(dim=2) for part in torch.split(x, _rows(x))])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        (x,) = ctx.saved_tensors
        both = (gradient + gradient.T) / x.size(1)
        parts = []
        for part, weight in zip(torch.split(x, _rows(x)), torch.split(both, _rows(x)), strict=True):
            gaps = _gaps(part, x)
            slopes = _kernel(gaps).mul_(gaps)
            parts.append(-torch.bmm(weight.unsqueeze(1), slopes).squeeze(1))
        return torch.cat(parts)


def _rows(x: Tensor) -> int:
    return max(1, NUMBERS_AT_ONCE // max(x.numel(), 1))


def _gaps(part: Tensor, x: Tensor) -> Tensor:
    return part.unsqueeze(1) - x


def _kernel(gaps: Tensor) -> Tensor:
    return gaps.square().mul_(-0.5).exp_()
