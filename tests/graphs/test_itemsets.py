import itertools
import sys

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.graphs.mining import itemsets
from graphcond.graphs.mining.itemsets import Itemset, closed_itemsets


def matrix(rows, num_items=None):
    num_items = num_items or 1 + max(itertools.chain.from_iterable(rows), default=0)
    dense = np.zeros((len(rows), num_items), dtype=np.int64)
    for number, row in enumerate(rows):
        dense[number, list(row)] = 1
    return scipy.sparse.csr_array(dense)


def named(rows, threshold):
    """Mine transactions whose items are letters or digits; return ``{"AC": support}``."""
    names = sorted(set("".join(rows)))
    found = closed_itemsets(matrix([[names.index(item) for item in row] for row in rows]), threshold)
    return {"".join(names[item] for item in itemset.items): itemset.support for itemset in found}


def brute_force(dense, threshold, weights):
    """Look at every subset of the items."""
    num_items = dense.shape[1]
    supports = {
        items: sum(int(weight) for row, weight in zip(dense, weights, strict=True) if row[list(items)].all())
        for size in range(num_items + 1)
        for items in itertools.combinations(range(num_items), size)
    }
    found = [
        Itemset(items, support)
        for items, support in supports.items()
        if items
        and support >= threshold
        and all(supports[tuple(sorted({*items, more}))] < support for more in set(range(num_items)) - set(items))
    ]
    return sorted(found, key=lambda itemset: (-itemset.support, len(itemset.items), itemset.items))


