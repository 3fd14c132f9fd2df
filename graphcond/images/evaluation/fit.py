"""What is evaluated on images: condensations or images of the user's own, and whether they fit the original."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import Given, records_of, several_of
from graphcond.core.evaluation.finite import require_finite
from graphcond.core.evaluation.provenance import check_same_training_data
from graphcond.images.dataset import is_pair
from graphcond.images.task import ImageTask

ROUNDING = 1e-3
BRIGHTEST = 10.0  # of images without negative pixels whose originals lie in [0, 1]


def given_images(condensed: object) -> list[Given]:
    """Return one or several condensed sets of images, or images of the user's own, as a list.

    Raises:
        TypeError: something else.
    """
    if is_pair(condensed):
        return [Given(_as_data(condensed))]
    expected = "what condense() returns, a Data with x and y, a pair (x, y) of tensors, or a list of such"
    kept = several_of(condensed, CondensedDataset | Data, expected, lambda one: _as_data(one) if is_pair(one) else one)
    return [Given(one.get(0), one.record) if isinstance(one, CondensedDataset) else Given(one) for one in kept]


def _as_data(pair: Sequence[Tensor | np.ndarray]) -> Data:
    x, y = (torch.as_tensor(part).detach() for part in pair)
    return Data(x=x, y=y) if y.dim() != 2 else Data(x=x, y=y.argmax(dim=1), y_soft=y.float())


def check_images(task: ImageTask, several: Sequence[Given]) -> None:
    """Raise if condensed images do not fit a task, were made from other images, or there are no test images.

    Raises:
        ValueError: one of these.
    """
    if not len(task.test):
        raise ValueError(
            f"{task.name} has no test part; evaluation needs test images: give ImageDataset(train, test=(x, y))"
        )
    check_same_training_data(records_of(several), task.fingerprint())
    for one in several:
        _check_fit(one.data, task)


def _check_fit(data: Data, task: ImageTask) -> None:
    x, y, classes = data.get("x"), data.get("y"), task.num_classes
    if x is None or y is None or x.dim() != 4 or y.shape != x.shape[:1] or not len(y) or y.is_floating_point():
        raise ValueError("condensed images must have x of shape (n, channels, height, width) and y of shape (n,)")
    if tuple(x.shape[1:]) != task.shape:
        raise ValueError(
            f"the condensed images have the shape {tuple(x.shape[1:])}, those of the dataset {task.shape}; evaluate on "
            "the dataset that was condensed"
        )
    require_finite(data)
    if task.train.x.dtype == torch.uint8 and x.is_floating_point():
        darkest, brightest = (float(end) for end in x.detach().aminmax())
        if darkest >= 0 and brightest > BRIGHTEST:  # learned pixels may lie as far out, but then on both sides
            raise ValueError(
                f"the condensed images reach {brightest:g}, but bytes count as floats in [0, 1]; divide them by 255"
            )
    if int(y.min()) < 0 or int(y.max()) >= classes:
        raise ValueError(
            f"the condensed images have labels from {int(y.min())} to {int(y.max())}, the dataset has {classes} classes"
        )
    _check_extras(data, task)


def _check_extras(data: Data, task: ImageTask) -> None:
    rows, channels = (len(data.y), task.num_classes), task.shape[:1]
    shapes = {"y_soft": rows, "target": rows, "mean": channels, "std": channels}
    shapes |= {"learning_rate": (1,), "formation": (1,)}
    if "crop_box" in data or "crop_soft" in data:
        seen = len(data.y) * (int(data.formation) ** 2 if "formation" in data else 1)
        crops = data.crop_box.size(1) if "crop_box" in data and data.crop_box.dim() == 3 else 1
        shapes |= {"crop_box": (seen, crops, 4), "crop_soft": (seen, crops, task.num_classes)}
        if missing := sorted({"crop_box", "crop_soft", "y_soft"} - set(data.keys())):
            raise ValueError(f"crops have boxes and labels, as their images have, but {missing[0]} is missing; add it")
    for name, shape in shapes.items():
        if name in data and tuple(data[name].shape) != shape:
            raise ValueError(
                f"{name} of the condensed images must have the shape {shape}, got {tuple(data[name].shape)}"
            )
    if "vectors" in data and (data.vectors.dim() != 2 or len(data.vectors) != len(data.y)):
        raise ValueError(
            f"vectors of the condensed images must have the shape ({len(data.y)}, columns), got "
            f"{tuple(data.vectors.shape)}"
        )
    if "y_soft" in data and ((data.y_soft < 0).any() or ((data.y_soft.sum(dim=1) - 1).abs() > ROUNDING).any()):
        raise ValueError("y_soft must hold probabilities, rows that sum to 1; outputs of a regression belong in target")
    if ("mean" in data) != ("std" in data):
        raise ValueError("mean and std belong together; give both of them, or neither")
    for name in ("std", "learning_rate", "formation"):
        if name in data and not (data[name] > 0).all():
            raise ValueError(f"{name} of the condensed images must be positive, got {data[name].tolist()}")


def tensor_bytes(values: Iterable[object]) -> int:
    """Return the bytes of the tensors among some values."""
    return sum(value.numel() * value.element_size() for value in values if isinstance(value, Tensor))
