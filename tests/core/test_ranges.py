"""Numbers that overflow float32 are told from NaN, and units are found whatever the scale."""

import numpy as np
import pytest
import torch

from graphcond.core.ranges import LARGEST, root_mean_square, unusable_rows, without_missing
from graphcond.core.sparse import compressed_rows


@pytest.mark.parametrize(
    ("value", "held"),
    [(torch.nan, "NaN or infinity"), (-torch.inf, "NaN or infinity"), (1e30, "beyond 1e"), (-1e300, "beyond 1e")],
)
def test_rows_that_cannot_be_worked_with_are_found(value, held):
    given = torch.ones(4, 3, dtype=torch.float64)
    given[2, 1] = value
    rows, what, _ = unusable_rows(given.float(), given)
    assert rows.tolist() == [2]
    assert held in what


@pytest.mark.parametrize(("value", "held"), [(torch.nan, "NaN or infinity"), (-1e30, "beyond 1e")])
def test_rows_of_sparse_matrices_are_found(value, held):
    dense = torch.eye(5, 4)
    dense[1] = 0
    dense[3, :2] = value
    rows, what, _ = unusable_rows(compressed_rows(dense), compressed_rows(dense))
    assert rows.tolist() == [3]
    assert held in what
    assert unusable_rows(compressed_rows(torch.eye(5)), compressed_rows(torch.eye(5))) is None


@pytest.mark.parametrize("value", [-(2**63), 2**63 - 1, 2**60])
def test_integers_have_no_other_range(value):
    given = torch.ones(4, 3, dtype=torch.int64)
    given[3, 0] = value
    rows, what, _ = unusable_rows(given.float(), given)
    assert (rows.tolist(), "beyond" in what) == ([3], True)


@pytest.mark.parametrize("value", [0.0, LARGEST, -LARGEST, 1e-45, 1e-300])
def test_all_others_are_fine(value):
    given = torch.full((4, 3), value, dtype=torch.float64)
    assert unusable_rows(given.float(), given) is None
    assert unusable_rows(torch.empty(0, 3), torch.empty(0, 3)) is None


@pytest.mark.parametrize("scale", [1e-35, 1e-20, 1.0, 1e15, 1e30])
def test_a_unit_follows_the_scale(scale):
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    expected = scale * float(np.sqrt(np.mean(np.square(x.double().numpy()))))
    assert float(root_mean_square(scale * x)) == pytest.approx(expected, rel=1e-3)


def test_zeros_have_the_unit_one():
    assert float(root_mean_square(torch.zeros(3, 2))) == 1


def test_missing_targets_of_a_type_of_nodes():
    y, x = torch.tensor([[1.0, float("nan")]]), torch.tensor([float("nan")])
    found = without_missing({"nodes/1/paper/y": y, "nodes/1/paper/x": x, "xy": x})
    assert found["nodes/1/paper/y"].tolist() == [[1.0, 0.0]]
    assert found["nodes/1/paper/x"] is x
    assert found["xy"] is x
    assert y.isnan().sum() == 1
