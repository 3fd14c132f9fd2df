import numpy as np
import pytest
import scipy.sparse as sp

from graphcond.graphs.mining.itemsets import Itemset
from graphcond.graphs.mining.patterns import Transactions, frequent, least_supports


def test_multiplicities_are_means_over_supporting_graphs() -> None:
    draw = np.random.default_rng(0)
    counts = draw.integers(0, 6, (50, 4)).astype(np.float32)
    one = Transactions(sp.csr_matrix(counts), "class 0")
    for items in [(0,), (1, 3), (0, 1, 2, 3)]:
        rows = counts[(counts[:, items] > 0).all(axis=1)][:, items]
        expected = np.round(rows.mean(axis=0, dtype=np.float64) * 8) / 8
        assert one.multiplicities(Itemset(items, len(rows))).tolist() == expected.tolist()


def test_supports_count_graphs() -> None:
    assert Transactions(sp.csr_matrix([[2, 0, 1], [1, 0, 0]]), "class 0").supports.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("threshold", "expected"), [(3, [3, 3]), (0.25, [10, 1]), ((5, 0.5), [5, 1]), ((0.001, 1.0), [1, 1])]
)
def test_least_supports(threshold: float | tuple[float, ...], expected: list[int]) -> None:
    assert least_supports(threshold, [40, 2]) == expected


def test_least_supports_of_other_classes() -> None:
    with pytest.raises(ValueError, match="one for each of 2 classes"):
        least_supports((1, 2, 3), [40, 2])


def test_all_frequent_sets_or_the_closed_ones() -> None:
    one = Transactions(sp.csr_matrix([[1, 1], [1, 2]]), "class 1")
    assert [found.items for found in frequent(one, 2, closed=True)] == [(0, 1)]
    assert [found.items for found in frequent(one, 2, closed=False)] == [(0,), (1,), (0, 1)]
    with pytest.raises(ValueError, match="class 1: the most frequent one is in 2 of its 2 graphs"):
        frequent(one, 3, closed=True)
