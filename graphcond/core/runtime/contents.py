"""Checks of what a file holds: a digest shows that nothing was altered, not that it makes sense."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

FLOATS = (torch.float32,)
FLOAT16 = (torch.float16,)
INT16 = (torch.int16,)
INT64 = (torch.int64,)
BOOL = (torch.bool,)
UNCLEAR = (KeyError, IndexError, TypeError, AttributeError, RuntimeError, OverflowError, MemoryError, RecursionError)
"""What code raises that is given nonsense."""


@contextmanager
def explained(path: str | Path, remedy: str = "get a fresh copy") -> Iterator[None]:
    """Name the file in every error that its contents lead to."""
    try:
        yield
    except (ValueError, *UNCLEAR) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UNCLEAR):
            reason = f"{type(error).__name__}: {reason[:200]}"
        raise ValueError(f"{path} holds what does not fit together ({reason}); {remedy}") from error


def require(
    name: str,
    value: Tensor,
    kinds: Sequence[torch.dtype],
    shape: Sequence[int | None],
    low: float | None = None,
    below: float | None = None,
) -> Tensor:
    """Return a tensor, or raise unless it has one of some types and a shape, and all its values are in a range.

    Args:
        name: What it is called in the message.
        value: The tensor; floats have to be finite in any case.
        kinds: The types it may have.
        shape: The size along each dimension; ``None``: any.
        low: The least value that it may hold.
        below: What all values must be below.

    Raises:
        ValueError: it is otherwise.

    >>> require("y", torch.tensor([0, 3]), INT64, (2,), 0, 3)
    Traceback (most recent call last):
        ...
    ValueError: y must lie in [0, 3), got 0 to 3
    """
    if value.dtype not in kinds:
        raise ValueError(f"{name} must hold {' or '.join(_name(kind) for kind in kinds)}, got {_name(value.dtype)}")
    if value.dim() != len(shape) or any(size not in (None, got) for size, got in zip(shape, value.shape, strict=True)):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must have the shape ({wanted}), got {tuple(value.shape)}")
    if value.is_floating_point() and not torch.isfinite(value).all():
        raise ValueError(f"{name} must be finite, but holds NaN or infinity")
    if value.numel() and (low is not None or below is not None):
        least, most = value.min().item(), value.max().item()
        if (low is not None and least < low) or (below is not None and most >= below):
            limits = f"be at least {low}" if below is None else f"lie in [{low}, {below})"
            raise ValueError(f"{name} must {limits}, got {least:g} to {most:g}")
    return value


def require_present(names: Container[str], needed: Iterable[str]) -> None:
    """Raise unless all needed names are there."""
    for name in needed:
        if name not in names:
            raise ValueError(f"{name} is missing")


def require_pointers(name: str, pointers: Tensor, end: int) -> None:
    """Raise unless numbers ascend from 0 to the end of what they point into."""
    if not len(pointers) or int(pointers[0]) != 0 or int(pointers[-1]) != end or bool((pointers.diff() < 0).any()):
        raise ValueError(f"{name} must ascend from 0 to {end}")


def require_counts(name: str, counts: Tensor, total: int, low: int = 0) -> None:
    """Raise unless numbers of things, each at least ``low``, add up to all of them."""
    if (len(counts) and not low <= int(counts.min()) <= int(counts.max()) <= total) or int(counts.sum()) != total:
        raise ValueError(f"{name} must be at least {low} each and add up to {total}")


def require_probabilities(name: str, value: Tensor, rows: int, classes: int) -> None:
    """Raise unless each row is a distribution over the classes."""
    require(name, value, FLOATS, (rows, classes), -1e-6)
    if rows and float((value.sum(dim=1) - 1).abs().max()) > 0.01:
        raise ValueError(f"{name} must have rows that sum to 1")


def require_targets(
    y: Tensor, soft: Tensor | None, rows: int, outputs: int, where: str = "", learned: Tensor | None = None
) -> None:
    """Raise unless rows have classes, or labels or numbers that may be missing (NaN), and soft ones that suit them.

    Args:
        y: ``(rows,)`` int64 classes; ``(rows, outputs)`` float32 labels or numbers, or ``(rows,)`` of one number each.
        soft: ``(rows, outputs)`` float32; ``None``: there are none.
        rows: How many.
        outputs: Classes, labels or numbers.
        where: What comes before names in messages.
        learned: ``(rows,)`` bool, the rows that are learned from: others have the class -1, or NaN; ``None``: all.

    Raises:
        ValueError: something is otherwise.
    """
    if not y.is_floating_point():
        require(f"{where}y", y, INT64, (rows,), -1 if learned is not None else 0, outputs)
        if learned is not None:
            require(f"{where}y of train_mask", y[learned], INT64, (None,), 0, outputs)
            _require_masked(y >= 0, learned, where)
        if soft is not None:
            require_probabilities(f"{where}y_soft", soft, rows, outputs)
        return
    shape = (rows,) if y.dim() == 1 and outputs == 1 else (rows, outputs)
    require(f"{where}y", y.masked_fill(y.isnan(), 0), FLOATS, shape)
    if learned is not None:
        _require_masked(~y.isnan().reshape(rows, -1).all(dim=1), learned, where)
    if soft is not None:
        require(f"{where}y_soft", soft, FLOATS, (rows, outputs))


def _require_masked(known: Tensor, learned: Tensor, where: str) -> None:
    """Raise unless the rows of which something is known are those that are learned from."""
    if (wrong := (known != learned).nonzero().flatten()).numel():
        row = int(wrong[0])
        rule = "hold numbers in rows of train_mask" if learned[row] else "be -1, or NaN, outside train_mask"
        raise ValueError(f"{where}y must {rule}, but row {row} is otherwise")


def require_weights(name: str, value: Tensor, rows: int) -> None:
    """Raise unless weights are finite and not negative, and some of them positive."""
    require(name, value, FLOATS, (rows,), 0)
    if rows and not bool((value > 0).any()):
        raise ValueError(f"{name} must be positive somewhere")


def require_members(ptr: Tensor, index: Tensor, rows: int) -> None:
    """Raise unless each of some rows has its original ones, in compressed rows."""
    require("members.ptr", ptr, INT64, (rows + 1,))
    require("members.index", index, INT64, (None,), 0)
    require_pointers("members.ptr", ptr, len(index))


def require_recorded(recorded: Mapping[str, object], counted: Mapping[str, object], where: str) -> None:
    """Raise if a record says otherwise than what there is; what it does not say is not asked for."""
    for name, value in counted.items():
        if name in recorded and recorded[name] != value:
            raise ValueError(f"the record says {recorded[name]!r} for {where} {name!r}, but it is {value!r}")


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
