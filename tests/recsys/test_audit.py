import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recsys import Holdout, Split, audit, generate_interactions, random_split, read_archive, strong_split
from recsys.data.audit import HoldoutAudit
from recsys.data.splitting import whole


def matrix(*rows):
    return csr_matrix(np.array(rows, np.float32))


def test_a_split_counted_by_hand():
    train = matrix([2, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0])
    val = Holdout(train, matrix([1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]))
    test = Holdout(train + val.targets, matrix([0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1]))
    found = audit(Split(train, val, test, np.arange(3), np.arange(4), "made", "random", ("A note.",)))
    assert (found.users, found.items, found.interactions, found.density) == (3, 4, 3, 0.25)
    assert (found.duplicated, found.empty_users, found.median, found.cold_items) == (1, 1, 1, 2)
    assert found.val == HoldoutAudit(users=3, interactions=3, users_without=1, in_train=1, in_context=1, cold=2)
    assert found.test == HoldoutAudit(users=3, interactions=4, users_without=1, in_train=1, in_context=3, cold=3)
    lines = str(found).splitlines()
    assert lines[0] == "made, split: random"
    assert lines[2].split() == ["train", "validation", "test"]
    numbers = [line.split()[-3:] for line in lines[4:12]]
    assert numbers == [
        ["3", "3", "3"], ["3", "3", "4"], ["1", "1", "1"], ["1", "-", "-"], ["1", "-", "-"], ["-", "1", "1"],
        ["-", "1", "3"], ["-", "2", "3"],
    ]  # fmt: skip
    assert lines[12:] == ["4 items, 2 of them cold (in no training interaction); the density is 25 %.", "A note."]


def test_parts_that_are_not_there():
    found = audit(whole(generate_interactions(10, 5, 20)))
    assert (found.val, found.test, found.interactions) == (None, None, 20)
    assert "median per user" in str(found)


def test_other_users_have_no_training_pairs():
    split = strong_split(generate_interactions(50, 30, 500))
    found = audit(split)
    assert found.test.in_train is None
    assert (found.test.in_context, found.test.users) == (0, 5)
    # As many users on both sides do not make them the same ones.
    half = Split(split.val.context, split.val, split.test, np.arange(5), split.item_ids)
    assert audit(half).val.in_train == 0
    assert audit(half).test.in_train is None


def test_seeded_splits_are_clean():
    found = audit(random_split(generate_interactions(50, 30, 500)))
    for part in (found.val, found.test):
        assert part.in_train == part.in_context == 0
    assert found.interactions + found.val.interactions + found.test.interactions == 500


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ml-1m", {"duplicated": 0, "empty_users": 0, "cold_items": 28, "median": 75}),
        ("magazine", {"duplicated": 50, "empty_users": 0, "cold_items": 323, "median": 1}),
    ],
)
def test_published_archives_and_what_is_wrong_with_them(real_data, name, expected):
    found = audit(read_archive(real_data(f"recsys/{name}") / "recsys" / name))
    assert {key: getattr(found, key) for key in expected} == expected
    without = {"ml-1m": (0, 0), "magazine": (2_681, 0)}[name]
    assert (found.val.users_without, found.test.users_without) == without
    leaks = {"ml-1m": (0, 0, 0), "magazine": (11, 281, 287)}[name]
    assert (found.val.in_train, found.test.in_train, found.test.in_context) == leaks
