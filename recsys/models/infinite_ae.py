"""The infinitely wide autoencoder: kernel ridge regression from users to their own interactions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from graphcond.core.fields import is_number
from graphcond.core.positive_definite import factor
from graphcond.core.runtime.devices import resolve_device
from graphcond.surrogates.infinite_width import InfiniteWidth
from recsys.models.base import Recommender
from recsys.models.checks import checked_context, checked_interactions, not_fitted

BLOCK = 1000  # users at a time
SMALL = 2048  # so few users are multiplied in float64, which costs nothing then
LARGEST = 30_000  # users: their kernel and its factor take 14 GB


@dataclass(eq=False)
class InfiniteAE(Recommender):
    r"""The infinite-width autoencoder, :math:`\infty`-AE (Sachdeva et al., NeurIPS 2022).

    .. math:: \hat X = K(C, X) \big(K(X, X) + \lambda\, \tfrac{\mathrm{tr} K(X, X)}{n} I\big)^{-1} X

    for contexts :math:`C` of any users and the interactions :math:`X` of the :math:`n` that it was fitted on, :math:`K`
    being the neural tangent kernel. It takes :math:`n^2` numbers of memory and :math:`n^3` steps: thousands of real
    users, or a few hundred synthetic ones in a few seconds.

    Note:
        As in the published code there is one hidden layer, inner products are divided by the number of items, and
        biases have a variance of 0.01, so that a user without any interaction has a finite kernel.

    Args:
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel; 5 suits MovieLens-1M, 20 Amazon Magazine.
        kernel: Depth and variances of the network.
        device: Where to compute.
        gram_of_users: What :meth:`gram` returns for the users that it will be fitted on, where several ridges are
            tried; ``None``: it is computed.
    """

    name: ClassVar[str] = "infinite_ae"

    ridge: float = 5.0
    kernel: InfiniteWidth = field(default_factory=InfiniteWidth)
    device: str | torch.device = "cpu"
    gram_of_users: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check the fields."""
        if not is_number(self.ridge) or not 0 <= self.ridge < np.inf:
            raise ValueError(f"ridge must be a number of at least 0, got {self.ridge!r}")
        if not isinstance(self.kernel, InfiniteWidth):
            raise TypeError(f"kernel must be an InfiniteWidth, such as InfiniteWidth(depth=2), got {self.kernel!r}")

    def fit(self, user_items: csr_matrix) -> "InfiniteAE":
        """See :class:`Recommender`.

        Raises:
            TypeError: the interactions are not a sparse matrix.
            ValueError: there are no users, or too many for their kernel to fit into memory; there are no interactions,
                or a weight is NaN or infinite.
        """
        count = user_items.shape[0]
        if not 0 < count <= LARGEST:
            raise ValueError(
                f"user_items has {count:,} users, the infinite autoencoder needs 1 to {LARGEST:,}, for its kernel "
                "takes the square of that; condense them first, or take a sample"
            )
        users = checked_interactions(user_items)
        kernel = self.gram(users) if self.gram_of_users is None else self.gram_of_users.clone()
        kernel.diagonal().add_(self.ridge * kernel.diagonal().mean())  # in its place: it may be large
        lower = factor(kernel)
        self._solution = torch.empty(users.shape, device=lower.device)
        for items in _blocks(users.shape[1]):
            columns = self._dense(users[:, items], torch.float64)
            self._solution[:, items] = torch.cholesky_solve(columns, lower).float()
        self._users = users
        return self

    def gram(self, users: csr_matrix) -> Tensor:
        """Return the kernel among users, ``(n, n)`` float64, made block by block of sparse rows."""
        count, inputs = users.shape
        # Products of 0 and 1 are exact in float32, and the angle is taken in float64 in any case.
        dtype = torch.float64 if count <= SMALL else torch.float32
        norms = self._norms(users)
        kernel = torch.empty(count, count, dtype=torch.float64, device=norms.device)
        for left in _blocks(count):
            x = self._dense(users[left], dtype)
            for right in _blocks(left.stop):
                products = (x @ self._dense(users[right], dtype).T).double()
                block = self.kernel.from_products(products, norms[left], norms[right], inputs)
                kernel[left, right] = block
                kernel[right, left] = block.T
        kernel.diagonal().copy_(self.kernel.diagonal(norms, inputs))
        return kernel

    @torch.no_grad()
    def scores(self, context: csr_matrix) -> np.ndarray:
        """See :class:`Recommender`.

        Raises:
            ValueError: the model is not fitted, or knows another number of items.
        """
        if not hasattr(self, "_users"):
            raise not_fitted(self.name)
        users = checked_context(context, self._users.shape[1])
        parts = [(self._cross(users[some]) @ self._solution).cpu().numpy() for some in _blocks(users.shape[0])]
        return np.concatenate(parts)

    def _cross(self, context: csr_matrix) -> Tensor:
        """Return the kernel between some users and the fitted ones, ``(b, n)`` float32."""
        inputs = self._users.shape[1]
        x, mine = self._dense(context, torch.float32), self._norms(context).float()
        parts = [
            self.kernel.from_products(
                x @ self._dense(self._users[block], torch.float32).T,
                mine,
                self._norms(self._users[block]).float(),
                inputs,
            )
            for block in _blocks(self._users.shape[0])
        ]
        return torch.cat(parts, dim=1)

    def _dense(self, rows: csr_matrix, dtype: torch.dtype) -> Tensor:
        return torch.from_numpy(rows.toarray()).to(resolve_device(self.device), dtype)

    def _norms(self, rows: csr_matrix) -> Tensor:
        squares = rows.astype(np.float64).power(2).sum(axis=1)
        return torch.from_numpy(np.asarray(squares).ravel()).to(resolve_device(self.device))


def _blocks(count: int) -> Iterator[slice]:
    """Return at least one block, which is empty where there is nothing to be cut."""
    return (slice(start, min(start + BLOCK, count)) for start in range(0, max(count, 1), BLOCK))
