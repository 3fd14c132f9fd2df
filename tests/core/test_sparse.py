import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from graphcond.core.sparse import compressed_rows, take_rows


def matrix(n: int, m: int, density: float, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    kept = torch.rand(n, m, generator=generator) < density
    return torch.where(kept, torch.randn(n, m, generator=generator), 0.0)


def assert_takes(dense: Tensor, rows: Tensor) -> None:
    taken, columns = take_rows(compressed_rows(dense), rows)
    assert torch.equal(columns, (dense[rows] != 0).any(dim=0).nonzero().flatten())
    assert taken.layout == torch.sparse_csr
    assert taken.shape == (len(rows), len(columns))
    assert torch.equal(taken.to_dense(), dense[rows][:, columns])
    parts = taken.crow_indices(), taken.col_indices(), taken.values()
    torch.sparse_csr_tensor(*parts, size=taken.shape, check_invariants=True)


@st.composite
def matrices_and_rows(draw):
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    dense = matrix(n, m, draw(st.sampled_from([0.0, 0.2, 0.6, 1.0])), draw(st.integers(0, 20)))
    return dense, torch.tensor(draw(st.lists(st.integers(0, n - 1), max_size=9)), dtype=torch.int64)


@settings(deadline=None, max_examples=100)
@given(matrices_and_rows())
def test_taken_rows_are_those_of_the_dense_matrix(case):
    assert_takes(*case)


@pytest.mark.parametrize("rows", [[], [2], [0, 0, 3, 0], [1, 1], [4, 3, 2, 1, 0], [3, 1, 0]])
def test_rows_may_repeat_and_may_be_empty(rows):
    dense = matrix(5, 6, 0.5)
    dense[[1, 4]] = 0
    assert_takes(dense, torch.tensor(rows, dtype=torch.int64))


def test_product_needs_no_more_than_the_kept_columns():
    dense, x = matrix(40, 30, 0.05), torch.randn(30, 3, generator=torch.Generator().manual_seed(1))
    rows = torch.tensor([7, 3, 3, 39])
    taken, columns = take_rows(compressed_rows(dense), rows)
    assert len(columns) < 15
    torch.testing.assert_close(taken @ x[columns], (dense @ x)[rows])


def test_stored_zeros_are_entries():
    pointers, columns = torch.tensor([0, 1, 3]), torch.tensor([2, 0, 3])
    stored = torch.sparse_csr_tensor(pointers, columns, torch.tensor([0.0, 1.0, 2.0]), (2, 4), check_invariants=False)
    taken, kept = take_rows(stored, torch.tensor([0]))
    assert kept.tolist() == [2]
    assert taken.values().tolist() == [0.0]


@pytest.mark.parametrize("layout", ["dense", "coo", "csr"])
def test_any_layout_is_compressed(layout):
    dense = matrix(4, 3, 0.5)
    source = {"dense": dense, "coo": dense.to_sparse_coo(), "csr": compressed_rows(dense)}[layout]
    assert compressed_rows(source).layout == torch.sparse_csr
    assert torch.equal(compressed_rows(source).to_dense(), dense)
