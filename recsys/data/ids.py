"""Ids of users and items: kept verbatim, integers as integers and strings as strings."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

INTEGER = re.compile("0|-?[1-9][0-9]*")


def encode_ids(name: str, values: "np.ndarray | pd.Series[Any]") -> tuple[np.ndarray, np.ndarray]:
    """Return each value's place among the distinct ids, ``(n,)`` int64, and these, in ascending order.

    Args:
        name: Of the column, for messages.
        values: One id for each interaction, anything one-dimensional that pandas or NumPy understands.

    Raises:
        TypeError: ids are neither all integers nor all strings.
        ValueError: some are missing.
    """
    codes, distinct = pd.factorize(values)
    _check_missing(name, codes < 0)
    ids = _uniform(name, np.asarray(distinct))
    if ids.dtype.kind == "U":
        _check_missing(name, (ids == "")[codes])
    order = np.argsort(ids, kind="stable")
    ids, place = ids[order], np.empty(len(ids), np.int64)
    place[order] = np.arange(len(ids))
    if (ids[1:] == ids[:-1]).any():
        raise ValueError(f"{name} has ids that differ only in NUL characters at their ends; rename them")
    return place[codes], ids


def union_ids(codes: np.ndarray, ids: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places among the ids and others together, both in ascending order, and these."""
    union = np.union1d(ids, others)
    return np.searchsorted(union, ids)[codes].astype(np.int64), union


def ids_from_text(texts: Sequence[str], quoted: bool) -> np.ndarray:
    """Return ids that were read from a text file: integers where each of them is written as one writes integers.

    ``007`` is none, and neither is what stood in quotes: that is how a file tells the text ``"7"`` from the number 7.
    """
    ids = np.array(texts, dtype=np.str_)
    if quoted or not len(texts) or not all(map(INTEGER.fullmatch, texts)):
        return ids
    for dtype in (np.int64, np.uint64):
        with suppress(ValueError, OverflowError):
            return ids.astype(dtype)
    return ids


def needs_quotes(ids: np.ndarray) -> bool:
    """Return whether a text file must quote all ids, so that none is taken for an integer or for the end of a line.

    Python's ``csv`` quotes separators and line feeds itself, but carriage returns only since 3.13.
    """
    return ids.dtype.kind == "U" and any(INTEGER.fullmatch(one) or "\r" in one for one in ids.tolist())


def _check_missing(name: str, missing: np.ndarray) -> None:
    if missing.any():
        raise ValueError(
            f"{name} must name one for each interaction, but {int(missing.sum())} are missing; drop these rows"
        )


def _uniform(name: str, ids: np.ndarray) -> np.ndarray:
    if not len(ids):
        return np.empty(0, np.int64)
    if ids.dtype.kind in "iu":
        return ids.astype(np.int64) if int(ids.max()) < 2**63 else ids.astype(np.uint64)
    kinds = {type(value) for value in ids.tolist()} if ids.dtype.kind in "OUT" else set()
    if ids.dtype.kind in "UT" or (kinds and all(issubclass(kind, str) for kind in kinds)):
        return np.array(ids.tolist(), dtype=np.str_)
    if kinds and all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
        numbers = np.array(ids.tolist())
        if numbers.dtype.kind in "iu":
            return _uniform(name, numbers)
        raise TypeError(f"{name} holds integers beyond 64 bits; pass them as strings")
    found = " and ".join(sorted(kind.__name__ for kind in kinds)) or str(ids.dtype)
    raise TypeError(f"{name} must hold integers or strings, all of one kind, got {found}; convert them, such as with "
                    "astype('int64') or astype(str)")  # fmt: skip
