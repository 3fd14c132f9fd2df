"""Networks of infinite width: their kernels in closed form."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Weights

Kind = Literal["ntk", "nngp"]
# Below this sine of the angle the derivatives of the angle grow without bound and cancel in their sum only.
NARROW = 1e-4


@dataclass(frozen=True, kw_only=True)
class InfiniteWidth:
    r"""The kernel of a fully connected ReLU network.

    Trained to the end it is its neural tangent kernel :math:`\Theta` (NTK: Jacot et al., NeurIPS 2018); with random
    weights but for the last layer, the covariance :math:`\Sigma` of its outputs (NNGP: Lee et al., ICLR 2018).

    With :math:`\Sigma_0 = w^2 \langle x, y \rangle / m + \beta^2` over :math:`m` inputs, :math:`\Theta_0 = \Sigma_0`
    and the arc-cosine kernels :math:`\kappa_1, \kappa_0` (Cho and Saul, NeurIPS 2009), each hidden layer does

    .. math:: \Theta_{l+1} = \Sigma_{l+1} + w^2\, \Theta_l \odot \kappa_0(\Sigma_l), \qquad
              \Sigma_{l+1} = w^2 \kappa_1(\Sigma_l) + \beta^2

    up to the layer that reads the result out; without hidden layers both kernels are linear.

    It needs no weights: ``weights`` is the empty tuple wherever a surrogate takes them.

    Args:
        depth: Number of hidden layers.
        weight_variance: :math:`w^2` of every layer, in the NTK parameterisation.
        bias_variance: :math:`\beta^2` of every layer; with 0 the kernel is homogeneous.
        kind: ``"ntk"`` for :math:`\Theta`, ``"nngp"`` for :math:`\Sigma`.
    """

    depth: int = 1
    weight_variance: float = 2.0
    bias_variance: float = 0.01
    kind: Kind = "ntk"

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("depth", "bias_variance"))
        if self.kind not in get_args(Kind):
            raise ValueError(f"kind must be 'ntk' or 'nngp', got {self.kind!r}")

    def gram(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the kernel among the rows of a batch, ``(n, n)`` float64.

        Rounding in float32 would give nearly parallel rows angles that leave the kernel without an inverse.
        """
        x = batch.x.flatten(1).double()
        norms = self._covariance(x.square().sum(dim=1), x.size(1))
        covariance = self._covariance(x @ x.T, x.size(1))
        # Rounding must not give a row an angle with itself.
        same = torch.eye(len(x), dtype=torch.bool, device=x.device)
        return self.from_covariance(torch.where(same, norms, covariance), norms, norms)

    def cross(self, weights: Weights, left: Batch, right: Batch) -> Tensor:
        """Return the kernel between the rows of two batches, ``(n_left, n_right)``; those of the left may be sparse."""
        x, y = left.x if left.x.layout == torch.sparse_csr else left.x.flatten(1), right.x.flatten(1)
        return self.from_products(x @ y.T, squared_norms(x), squared_norms(y), y.size(1))

    def from_products(self, products: Tensor, left: Tensor, right: Tensor, inputs: int) -> Tensor:
        """Return the kernel from inner products ``(n, k)`` and squared norms ``(n,)``, ``(k,)`` of rows."""
        norms = (self._covariance(left, inputs), self._covariance(right, inputs))
        return self.from_covariance(self._covariance(products, inputs), *norms)

    def from_covariance(self, covariance: Tensor, left: Tensor, right: Tensor) -> Tensor:
        """Return the kernel of the network whose first layer has this covariance and these variances."""
        tangent = covariance
        for _ in range(self.depth):
            value, slope = arc_cosine(covariance, left, right)
            covariance = self.weight_variance * value + self.bias_variance
            tangent = covariance + self.weight_variance * tangent * slope
            left, right = (self.weight_variance / 2 * norm + self.bias_variance for norm in (left, right))
        return tangent if self.kind == "ntk" else covariance

    def diagonal(self, norms: Tensor, inputs: int) -> Tensor:
        """Return the kernel of rows with themselves, from their squared norms ``(n,)``."""
        tangent = variance = self._covariance(norms, inputs)
        for _ in range(self.depth):
            variance = self.weight_variance / 2 * variance + self.bias_variance
            tangent = variance + self.weight_variance / 2 * tangent
        return tangent if self.kind == "ntk" else variance

    def _covariance(self, products: Tensor, inputs: int) -> Tensor:
        return self.weight_variance / inputs * products + self.bias_variance


def squared_norms(rows: Tensor) -> Tensor:
    """Return the squared norms of the rows of a matrix, dense or sparse CSR, ``(n,)``."""
    if rows.layout == torch.sparse_csr:
        return torch.segment_reduce(rows.values().square(), "sum", offsets=rows.crow_indices())
    return rows.square().sum(dim=1)


def arc_cosine(covariance: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return the arc-cosine kernels of order 1 and 0, each ``(n, k)``, with derivatives that are finite everywhere.

    For Gaussians :math:`u, v` of covariance :math:`G` and variances :math:`a, b`, they are the mean of
    :math:`\mathrm{relu}(u)\, \mathrm{relu}(v)` and of its second derivative :math:`[u > 0][v > 0]`:

    .. math:: \kappa_1 = \frac{R + (\pi - \varphi) G}{2\pi}, \quad \kappa_0 = \frac{\pi - \varphi}{2\pi}, \quad
              R = \sqrt{ab - G^2}, \quad \varphi = \mathrm{atan2}(R, G)

    Shapes:
        covariance: ``(n, k)``; left: ``(n,)`` variances; right: ``(k,)`` variances.
    """
    value, slope = _ArcCosine.apply(covariance, left, right)  # type: ignore[no-untyped-call]
    return value, slope


class _ArcCosine(torch.autograd.Function):
    r"""Derivatives of :math:`\kappa_1` do without :math:`1/R`: autograd's terms cancel.

    .. math:: \partial_G \kappa_1 = \kappa_0, \quad \partial_a \kappa_1 = \frac{R}{4 \pi a}, \quad
              \partial_G \kappa_0 = \frac{1}{2 \pi R}, \quad \partial_a \kappa_0 = -\frac{G}{4 \pi a R}

    Those of :math:`\kappa_0` are 0 along rows that stay parallel, so they are left out where the angle is tiny.
    """

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        product = left.unsqueeze(1) * right
        root = (product - covariance.square()).clamp_(min=0).sqrt_()
        slope = (math.pi - torch.atan2(root, covariance)) / (2 * math.pi)
        ctx.save_for_backward(covariance, left, right, root, slope)
        return root / (2 * math.pi) + slope * covariance, slope

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_value: Tensor, d_slope: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        covariance, left, right, root, slope = ctx.saved_tensors
        wide = root > NARROW * (left.unsqueeze(1) * right).sqrt()
        steep = torch.where(wide, d_slope / torch.where(wide, root, 1.0), 0.0) / (2 * math.pi)
        d_covariance = d_value * slope + steep
        halves = (d_value * root / (2 * math.pi) - steep * covariance) / 2
        # Without biases a row of zeros has no variance; its halves are 0.
        least = torch.finfo(left.dtype).tiny
        return d_covariance, halves.sum(dim=1) / left.clamp(min=least), halves.sum(dim=0) / right.clamp(min=least)
