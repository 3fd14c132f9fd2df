"""From a tensor ``y`` to the targets of a task: which kind they are, and whether they can be learned."""

import torch
from torch import Tensor

from graphcond.core.targets import TARGETS, Kind, MultiLabel, Regression, Targets

SHOWN = 5  # columns that a message names at most
PRECISION = 0.01  # of the deviation of numbers, that rounding may change
LARGEST = 3e38  # of float32
OGB_KINDS: dict[str, tuple[Kind, Kind]] = {
    "binary classification": ("single_label", "multi_label"),
    "multiclass classification": ("single_label", "single_label"),
    "regression": ("regression", "regression"),
}
"""The kinds of targets of OGB's task types, with one task and with several."""


def check_kind(target: object, others: tuple[str, ...] = ()) -> Kind | None:
    """Return the name of a kind of targets, or ``None`` for what the data show themselves.

    Args:
        target: The name, or ``None``.
        others: What else a message names that the caller takes.

    Raises:
        TypeError: it is no text.
        ValueError: there is no such kind.
    """
    if target is None:
        return None
    names = ", ".join(map(repr, (*TARGETS, *others)))
    if not isinstance(target, str):
        raise TypeError(f"target must be one of {names}, got {target!r}")
    if target not in TARGETS:
        raise ValueError(f"target must be one of {names}, got {target!r}")
    return TARGETS[target].kind


def published_kind(dataset: object) -> Kind | None:
    """Return the kind of targets that a dataset of OGB names; ``None``: it names none."""
    task_type = getattr(dataset, "task_type", None)
    if not isinstance(task_type, str) or task_type not in OGB_KINDS:
        return None
    one, several = OGB_KINDS[task_type]
    return several if int(getattr(dataset, "num_tasks", 1)) > 1 else one


def kind_of(y: Tensor, asked: Kind | None, name: str = "data.y") -> Kind:
    """Return the kind of targets that a tensor holds.

    One column of whole numbers are classes, of fractions numbers; several columns of 0 and 1 are labels, of anything
    else numbers.

    Args:
        y: ``(n,)`` or ``(n, columns)``.
        asked: The kind that the user or the dataset names; ``None``: what the values look like.
        name: What messages call the tensor.

    Raises:
        TypeError: it does not hold numbers.
        ValueError: values that no kind has, or that the kind asked for has not.
    """
    if y.is_complex() or y.layout != torch.strided:
        raise TypeError(f"{name} must be a dense tensor of real numbers, got {y.dtype} of layout {y.layout}")
    if y.dim() not in (1, 2) or (y.dim() == 2 and not y.size(1)):
        raise ValueError(f"{name} must have the shape (n,) or (n, targets), got {tuple(y.shape)}")
    if y.is_floating_point() and bool(y.isinf().any()):
        row = int(y.reshape(len(y), -1).isinf().any(dim=1).nonzero()[0])
        raise ValueError(f"{name} holds infinity (first: row {row}); put NaN where a target is missing")
    several = y.dim() == 2 and y.size(1) > 1
    if asked is None:
        return _several(y, name) if several else "regression" if _has_fractions(y) else "single_label"
    if asked == "single_label":
        if several:
            raise ValueError(
                f"{name} has {y.size(1)} columns, and target='single_label' is for one class each, shape (n,); pass "
                "the column of the class, or y.argmax(dim=1) of one-hot rows"
            )
        if _has_fractions(y):
            raise ValueError(f"{name} holds fractions, which are no classes; pass target='regression'")
    if asked == "multi_label" and not _is_binary(y):
        raise ValueError(f"{name} must hold 0, 1 or NaN for target='multi_label', got {_odd_value(y)}")
    return asked


def _several(y: Tensor, name: str) -> Kind:
    if _is_binary(y):
        return "multi_label"
    if y.is_floating_point():
        return "regression"
    raise ValueError(
        f"{name} has {y.size(1)} columns of integers such as {_odd_value(y)}: several labels are 0, 1 or -1 (missing), "
        "and several numbers are floats; pass y.float() for regression, or one column for classes"
    )


def _has_fractions(y: Tensor) -> bool:
    return y.is_floating_point() and bool((y[~y.isnan()] != y[~y.isnan()].round()).any())


def _known(y: Tensor) -> Tensor:
    """Return which labels are known: NaN and -1 mean missing."""
    return ~y.isnan() & (y != -1) if y.is_floating_point() else y != -1


def _is_binary(y: Tensor) -> bool:
    return bool(((y == 0) | (y == 1) | ~_known(y)).all())


def _odd_value(y: Tensor) -> float:
    odd = y[(y != 0) & (y != 1) & _known(y)]
    return float(odd.flatten()[0])


