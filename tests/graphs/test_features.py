import pytest
import torch

from graphcond.graphs.features import Categories, Numbers, features_of

CODES = torch.tensor([[7, 0], [3, 0], [7, 0], [11, 0]])


def test_numbers_stay_as_they_are():
    x = torch.randn(4, 3)
    features = features_of(x)
    assert features == Numbers(3)
    assert features.width == 3
    for same in (features.encode(x), features.start(x), features.numbers(x), features.decode(x)):
        assert torch.equal(same, x)


def test_categories_are_the_codes_that_occur():
    features = features_of(CODES)
    assert isinstance(features, Categories)
    assert [codes.tolist() for codes in features.codes] == [[3, 7, 11], [0]]
    assert features.width == 4


def test_codes_become_one_hot_columns_and_unseen_ones_none():
    features = Categories.of(CODES)
    rows = torch.tensor([[3, 0], [11, 0], [5, 9], [7, 1]])
    assert features.encode(rows).tolist() == [[1, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_learned_codes_start_near_the_real_ones_and_come_back():
    features = Categories.of(CODES)
    start = features.start(CODES)
    numbers = features.numbers(start)
    hot = features.encode(CODES)
    assert numbers[hot.bool()].view(4, 2).tolist() == [pytest.approx([0.9, 1.0])] * 4
    torch.testing.assert_close(numbers[:, :3].sum(dim=1), torch.ones(4))
    assert torch.equal(features.decode(start), CODES)
    assert features.decode(start).dtype == torch.int64


def test_the_likeliest_code_is_decoded():
    features = Categories.of(CODES)
    parameters = torch.tensor([[0.1, 0.2, 0.3, -5.0], [0.0, 2.0, 1.0, 0.0]])
    assert features.decode(parameters).tolist() == [[11, 0], [7, 0]]


def test_learned_codes_are_differentiable():
    features = Categories.of(CODES)
    parameters = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(features.numbers, (parameters,))
