"""Several images in the place of one (IDC: Kim et al., ICML 2022)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor


def expand(x: Tensor, factor: int) -> Tensor:
    """Cut each image into ``factor`` by ``factor`` tiles and enlarge each to the size of the image, bilinearly.

    Sides that ``factor`` does not divide are cut into tiles whose sizes differ by one pixel at most; all pixels are
    used, and no others. (The published code pads below and on the right with gray.)

    Shapes:
        x: ``(n, channels, height, width)``; returned: ``(n * factor**2, channels, height, width)``, the tiles of an
        image after one another, row by row.

    Raises:
        ValueError: there are fewer pixels than tiles along a side.

    >>> expand(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), 2)[:, 0, 0, 0]
    tensor([1., 2., 3., 4.])
    """
    size = (x.size(2), x.size(3))
    rows, columns = (_spans(side, factor) for side in size)
    tiles = [
        F.interpolate(x[:, :, row, column], size=size, mode="bilinear", align_corners=False)
        for row in rows
        for column in columns
    ]
    return torch.stack(tiles, dim=1).flatten(0, 1)


def expand_labels(y: Tensor, factor: int) -> Tensor:
    """Return the labels of what :func:`expand` makes of images, ``(n * factor**2, ...)``."""
    return y.repeat_interleave(factor**2, dim=0)


def pack(x: Tensor, factor: int) -> Tensor:
    """Put each ``factor**2`` images that follow one another into one, made smaller by averaging pixels.

    They become the tiles that :func:`expand` cuts: it gives constant images back as they were. (The published code
    keeps the nearest pixels instead of averages.)

    Shapes:
        x: ``(n * factor**2, channels, height, width)``; returned: ``(n, channels, height, width)``.

    Raises:
        ValueError: the number of images is no multiple of ``factor**2``, or there are fewer pixels than tiles along a
            side.
    """
    rows, columns = (_spans(side, factor) for side in (x.size(2), x.size(3)))
    if len(x) % factor**2:
        raise ValueError(f"factor={factor} puts {factor**2} images into one, but there are {len(x)}; give a multiple")
    packed = x[:: factor**2].clone()
    places = ((row, column) for row in rows for column in columns)
    for i, (row, column) in enumerate(places):
        size = (row.stop - row.start, column.stop - column.start)
        packed[:, :, row, column] = F.interpolate(x[i :: factor**2], size=size, mode="area")
    return packed


def _spans(side: int, factor: int) -> list[slice]:
    """Return where the tiles along a side are."""
    if not 1 <= factor <= side:
        raise ValueError(f"factor must be between 1 and the {side} pixels of a side, got {factor!r}")
    return [slice(start, end) for start, end in pairwise(i * side // factor for i in range(factor + 1))]
