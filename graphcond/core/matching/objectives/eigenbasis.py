"""Eigenbasis matching: features seen through both graphs' eigenvectors shall agree, one eigenspace at a time."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import class_counts, class_sums
from graphcond.core.matching.surrogate import Weights


class Spectrum(NamedTuple):
    """What is kept of a graph.

    Shapes:
        coefficients: ``(k, num_features)`` of the features in the eigenvectors; means: ``(num_classes, num_features)``
        of the filtered features over each class, unit rows.
    """

    coefficients: Tensor
    means: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class EigenbasisMatching:
    r"""Subspace covariances, class means and orthogonality (GDEM: Liu et al., ICML 2024).

    With :math:`g_k = X^\top u_k` the coefficients of the features, :math:`S` the eigenspaces,
    :math:`H` the unit class means of :math:`\sum_k (1 - \lambda_k) u_k g_k^\top`, and a dash for the synthetic side,

    .. math:: \alpha \frac{1}{K d^2} \sum_S \Big\| \sum_{k \in S} g_k g_k^\top - g'_k g_k'^\top \Big\|_F^2
              + \beta \frac{1}{C^2} \big\| H H'^\top - I \big\|_F^2
              + \gamma \frac{1}{K^2} \big\| U'^\top U' - I \big\|_F^2

    Nothing of it depends on the sign of an eigenvector, nor on the basis of an eigenspace. The first term is taken from
    products of coefficients, without a matrix of :math:`d^2` numbers.

    A batch is a graph in its eigenbasis: ``x`` are the coefficients, ``adj`` the rows of the eigenvectors that belong
    to the labelled nodes. There is no surrogate.

    Args:
        eigenvalues: ``(k,)`` :math:`\lambda`, of both graphs.
        eigenspaces: ``(k,)`` int64, the number of the eigenspace of each.
        num_classes: Classes, or the strata that stand for them.
        alpha: Weight of the covariances.
        beta: Weight of the class means.
        gamma: Weight of orthogonality.
    """

    adds: ClassVar[bool] = False
    eigenvalues: Tensor
    eigenspaces: Tensor
    num_classes: int
    alpha: float
    beta: float
    gamma: float

    @torch.no_grad()
    def observe(self, surrogate: None, weights: Weights, real: Batch) -> Spectrum:
        """Return coefficients and class means of the real graph."""
        return Spectrum(real.x, self._means(real))

    def loss(self, surrogate: None, weights: Weights, statistic: Spectrum, synthetic: Batch) -> Tensor:
        """Return the weighted sum of the three terms; classes that either side lacks do not count in the second."""
        assert synthetic.adj is not None
        real, made, basis = statistic.coefficients, synthetic.x, synthetic.adj
        same = self.eigenspaces.unsqueeze(0) == self.eigenspaces.unsqueeze(1)
        products = (real @ real.T).square() + (made @ made.T).square() - 2 * (real @ made.T).square()
        covariances = (same * products).sum() / (real.size(0) * real.size(1) ** 2)
        angles = statistic.means @ self._means(synthetic).T
        present = (statistic.means.square().sum(dim=1) > 0) & (class_counts(synthetic.classes, len(angles), made) > 0)
        gaps = (angles - torch.eye(len(angles), device=made.device))[present][:, present].square()
        separation = gaps.sum() / max(gaps.numel(), 1)
        identity = torch.eye(basis.size(1), dtype=basis.dtype, device=basis.device)
        orthogonality = (basis.T @ basis - identity).square().mean()
        return self.alpha * covariances + self.beta * separation + self.gamma * orthogonality

    def _means(self, batch: Batch) -> Tensor:
        """Return the unit mean of the filtered features over each class; zeros for a class without nodes."""
        assert batch.adj is not None
        # Of eigenvectors first, which are fewer than features; a mean's length is lost in any case.
        rows = class_sums(batch.adj, batch.classes, self.num_classes)
        return F.normalize(rows @ ((1 - self.eigenvalues).unsqueeze(1) * batch.x), dim=1)