def classes_and_columns(y: Tensor, kind: Kind, hint: str = "", name: str = "data.y") -> tuple[Tensor, Tensor | None]:
    """Return classes, and targets where items have several labels or numbers instead.

    Args:
        y: ``(n,)`` or ``(n, columns)``, which :func:`kind_of` has seen.
        kind: Of the targets.
        hint: What else there is to say of a number that is no class.
        name: What messages call the tensor.

    Shapes:
        classes: ``(n,)`` int64, -1 where nothing is known, and 0 for all others where there are no classes;
        targets: ``(n, columns)`` float32, NaN where one is missing, or ``None``.

    Raises:
        ValueError: a class is below -1, or float32 does not tell numbers apart.
    """
    if kind != "single_label":
        columns = as_columns(y, kind)
        return -columns.isnan().all(dim=1).long(), columns
    y = y.flatten()
    y = (torch.where(y.isnan(), -1, y) if y.is_floating_point() else y).long()
    if y.numel() and int(y.min()) < -1:
        raise ValueError(f"{name} must be 0 or more, or -1 for unlabelled, got {int(y.min())}{hint}")
    return y, None


def as_columns(y: Tensor, kind: Kind) -> Tensor:
    """Return labels or numbers as ``(n, columns)`` float32, NaN where one is missing; -1 is a missing label."""
    rows = y.reshape(len(y), -1)
    if kind == "multi_label":
        return torch.where(_known(rows), rows, torch.nan).float()
    if not rows.is_floating_point() or rows.dtype == torch.float64:
        _check_precision(rows.double())
    return rows.float()


def _check_precision(rows: Tensor) -> None:
    """Raise if float32 would not tell numbers apart that differ."""
    lost = (rows - rows.float().double()).abs().nan_to_num(0.0).amax(dim=0) if len(rows) else rows.new_zeros(1)
    spread = (rows - rows.nanmean(dim=0)).square().nanmean(dim=0).sqrt()
    if bool((coarse := lost > PRECISION * spread).any()) and not bool(rows.abs().gt(LARGEST).any()):
        raise ValueError(
            f"numbers in {_columns(coarse)} of y are too large for float32 to tell them apart; subtract their mean"
        )


def check_columns(y: Tensor, kind: Kind, name: str = "data.y") -> None:
    """Raise if a column of targets says nothing: all missing, one label only, or one number only.

    Args:
        y: ``(n, columns)`` float32 of the whole dataset.
        kind: Of the targets.
        name: What messages call the tensor.

    Raises:
        ValueError: there is such a column, or a number is beyond float32.
    """
    if bool(y.isinf().any()):
        raise ValueError(f"{name} holds numbers beyond float32; scale them down")
    known = ~y.isnan()
    empty = ~known.any(dim=0)
    if bool(empty.any()):
        raise ValueError(f"{name} has no known value in {_columns(empty)}; drop it")
    low, high = y.nan_to_num(torch.inf).amin(dim=0), y.nan_to_num(-torch.inf).amax(dim=0)
    constant = low == high
    if not bool(constant.any()):
        return
    first = int(constant.nonzero()[0])
    if kind == "multi_label":
        what = "never 1, without a single positive" if low[first] == 0 else "1 wherever it is known (not NaN or -1)"
        raise ValueError(f"the label in {_columns(constant)} of {name} is {what}; drop the column")
    raise ValueError(
        f"the target in {_columns(constant)} of {name} is {float(low[first]):g} everywhere: there is nothing to "
        "predict; drop the column"
    )


def _columns(chosen: Tensor) -> str:
    numbers = chosen.nonzero().flatten().tolist()
    shown = ", ".join(map(str, numbers[:SHOWN])) + (", ..." if len(numbers) > SHOWN else "")
    return f"column {shown}" if len(numbers) == 1 else f"columns {shown}"


def targets_of(kind: Kind, y: Tensor, train: Tensor, notes: list[str], *, flat: bool = False) -> Targets:
    """Return the value for several labels or numbers.

    Args:
        kind: Of the targets.
        y: ``(n, columns)`` float32 of the whole dataset.
        train: Which rows are for training.
        notes: Get a sentence for each column that the training rows do not tell.
        flat: Whether the original has the shape ``(n,)``.

    Raises:
        ValueError: no training item has a known value in a column.
    """
    mine = y[train]
    if bool((unknown := mine.isnan().all(dim=0)).any()):
        raise ValueError(f"no training item has a known value in {_columns(unknown)} of y; label some, or drop it")
    same = mine.nan_to_num(torch.inf).amin(dim=0) >= mine.nan_to_num(-torch.inf).amax(dim=0)
    if bool(same.any()):
        notes.append(f"No training item tells {_columns(same)} of y apart: their known values are all the same.")
    return MultiLabel.of(mine) if kind == "multi_label" else Regression.of(mine, flat=flat)
