"""Parts of images, cut out at random and resized to the size of the images."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST = 0.08  # of the area of an image, as in SRe2L
ASPECTS = (3 / 4, 4 / 3)


@dataclass(frozen=True, eq=False)
class Crops:
    """Crops of images, with soft labels.

    Shapes:
        boxes: ``(n, crops, 4)`` int16: top, left, height and width, in pixels; y_soft: ``(n, crops, num_classes)``
        float32.
    """

    boxes: Tensor
    y_soft: Tensor


def drawn_boxes(shape: tuple[int, ...], size: tuple[int, int], least: float = LEAST, most: float = 1.0) -> Tensor:
    """Return random boxes in images, ``(*shape, 4)`` int16: top, left, height and width.

    Areas are uniform between two shares of the image, logarithms of aspect ratios between those of 3/4 and 4/3, and a
    large box is nearer to the image's own: it keeps its area and fits, so that one of the whole area is the image.

    Args:
        shape: How many.
        size: Height and width of the images.
        least: The least share of the area.
        most: The largest.
    """
    height, width = size
    low, high = (math.log(aspect) for aspect in ASPECTS)
    area, aspect, down, across = torch.rand(*shape, 4, dtype=torch.float64).unbind(dim=-1)
    area = (least + (most - least) * area) * height * width
    aspect = (low + (high - low) * aspect).exp().clamp(area / height**2, width**2 / area)
    high_ = (area / aspect).sqrt().round().clamp(1, height)
    wide = (area * aspect).sqrt().round().clamp(1, width)
    top, left = (down * (height - high_ + 1)).floor(), (across * (width - wide + 1)).floor()
    return torch.stack([top, left, high_, wide], dim=-1).to(torch.int16)


def cropped(x: Tensor, boxes: Tensor) -> Tensor:
    """Return parts of images, resized bilinearly to their size.

    Shapes:
        x: ``(n, channels, height, width)``; boxes: ``(n, crops, 4)``; returned: ``(n * crops, channels, height,
        width)``, the crops of an image after one another.

    >>> cropped(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.tensor([[[0, 1, 2, 1]]]))
    tensor([[[[2., 2.],
              [4., 4.]]]])
    """
    count, crops = boxes.shape[:2]
    height, width = x.shape[2:]
    top, left, high, wide = boxes.flatten(0, 1).to(x).unbind(dim=1)
    rows = _places(top, high, height)
    columns = _places(left, wide, width)
    grid = torch.stack([columns.unsqueeze(1).expand(-1, height, -1), rows.unsqueeze(2).expand(-1, -1, width)], dim=3)
    many = x.unsqueeze(1).expand(-1, crops, -1, -1, -1).reshape(count * crops, *x.shape[1:])
    return F.grid_sample(many, grid, padding_mode="border", align_corners=False)


def _places(start: Tensor, length: Tensor, side: int) -> Tensor:
    """Return where the pixels of crops are read along a side, ``(n, side)``, in units of half the side around it.

    Nothing is read beyond the outermost pixels' centres, so that what lies beside a crop has no part in it.
    """
    steps = (torch.arange(side, device=start.device, dtype=start.dtype) + 0.5) / side
    inside = (length.unsqueeze(1) * steps).clamp(min=0.5)
    inside = torch.minimum(inside, length.unsqueeze(1) - 0.5)
    return (start.unsqueeze(1) + inside) * (2 / side) - 1


def with_crops(x: Tensor, boxes: Tensor | None) -> Tensor:
    """Return images, followed by their crops."""
    return x if boxes is None else torch.cat([x, cropped(x, boxes)])


def with_crop_labels(labels: Tensor, of_crops: Tensor | None) -> Tensor:
    """Return the soft labels of what :func:`with_crops` gives."""
    return labels if of_crops is None else torch.cat([labels, of_crops.flatten(0, 1)])
