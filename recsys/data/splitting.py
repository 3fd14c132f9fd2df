"""Cutting interactions into what is trained on, chosen by and tested with."""

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_matrix

from graphcond.core.fields import is_number
from graphcond.core.runtime.randomness import check_seed
from recsys.data.checks import check_shares
from recsys.data.log import Duplicates, InteractionLog
from recsys.data.reading import read_interactions
from recsys.data.split import Holdout, Split

TRAIN, VAL, TEST = 0, 1, 2


def whole(source: object, *, duplicates: Duplicates = "binary") -> Split:
    """Return all interactions to train on, with nothing held out.

    Args:
        source: What :func:`~recsys.data.reading.read_interactions` takes.
        duplicates: What a user and an item that met several times, and weights, become in the matrix:
            :meth:`~recsys.data.log.InteractionLog.merged`.
    """
    log = _prepared(source, duplicates)
    return _weak(log, np.zeros(len(log), np.int8), "whole", val=False, test=False)


def random_split(
    source: object, val: float = 0.1, test: float = 0.1, *, seed: int = 0, duplicates: Duplicates = "binary"
) -> Split:
    """Hold out a random share of each user's interactions.

    A user with ``n`` interactions has ``n * test`` of them in the test and ``n * val`` in the validation part, each
    rounded up or down at random so that the mean is right whatever ``n``; one at least stays to train on. Users with
    few interactions may therefore have nothing held out, and are not asked about.

    Args:
        source: What :func:`~recsys.data.reading.read_interactions` takes.
        val: Share for validation; 0: none is held out.
        test: Share for testing; 0: none is held out.
        seed: Same seed, same split.
        duplicates: As for :func:`whole`. Repeated pairs are merged before anything is held out, so that none is on
            both sides.
    """
    check_shares(val=val, test=test)
    rng = np.random.default_rng(check_seed(seed))
    log = _prepared(source, duplicates)
    counts = np.bincount(log.users, minlength=log.num_users)
    lift = rng.random(log.num_users)
    last_test = np.minimum(np.floor(counts * test + lift), counts - 1)
    last_val = np.minimum(np.floor(counts * (test + val) + lift), counts - 1)
    place = _places(log, rng.random(len(log)))
    part = np.where(place < last_test[log.users], TEST, np.where(place < last_val[log.users], VAL, TRAIN))
    return _weak(log, part, "random", val=val > 0, test=test > 0)


def leave_one_out(source: object, *, seed: int = 0, duplicates: Duplicates = "binary") -> Split:
    """Hold out each user's last interaction for testing and the one before it for validation.

    Without times, and among equal times, chance decides. A user with two interactions has none for validation, and one
    with a single interaction keeps it to train on.

    Args:
        source: What :func:`~recsys.data.reading.read_interactions` takes.
        seed: Same seed, same split.
        duplicates: As for :func:`whole`. Repeated pairs are merged first, at their earliest time.
    """
    rng = np.random.default_rng(check_seed(seed))
    log = _prepared(source, duplicates)
    chance = rng.random(len(log))
    place = _places(log, chance) if log.times is None else _places(log, chance, log.times)
    counts = np.bincount(log.users, minlength=log.num_users)[log.users]
    from_end = counts - 1 - place
    part = np.where((from_end == 0) & (counts > 1), TEST, np.where((from_end == 1) & (counts > 2), VAL, TRAIN))
    return _weak(log, part, "leave_one_out", val=True, test=True)


def temporal_split(source: object, val: float = 0.1, test: float = 0.1, *, duplicates: Duplicates = "binary") -> Split:
    """Hold out the latest interactions of all: what came after one moment is tested, what came just before validates.

    The moments are chosen so that the shares, of the test first, come as close as they can; interactions of one time
    stay together. Users
    who came later have nothing to train on and an empty context, and items may be cold: the notes say how many.

    Args:
        source: What :func:`~recsys.data.reading.read_interactions` takes, with times.
        val: Share for validation; 0: none is held out.
        test: Share for testing; 0: none is held out.
        duplicates: As for :func:`whole`. Repeated pairs are merged first, at their earliest time.

    Raises:
        ValueError: there are no times, or too few different ones.
    """
    check_shares(val=val, test=test)
    log = _prepared(source, duplicates)
    if log.times is None:
        noticed = "".join(f"; {note.removesuffix('.')}" for note in log.notes if "for times" in note)
        raise ValueError(
            "interactions must have times for a temporal split; say which column holds them, such as "
            "read_interactions(..., columns={'time': 'when'}), on the command line --columns time=when" + noticed
        )
    moments, counts = np.unique(log.times, return_counts=True)
    needed = 1 + (val > 0) + (test > 0)
    if len(moments) < needed:
        raise ValueError(
            f"the times take {len(moments)} different values, but {needed} are needed to hold out val={val} and "
            f"test={test}; split with random_split (--split random)"
        )
    until = counts.cumsum()
    last_val = _nearest(until[:-1], (1 - test) * len(log), int(val > 0)) if test else len(moments) - 1
    last_train = _nearest(until[:last_val], (1 - val - test) * len(log), 0) if val else last_val
    moment = np.searchsorted(moments, log.times)
    part = np.where(moment > last_val, TEST, np.where(moment > last_train, VAL, TRAIN))
    return _weak(log, part, "temporal", val=val > 0, test=test > 0)


