"""Checks of condensed images that come from a file."""

from collections.abc import Mapping

import torch
from torch import Tensor

from graphcond.core.runtime.contents import FLOATS, INT16, INT64, require, require_present, require_probabilities

NAMES = ("x", "y", "mean", "std", "y_soft", "target", "vectors", "learning_rate", "formation", "crop_box", "crop_soft")


def check_image_data(data: Mapping[str, Tensor], num_classes: int) -> None:
    """Raise unless condensed images are whole.

    Args:
        data: The tensors by name.
        num_classes: Of the original.
    """
    require_present(data, NAMES[:4])
    if unknown := sorted(data.keys() - set(NAMES)):
        raise ValueError(f"{unknown[0]!r} is no part of condensed images")
    rows, channels, *sides = require("x", data["x"], FLOATS, (None, None, None, None)).shape
    if not data["x"].numel():
        raise ValueError("x must hold images")
    require("y", data["y"], INT64, (rows,), 0, num_classes)
    require("mean", data["mean"], FLOATS, (channels,))
    if float(require("std", data["std"], FLOATS, (channels,)).min()) <= 0:
        raise ValueError("std must be positive")
    if "y_soft" in data:
        require_probabilities("y_soft", data["y_soft"], rows, num_classes)
    if "target" in data:
        require("target", data["target"], FLOATS, (rows, num_classes))
    if "vectors" in data:
        require("vectors", data["vectors"], FLOATS, (rows, None))
    if "learning_rate" in data:
        require("learning_rate", data["learning_rate"], FLOATS, (1,), 0)
    if "formation" in data:
        require("formation", data["formation"], INT64, (1,), 1, min(sides) + 1)
    if "crop_box" in data or "crop_soft" in data:
        _check_crops(data, (sides[0], sides[1]), num_classes)


def _check_crops(data: Mapping[str, Tensor], size: tuple[int, int], num_classes: int) -> None:
    """Raise unless crops lie in the images, and have soft labels, as the images have."""
    require_present(data, ("crop_box", "crop_soft", "y_soft"))
    rows = len(data["y"]) * (int(data["formation"]) ** 2 if "formation" in data else 1)
    boxes = require("crop_box", data["crop_box"], INT16, (rows, None, 4), 0)
    crops = boxes.size(1)
    start, length = boxes.long().view(-1, 2, 2).unbind(dim=1)
    if not crops or bool((length < 1).any()) or bool((start + length > torch.tensor(size)).any()):
        raise ValueError("crop_box must hold boxes within the images: top, left, height and width")
    soft = require("crop_soft", data["crop_soft"], FLOATS, (rows, crops, num_classes))
    require_probabilities("crop_soft", soft.flatten(0, 1), rows * crops, num_classes)


def image_counts(data: Mapping[str, Tensor], num_classes: int) -> dict[str, object]:
    """Return what a record says that was spent on condensed images."""
    return {"images": len(data["y"]), "images_per_class": torch.bincount(data["y"], minlength=num_classes).tolist()}
