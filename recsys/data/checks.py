"""Checks of interactions before any work is done: each failure is one sentence with the remedy."""

import math
from contextlib import suppress

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from graphcond.core.fields import is_number
from graphcond.core.sparse import check_compressed
from recsys.data.log import InteractionLog
from recsys.data.split import Split

FRACTIONS = 1_000_000  # times with fractions are kept in millionths


def as_vector(name: str, values: object) -> np.ndarray:
    """Return an array of one dimension."""
    try:
        vector = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be an array of one dimension, got {type(values).__name__}") from error
    if vector.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got the shape {vector.shape}; pass {name}.ravel()")
    return vector


def check_lengths(**columns: np.ndarray | None) -> None:
    """Raise unless all columns are of one length."""
    lengths = {name: len(values) for name, values in columns.items() if values is not None}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{length} {name}" for name, length in lengths.items())
        raise ValueError(f"interactions need one value of each kind, got {found}; pass arrays of one length")


def check_weights(values: object) -> np.ndarray:
    """Return weights as numbers, all finite; bool counts as 0 and 1."""
    weights = as_vector("weights", values)
    if weights.dtype.kind == "O":
        try:
            weights = weights.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"weights must be numbers, got others as well ({error}); convert them") from error
    if weights.dtype.kind not in "biuf":
        raise TypeError(f"weights must be real numbers, got {weights.dtype}; convert them, such as with astype(float)")
    if weights.dtype.kind != "f":
        weights = weights.astype(np.float64)
    bad = int((~(np.abs(weights) <= np.finfo(np.float32).max)).sum())
    if bad:
        raise ValueError(
            f"weights must be finite, but {bad} are NaN, infinite or too large for float32; drop these interactions or "
            "give them a weight"
        )
    return weights


def check_min_weight(value: object) -> float:
    """Return a bound for weights as a number."""
    if not is_number(value) or not math.isfinite(value):
        raise ValueError(f"min_weight must be a finite number or None, got {value!r}")
    return float(value)


def check_times(values: object) -> np.ndarray:
    """Return times as int64, later is larger: whole numbers as they are, dates in microseconds since 1970."""
    times = as_vector("datetime", values)
    missing = int(pd.isna(times).sum())
    if missing:
        raise ValueError(f"datetime must be known for each interaction, but {missing} are missing; drop these rows or "
                         "the whole column")  # fmt: skip
    if times.dtype.kind in "OUT":
        times = _numbers(times)
    if times.dtype.kind in "OUT":
        times = _dates(times)
    if times.dtype.kind == "M":
        return times.astype("datetime64[us]").astype(np.int64)
    if times.dtype.kind not in "iuf":
        raise TypeError(f"datetime must hold numbers or dates, got {times.dtype}; convert it with pandas.to_datetime")
    if times.dtype.kind == "f":
        # A log of fractions of a second loses its order if they are cut off.
        times = times if (times == np.floor(times)).all() else np.round(times.astype(np.float64) * FRACTIONS)
    if len(times) and times.dtype.kind != "i" and not -(2.0**63) <= times.min() <= times.max() < 2.0**63:
        raise ValueError("datetime must fit into 64 bits and be finite; use a coarser unit, such as seconds")
    return times.astype(np.int64)


def _numbers(values: np.ndarray) -> np.ndarray:
    """Return numbers that are written as text, and other values as they are."""
    with suppress(ValueError, TypeError):
        return np.asarray(pd.to_numeric(pd.Series(values)))
    return values


def _dates(values: np.ndarray) -> np.ndarray:
    dates = pd.to_datetime(pd.Series(values), format="ISO8601", utc=True, errors="coerce")
    wrong = np.flatnonzero(dates.isna())
    if len(wrong):
        raise ValueError(
            f"datetime must hold numbers or dates such as 2024-05-31 12:00:00, got {values[wrong[0]]!r}; convert it "
            "with pandas.to_datetime"
        )
    return np.asarray(dates.dt.tz_localize(None))