def strong_split(
    source: object,
    val_users: float = 0.1,
    test_users: float = 0.1,
    context: float = 0.8,
    *,
    seed: int = 0,
    duplicates: Duplicates = "binary",
) -> Split:
    """Hold out users: others than those that are trained on show some of their interactions and are asked for the rest.

    Only users with two interactions or more are held out, and each has one at least on either side. Items that only
    they interacted with stay among the items.

    Args:
        source: What :func:`~recsys.data.reading.read_interactions` takes.
        val_users: Share of the users for validation; 0: none is held out.
        test_users: Share of the users for testing; 0: none is held out.
        context: Share of a held-out user's interactions that is shown, rounded at random as in :func:`random_split`.
        seed: Same seed, same split.
        duplicates: As for :func:`whole`. Repeated pairs are merged first, so that none is on both sides.

    Raises:
        ValueError: too few users have two interactions.
    """
    check_shares(val_users=val_users, test_users=test_users)
    if not is_number(context) or not 0 < context < 1:
        raise ValueError(f"context must be a share in (0, 1), got {context!r}; 0.8 shows four of five interactions")
    rng = np.random.default_rng(check_seed(seed))
    log = _prepared(source, duplicates)
    counts = np.bincount(log.users, minlength=log.num_users)
    asked = [max(1, round(share * log.num_users)) if share else 0 for share in (val_users, test_users)]
    able = rng.permutation(np.flatnonzero(counts > 1))
    if sum(asked) > len(able) or sum(asked) >= log.num_users:
        raise ValueError(
            f"val_users={val_users} and test_users={test_users} hold out {sum(asked)} of {log.num_users} users, but "
            f"only {len(able)} have two interactions or more and some must be left to train on; lower the shares"
        )
    shown = np.clip(np.floor(counts * context + rng.random(log.num_users)), 1, counts - 1)
    hidden = _places(log, rng.random(len(log))) >= shown[log.users]
    groups = np.sort(able[: asked[0]]), np.sort(able[asked[0] : sum(asked)])
    val, test = (_asked(log, users, hidden) if len(users) else None for users in groups)
    users = np.setdiff1d(np.arange(log.num_users), np.concatenate(groups))
    train = log.user_items("sum")[users]
    notes = _cold(train)
    return Split(train, val, test, log.user_ids[users], log.item_ids, log.name, "strong", (*log.notes, *notes))


def _nearest(counts: np.ndarray, wanted: float, first: int) -> int:
    """Return the place, ``first`` or later, of the count that comes closest."""
    return first + int(np.abs(counts[first:] - wanted).argmin())


def _prepared(source: object, duplicates: Duplicates) -> InteractionLog:
    log = read_interactions(source)
    merged, notes = log.merged(duplicates), []
    repeated = len(log) - len(merged)
    if repeated:
        notes.append(f"{repeated} interactions repeat a user and an item that met before; they were merged.")
    if duplicates == "binary" and log.weights is not None:
        notes.append("Weights were not kept: each interaction counts as 1.")
    return replace(merged, notes=(*log.notes, *notes))


def _places(log: InteractionLog, *keys: np.ndarray) -> np.ndarray:
    """Return each interaction's place among those of its user, ordered by the last key first, as for ``lexsort``."""
    order = np.lexsort((*keys, log.users))
    starts = np.concatenate([[0], np.bincount(log.users, minlength=log.num_users).cumsum()])
    places = np.empty(len(log), np.int64)
    places[order] = np.arange(len(log)) - starts[log.users[order]]
    return places


def _weak(log: InteractionLog, part: np.ndarray, protocol: str, *, val: bool, test: bool) -> Split:
    # Pairs are merged already: to sum them keeps weights, and makes 1 of what has none.
    train, chosen, tested = (log.take(part == kind).user_items("sum") for kind in (TRAIN, VAL, TEST))
    notes = _cold(train)
    idle = int((np.diff(train.indptr) == 0).sum())
    if idle:
        notes.append(f"{idle} users have nothing to train on.")
    return Split(
        train,
        Holdout(train, _binary(chosen)) if val else None,
        Holdout(train + chosen, _binary(tested)) if test else None,
        log.user_ids,
        log.item_ids,
        log.name,
        protocol,
        (*log.notes, *notes),
    )


def _asked(log: InteractionLog, users: np.ndarray, hidden: np.ndarray) -> Holdout:
    context, targets = (log.take(mask).user_items("sum")[users] for mask in (~hidden, hidden))
    return Holdout(context, _binary(targets))


def _binary(matrix: csr_matrix) -> csr_matrix:
    ones = matrix.copy()
    ones.data[:] = 1
    return ones


def _cold(train: csr_matrix) -> list[str]:
    cold = train.shape[1] - len(np.unique(train.indices))
    return [f"{cold} items are in no training interaction."] if cold else []
