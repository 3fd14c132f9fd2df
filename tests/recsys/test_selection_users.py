from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from graphcond.core.run_context import RunContext
from graphcond.core.runtime.randomness import seeded
from recsys.data.split import Split
from recsys.methods.base import SyntheticUsers, UserBudget, UserMethod
from recsys.methods.forgetting import Factorization, Forgetting, UnseenItems, row_means
from recsys.methods.head_users import HeadUsers
from recsys.methods.k_means_users import KMeansUsers, central, user_directions
from recsys.methods.random_users import RandomUsers
from recsys.methods.selection import drawn_within, thinned
from recsys.methods.stratified_users import StratifiedUsers, quantile_strata

METHODS: dict[str, UserMethod] = {
    "random": RandomUsers(),
    "head": HeadUsers(),
    "stratified": StratifiedUsers(strata=4),
    "k_means": KMeansUsers(factors=5),
    "forgetting": Forgetting(epochs=4, batch_size=64),
    "forgetting_propensity": Forgetting(epochs=4, batch_size=64, propensity=True),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def split_of(dense: np.ndarray) -> Split:
    train = csr_matrix(np.asarray(dense, dtype=np.float32))
    return Split(train, None, None, np.arange(train.shape[0]), np.arange(train.shape[1]))


def toy(seed: int = 0) -> Split:
    """50 users of which numbers 3 and 20 have nothing and number 7 has everything; weights are not binary."""
    rng = np.random.default_rng(seed)
    dense = (rng.random((50, 30)) < rng.uniform(0.05, 0.6, (50, 1))) * rng.uniform(0.5, 5, (50, 30))
    dense[:, 0] += dense.sum(axis=1) == 0
    dense[[3, 20]] = 0
    dense[7] = 2
    return split_of(dense)


def run(method: UserMethod, split: Split, users: int, interactions: int | None = None, seed: int = 0) -> SyntheticUsers:
    with seeded(seed):
        return method.condense(split, UserBudget(users, interactions))


def chosen(method: UserMethod, split: Split, users: int, seed: int = 0) -> list[int]:
    members = run(method, split, users, seed=seed).members
    assert members is not None
    return members.index.tolist()


@every_method
@pytest.mark.parametrize("users", [1, 13, 48])
@pytest.mark.parametrize("interactions", [None, 48, 60, 10_000])
def test_the_rows_are_those_of_the_members(method, users, interactions):
    split = toy()
    result = run(method, split, users, interactions)
    rows, members = result.user_items, result.members
    assert members.ptr.tolist() == list(range(users + 1))
    assert len(set(members.index.tolist())) == users
    assert type(rows) is csr_matrix
    assert (rows.shape, rows.dtype) == ((users, split.num_items), np.float32)
    assert rows.indices.dtype == rows.indptr.dtype == split.train.indices.dtype
    assert rows.has_canonical_format
    assert (rows.data == 1).all()
    real = (split.train[members.index.numpy()] != 0).toarray()
    if interactions is None or interactions >= real.sum():
        np.testing.assert_array_equal(rows.toarray(), real)
    else:
        assert rows.nnz == interactions
        assert (rows.toarray() <= real).all()
        assert (np.diff(rows.indptr) >= 1).all()


@every_method
@pytest.mark.parametrize("interactions", [None, 20])
def test_the_same_seed_gives_the_same_bits(method, interactions):
    first, second = (run(method, toy(), 12, interactions, seed=5) for _ in range(2))
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(first.user_items, name), getattr(second.user_items, name))
    assert first.members.index.tolist() == second.members.index.tolist()


@pytest.mark.parametrize("name", [name for name in METHODS if name != "head"])
def test_another_seed_gives_another_choice(name):
    assert len({tuple(sorted(chosen(METHODS[name], toy(), 12, seed=seed))) for seed in range(4)}) > 1


@every_method
def test_another_seed_keeps_other_interactions(method):
    assert len({run(method, toy(), 12, 20, seed=seed).user_items.indices.tobytes() for seed in range(4)}) > 1