def check_log(log: InteractionLog) -> None:
    """Raise unless the parts of a log that was made by hand fit together."""
    check_lengths(users=log.users, items=log.items, weights=log.weights, times=log.times)
    for name, codes, ids in (("users", log.users, log.user_ids), ("items", log.items, log.item_ids)):
        if codes.ndim != 1 or codes.dtype != np.int64:
            raise TypeError(f"log.{name} must be int64 of one dimension, got {codes.dtype} {codes.shape}; pass ids to "
                            "read_interactions((users, items)), which numbers them")  # fmt: skip
        if len(codes) and not 0 <= codes.min() <= codes.max() < len(ids):
            raise ValueError(f"log.{name} must lie in [0, {len(ids) - 1}] (its ids), got {codes.min()} to "
                             f"{codes.max()}")  # fmt: skip
        if len(np.unique(ids)) < len(ids):
            raise ValueError(f"log.{name[:-1]}_ids must name each once, but some are repeated; number them again")


def check_split(split: Split) -> None:
    """Raise unless the parts of a split that was made by hand fit together."""
    parts = {"split.train": split.train}
    for name, holdout in (("split.val", split.val), ("split.test", split.test)):
        if holdout is not None:
            parts |= {f"{name}.context": holdout.context, f"{name}.targets": holdout.targets}
            if holdout.context.shape != holdout.targets.shape:
                raise ValueError(f"{name} must have a row of context for each row of targets over the same items, got "
                                 f"the shapes {holdout.context.shape} and {holdout.targets.shape}")  # fmt: skip
    for name, matrix in parts.items():
        _check_matrix(name, matrix, len(split.item_ids))
    if len(split.user_ids) != split.num_users:
        raise ValueError(f"split.user_ids must name each of the {split.num_users} rows of split.train, got "
                         f"{len(split.user_ids)} ids")  # fmt: skip
    if not split.train.nnz:
        raise ValueError("split.train holds no interactions; leave some to train on")


def check_parts(name: str, matrix: object) -> None:
    """Raise unless the parts of a sparse matrix of any format fit together: SciPy's compiled code believes them."""
    kind, shape = getattr(matrix, "format", None), tuple(matrix.shape)  # type: ignore[attr-defined]
    pointers, indices, data = (np.asarray(getattr(matrix, part, ())) for part in ("indptr", "indices", "data"))
    if kind in ("csr", "csc"):
        check_compressed(name, pointers, indices, shape if kind == "csr" else shape[::-1], len(data))
    elif kind == "bsr":
        blocks = tuple(size // block for size, block in zip(shape, data.shape[1:], strict=True))
        check_compressed(name, pointers, indices, blocks, len(data))
    elif kind == "coo":
        for axis, size in zip(("row", "col"), shape, strict=True):
            found = np.asarray(getattr(matrix, axis))
            if len(found) != len(data) or (len(found) and not 0 <= found.min() <= found.max() < size):
                raise ValueError(f"{name} must have a {axis} in [0, {size - 1}] for each of its {len(data)} values")


def _check_matrix(name: str, matrix: csr_matrix, num_items: int) -> None:
    if not isinstance(matrix, csr_matrix):
        raise TypeError(f"{name} must be a scipy.sparse.csr_matrix, got {type(matrix).__name__}; convert it")
    check_parts(name, matrix)
    if matrix.shape[1] != num_items:
        raise ValueError(f"{name} must have a column for each of the {num_items} item_ids, got {matrix.shape[1]}")
    if not (matrix.data > 0).all() or not np.isfinite(matrix.data).all():
        raise ValueError(f"{name} must hold positive finite weights only; drop the others, such as with "
                         "eliminate_zeros()")  # fmt: skip
    if not matrix.has_canonical_format:
        raise ValueError(f"{name} must hold each pair once, in order; call {name}.sum_duplicates()")


def check_shares(**shares: float) -> None:
    """Raise unless each share is in [0, 1) and something is left."""
    for name, share in shares.items():
        if not is_number(share) or not 0 <= share < 1:
            raise ValueError(f"{name} must be a share in [0, 1), got {share!r}; 0 holds nothing out")
    if sum(shares.values()) >= 1:
        given = ", ".join(f"{name}={share}" for name, share in shares.items())
        raise ValueError(f"the shares held out must add up to less than 1, got {given}; leave some to train on")
