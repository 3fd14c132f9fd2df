import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, vstack

from recsys import InteractionLog, generate_interactions, leave_one_out, random_split, strong_split, temporal_split
from recsys.data.splitting import whole

ENTRIES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 30)), min_size=1, max_size=60)
SHARES = st.sampled_from([(0.1, 0.1), (0.2, 0.3), (0, 0.4), (0.4, 0), (0.45, 0.45)])


def log_of(entries, times=True, weights=None):
    users, items, moments = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    return InteractionLog(users, items, np.arange(6), np.arange(8), weights, moments if times else None, name="made")


def cells(matrix):
    return set(zip(*(part.tolist() for part in matrix.nonzero()), strict=True))


def parts_of(split):
    """Return the cells of the parts by ids, after checking what holds of every weak split."""
    found = []
    for matrix in (split.train, split.val and split.val.targets, split.test and split.test.targets):
        if matrix is None:
            found.append(set())
            continue
        assert isinstance(matrix, csr_matrix)
        assert matrix.dtype == np.float32
        assert matrix.shape == split.train.shape == (len(split.user_ids), len(split.item_ids))
        assert matrix.has_canonical_format
        assert (matrix.data == 1).all()
        found.append({(int(split.user_ids[user]), int(split.item_ids[item])) for user, item in cells(matrix)})
    if split.val:
        assert (split.val.context != split.train).nnz == 0
    if split.test:
        context = split.train if split.val is None else split.train + split.val.targets
        assert (split.test.context != context).nnz == 0
        assert split.test.context.has_canonical_format
    return found


def same(one, two):
    return all(map(np.array_equal, (one.user_ids, one.item_ids), (two.user_ids, two.item_ids))) and parts_of(
        one
    ) == parts_of(two)