@st.composite
def databases(draw, heaviest=6):
    shape = draw(st.integers(0, 12)), draw(st.integers(0, 8))
    share = draw(st.sampled_from([2, 5, 8]))
    cells = draw(st.lists(st.integers(0, 9), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    dense = (np.array(cells, dtype=np.int64).reshape(shape) < share).astype(np.int64)
    weights = draw(st.lists(st.integers(1, heaviest), min_size=shape[0], max_size=shape[0]))
    return dense, np.array(weights, dtype=np.int64), draw(st.integers(1, 12))


@settings(deadline=None, max_examples=150)
@given(databases())
def test_all_closed_sets_are_found_in_the_canonical_order(database):
    dense, weights, threshold = database
    assert closed_itemsets(scipy.sparse.csr_array(dense), threshold, weights) == brute_force(dense, threshold, weights)
    ones = np.ones(len(dense), dtype=np.int64)
    assert closed_itemsets(scipy.sparse.csr_array(dense), threshold) == brute_force(dense, threshold, ones)


@settings(deadline=None, max_examples=50)
@given(databases(heaviest=2**58))
def test_supports_are_exact_where_floats_are_not(database):
    dense, weights, threshold = database
    assert closed_itemsets(scipy.sparse.csr_array(dense), threshold, weights) == brute_force(dense, threshold, weights)


@settings(deadline=None, max_examples=50)
@given(databases(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(database, random):
    dense, weights, threshold = database
    rows, columns = list(range(dense.shape[0])), list(range(dense.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    shuffled = scipy.sparse.csr_array(dense[rows][:, columns])
    found = closed_itemsets(shuffled, threshold, weights[rows])
    renamed = {Itemset(tuple(sorted(columns[item] for item in one.items)), one.support) for one in found}
    assert len(renamed) == len(found)
    assert renamed == set(closed_itemsets(scipy.sparse.csr_array(dense), threshold, weights))


@settings(deadline=None, max_examples=50)
@given(databases())
def test_a_weight_is_a_number_of_copies(database):
    dense, weights, threshold = database
    copies = scipy.sparse.csr_array(np.repeat(dense, weights, axis=0))
    assert closed_itemsets(copies, threshold) == closed_itemsets(scipy.sparse.csr_array(dense), threshold, weights)


@pytest.fixture
def patterned():
    """300 transactions, unions of patterns and noise: several words of them, and of items, and thousands of sets."""
    generator = np.random.default_rng(0)
    patterns = generator.random((20, 90)) < 0.08
    chosen = generator.random((300, 20)) < 0.06
    noise = generator.random((300, 90)) < 0.02
    return scipy.sparse.csr_array(((chosen.astype(int) @ patterns + noise) > 0).astype(int))


@pytest.mark.parametrize("threshold", [4, 8, 20])
def test_every_set_is_closed_and_every_closure_is_found(patterned, threshold):
    dense = patterned.toarray().astype(bool)
    found = {one.items: one.support for one in closed_itemsets(patterned, threshold)}
    assert len(found) == len(closed_itemsets(patterned, threshold)) > 200

    def closure(items):
        inside = dense[dense[:, list(items)].all(axis=1)]
        return tuple(np.flatnonzero(inside.all(axis=0)).tolist()), len(inside)

    assert all(closure(items) == (items, support) for items, support in found.items())
    for items, more in itertools.product([(), *list(found)[::40]], range(dense.shape[1])):
        larger, support = closure({*items, more})
        assert found.get(larger) == (support if support >= threshold else None)


def test_neither_numpy_nor_the_size_of_the_steps_changes_the_result(patterned, monkeypatch):
    weights = np.random.default_rng(1).integers(1, 1000, patterned.shape[0])
    usual = closed_itemsets(patterned, 4_000, weights)
    assert len(usual) > 100
    monkeypatch.setattr(itemsets, "PAIR_WORDS", 1)
    assert closed_itemsets(patterned, 4_000, weights) == usual
    monkeypatch.setattr(itemsets, "NUMPY_COUNTS", False)
    assert closed_itemsets(patterned, 4_000, weights) == usual


def pyfim(rows, threshold):
    fim = pytest.importorskip("fim", reason="pyfim is not installed")
    rows = [*rows, []]  # pyfim forgets sets that are in every transaction: let there be none
    return {tuple(sorted(items)): support for items, support in fim.eclat(rows, target="c", supp=-threshold, zmin=1)}


@settings(deadline=None, max_examples=100)
@given(databases())
def test_pyfim_agrees(database):
    dense, weights, threshold = database
    rows = [np.flatnonzero(row).tolist() for row, weight in zip(dense, weights, strict=True) for _ in range(weight)]
    found = closed_itemsets(scipy.sparse.csr_array(dense), threshold, weights)
    assert {one.items: one.support for one in found} == pyfim(rows, threshold)


def test_pyfim_agrees_on_thousands_of_sets(patterned):
    found = closed_itemsets(patterned, 4)
    assert len(found) > 1000
    rows = [row.tolist() for row in np.split(patterned.indices, patterned.indptr[1:-1])]
    assert {one.items: one.support for one in found} == pyfim(rows, 4)


def test_example_of_lcm():
    # Uno, Kiyomi, Arimura: LCM ver. 2, FIMI 2004.
    rows = ["125679", "2345", "12789", "179", "279", "2"]
    assert named(rows, 3) == {"2": 5, "79": 4, "179": 3, "279": 3}


def test_example_of_a_close():
    # Pasquier, Bastide, Taouil, Lakhal: Discovering frequent closed itemsets for association rules, ICDT 1999.
    rows = ["ACD", "BCE", "ABCE", "BE", "ABCE"]
    assert named(rows, 2) == {"C": 4, "BE": 4, "AC": 3, "BCE": 3, "ABCE": 2}


def test_example_of_charm():
    # Zaki, Hsiao: CHARM, SDM 2002.
    rows = ["ACTW", "CDW", "ACTW", "ACDW", "ACDTW", "CDT"]
    assert named(rows, 3) == {"C": 6, "CW": 5, "CD": 4, "CT": 4, "ACW": 4, "CDW": 3, "ACTW": 3}


def test_items_that_are_everywhere_are_the_first_set_and_in_all_others():
    found = closed_itemsets(matrix([[1, 4], [0, 1, 4], [1, 2, 4], [0, 1, 4]]), 1)
    assert found == [Itemset((1, 4), 4), Itemset((0, 1, 4), 2), Itemset((1, 2, 4), 1)]


def test_an_empty_transaction_is_a_transaction():
    assert closed_itemsets(matrix([[0], [], [0, 1]]), 1) == [Itemset((0,), 2), Itemset((0, 1), 1)]
    assert closed_itemsets(matrix([[], []]), 1) == []


def test_one_item():
    assert closed_itemsets(matrix([[0], [0], []]), 2) == [Itemset((0,), 2)]


def test_equal_columns_are_found_together():
    assert closed_itemsets(matrix([[0, 2], [0, 2], [1]]), 1) == [Itemset((0, 2), 2), Itemset((1,), 1)]


def test_each_item_alone_and_all_but_one():
    assert len(closed_itemsets(matrix([[item] for item in range(130)]), 1)) == 130
    contranominal = matrix([[item for item in range(10) if item != left] for left in range(10)])
    found = closed_itemsets(contranominal, 1)
    assert len(found) == 2**10 - 2  # every proper subset that is not empty
    assert all(one.support == 10 - len(one.items) for one in found)


def test_a_long_chain_needs_no_recursion():
    length = sys.getrecursionlimit() + 200
    found = closed_itemsets(scipy.sparse.csr_array(np.tri(length, dtype=np.int8)), length - 50)
    assert found == [Itemset(tuple(range(size)), length + 1 - size) for size in range(1, 52)]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_nothing_in_nothing_out(shape):
    assert closed_itemsets(scipy.sparse.csr_array(shape), 1) == []


def test_a_threshold_above_every_support_gives_an_empty_list():
    assert closed_itemsets(matrix([[0, 1], [0]]), 3) == []
    assert closed_itemsets(matrix([[0, 1], [0]]), 10**30) == []


def test_what_is_stored_does_not_matter_only_what_is_not_zero():
    plain = matrix([[0, 1], [1, 2], [1]])
    stored = scipy.sparse.csr_array(
        (np.array([1.5, -2, 1, 1, 0, 3, 1, -1]), np.array([1, 0, 2, 1, 0, 1, 2, 2]), np.array([0, 2, 5, 8])), (3, 3)
    )
    before = stored.data.copy(), stored.indices.copy()
    usual = closed_itemsets(plain, 1)
    assert closed_itemsets(stored, 1) == usual
    assert (stored.data == before[0]).all()
    assert (stored.indices == before[1]).all()
    for other in (scipy.sparse.csr_matrix(plain), plain.tocsc(), plain.tocoo(), plain.astype(bool), -plain):
        assert closed_itemsets(other, 1) == usual


def test_results_are_plain_integers():
    (one,) = closed_itemsets(matrix([[0], [0]]), np.int64(1), np.array([3, 4], dtype=np.uint8))
    assert one == Itemset((0,), 7)
    assert type(one.support) is int
    assert all(type(item) is int for item in one.items)


def test_many_rare_items_cost_little():
    generator = np.random.default_rng(0)
    shape, count = (32_901, 190_000), 600_000
    rows, columns = generator.integers(0, shape[0], count), generator.integers(0, shape[1], count)
    common = generator.random((shape[0], 5)) < [0.8, 0.6, 0.5, 0.3, 0.1]
    rows, columns = np.append(rows, common.nonzero()[0]), np.append(columns, 38_000 * common.nonzero()[1])
    transactions = scipy.sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape)
    found = closed_itemsets(transactions, 1800)
    distinct, counts = np.unique(transactions[:, ::38_000].toarray() != 0, axis=0, return_counts=True)
    expected = {tuple(38_000 * item for item in one.items): one.support for one in brute_force(distinct, 1800, counts)}
    assert {one.items: one.support for one in found} == expected
    assert len(expected) > 10


def test_limit():
    transactions = matrix([[0], [0, 1], [0, 1, 2]])
    assert len(closed_itemsets(transactions, 1, limit=3)) == 3
    with pytest.raises(ValueError, match=r"more itemsets than limit=2 reach threshold=1; raise the threshold"):
        closed_itemsets(transactions, 1, limit=2)


def test_limit_stops_an_explosion_early():
    size = 64  # 2**64 closed sets
    contranominal = scipy.sparse.csr_array(1 - np.eye(size, dtype=np.int8))
    with pytest.raises(ValueError, match="limit=1000"):
        closed_itemsets(contranominal, 1, limit=1000)


@pytest.mark.parametrize("name", ["threshold", "limit"])
@pytest.mark.parametrize("value", [0, -3, 0.5, 2.0, True, "2", np.float64(1)])
def test_bad_numbers(name, value):
    arguments = {"threshold": 1, name: value}
    with pytest.raises(ValueError, match=rf"^{name} must be a positive integer, got .*; for "):
        closed_itemsets(matrix([[0]]), **arguments)


def test_no_threshold():
    with pytest.raises(ValueError, match="threshold must be a positive integer, got None"):
        closed_itemsets(matrix([[0]]), None)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], r"^weights must have shape \(2,\), one per transaction, got \(1,\)$"),
        ([[1, 1]], r"^weights must have shape \(2,\)"),
        ([1.0, 2.0], r"^weights must be integers, got float64; convert them"),
        ([True, True], r"^weights must be integers, got bool; convert them"),
        ([2, 0], r"^weights must be positive, got 0 for transaction 1; leave out"),
        ([-5, 1], r"^weights must be positive, got -5 for transaction 0; leave out"),
        ([2**62, 2**62], r"^weights must sum to less than 2\*\*63, got 9223372036854775808; divide"),
        (
            np.array([2**63, 1], dtype=np.uint64),
            r"^weights must sum to less than 2\*\*63, got 9223372036854775809; divide",
        ),
    ],
)
def test_bad_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        closed_itemsets(matrix([[0], [0]]), 1, np.array(weights))


def test_the_largest_weights():
    weights = np.array([2**62, 2**62 - 1])
    found = closed_itemsets(matrix([[0], [0, 1]]), 1, weights)
    assert found == [Itemset((0,), 2**63 - 1), Itemset((0, 1), 2**62 - 1)]
    odd = np.array([2**53, 1])  # their sum is not a float
    assert closed_itemsets(matrix([[0], [0]]), 2**53 + 1, odd) == [Itemset((0,), 2**53 + 1)]
    assert closed_itemsets(matrix([[0]]), 2**53 + 1, odd[:1]) == []


@pytest.mark.parametrize("transactions", [np.eye(2), [[0, 1]], None])
def test_only_sparse_matrices(transactions):
    with pytest.raises(TypeError, match=r"^transactions must be a SciPy sparse matrix, got .*; wrap it in"):
        closed_itemsets(transactions, 1)


def test_only_two_dimensions():
    flat = scipy.sparse.coo_array(np.ones(3))
    if flat.ndim == 2:
        pytest.skip("this SciPy has no one-dimensional sparse arrays")
    with pytest.raises(ValueError, match=r"^transactions must have rows and columns, got shape \(3,\); reshape it"):
        closed_itemsets(flat, 1)
