"""What is particular to condensing interactions: sizes, sources, ids, splits."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

import graphcond
import recsys
from graphcond.core.run_context import RunContext
from recsys import CondensedInteractions, Holdout, InteractionLog, Split
from recsys.data.held_out import hold_out_users
from recsys.data.splitting import whole
from recsys.methods import METHODS
from recsys.methods.base import SyntheticUsers, UserBudget, UserMethod
from recsys.methods.distill_cf import DistillCF

NAMES = sorted(set(recsys.list_methods()) - {"auto"})  # which is distill_cf
KEEPS_REAL_USERS = sorted(set(NAMES) - {"distill_cf"})
DRAWS = sorted(set(NAMES) - {"head_users"})
USERS = 7
REAL = recsys.generate_interactions(120, 40, 1500)
ALIKE = 120 - len(np.unique(REAL.toarray(), axis=0))
every_method = pytest.mark.parametrize("name", NAMES)
learned_and_kept = pytest.mark.parametrize("name", ["distill_cf", "random_users"])


def condense(source: object, name: str, **options: Any) -> CondensedInteractions:
    if not {"users", "ratio", "interactions"} & set(options):
        options["users"] = USERS
    return recsys.condense(source, method=METHODS.quick(name), **options)


def parts(matrix: csr_matrix) -> tuple[bytes, ...]:
    return tuple(array.tobytes() for array in (matrix.indptr, matrix.indices, matrix.data))


def bits(small: CondensedInteractions) -> tuple[object, ...]:
    members = () if small.members is None else (small.members.ptr.tolist(), small.members.index.tolist())
    return small.user_items.shape, *parts(small.user_items), *members, small.item_ids.tolist()


def frame(matrix: csr_matrix, user: Callable[[int], object] = int, item: Callable[[int], object] = int) -> pd.DataFrame:
    entries = matrix.tocoo()
    return pd.DataFrame({
        "user_id": [user(i) for i in entries.row.tolist()],
        "item_id": [item(i) for i in entries.col.tolist()],
        "weight": entries.data,
    })  # fmt: skip


def arrays(matrix: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    entries = matrix.tocoo()
    return entries.row, entries.col


def weighted(seed: int = 0) -> csr_matrix:
    matrix = REAL.copy()
    matrix.data = np.random.default_rng(seed).integers(1, 6, matrix.nnz).astype(np.float32)
    return matrix


def snapshot(source: object) -> object:
    """What is in a source, bit by bit."""
    if isinstance(source, pd.DataFrame):
        return source.to_csv(), source.dtypes.to_dict()
    if isinstance(source, tuple):
        return tuple(np.asarray(array).tobytes() for array in source)
    if isinstance(source, Split | Holdout | InteractionLog):
        return tuple(snapshot(getattr(source, field.name)) for field in dataclasses.fields(source))
    if isinstance(source, csr_matrix):
        return parts(source)
    return source.tobytes() if isinstance(source, np.ndarray) else source


SOURCES: dict[str, Callable[[], object]] = {
    "matrix": weighted,
    "frame": lambda: frame(weighted(), user="u{}".format, item="i{}".format),
    "arrays": lambda: (*arrays(REAL), weighted().data),
    "log": lambda: recsys.read_interactions(weighted()),
    "split": lambda: recsys.random_split(weighted(), duplicates="sum"),
}


@learned_and_kept
@pytest.mark.parametrize("source", SOURCES)
def test_no_source_is_changed(name, source):
    given = SOURCES[source]()
    before = snapshot(given)
    condense(given, name)
    assert snapshot(given) == before


@pytest.mark.parametrize("name", DRAWS)
def test_another_seed_gives_another_result(name):
    assert bits(condense(REAL, name, seed=0)) != bits(condense(REAL, name, seed=1))


@every_method
def test_another_seed_thins_other_interactions(name):
    first, second = (condense(REAL, name, interactions=20, users=USERS, seed=seed) for seed in (0, 1))
    assert bits(first) != bits(second)


@every_method
@pytest.mark.parametrize("users", [1, USERS, 60])
def test_users_are_as_many_as_asked(name, users):
    small = condense(REAL, name, users=users)
    assert small.user_items.shape == (users, 40)
    assert len(small.user_ids) == len(set(small.user_ids.tolist())) == users
    assert (np.diff(small.user_items.indptr) > 0).all()
    assert small.record.budget["asked"] == {"size": f"{users}"}


@every_method
@pytest.mark.parametrize(("users", "interactions"), [(1, 1), (USERS, USERS), (USERS, 38), (30, 100)])
def test_interactions_are_as_many_as_asked_and_binary(name, users, interactions):
    small = condense(REAL, name, users=users, interactions=interactions)
    assert small.user_items.shape == (users, 40)
    if small.members is not None:  # a real user has no more than it has
        interactions = min(interactions, int(whole(REAL).train[small.members.index.numpy()].nnz))
    assert small.num_interactions == interactions
    assert small.binary
    assert (np.diff(small.user_items.indptr) > 0).all()


@learned_and_kept
def test_interactions_alone_make_users_of_about_forty(name):
    small = condense(REAL, name, interactions=120)
    assert small.user_items.shape == (3, 40)
    assert small.record.budget["asked"] == {"interactions": 120}
    assert condense(REAL, name, interactions=5).user_items.shape == (1, 40)
    # Of fewer items there are more users.
    few = condense(csr_matrix(REAL[:, :12]), name, interactions=40)
    assert few.user_items.shape == (4, 12)


@learned_and_kept
@pytest.mark.parametrize(("ratio", "users"), [(0.001, 1), (0.1, 12), (0.3375, 41), (1, 120), (1.0, 120)])
def test_a_ratio_counts_against_all_users_that_were_given(name, ratio, users):
    assert condense(REAL, name, ratio=ratio).user_items.shape == (users, 40)


@learned_and_kept
def test_a_ratio_of_a_split_counts_against_those_that_are_trained_on(name):
    split = recsys.strong_split(REAL, val_users=0.25, test_users=0.25)
    assert split.num_users == 60
    assert condense(split, name, ratio=0.1).user_items.shape == (6, 40)


@every_method
@pytest.mark.parametrize("interactions", [None, 30])
def test_the_matrix_is_float32_in_canonical_form(name, interactions):
    small = condense(weighted(), name, interactions=interactions, users=USERS)
    matrix = small.user_items
    assert type(matrix) is csr_matrix
    assert matrix.dtype == np.float32
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    # The flags alone could be remembered wrongly.
    fresh = csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=matrix.shape)
    assert fresh.has_canonical_format
    assert ((matrix.data > 0) & (matrix.data <= 1)).all()
    assert small.num_interactions == matrix.nnz == np.count_nonzero(matrix.toarray())


def test_more_synthetic_users_than_real_ones_are_different_ones():
    small = condense(REAL, "distill_cf", users=250)
    assert small.user_items.shape == (250, 40)
    assert len(np.unique(small.user_items.toarray(), axis=0)) >= 250 - ALIKE
    binary = condense(REAL, "distill_cf", users=250, interactions=1001)
    assert np.bincount(np.diff(binary.user_items.indptr)).tolist() == [0, 0, 0, 0, 249, 1]


@pytest.mark.parametrize("name", KEEPS_REAL_USERS)
def test_more_real_users_than_there_are_cannot_be_kept(name):
    assert condense(REAL, name, users=120).user_items.shape == (120, 40)
    with pytest.raises(ValueError, match=r"users must be in \[1, 120\], .*, got 121"):
        condense(REAL, name, users=121)


@pytest.mark.parametrize("name", KEEPS_REAL_USERS)
def test_real_users_are_those_of_the_original(name):
    small = condense(weighted(), name)
    assert (small.user_items != whole(REAL).train[small.members.index.numpy()]).nnz == 0


def test_nobody_real_stands_behind_what_was_learned():
    assert condense(REAL, "distill_cf").members is None


FORMATS = ["csr", "csc", "coo", "lil", "dok", "dia", "bsr"]
KINDS = [f"{name}_{kind}" for name in FORMATS for kind in ("matrix", "array")]


@pytest.mark.filterwarnings("ignore:Constructing a DIA matrix")
@learned_and_kept
@pytest.mark.parametrize("kind", KINDS)
def test_every_format_of_scipy_gives_the_same_bits(name, kind):
    assert bits(condense(getattr(scipy.sparse, kind)(REAL), name)) == bits(condense(REAL, name))


def untidy() -> csr_matrix:
    """The same interactions out of order, some of them twice, with explicit zeros between them."""
    rng = np.random.default_rng(0)
    absent = np.argwhere(REAL.toarray() == 0)[::50].T
    rows, columns = np.hstack([REAL.nonzero(), [part[::3] for part in REAL.nonzero()], absent])
    values = np.concatenate([np.ones(REAL.nnz + len(REAL.nonzero()[0][::3])), np.zeros(absent.shape[1])])
    order = rng.permutation(len(values))
    order = order[np.argsort(rows[order], kind="stable")]
    ends = np.concatenate([[0], np.bincount(rows, minlength=120).cumsum()])
    return csr_matrix((values[order], columns[order], ends), shape=REAL.shape)


SAME: dict[str, Callable[[], object]] = {
    "boolean": lambda: REAL.astype(bool),
    "integers": lambda: REAL.astype(np.int64),
    "float64": lambda: REAL.astype(np.float64),
    "64-bit indices": lambda: csr_matrix((REAL.data, REAL.indices.astype(np.int64), REAL.indptr.astype(np.int64))),
    "weights": weighted,
    "untidy": untidy,
    "frame": lambda: frame(REAL),
    "shuffled frame": lambda: frame(REAL).sample(frac=1, random_state=0),
    "arrays": lambda: arrays(REAL),
    "lists": lambda: tuple(array.tolist() for array in arrays(REAL)),
    "log": lambda: recsys.read_interactions(REAL),
}


@learned_and_kept
@pytest.mark.parametrize("source", SAME)
def test_the_same_interactions_in_another_guise_give_the_same_bits(name, source):
    assert bits(condense(SAME[source](), name)) == bits(condense(REAL, name))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".inter"])
def test_a_file_gives_the_bits_of_what_is_in_it(tmp_path, suffix):
    path = tmp_path / f"interactions{suffix}"
    recsys.write_interactions(recsys.read_interactions(REAL), path)
    for source in (path, str(path)):
        assert bits(condense(source, "random_users")) == bits(condense(REAL, "random_users"))


@pytest.mark.parametrize("name", ["distill_cf", "forgetting"])
def test_weak_interactions_are_left_out(name):
    strong = weighted()
    strong.data *= strong.data >= 4
    small = condense(recsys.read_interactions(weighted(), min_weight=4), name)
    assert bits(small) == bits(condense(strong, name))
    assert any("weight below 4 were left out" in note for note in small.record.notes)


@learned_and_kept
def test_graphcond_hands_a_matrix_on(name):
    expected = condense(REAL, name, ratio=0.1, seed=5)
    found = graphcond.condense(REAL, ratio=0.1, method=METHODS.quick(name), seed=5)
    assert type(found) is CondensedInteractions
    assert bits(found) == bits(expected)
    assert found.record.budget == expected.record.budget
    assert bits(graphcond.condense(REAL.tocoo(), 0.1, method=METHODS.quick(name), seed=5)) == bits(expected)


def test_the_default_of_both_is_distill_cf():
    assert METHODS["distill_cf"]() == DistillCF()
    assert dataclasses.asdict(METHODS["auto"]()) == dataclasses.asdict(DistillCF())
    assert sorted(METHODS) == sorted({"auto", *NAMES})


ITEMS: dict[str, Callable[[int], object]] = {
    "integers": lambda i: 7 * i - 100,
    "huge integers": lambda i: 2**62 + i,
    "strings": "item {}".format,
    "numerals": "{:03d}".format,
    "any language": lambda i: f"Stück\t{i}, „中文\U0001f600“\n",
}


@learned_and_kept
@pytest.mark.parametrize("kind", ITEMS)
def test_item_ids_are_kept_verbatim(name, kind):
    ids = [ITEMS[kind](i) for i in range(40)]
    small = condense(frame(REAL, item=lambda i: ids[i]), name)
    assert small.item_ids.tolist() == sorted(ids)
    assert {type(one) for one in small.item_ids.tolist()} == {type(ids[0])}


@learned_and_kept
def test_items_that_nobody_met_stay(name):
    wide = scipy.sparse.hstack([csr_matrix((120, 2)), REAL, csr_matrix((120, 3))])
    small = condense(wide, name)
    assert small.user_items.shape == (USERS, 45)
    assert small.item_ids.tolist() == list(range(45))
    log = recsys.read_interactions(arrays(REAL))
    log = dataclasses.replace(log, item_ids=np.array([f"i{i:02d}" for i in range(50)]))
    assert condense(log, name).item_ids.tolist() == log.item_ids.tolist()


@learned_and_kept
def test_items_whose_interactions_were_all_held_out_stay(name):
    split = recsys.strong_split(REAL)
    train = csr_matrix(split.train.multiply(np.arange(40) > 5), dtype=np.float32)
    train.eliminate_zeros()
    rare = dataclasses.replace(split, train=train)
    small = condense(rare, name)
    assert small.user_items.shape == (USERS, 40)
    assert small.item_ids.tolist() == split.item_ids.tolist()


@learned_and_kept
@pytest.mark.parametrize("prefix", ["syn_", "syn_syn_", "u"])
def test_synthetic_ids_are_nobody_elses(name, prefix):
    real = frame(REAL, user=f"{prefix}{{}}".format)
    synthetic = condense(real, name, users=120).user_ids.tolist()
    assert len(set(synthetic)) == 120
    assert not set(synthetic) & set(real["user_id"])


def test_synthetic_ids_are_not_those_of_users_held_out_either():
    held_out = 0
    for number in range(0, 120, 8):  # its place in the order of ids decides whether a user is held out
        ids = [f"a{i:03d}" if i < number else f"x{i:03d}" for i in range(120)]
        ids[number] = "syn_0"
        log = recsys.read_interactions(frame(REAL, user=lambda i, ids=ids: ids[i]))
        held_out += "syn_0" not in hold_out_users(log).user_ids
        assert not set(condense(log, "distill_cf").user_ids.tolist()) & set(ids)
    assert held_out


def test_synthetic_ids_have_one_width():
    assert condense(REAL, "random_users", users=2).user_ids.tolist() == ["syn_0", "syn_1"]
    assert condense(REAL, "random_users", users=101).user_ids[[0, 9, 100]].tolist() == ["syn_000", "syn_009", "syn_100"]


@pytest.mark.parametrize(("interactions", "asked"), [(None, {}), (30, {"interactions": 30})])
def test_the_record_says_what_was_condensed(interactions, asked):
    split = recsys.random_split(weighted())
    small = condense(split, "random_users", users=np.int64(USERS), interactions=interactions)
    record = small.record
    assert record.source == {
        "name": "interactions",
        "fingerprint": split.fingerprint(),
        "num_users": 120,
        "num_items": 40,
        "num_interactions": split.train.nnz,
        "bytes": 4 * (split.train.nnz + 121),
        "split": "random",
        "synthetic_prefix": "syn_",
        "modality": "interactions",
    }
    assert record.budget["asked"] == {"size": "7"} | asked
    assert record.budget["spent"] == {"users": USERS, "interactions": small.num_interactions, "bytes": small.nbytes}
    assert record.notes == split.notes
    assert "Weights were not kept: each interaction counts as 1." in record.notes


def test_numbers_of_numpy_are_as_good():
    small = condense(REAL, "random_users", ratio=np.float32(0.25))
    assert small.user_items.shape == (30, 40)
    assert small.record.budget["asked"] == {"size": "0.25"}


def test_the_fingerprint_tells_interactions_and_items_apart():
    def fingerprint(source: object) -> str:
        return condense(source, "random_users").record.source["fingerprint"]

    other = REAL.tolil()
    other[0, 0] = 1 - other[0, 0]
    prints = [fingerprint(REAL), fingerprint(other), fingerprint(frame(REAL, item=lambda i: i + 1))]
    assert len(set(prints)) == 3
    assert fingerprint(REAL.tocoo()) == prints[0]


def shuffled(holdout: Holdout, seed: int = 0) -> Holdout:
    """The same shapes, other interactions."""
    rng = np.random.default_rng(seed)
    users, items = (rng.permutation(size) for size in holdout.targets.shape)
    parts = [csr_matrix(part[users][:, items]) for part in (holdout.context, holdout.targets)]
    for part in parts:
        part.sum_duplicates()
    return Holdout(*parts)


SPLITS: dict[str, Callable[[], Split]] = {
    "random": lambda: recsys.random_split(REAL),
    "strong": lambda: recsys.strong_split(REAL),
    "leave_one_out": lambda: recsys.leave_one_out(REAL),
}


@every_method
@pytest.mark.parametrize("kind", SPLITS)
def test_the_test_part_is_not_read(name, kind):
    split = SPLITS[kind]()
    assert split.test is not None
    expected = condense(split, name)
    for test in (shuffled(split.test), None):
        found = condense(dataclasses.replace(split, test=test), name)
        assert bits(found) == bits(expected)
        assert found.record.choices == expected.record.choices


@learned_and_kept
def test_nothing_to_choose_by_is_no_obstacle(name):
    split = recsys.random_split(REAL, val=0)
    assert split.val is None
    small = condense(split, name)
    assert small.user_items.shape == (USERS, 40)
    assert small.record.choices.get("scores", []) == []
    idle = dataclasses.replace(split, val=Holdout(split.train, csr_matrix(split.train.shape, dtype=np.float32)))
    assert bits(condense(idle, name)) == bits(small)
    assert condense(idle, name).record.choices == small.record.choices


def test_validation_users_are_held_out_only_where_a_method_validates():
    assert condense(REAL, "distill_cf").record.source["num_users"] == 108
    assert condense(REAL, "distill_cf").record.choices["scores"] != []
    for name in KEEPS_REAL_USERS:
        assert condense(REAL, name).record.source["num_users"] == 120
    few = condense(REAL[:60], "distill_cf").record
    assert few.source["num_users"] == 60
    assert few.choices["scores"] == []


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_size_of_any_interactions(data):
    num_users, num_items = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 9))
    seed, name = data.draw(st.integers(0, 99)), data.draw(st.sampled_from(NAMES))
    dense = np.random.default_rng(seed).random((num_users, num_items)) < data.draw(st.sampled_from([0.1, 0.5, 1]))
    dense[-1, -1] = True
    active = int(dense.any(axis=1).sum())
    users = data.draw(st.integers(1, active))
    interactions = data.draw(st.none() | st.integers(users, users * num_items))
    small = condense(csr_matrix(dense), name, users=users, interactions=interactions, seed=seed)
    assert small.user_items.shape == (users, num_items)
    assert ((small.user_items.data > 0) & (small.user_items.data <= 1)).all()
    if interactions is not None:
        assert small.binary
        assert small.num_interactions <= interactions
        assert small.members is not None or small.num_interactions == interactions


@dataclasses.dataclass(frozen=True, kw_only=True)
class Own(UserMethod):
    """A method of somebody else."""

    name = "own"
    width: int = 2

    def condense(self, split: Split, size: UserBudget, run: RunContext = RunContext()) -> SyntheticUsers:
        """Draw items."""
        rows = torch.zeros(size.users, split.num_items).scatter_(1, torch.randint(split.num_items, (size.users, 2)), 1)
        return SyntheticUsers(csr_matrix(rows.numpy()), {"width": self.width})


def test_a_method_of_ones_own_is_a_method():
    first, second = (recsys.condense(REAL, users=3, method=Own(), seed=4) for _ in range(2))
    assert bits(first) == bits(second)
    assert (first.record.method, first.record.settings) == ("own", {"width": 2})
    assert first.record.choices == {"width": 2}


def test_progress_is_reported_to_the_end():
    reports = []
    recsys.condense(REAL, users=USERS, method=METHODS.quick("distill_cf"), run=graphcond.Run(progress=reports.append))
    assert (reports[-1].done, reports[-1].total) == (3, 3)
    reports.clear()
    recsys.condense(REAL, users=USERS, method=METHODS.quick("forgetting"), run=graphcond.Run(progress=reports.append))
    assert [report.done for report in reports] == [1, 2, 3, 4]
