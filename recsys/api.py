"""The one call: interactions in, a few synthetic users over the same items out."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graphcond.core.method import Method
from graphcond.core.record import Record
from graphcond.core.run_conditions import Conditions, require_finite, settings_of
from graphcond.core.runtime.checkpoint import Checkpoint
from graphcond.core.runtime.costs import Costs, measured
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.progress import ProgressCallback, shows_progress
from graphcond.core.runtime.randomness import check_seed, seeded
from recsys.condensed import CondensedInteractions
from recsys.data.bytes import bytes_of, matrix_bytes
from recsys.data.checks import check_split
from recsys.data.held_out import hold_out_users
from recsys.data.reading import read_interactions
from recsys.data.split import Split
from recsys.data.splitting import whole
from recsys.methods import METHODS, Size, SyntheticUsers, UserMethod
from recsys.size import check_size, resolve_size

logger = logging.getLogger(__name__)


@shows_progress("step")
def condense(
    dataset: object,
    ratio: float | None = None,
    *,
    users: int | None = None,
    interactions: int | None = None,
    method: str | Method = "distill_cf",
    min_weight: float | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback | bool | None = None,
    checkpoint: str | Path | Checkpoint | None = None,
    max_seconds: float | None = None,
) -> CondensedInteractions:
    """Condense implicit feedback into a few synthetic users on which recommenders train nearly as well.

    Every interaction counts alike: weights serve to leave some out (``min_weight``), then they are 1.

    Args:
        dataset: A SciPy sparse matrix (users x items), a pandas frame with ``user_id`` and ``item_id`` (and perhaps
            ``weight`` and ``datetime``), a tuple of arrays ``(users, items[, weights])``, the path of a ``.csv``,
            ``.tsv``, ``.parquet`` or ``.inter`` file, or a :class:`recsys.Split`, whose validation part is what choices
            are made by. Of all others a tenth of the users (at most 1,000) is held out for that, where the method
            makes any. It is not changed.
        ratio: Synthetic users / users, in (0, 1]; of a split, those that are trained on.
        users: Number of synthetic users.
        interactions: Number of interactions of all synthetic users together, each of weight 1; methods that keep real
            users give all they have where these have fewer. Without it, synthetic users of ``distill_cf`` have weights,
            and there may be more of them than real interactions (``record.budget["spent"]``).
        method: A method's name (:func:`recsys.list_methods`), perhaps with settings, such as
            ``"distill_cf(depth=2)"``, or object, such as ``DistillCF(depth=2)``.
        min_weight: Only interactions of at least this weight count, such as 4 of ratings from 1 to 5.
        seed: Same input, same seed, same machine: same bits. The caller's random state is left alone.
        device: Where to compute, such as ``"cuda"``. The result is on the CPU.
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            while long work runs.
        checkpoint: A file in which a method that works in steps keeps its state; the same call with the same file goes
            on from there, to the same bits as without the interruption.
        max_seconds: A method that works in steps stops after so many seconds since the call and gives the best that it
            has found; the record's ``stopped`` says where.

    Returns:
        Synthetic users with ids of their own over the original's items, and the record of how they were made.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value; the message names it and the remedy.

    >>> import recsys
    >>> real = recsys.generate_interactions(300, 60, 4000, seed=0)
    >>> small = recsys.condense(real, users=10, interactions=200)
    >>> small.user_items.shape, small.num_interactions, small.binary
    ((10, 60), 200, True)
    """
    seed = check_seed(seed)
    check_size(ratio, users, interactions)
    resolved = METHODS.resolve(method)
    conditions = Conditions(seed, resolve_device(device), progress, checkpoint, max_seconds)
    conditions.check(resolved)
    source = _source(dataset, min_weight, resolved)
    split = source.split
    size = resolve_size(ratio, users, interactions, len(source.user_ids), split.num_items)
    for note in split.notes:
        logger.warning(note)
    run = conditions.run(resolved, lambda: _identity(resolved, split, size))
    with measured(conditions.device) as costs, seeded(seed):
        result = resolved.condense(split, size, run)
    require_finite(resolved, {"weights": torch.from_numpy(result.user_items.data)})
    asked = {
        "ratio": None if ratio is None else float(ratio), "users": None if users is None else int(users),
        "interactions": size.interactions,
    }  # fmt: skip
    notes = _notes(result, split)
    told = (*split.notes, *notes, *conditions.notes(resolved, result.choices))
    record = _record(resolved, source, asked, result, costs, conditions, told)
    small = CondensedInteractions(result.user_items, split.item_ids, record, result.members)
    record.budget["spent"]["bytes"] = small.nbytes
    for note in notes:
        logger.warning(note)
    return small


@dataclass(frozen=True, eq=False)
class _Source:
    """What is condensed.

    Args:
        split: What to train on and to choose by.
        user_ids: Ids of all users that are known of, those held out included.
    """

    split: Split
    user_ids: np.ndarray


def _source(dataset: object, min_weight: float | None, method: UserMethod) -> _Source:
    """Return a split as it is, and of any other interactions one with validation users held out."""
    if not isinstance(dataset, Split):
        log = read_interactions(dataset, min_weight=min_weight)
        # Only what works in steps looks at validation users.
        return _Source(hold_out_users(log) if method.stepwise else whole(log), log.user_ids)
    if min_weight is not None:
        raise ValueError(f"min_weight={min_weight} makes no sense for a Split; give it to read_interactions before")
    check_split(dataset)
    return _Source(dataset, dataset.user_ids)


def _identity(method: UserMethod, split: Split, size: Size) -> dict[str, str]:
    """Return what a run's bits depend on, by which its checkpoint is recognised."""
    return {
        "method": repr(method),
        "source": split.fingerprint(),
        "validation users": "none" if split.val is None else split.val.fingerprint(),
        "size": repr(size),
    }


