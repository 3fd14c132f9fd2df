"""Rows of synthetic users: how much they hold, what noise does to their mean, and where gradients go."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from graphcond.synthetic.user_rows import GumbelRows, SoftmaxRows, TopKRows, UserRows


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def derivative(rows, logits: Tensor, upstream: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((upstream * rows(logits)).sum(), logits)
    return gradient


def with_kept_noise(rows: GumbelRows, logits: Tensor) -> Tensor:
    """The multi-sampling of the paper as autograd sees it, with all noise kept."""
    noise = [-torch.empty_like(logits).exponential_().log() for _ in range(rows.draws)]
    return sum(torch.softmax((logits + each) / rows.temperature, dim=1) for each in noise).clamp(max=1)


@given(
    seed=st.integers(0, 10**6),
    items=st.integers(1, 30),
    amount=st.floats(0.1, 60),
    temperature=st.floats(0.2, 10),
)
def test_softmax_spreads_a_fixed_amount_and_clips_it(seed, items, amount, temperature):
    logits = random(3, items, seed=seed)
    rows = SoftmaxRows(interactions=amount, temperature=temperature)(logits)
    assert rows.min() >= 0
    assert rows.max() <= 1
    assert (rows.sum(dim=1) <= amount * (1 + 1e-9)).all()
    for total in rows[(rows < 1).all(dim=1)].sum(dim=1).tolist():
        assert total == pytest.approx(amount, rel=1e-9)
    for row, given_row in zip(rows.tolist(), logits.tolist(), strict=True):
        powers = [math.exp(logit / temperature) for logit in given_row]
        assert row == pytest.approx([min(amount * power / sum(powers), 1) for power in powers])


def test_what_is_clipped_by_softmax_gets_no_gradient():
    logits, upstream = torch.tensor([[5.0, 0.0, 0.0, 0.0]]).double(), torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert SoftmaxRows(interactions=2.0)(logits)[0, 0] == 1
    assert not derivative(SoftmaxRows(interactions=2.0), logits, upstream).any()
    assert torch.autograd.gradcheck(SoftmaxRows(interactions=2.0), random(3, 9).requires_grad_())


def test_gumbel_rows_add_up_to_the_number_of_draws():
    rows = GumbelRows(draws=7, temperature=10.0)(random(4, 300))
    assert rows.max() < 1
    torch.testing.assert_close(rows.sum(dim=1), torch.full((4,), 7.0).double())
    crowded = GumbelRows(draws=7)(random(4, 5))
    assert crowded.max() == 1
    assert (crowded.sum(dim=1) < 7).all()


def test_gumbel_noise_is_new_at_every_call_and_in_every_draw():
    torch.manual_seed(0)
    rows, logits = GumbelRows(draws=1, temperature=0.5), random(2, 6)
    first, second = rows(logits), rows(logits)
    assert not torch.isclose(first, second).any()
    torch.manual_seed(0)
    assert torch.equal(rows(logits), first)
    torch.manual_seed(0)
    together = GumbelRows(draws=2, temperature=0.5)(logits)
    torch.testing.assert_close(together, (first + second).clamp(max=1))


@pytest.mark.parametrize("temperature", [0.5, 10.0])
def test_the_backward_pass_sees_the_noise_of_the_forward_pass(temperature):
    rows, logits, upstream = GumbelRows(draws=5, temperature=temperature), random(3, 12), random(3, 12, seed=1)
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    torch.manual_seed(3)
    made = rows(ours)
    torch.rand(1)  # others draw in between
    between = torch.get_rng_state()
    (upstream * made).sum().backward()
    assert torch.equal(torch.get_rng_state(), between)
    torch.manual_seed(3)
    expected = with_kept_noise(rows, theirs)
    (upstream * expected).sum().backward()
    torch.testing.assert_close(made, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert ours.grad.abs().max() > 1e-4


def test_gumbel_gradients_by_finite_differences_under_one_seed():
    def of(logits: Tensor) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return GumbelRows(draws=3, temperature=2.0)(logits)

    assert torch.autograd.gradcheck(of, random(2, 9).requires_grad_())


def test_cold_gumbel_rows_draw_items_by_their_softmax():
    # The maximum of logits and Gumbel noise is a draw from the softmax, at the temperature 1.
    torch.manual_seed(0)
    logits = torch.tensor([1.0, 0.0, -1.0, 0.5])
    draws = GumbelRows(draws=1, temperature=1e-3)(logits.expand(10_000, -1)).mean(dim=0)
    torch.testing.assert_close(draws, torch.softmax(logits, dim=0), rtol=0, atol=4 * 0.5 / 10_000**0.5)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_the_mean_of_two_gumbel_items_by_quadrature(temperature):
    torch.manual_seed(0)
    logits = torch.tensor([1.0, -0.5])
    mean = GumbelRows(draws=1, temperature=temperature)(logits.expand(40_000, -1)).mean(dim=0)
    uniform = (np.arange(100_000) + 0.5) / 100_000
    logistic = np.log(uniform / (1 - uniform))  # the difference of two Gumbel variables
    expected = np.mean(1 / (1 + np.exp(-(1.5 + logistic) / temperature)))
    assert mean[0].item() == pytest.approx(expected, abs=4 * 0.4 / 40_000**0.5)


def test_hot_gumbel_rows_are_softmax_rows_with_a_little_noise():
    torch.manual_seed(0)
    logits = (random(3, 600) > 1).float()
    noisy, plain = GumbelRows(draws=200)(logits), SoftmaxRows(interactions=200, temperature=10.0)(logits)
    torch.testing.assert_close(noisy, plain, rtol=0.05, atol=0)
    assert not torch.equal(noisy, plain)


def test_a_draw_of_zero_does_not_break_a_row(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "exponential_", torch.Tensor.zero_)
    rows, logits = GumbelRows(draws=2), torch.zeros(2, 4)
    assert rows(logits).isfinite().all()
    assert derivative(rows, logits, torch.ones(2, 4)).isfinite().all()


@given(
    seed=st.integers(0, 10**6),
    users=st.integers(1, 6),
    items=st.integers(1, 12),
    count=st.integers(1, 14),
    longer=st.integers(0, 8),
    levels=st.integers(1, 30),
)
def test_top_k_rows_hold_exactly_k(seed, users, items, count, longer, levels):
    logits = torch.tensor(np.random.default_rng(seed).integers(0, levels, (users, items)), dtype=torch.float32)
    rows = TopKRows(interactions=count, longer=longer)(logits)
    assert set(rows.unique().tolist()) <= {0.0, 1.0}
    assert rows.sum(dim=1).tolist() == [min(count + (user < longer), items) for user in range(users)]
    for row, given_row in zip(rows.bool(), logits, strict=True):
        assert row.all() or given_row[row].min() >= given_row[~row].max()


@pytest.mark.parametrize("longer", [0, 2])
def test_top_k_gradients_are_those_of_the_softmax_behind(longer):
    logits, upstream = random(4, 9), random(4, 9, seed=1)
    hard = derivative(TopKRows(interactions=3, longer=longer, temperature=0.7), logits, upstream)
    soft = derivative(SoftmaxRows(interactions=3, temperature=0.7), logits, upstream)
    assert torch.equal(hard, soft)
    assert hard.any()


@pytest.mark.parametrize("rows", [SoftmaxRows(interactions=5.0), GumbelRows(draws=3), TopKRows(interactions=4)])
def test_users_are_features_and_targets_at_once(rows):
    start = random(3, 20).float()
    before = start.clone()
    users = UserRows(start, rows)
    torch.manual_seed(0)
    batch = users.batch()
    torch.manual_seed(0)
    assert torch.equal(batch.x, users.interactions())
    assert batch.y is batch.x  # one draw of noise, not two
    assert batch.x.dtype == torch.float32
    assert users.parts() == {"users": [users.logits]}
    batch.x[:, 0].sum().backward()
    with torch.no_grad():
        users.logits += users.logits.grad.sign()
    assert torch.equal(start, before)
    assert set(users.state_dict()) == {"logits", "batches"}


@pytest.mark.parametrize(
    ("rows", "settings", "error", "message"),
    [
        (SoftmaxRows, {"interactions": 0.0}, ValueError, "interactions must be positive, got 0.0"),
        (SoftmaxRows, {"temperature": -1.0}, ValueError, "temperature must be positive, got -1.0"),
        (GumbelRows, {"draws": 0}, ValueError, "draws must be positive, got 0"),
        (GumbelRows, {"draws": 2.5}, TypeError, "draws must be a whole number, got 2.5"),
        (GumbelRows, {"temperature": math.inf}, ValueError, "temperature must be positive, got inf"),
        (TopKRows, {"interactions": 0}, ValueError, "interactions must be positive, got 0"),
        (TopKRows, {"interactions": 2.0}, TypeError, "interactions must be a whole number, got 2.0"),
        (TopKRows, {"longer": -1}, ValueError, "longer must be at least 0, got -1"),
    ],
)
def test_settings_are_checked(rows, settings, error, message):
    with pytest.raises(error, match=message):
        rows(**settings)
