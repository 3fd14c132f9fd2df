"""Synthetic images as combinations of a few bases that all classes share."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.synthetic.learned_rows import Labelled, Labels


class Bases(Labelled):
    r"""Images addressed in a common memory (LinBa: Deng and Russakovsky, NeurIPS 2022).

    .. math:: x_i = \sum_k a_{ik} B_k

    The rows :math:`a_i` of a class are its addressing matrix, the bases :math:`B_k` serve all classes. Bases that are
    smaller than images are enlarged, bilinearly, after they are combined.

    Args:
        bases: ``(k, channels, height, width)`` where the bases start.
        addresses: ``(n, k)`` where the addresses start.
        labels: The ``n`` labels of the images.
        size: Height and width of the images; ``None``: those of the bases.
        step_size: Where the step size of training on them starts; ``None``: there is none.
    """

    def __init__(
        self,
        bases: Tensor,
        addresses: Tensor,
        labels: Labels,
        *,
        size: tuple[int, int] | None = None,
        step_size: float | None = None,
    ) -> None:
        super().__init__(labels, step_size, like=bases)
        self.bases = nn.Parameter(bases.clone())
        self.addresses = nn.Parameter(addresses.clone())
        self.size = (bases.size(2), bases.size(3)) if size is None else size

    def decode(self) -> tuple[Tensor, Tensor]:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        x = torch.einsum("nk,kchw->nchw", self.addresses, self.bases)
        if x.shape[2:] != self.size:
            x = F.interpolate(x, size=self.size, mode="bilinear", align_corners=False)
        return x, self.labels()

    def sources(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        return {"features": [self.bases], "addresses": [self.addresses]}


def nearest_bases(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return bases and addresses whose combinations are as near to images as those of any bases (Eckart, Young 1936).

    The bases are the leading right singular vectors of the images, with pixels as large as theirs in the mean; the
    paper starts from noise.

    Shapes:
        x: ``(n, channels, height, width)``; returned: ``(count, channels, height, width)`` and ``(n, count)``.

    Raises:
        ValueError: there are not more images, or pixels, than bases.
    """
    rows = x.flatten(1).double()
    if not 1 <= count <= min(rows.shape):
        raise ValueError(
            f"the number of bases must be between 1 and {min(rows.shape)} (the smaller of {len(x)} images and "
            f"{rows.size(1)} pixels), got {count!r}; more bases are not needed for so few images"
        )
    left, values, right = torch.linalg.svd(rows, full_matrices=False)
    scale = rows.square().mean().sqrt() * rows.size(1) ** 0.5
    scale = torch.where(scale > 0, scale, 1.0)
    bases = (scale * right[:count]).view(count, *x.shape[1:])
    addresses = left[:, :count] * values[:count] / scale
    return bases.to(x.dtype), addresses.to(x.dtype)
