"""A synthetic graph in its eigenbasis: free features and eigenvectors, given eigenvalues."""

import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Synthetic

SMALLEST = 1e-4  # of the entries of a leading eigenvector, relative to the largest
NOISE = 1e-4  # of eigenvectors at the start, relative to the largest entry: equal rows would stay equal for ever
LOOP = 1e-6  # weight of self-loops where there should be none; without one, networks would add one of weight 1


class EigenbasisGraph(Synthetic):
    r"""Nodes with learned features and learned eigenvectors of :math:`\hat A' = U' \mathrm{diag}(1 - \lambda) U'^\top`.

    Args:
        x: ``(n, num_features)`` initial features.
        y: ``(n,)`` int64 labels, or ``(n, outputs)`` other targets, fixed.
        eigenvectors: ``(n, k)`` initial eigenvectors.
        eigenvalues: ``(k,)`` of the Laplacian, fixed.
        scale: By which coefficients are multiplied, so that those of graphs of different sizes can be compared.
        strata: ``(n,)`` int64 what stands for classes where targets are none.
    """

    y: Tensor
    eigenvalues: Tensor
    strata: Tensor | None

    def __init__(
        self, x: Tensor, y: Tensor, eigenvectors: Tensor, eigenvalues: Tensor, scale: float,
        strata: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.x = nn.Parameter(x.clone())
        self.eigenvectors = nn.Parameter(eigenvectors.clone())
        self.register_buffer("y", y)
        self.register_buffer("eigenvalues", eigenvalues, persistent=False)
        self.register_buffer("strata", strata, persistent=False)
        self.scale = scale

    def operator(self) -> Tensor:
        """Return the normalised adjacency, ``(n, n)``; its entries may be negative."""
        return (self.eigenvectors * (1 - self.eigenvalues)) @ self.eigenvectors.T

    @torch.no_grad()
    def filtered(self, hops: int) -> Tensor:
        """Return the features after some hops over the normalised adjacency, ``(n, num_features)``."""
        x, operator = self.x.detach(), self.operator()
        for _ in range(hops):
            x = operator @ x
        return x

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`: coefficients of features in the eigenvectors."""
        return Batch(self.scale * self.eigenvectors.T @ self.x, self.y, self.eigenvectors, strata=self.strata)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        return {"eigenvectors": [self.eigenvectors], "features": [self.x]}


def orthonormal(rows: Tensor) -> Tensor:
    """Return the matrix with orthonormal columns that is nearest to one with at least as many rows as columns.

    Where columns depend on each other, or are zero, random ones take their place.
    """
    scale = rows.abs().max().clamp(min=torch.finfo(rows.dtype).tiny)
    left, _, right = torch.linalg.svd(rows / scale + NOISE * torch.randn(rows.shape).to(rows), full_matrices=False)
    nearest: Tensor = left @ right
    return nearest


def weights_of(operator: Tensor) -> Tensor:
    r"""Return edge weights that a GCN normalises to a multiple of an operator, ``(n, n)``.

    With :math:`M v = \rho v`, :math:`v > 0`, the weights :math:`W_{ij} = v_i M_{ij} v_j` have the degrees
    :math:`d_i = \rho v_i^2`, so that :math:`W_{ij} / \sqrt{d_i d_j} = M_{ij} / \rho`; each connected component has its
    own :math:`\rho`.

    Args:
        operator: ``(n, n)`` symmetric, not negative. Self-loops count, and where there is none a tiny one is added.
    """
    looped = operator + torch.diag((operator.diagonal() < LOOP) * LOOP)
    leading = torch.zeros_like(looped[0])
    for nodes in _components(looped):
        vector = torch.linalg.eigh(looped[nodes][:, nodes].double()).eigenvectors[:, -1].abs().to(looped)
        leading[nodes] = (vector / vector.max()).clamp(min=SMALLEST)
    weights = leading.unsqueeze(1) * looped * leading
    return weights / weights.max()


def _components(matrix: Tensor) -> list[Tensor]:
    """Return the nodes of each connected component of a symmetric matrix."""
    count, labels = connected_components(csr_array(matrix.cpu().numpy() > 0), directed=False)
    found = torch.from_numpy(labels).long().to(matrix.device)
    return [(found == one).nonzero().flatten() for one in range(count)]