@every_method
def test_neither_input_nor_numpys_random_state_is_touched(method):
    split, state = toy(), np.random.get_state()[1].copy()  # noqa: NPY002
    before = [part.copy() for part in (split.train.data, split.train.indices, split.train.indptr)]
    result = run(method, split, 12, 30)
    result.user_items.data[:] = 9
    result.user_items.indices[:] = 0
    for part, old in zip((split.train.data, split.train.indices, split.train.indptr), before, strict=True):
        np.testing.assert_array_equal(part, old)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@every_method
def test_users_without_interactions_are_never_chosen(method):
    assert sorted(chosen(method, toy(), 48)) == [user for user in range(50) if user not in (3, 20)]


@every_method
@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (UserBudget(49), r"users must be in \[1, 48\], the number of training users with interactions, got 49"),
        (UserBudget(0), r"users must be in \[1, 48\].*got 0"),
        (
            UserBudget(10, 9),
            r"interactions must be at least one for each of the 10 users, got 9; ask for more, or for fewer",
        ),
    ],
)
def test_impossible_sizes_are_refused_before_any_work(method, size, sentence):
    reports = []
    with pytest.raises(ValueError, match=sentence):
        method.condense(toy(), size, RunContext(progress=reports.append))
    assert reports == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: StratifiedUsers(strata=0),
        lambda: KMeansUsers(factors=-1),
        lambda: Forgetting(epochs=1),
        lambda: Forgetting(factors=0),
        lambda: Forgetting(learning_rate=0.0),
    ],
)
def test_impossible_fields_are_refused(make):
    with pytest.raises(ValueError, match=r"must be (positive|at least 2)"):
        make()


def test_names_are_unique():
    assert [method.name for method in METHODS.values()] == [
        "random_users", "head_users", "stratified_users", "k_means_users", "forgetting", "forgetting",
    ]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.data())
def test_thinning_shares_the_total_in_proportion(lengths, data):
    total = data.draw(st.integers(len(lengths), sum(lengths)))
    rows = csr_matrix((np.arange(9) < np.array(lengths)[:, None]).astype(np.float32))
    thin = thinned(rows, total, np.random.default_rng(total))
    shares, exact = np.diff(thin.indptr), total * np.array(lengths) / sum(lengths)
    assert thin.nnz == total
    assert thin.has_canonical_format
    assert (thin.toarray() <= rows.toarray()).all()
    assert (shares >= 1).all()
    if (exact >= 1).all():
        assert (np.abs(shares - exact) < 1).all()


def test_thinning_keeps_each_interaction_of_a_row_as_often():
    rows, rng = csr_matrix(np.ones((3, 8), np.float32)), np.random.default_rng(0)
    times = sum(thinned(rows, 6, rng).toarray() for _ in range(800))
    assert np.abs(times - 200).max() < 5 * (800 * 0.25 * 0.75) ** 0.5


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(0, 99))
def test_drawing_within_groups_gives_each_its_share(groups, seed):
    rng = np.random.default_rng(seed)
    sizes = np.bincount(groups, minlength=5)
    shares = rng.integers(0, sizes + 1)
    positions = drawn_within(np.array(groups), shares, rng)
    assert positions.tolist() == sorted(set(positions.tolist()))
    assert np.bincount(np.array(groups)[positions], minlength=5).tolist() == shares.tolist()


def test_random_users_are_drawn_uniformly():
    split = toy()
    times = Counter(user for seed in range(600) for user in chosen(RandomUsers(), split, 12, seed=seed))
    assert len(times) == 48
    assert max(abs(count - 150) for count in times.values()) < 5 * (600 * 0.25 * 0.75) ** 0.5


def test_head_users_are_the_most_active_and_ties_go_to_the_lower_number():
    split = toy()
    lengths = (split.train != 0).sum(axis=1).A1.tolist()
    assert len(set(lengths)) < 40  # there are ties
    assert chosen(HeadUsers(), split, 48) == sorted(range(50), key=lambda user: (-lengths[user], user))[:48]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=40), st.integers(1, 12))