def _record(
    method: UserMethod,
    source: _Source,
    asked: dict[str, Any],
    result: SyntheticUsers,
    costs: Costs,
    conditions: Conditions,
    notes: tuple[str, ...],
) -> Record:
    split = source.split
    original = {
        "name": split.name,
        "fingerprint": split.fingerprint(),
        "num_users": split.num_users,
        "num_items": split.num_items,
        "num_interactions": int(split.train.nnz),
        "bytes": bytes_of(split.num_users, split.train.nnz, weighted=False),
        "split": split.protocol,
        "synthetic_prefix": _unused_prefix(source.user_ids),
    }
    return Record(
        method=method.label,
        settings=settings_of(method),
        choices=result.choices,
        seed=conditions.seed,
        device=str(conditions.device),
        processes=conditions.processes.count,
        source=original,
        budget={
            "asked": {name: value for name, value in asked.items() if value is not None},
            "spent": {"users": result.user_items.shape[0], "interactions": int(result.user_items.nnz)},
        },
        seconds=costs.seconds,
        peak_memory=costs.peak_memory,
        notes=notes,
    )


def _notes(result: SyntheticUsers, split: Split) -> tuple[str, ...]:
    """Return what the user should know of a result."""
    original, made = bytes_of(split.num_users, split.train.nnz, weighted=False), matrix_bytes(result.user_items)
    if made <= original:
        return result.notes
    larger = (
        f"The condensed set takes {made:,} bytes, its original {original:,}; ask for fewer users or interactions, or "
        "for a smaller share=."
    )
    return (*result.notes, larger)


def _unused_prefix(user_ids: np.ndarray) -> str:
    """Return what ids of synthetic users begin with, so that no real user has the same."""
    prefix = "syn_"
    while any(str(one).startswith(prefix) for one in user_ids):
        prefix = f"syn_{prefix}"
    return prefix


def list_methods() -> dict[str, str]:
    """Return the name of every method, and the first line of its description."""
    return METHODS.lines()
