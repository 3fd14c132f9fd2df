"""From whatever users hold (SciPy matrices, pandas frames, arrays, files) to one checked ``InteractionLog``."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from recsys.data import checks
from recsys.data.files import read_table
from recsys.data.ids import encode_ids, union_ids
from recsys.data.log import InteractionLog


def read_interactions(source: object, *, min_weight: float | None = None) -> InteractionLog:
    """Read and check interactions; what is given is not changed.

    Args:
        source: One of

            - a SciPy sparse matrix or array of any format, a row for each user and a column for each item; their
              numbers are the ids,
            - a pandas frame with the columns ``user_id`` and ``item_id`` and perhaps ``weight`` and ``datetime``
              (numbers, dates, or text in the manner of ISO 8601),
            - a tuple of arrays ``(users, items)`` or ``(users, items, weights)`` of one length, with ids,
            - the path of a ``.csv``, ``.tsv``, ``.parquet`` or ``.inter`` file (:mod:`recsys.data.files`),
            - an :class:`~recsys.data.log.InteractionLog`.
        min_weight: Keep only interactions of at least this weight, such as 4 of ratings from 1 to 5. Items that lose
            all of theirs stay among the items.

    Returns:
        The interactions as they are, repeated ones too, by users that have some. Ids are ordered ascending.

    Raises:
        TypeError: not one of the above, or a column of the wrong type.
        ValueError: unusable values; the message names them, their number and the remedy.
        FileNotFoundError: there is no such file.

    >>> log = read_interactions((["ann", "bob", "ann"], [10, 20, 30]))
    >>> log.user_ids.tolist(), log.items.tolist()
    (['ann', 'bob'], [0, 1, 2])
    """
    log = _read(source)
    checks.check_log(log)
    notes: list[str] = []
    log = _weighed(log, min_weight, notes)
    if not len(log):
        raise ValueError("there are no interactions; pass at least one of a user with an item")
    log = _without_idle_users(log, notes)
    return replace(log, notes=(*log.notes, *notes))


def _read(source: object) -> InteractionLog:
    if isinstance(source, InteractionLog):
        return source
    if issparse(source):
        return _from_matrix(source)
    if isinstance(source, pd.DataFrame):
        return _from_frame(source)
    if isinstance(source, tuple):
        return _from_arrays(source)
    if isinstance(source, str | Path):
        return _from_file(Path(source))
    hint = "; pass scipy.sparse.csr_matrix(matrix)" if isinstance(source, np.ndarray) else ""
    raise TypeError(
        "interactions must be a SciPy sparse matrix, a pandas frame with user_id and item_id, a tuple of arrays "
        f"(users, items), a path or an InteractionLog, got {type(source).__name__}{hint}"
    )


def _from_matrix(matrix: object) -> InteractionLog:
    if matrix.ndim != 2:  # type: ignore[attr-defined]
        raise ValueError(f"the sparse matrix must have the shape (users, items), got {matrix.shape}")  # type: ignore[attr-defined]
    try:
        checks.check_parts("it", matrix)
        entries = matrix.tocoo()  # type: ignore[attr-defined]
    except (ValueError, IndexError) as error:
        raise ValueError(f"the sparse matrix is broken ({error}); build it again from its entries") from error
    users, items = np.arange(entries.shape[0]), np.arange(entries.shape[1])
    weights = checks.check_weights(entries.data)
    alike = entries.data.dtype.kind == "b" or bool((weights == 1).all())
    codes = entries.row.astype(np.int64), entries.col.astype(np.int64)
    return InteractionLog(*codes, users, items, None if alike and weights.all() else weights)


def _from_frame(frame: pd.DataFrame, items: np.ndarray | None = None, name: str = "interactions") -> InteractionLog:
    unused = checks.check_columns(list(frame.columns))
    users, user_ids = encode_ids("user_id", frame["user_id"])
    codes, item_ids = encode_ids("item_id", frame["item_id"])
    if items is not None:
        codes, item_ids = union_ids(codes, item_ids, encode_ids("item_id", items)[1])
    weights = checks.check_weights(frame["weight"]) if "weight" in frame else None
    times = checks.check_times(frame["datetime"]) if "datetime" in frame else None
    notes = (_unused(unused),) if unused else ()
    return InteractionLog(users, codes, user_ids, item_ids, weights, times, name, notes)


def _from_arrays(arrays: tuple[object, ...]) -> InteractionLog:
    if len(arrays) not in (2, 3):
        raise ValueError(f"arrays must be (users, items) or (users, items, weights), got {len(arrays)}; pass a frame "
                         "where there are times")  # fmt: skip
    names = ("users", "items", "weights")
    columns = {name: checks.as_vector(name, values) for name, values in zip(names, arrays, strict=False)}
    checks.check_lengths(**columns)
    weights = checks.check_weights(columns["weights"]) if "weights" in columns else None
    (users, user_ids), (items, item_ids) = (encode_ids(name, columns[name]) for name in names[:2])
    return InteractionLog(users, items, user_ids, item_ids, weights)


def _from_file(path: Path) -> InteractionLog:
    table = read_table(path)
    log = _from_frame(table.frame, table.item_ids, path.stem)
    return replace(log, notes=(*log.notes, _unused(table.unused))) if table.unused else log


def _unused(columns: list[str]) -> str:
    return (
        f"Columns that were not used: {', '.join(columns)}; weight and datetime are the names of those that would be."
    )


def _weighed(log: InteractionLog, min_weight: float | None, notes: list[str]) -> InteractionLog:
    """Leave out interactions of too little weight and of none, and raise where weights are unusable."""
    bound = None if min_weight is None else checks.check_min_weight(min_weight)
    if log.weights is None:
        if bound is not None:
            raise ValueError(
                f"min_weight={min_weight} needs weights, but the interactions have none, or all are 1; leave it out"
            )
        return log
    weights, count = checks.check_weights(log.weights), len(log)
    if bound is not None:
        log = log.take(weights >= bound)
        if count and not len(log):
            raise ValueError(
                f"min_weight={min_weight} leaves none of {count} interactions, the largest is {weights.max():g}; "
                "lower it"
            )
        if len(log) < count:
            notes.append(f"{count - len(log)} interactions of a weight below {min_weight} were left out.")
        weights = weights[weights >= bound]
    negative = int((weights < 0).sum())
    if negative:
        raise ValueError(
            f"weights must be positive, but {negative} are negative; drop these interactions, or pass min_weight= to "
            "keep only stronger ones"
        )
    # What is too small for float32 would become an explicit zero.
    some = weights.astype(np.float32) > 0
    if not some.all():
        notes.append(f"{int((~some).sum())} interactions of weight 0 were left out.")
        log, weights = log.take(some), weights[some]
    return replace(log, weights=weights.astype(np.float32))


def _without_idle_users(log: InteractionLog, notes: list[str]) -> InteractionLog:
    active = np.bincount(log.users, minlength=log.num_users) > 0
    if active.all():
        return log
    notes.append(f"{int((~active).sum())} users without any interaction were left out.")
    place = np.cumsum(active) - 1
    return replace(log, users=place[log.users], user_ids=log.user_ids[active])