def test_strata_are_cut_at_quantiles(values, count):
    values = np.array(values)
    strata = quantile_strata(values, count)
    assert sorted(set(strata.tolist())) == list(range(strata.max() + 1))
    assert strata.max() < count
    order = np.argsort(values, kind="stable")
    assert (np.diff(strata[order]) >= 0).all()
    assert all(len(set(strata[values == value].tolist())) == 1 for value in set(values.tolist()))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_strata_of_different_values_are_of_equal_size(count):
    sizes = np.bincount(quantile_strata(np.random.default_rng(0).permutation(20), count))
    assert len(sizes) == count
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("seed", range(3))
def test_stratified_users_are_as_active_as_all(seed):
    dense = np.zeros((100, 15))
    dense[:, :2] = 1
    dense[40:60] = 1
    picked = chosen(StratifiedUsers(), split_of(dense), 10, seed)
    assert sum(40 <= user < 60 for user in picked) == 2


def test_directions_at_full_rank_keep_the_angles_between_users():
    rows = csr_matrix((np.random.default_rng(0).random((9, 6)) < 0.5).astype(np.float32) + np.eye(9, 6))
    dense = rows.toarray() / np.linalg.norm(rows.toarray(), axis=1, keepdims=True)
    directions = user_directions(rows, 99, seed=0)
    np.testing.assert_allclose(directions @ directions.T, dense @ dense.T, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_k_means_finds_one_user_of_each_planted_cluster(seed):
    rng = np.random.default_rng(seed)
    cluster = rng.permutation(np.repeat(np.arange(6), [4, 8, 8, 12, 20, 30]))
    dense = (rng.random((82, 60)) < 0.7) & (np.arange(60) // 10 == cluster[:, None])
    picked = chosen(KMeansUsers(factors=6), split_of(dense), 6, seed)
    assert sorted(cluster[picked].tolist()) == list(range(6))


@pytest.mark.parametrize("seed", range(3))
def test_k_means_takes_the_point_at_the_centre(seed):
    corners = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    around = np.array([[1, 0], [-1, 0], [0, 0], [0, 1], [0, -1]])  # number 2 is in the middle
    points = (corners[:, None] + around).reshape(-1, 2).astype(np.float32)
    assert sorted(central(points, 4, seed).tolist()) == [2, 7, 12, 17]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 30])
def test_k_means_fills_up_among_duplicates(count):
    points = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0)
    rows = central(points, count, seed=0)
    assert len(set(rows.tolist())) == count
    if count >= 3:
        assert len(np.unique(points[rows], axis=0)) == 3


