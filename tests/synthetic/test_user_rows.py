"""Rows of synthetic users: how much they hold, what noise does to their mean, and where gradients go."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import Tensor

from graphcond.synthetic import gumbel
from graphcond.synthetic.gumbel import log_exponential
from graphcond.synthetic.user_rows import GumbelRows, SoftmaxRows, TopKRows, UserRows


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def derivative(rows, logits: Tensor, upstream: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((upstream * rows(logits)).sum(), logits)
    return gradient


def with_kept_noise(rows: GumbelRows, logits: Tensor) -> Tensor:
    """The multi-sampling of the paper as autograd sees it, with all noise kept."""
    generator = torch.Generator().manual_seed(int(torch.randint(2**63 - 1, ())))
    noise = []
    for _ in range(rows.draws):
        words = torch.empty(-(-logits.numel() // 2), dtype=torch.int64).random_(generator=generator)
        uniform = words.view(torch.int32)[: logits.numel()].view_as(logits).to(logits.dtype).abs() / 2**31
        noise.append(-torch.log(-torch.log(uniform)))
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
    other = GumbelRows(draws=2, temperature=0.5)(0 * logits) - GumbelRows(draws=1, temperature=0.5)(0 * logits)
    assert not torch.isclose(other, GumbelRows(draws=1, temperature=0.5)(0 * logits)).any()


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


@pytest.mark.parametrize("word", [0, -1, 2**63 - 1, 2**31 - 1, 2**31])
@pytest.mark.parametrize("temperature", [0.01, 10.0])
def test_the_most_extreme_draws_do_not_break_a_row(monkeypatch, word, temperature):
    monkeypatch.setattr(torch.Tensor, "random_", lambda words, generator: words.fill_(word))
    rows, logits = GumbelRows(draws=2, temperature=temperature), torch.zeros(2, 4)
    assert rows(logits).isfinite().all()
    assert derivative(rows, logits, torch.ones(2, 4)).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_noise_is_infinite(dtype):
    integers = torch.tensor([0.0, 2.0**31, -(2.0**31), 1.0, 2.0**30], dtype=dtype)
    noise = -log_exponential(integers)
    assert noise.isfinite().all()
    assert noise[4].item() == pytest.approx(-math.log(math.log(2)))
    assert noise[1] == noise[2] == noise.max()
    assert noise[0] <= noise[3] == pytest.approx(-math.log(31 * math.log(2)), rel=0.1)


def test_noise_is_distributed_as_a_gumbel_variable():
    words = torch.empty(100_000, dtype=torch.int64).random_(generator=torch.Generator().manual_seed(1))
    noise = -log_exponential(words.view(torch.int32).float()).double().numpy()
    assert kstest(noise, "gumbel_r").pvalue > 1e-3
    assert kstest(noise[::2], "gumbel_r").pvalue > 1e-3  # each half of the words by itself
    assert kstest(noise[1::2], "gumbel_r").pvalue > 1e-3
    assert abs(np.corrcoef(noise[::2], noise[1::2])[0, 1]) < 4 / 100_000**0.5


def test_rows_are_drawn_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(gumbel, "AT_ONCE", 12)
    rows, logits, upstream = GumbelRows(draws=3, temperature=0.7), random(7, 5), random(7, 5, seed=1)
    first, again = (logits.clone().requires_grad_() for _ in range(2))
    torch.manual_seed(0)
    made = rows(first)
    (upstream * made).sum().backward()
    torch.testing.assert_close(made[made < 1].sum(), (made.sum() - (made == 1).sum()))
    assert (made <= 1).all()
    step = 1e-6 * random(7, 5, seed=2)
    torch.manual_seed(0)
    change = ((rows(again + step) - made.detach()) * upstream).sum() / 1e-6
    assert change.item() == pytest.approx((first.grad * random(7, 5, seed=2)).sum().item(), rel=1e-4)


def test_the_cost_of_interactions_is_that_of_the_batch():
    users = UserRows(random(3, 20).float(), GumbelRows(draws=3), cost=0.5)
    batch = users.batch()
    assert users.penalty().item() == pytest.approx(0.5 * batch.x.sum(dim=1).mean().item())
    plain = UserRows(random(3, 20).float(), GumbelRows(draws=3))
    plain.batch()
    assert plain.penalty() is None


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