@given(ENTRIES, SHARES, st.integers(0, 99), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_weak_splits_part_the_whole(entries, shares, seed, shuffler):
    pairs = {(user, item) for user, item, _ in entries}
    mixed = shuffler.sample(entries, len(entries))
    for split, again in (
        (random_split(log_of(entries), *shares, seed=seed), random_split(log_of(mixed), *shares, seed=seed)),
        (leave_one_out(log_of(entries), seed=seed), leave_one_out(log_of(mixed), seed=seed)),
        (whole(log_of(entries)), whole(log_of(mixed))),
    ):
        train, val, test = parts_of(split)
        assert train | val | test == pairs
        assert len(train) + len(val) + len(test) == len(pairs)
        assert {user for user, _ in train} == {user for user, _ in pairs} == set(split.user_ids.tolist())
        assert split.item_ids.tolist() == list(range(8))
        assert same(split, again)
        assert split.notes == again.notes
        assert ("merged" in " ".join(split.notes)) == (len(pairs) < len(entries))


@given(ENTRIES, SHARES.filter(lambda shares: all(shares)), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_random_shares_are_right_to_within_one(entries, shares, seed):
    split = random_split(log_of(entries), *shares, seed=seed)
    val, test = (np.diff(part.targets.indptr) for part in (split.val, split.test))
    counts = np.diff(split.train.indptr) + val + test
    free = np.diff(split.train.indptr) > 1  # others may have kept their last one
    for held, share in ((val, shares[0]), (test, shares[1]), (val + test, sum(shares))):
        assert (held < counts * share + 1).all()
        assert (held[free] > counts[free] * share - 1).all()


def test_random_shares_are_right_on_average_for_users_with_few_interactions():
    users, items = np.divmod(np.arange(4 * 5000), 4)
    split = random_split((users, items), 0.1, 0.2, seed=1)
    assert abs(split.val.targets.nnz / 20000 - 0.1) < 0.005
    assert abs(split.test.targets.nnz / 20000 - 0.2) < 0.005
    by_item = np.bincount(split.test.targets.indices, minlength=4)
    assert by_item.min() > 0.9 * by_item.mean()  # which of the four is chosen by chance


def test_seeds_differ_and_leave_the_global_state_alone():
    matrix = generate_interactions(40, 30, 400)
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    splits = [random_split(matrix, seed=seed) for seed in (0, 1)]
    assert not same(*splits)
    assert not same(leave_one_out(matrix, seed=0), leave_one_out(matrix, seed=1))
    assert len({tuple(strong_split(matrix, seed=seed).user_ids) for seed in range(5)}) == 5
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@given(ENTRIES, st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_leave_one_out_takes_the_last_by_time(entries, seed):
    split = leave_one_out(log_of(entries), seed=seed)
    earliest = {}
    for user, item, time in entries:
        earliest[user, item] = min(earliest.get((user, item), time), time)
    train, val, test = ({pair: earliest[pair] for pair in part} for part in parts_of(split))
    for user in split.user_ids.tolist():
        kept, chosen, asked = ([time for (who, _), time in part.items() if who == user] for part in (train, val, test))
        count = len(kept) + len(chosen) + len(asked)
        assert (len(chosen), len(asked)) == (int(count > 2), int(count > 1))
        assert max(kept) <= min(chosen + asked, default=99)
        assert max(chosen, default=-1) <= min(asked, default=99)


def test_leave_one_out_without_times_leaves_any_one_out():
    found = {leave_one_out((["u"] * 4, range(4)), seed=seed).test.targets.indices[0] for seed in range(40)}
    assert found == {0, 1, 2, 3}


@given(ENTRIES, SHARES)
@settings(max_examples=100, deadline=None)
def test_temporal_parts_follow_each_other(entries, shares):
    earliest = {}
    for user, item, time in entries:
        earliest[user, item] = min(earliest.get((user, item), time), time)
    if len(set(earliest.values())) < 1 + sum(share > 0 for share in shares):
        with pytest.raises(ValueError, match="are needed to hold out"):
            temporal_split(log_of(entries), *shares)
        return
    split = temporal_split(log_of(entries), *shares)
    parts = parts_of(split)
    assert sum(map(len, parts)) == len(earliest) == len(set.union(*parts))
    times = [[earliest[pair] for pair in part] for part in parts]
    assert all(part for part, share in zip(times[1:], shares, strict=True) if share)
    latest = -1
    for part in filter(None, times):
        assert min(part) > latest
        latest = max(part)
    cold = 8 - len({item for _, item in parts[0]})
    idle = len(split.user_ids) - len({user for user, _ in parts[0]})
    assert (f"{cold} items are in no training interaction." in split.notes) == (cold > 0)
    assert (f"{idle} users have nothing to train on." in split.notes) == (idle > 0)


def test_temporal_cuts_come_as_close_as_they_can():
    split = temporal_split(log_of([(i % 6, i % 8, i) for i in range(20)]), 0.1, 0.2)
    assert (split.train.nnz, split.val.targets.nnz, split.test.targets.nnz) == (14, 2, 4)
    years = [2000] * 12 + [2001] * 3 + [2002] * 5
    split = temporal_split(log_of([(i % 6, i % 8, year) for i, year in enumerate(years)]), 0.1, 0.2)
    assert (split.train.nnz, split.val.targets.nnz, split.test.targets.nnz) == (12, 3, 5)
    years = [2000] * 15 + [2001] + [2002] * 4  # what comes closest to 12 is all there is to train on
    split = temporal_split(log_of([(i % 6, i % 8, year) for i, year in enumerate(years)]), 0.1, 0.4)
    assert (split.train.nnz, split.val.targets.nnz, split.test.targets.nnz) == (15, 1, 4)


def alone(sizes):
    """Return interactions of users who share no item, by which they can be told, and the sizes' owners."""
    users = np.repeat(np.arange(len(sizes)), sizes)
    return users, 1000 * users + np.arange(len(users))


@given(
    st.lists(st.integers(1, 12), min_size=10, max_size=40),
    st.sampled_from([(0.1, 0.1), (0.3, 0.2), (0, 0.2), (0.2, 0)]),
    st.sampled_from([0.1, 0.5, 0.8]),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_strong_splits_hold_users_out(sizes, shares, context, seed):
    users, items = alone(sizes)
    try:
        split = strong_split((users, items), *shares, context, seed=seed)
    except ValueError as error:
        assert "lower the shares" in str(error)  # noqa: PT017
        return
    again = strong_split((users[::-1], items[::-1]), *shares, context, seed=seed)
    assert len(split.item_ids) == len(items)
    seen = [split.train, *(part and part.context + part.targets for part in (split.val, split.test))]
    owners = []
    for matrix, other in zip(seen, (again.train, again.val, again.test), strict=True):
        if matrix is None:
            assert other is None
            continue
        who = [split.item_ids[row.indices] // 1000 for row in matrix]
        assert all((row == row[0]).all() and len(row) == sizes[row[0]] for row in who)
        owners += [int(row[0]) for row in who]
    assert owners[: split.num_users] == split.user_ids.tolist()
    assert sorted(owners) == list(range(len(sizes)))
    for part, other, share in zip((split.val, split.test), (again.val, again.test), shares, strict=True):
        if not share:
            assert part is None
            continue
        assert part.context.shape[0] == max(1, round(share * len(sizes)))
        shown, hidden = np.diff(part.context.indptr), np.diff(part.targets.indptr)
        assert shown.min() >= 1
        assert hidden.min() >= 1
        wanted = np.clip((shown + hidden) * context, 1, shown + hidden - 1)
        assert (np.abs(shown - wanted) < 1).all()
        assert part.context.multiply(part.targets).nnz == 0
        assert (part.context != other.context).nnz == (part.targets != other.targets).nnz == 0


def test_all_of_a_strong_split_is_the_whole():
    matrix = generate_interactions(60, 40, 600)
    split = strong_split(matrix)
    parts = [split.train, *(part.context + part.targets for part in (split.val, split.test))]
    together = vstack(parts).tocsr()
    assert sorted(map(tuple, together.toarray().tolist())) == sorted(map(tuple, matrix.toarray().tolist()))


@pytest.mark.parametrize("cut", [random_split, leave_one_out, temporal_split, strong_split, whole])
def test_repeated_pairs_never_leak_and_weights_stay_if_asked(cut):
    rng = np.random.default_rng(0)
    entries = np.column_stack([rng.integers(0, 6, 300), rng.integers(0, 8, 300), rng.integers(0, 90, 300)])
    weights = rng.integers(1, 5, 300).astype(np.float32)
    log = log_of(entries, weights=weights)
    for duplicates in ("binary", "sum", "max"):
        split = cut(log, duplicates=duplicates)
        expected = log.user_items(duplicates)
        for holdout in filter(None, (split.val, split.test)):
            assert holdout.context.multiply(holdout.targets).nnz == 0
            assert (holdout.targets.data == 1).all()
            if cut is not strong_split:
                assert (holdout.context != expected.multiply(holdout.context > 0)).nnz == 0
        rows = np.searchsorted(log.user_ids, split.user_ids)
        assert (split.train != expected[rows].multiply(split.train > 0)).nnz == 0
        merged = [note for note in split.notes if "repeat a user and an item" in note]
        assert merged == [f"{log.num_duplicates} interactions repeat a user and an item that met before; they were "
                          "merged."]  # fmt: skip
        assert ("Weights were not kept: each interaction counts as 1." in split.notes) == (duplicates == "binary")
    assert split.name == "made"
    assert split.protocol == {random_split: "random", leave_one_out: "leave_one_out", temporal_split: "temporal",
                              strong_split: "strong", whole: "whole"}[cut]  # fmt: skip


def test_the_log_is_not_changed():
    log = log_of([(0, 1, 5), (0, 2, 3), (0, 1, 2), (1, 3, 9)])
    before = [part.copy() for part in (log.users, log.items, log.times)]
    for cut in (random_split, leave_one_out, whole):
        split = cut(log)
        split.train.data[:] = 7
    assert all(map(np.array_equal, before, (log.users, log.items, log.times)))


MATRIX = generate_interactions(20, 15, 100)
BAD = [
    (lambda: random_split(MATRIX, 1.5), r"val must be a share in \[0, 1\), got 1.5; 0 holds nothing out"),
    (lambda: random_split(MATRIX, 0.1, -0.1), r"test must be a share in \[0, 1\), got -0.1"),
    (lambda: random_split(MATRIX, True), "val must be a share .* got True"),
    (lambda: random_split(MATRIX, float("nan")), "val must be a share .* got nan"),
    (lambda: random_split(MATRIX, 0.5, 0.5), r"must add up to less than 1, got val=0.5, test=0.5; leave some"),
    (lambda: random_split(MATRIX, seed=-1), "seed must be an integer"),
    (lambda: random_split(MATRIX, duplicates="mean"), "duplicates must be 'binary', 'sum' or 'max'"),
    (lambda: temporal_split(MATRIX), "must have times for a temporal split; say which column holds them"),
    (
        lambda: temporal_split(log_of([(0, i, 5) for i in range(8)])),
        "the times take 1 different values, but 3 are needed to hold out",
    ),
    (lambda: strong_split(MATRIX, 0.6, 0.6), "must add up to less than 1, got val_users=0.6, test_users=0.6"),
    (lambda: strong_split(MATRIX, context=1), r"context must be a share in \(0, 1\), got 1; 0.8 shows"),
    (lambda: strong_split(([0, 1, 2], [0, 1, 2])), "hold out 2 of 3 users, but only 0 have two interactions"),
    (lambda: strong_split(([0, 0, 1, 1], [0, 1, 0, 1])), "hold out 2 of 2 users, but only 2 have two .* to train on"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