def planted_noise(seed: int) -> tuple[Split, set[int]]:
    """Users who like 10 of the 12 items of their group, and 15 users who like any 10 of all items."""
    rng = np.random.default_rng(seed)
    group = rng.integers(4, size=100)
    wish = rng.random((100, 48)) - 2 * (np.arange(48) // 12 == group[:, None])
    noisy = rng.choice(100, 15, replace=False)
    wish[noisy] = rng.random((15, 48))
    dense = np.zeros((100, 48))
    np.put_along_axis(dense, wish.argsort(axis=1)[:, :10], 1, axis=1)
    return split_of(dense), set(noisy.tolist())


@pytest.mark.parametrize("seed", range(3))
def test_forgetting_prefers_planted_noise(seed):
    split, noisy = planted_noise(seed)
    method = Forgetting(epochs=30, batch_size=64, learning_rate=0.03)
    assert len(noisy & set(chosen(method, split, 15, seed))) >= 12


def test_the_factorization_learns_what_can_be_learnt(monkeypatch):
    dense = np.kron(np.eye(4), np.ones((15, 12))) * (np.random.default_rng(0).random((60, 48)) < 0.8)
    train, right, margins = split_of(dense).train, [], Factorization.margins

    def watched(self, users, items, others):
        found = margins(self, users, items, others)
        right.append(float((found > 0).float().mean()))
        return found

    monkeypatch.setattr(Factorization, "margins", watched)
    with seeded(0):
        Forgetting(epochs=20, batch_size=train.nnz, learning_rate=0.05).forgotten(train)
    assert right[0] < 0.6
    assert right[-1] > 0.9  # the rest are items of the own group, which are drawn as unseen as well


def test_forgetting_counts_what_was_known_and_is_not_known_any_more(monkeypatch):
    history = {(0, 1): "++++", (0, 4): "+-+-", (1, 0): "-+--", (2, 2): "----", (2, 3): "+--+", (2, 4): "---+"}
    train = csr_matrix((np.ones(6, np.float32), tuple(zip(*history, strict=True))), shape=(3, 5))
    seen = Counter()

    def margins(self, users, items, others):
        pairs = list(zip(users.tolist(), items.tolist(), strict=True))
        signs = [1.0 if history[pair][seen[pair]] == "+" else -1.0 for pair in pairs]
        seen.update(pairs)
        return torch.tensor(signs) + 0 * self.users.sum()

    monkeypatch.setattr(Factorization, "margins", margins)
    reports = []
    with seeded(0):
        events = Forgetting(epochs=4, batch_size=4).forgotten(train, RunContext(progress=reports.append))
    assert events.tolist() == [0, 2, 1, 0, 1, 0]
    assert set(seen.values()) == {4}
    assert [(report.done, report.total) for report in reports] == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("propensity", [False, True])
def test_forgetting_ranks_users_by_means_over_their_interactions(monkeypatch, propensity):
    split, rng = toy(), np.random.default_rng(1)
    monkeypatch.setattr(
        Forgetting, "forgotten", lambda self, train, run: torch.from_numpy(rng.integers(1, 99, train.nnz))
    )
    got = chosen(Forgetting(propensity=propensity), split, 48)
    dense = split.train.toarray() != 0
    scale = (np.log(dense.sum()) - 1) * 2.5**0.55
    inverse = 1 + scale * (dense.sum(axis=0) + 1.5) ** -0.55
    comparable = [user for user in range(50) if user not in (3, 7, 20)]
    counts = iter(np.random.default_rng(1).integers(1, 99, dense[comparable].sum()).tolist())
    score = {7: 0.0}  # nothing is left to compare the items of number 7 with
    for user in comparable:
        items = np.flatnonzero(dense[user])
        mean = np.mean([next(counts) for _ in items])
        score[user] = float(mean * inverse[items].mean() if propensity else mean)
    assert got == sorted(score, key=lambda user: (-score[user], user))


def test_forgetting_copes_with_users_that_have_everything():
    assert chosen(Forgetting(epochs=2), split_of(np.ones((4, 3))), 2) == [0, 1]


def test_propensity_changes_the_choice():
    assert chosen(METHODS["forgetting"], toy(), 12) != chosen(METHODS["forgetting_propensity"], toy(), 12)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 6), st.integers(1, 9), st.integers(0, 999))
def test_what_is_drawn_as_unseen_is_unseen(num_items, num_users, seed):
    dense = np.random.default_rng(seed).random((num_users, num_items)) < 0.6
    dense[dense.all(axis=1), 0] = False
    train = csr_matrix(dense.astype(np.float32))
    with seeded(seed):
        items = UnseenItems(train).draw().numpy()
    users = np.repeat(np.arange(num_users), np.diff(train.indptr))
    assert ((items >= 0) & (items < num_items)).all()
    assert not dense[users, items].any()


def test_unseen_items_are_drawn_uniformly():
    rows = np.tile([[0, 1, 0, 0, 1, 0], [1, 1, 0, 1, 0, 0]], (1500, 1))
    with seeded(0):
        items = UnseenItems(csr_matrix(rows.astype(np.float32))).draw().numpy()
    users = np.repeat(np.arange(3000), rows.sum(axis=1))
    even, odd = (np.bincount(items[users % 2 == parity], minlength=6) for parity in (0, 1))
    assert (even[[1, 4]] == 0).all()
    assert (odd[[0, 1, 3]] == 0).all()
    assert np.abs(even[[0, 2, 3, 5]] - 750).max() < 5 * (3000 * 0.25 * 0.75) ** 0.5
    assert np.abs(odd[[2, 4, 5]] - 1500).max() < 5 * (4500 * (1 / 3) * (2 / 3)) ** 0.5


def test_row_means():
    rows = csr_matrix(np.array([[1, 1, 0], [0, 0, 1]]))
    np.testing.assert_allclose(row_means(rows, np.array([1.0, 2.0, 5.0])), [1.5, 5.0])
