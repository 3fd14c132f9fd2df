"""The parts of Distill-CF: batches of users, the outer loss, and validation, against plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.surrogates.infinite_width import InfiniteWidth
from recsys.data.batches import UserBatches
from recsys.data.split import Holdout
from recsys.methods import validation as validation
from recsys.methods.multinomial import Multinomial
from recsys.methods.squares import HiddenSquares
from recsys.methods.validation import UserValidation, ndcg
from recsys.metrics import lists as metrics
from recsys.metrics.ranking import top_items
from recsys.models.infinite_ae import InfiniteAE

CPU = torch.device("cpu")


def random_users(users: int, items: int, share: float = 0.3, seed: int = 0) -> csr_matrix:
    return csr_matrix((np.random.default_rng(seed).random((users, items)) < share).astype(np.float32))


def halves(whole: csr_matrix, seed: int = 0) -> Holdout:
    """Show some interactions of each user and hide the others."""
    shown = np.random.default_rng([seed, 1]).random(whole.shape) < 0.6
    dense = whole.toarray()
    return Holdout(csr_matrix(dense * shown), csr_matrix(dense * ~shown))


# Batches


def dense(rows: Tensor) -> Tensor:
    return rows.to_dense() if rows.layout == torch.sparse_csr else rows


@pytest.mark.parametrize("hidden", [0.0, 0.3, 0.9])
def test_what_is_shown_and_what_is_hidden_add_up_to_the_user(hidden):
    users = random_users(40, 30)
    batch = UserBatches(users, None, hidden, CPU)(0)
    assert batch.x.dtype == batch.y.dtype == torch.float32
    if hidden:
        assert torch.equal(batch.x + batch.y, torch.from_numpy(users.toarray()))
        assert not (batch.x * batch.y).any()
    else:
        assert torch.equal(batch.y, torch.from_numpy(users.toarray()))
        assert torch.equal(dense(batch.x), batch.y)


def test_each_interaction_is_hidden_with_the_same_chance():
    torch.manual_seed(0)
    batches = UserBatches(csr_matrix(np.ones((300, 300), dtype=np.float32)), None, 0.3, CPU)
    first, second = batches(0).y, batches(1).y
    for share, drawn in [(0.3, first), (0.09, first * second)]:
        assert drawn.mean().item() == pytest.approx(share, abs=4 * (share * (1 - share) / 90_000) ** 0.5)
    for axis in (0, 1):
        assert (first.mean(dim=axis) - 0.3).abs().max() < 5 * (0.21 / 300) ** 0.5


def test_a_batch_holds_different_users_each_as_likely_as_any():
    torch.manual_seed(0)
    users = csr_matrix(np.eye(20, dtype=np.float32))  # a user is known by the item
    batches = UserBatches(users, 5, 0.0, CPU)
    drawn = torch.stack([batches(step).x for step in range(400)])
    assert drawn.shape == (400, 5, 20)
    times = drawn.sum(dim=1)
    assert times.max() == 1
    assert (times.mean(dim=0) - 0.25).abs().max() < 4 * (0.25 * 0.75 / 400) ** 0.5


@pytest.mark.parametrize("count", [None, 12, 100])
def test_with_enough_space_all_come_in_order(count):
    users = random_users(12, 9)
    batch = UserBatches(users, count, 0.0, CPU)(3)
    assert batch.x.layout == torch.sparse_csr  # as cheap as their interactions are few
    for part in (dense(batch.x), batch.y):
        assert torch.equal(part, torch.from_numpy(users.toarray()))


@pytest.mark.parametrize(
    ("count", "hidden", "constant"),
    [(None, 0.0, True), (12, 0.0, True), (50, 0.0, True), (11, 0.0, False), (None, 0.2, False), (5, 0.2, False)],
)
def test_constant_means_that_every_batch_is_the_same(count, hidden, constant):
    batches = UserBatches(random_users(12, 9), count, hidden, CPU)
    assert batches.constant is constant
    torch.manual_seed(0)
    first, *others = (batches(step) for step in range(4))
    assert all(torch.equal(dense(first.x), dense(other.x)) for other in others) is constant


def test_draws_follow_the_global_state():
    batches = UserBatches(random_users(30, 9), 10, 0.4, CPU)
    drawn = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        drawn.append(batches(0))
    assert torch.equal(drawn[0].x, drawn[1].x)
    assert torch.equal(drawn[0].y, drawn[1].y)
    assert not torch.equal(drawn[0].x, drawn[2].x)


def test_weights_do_not_count_and_stay():
    users = random_users(6, 8)
    weighted = users.copy()
    weighted.data = np.linspace(0.01, 9, weighted.nnz).astype(np.float32)
    before = weighted.copy()
    assert torch.equal(dense(UserBatches(weighted, None, 0.0, CPU)(0).x), torch.from_numpy(users.toarray()))
    assert (weighted != before).nnz == 0


# Loss


def multinomial_by_loop(prediction: Tensor, real: Batch, scale: float, hide_context: bool) -> float:
    losses = []
    for scores, context, wanted in zip(prediction.tolist(), real.x.tolist(), real.y.tolist(), strict=True):
        targets = [i for i, each in enumerate(wanted) if each > 0]
        rivals = [i for i, each in enumerate(context) if not (hide_context and each > 0)]
        if targets:
            high = max(scale * scores[i] for i in rivals)
            total = high + math.log(sum(math.exp(scale * scores[i] - high) for i in rivals))
            losses.append(-sum(scale * scores[i] - total for i in targets) / len(targets))
    return sum(losses) / len(losses) if losses else 0.0


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 7)),
    scale=st.sampled_from([0.5, 1.0, 20.0, 1e4]),
    hide_context=st.booleans(),
    shares=st.tuples(st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.5, 1.0])),
)
def test_the_loss_equals_a_loop_over_users_and_its_gradient_is_finite(seed, shape, scale, hide_context, shares):
    rng = np.random.default_rng(seed)
    context, wanted = rng.random(shape) < shares[0], rng.random(shape) < shares[1]
    real = Batch(torch.tensor(context).double(), torch.tensor(wanted & ~(hide_context & context)).double())
    prediction = torch.tensor(rng.normal(size=shape)).requires_grad_()
    loss = Multinomial(scale=scale, hide_context=hide_context)(prediction, real)
    assert loss.item() == pytest.approx(multinomial_by_loop(prediction, real, scale, hide_context))
    loss.backward()
    assert prediction.grad.isfinite().all()
    assert not prediction.grad[~(real.y > 0).any(dim=1)].any()
    if hide_context:
        assert not prediction.grad[real.x > 0].any()


def test_users_without_targets_do_not_count():
    prediction, nobody = torch.tensor([[1.0, 0.0, 2.0], [3.0, 1.0, 0.0]]), torch.zeros(2, 3)
    wanted = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    both = Multinomial(scale=2.0)(prediction, Batch(nobody, wanted))
    assert torch.equal(both, Multinomial(scale=2.0)(prediction[:1], Batch(nobody[:1], wanted[:1])))
    assert Multinomial()(prediction, Batch(nobody, nobody)) == 0


@pytest.mark.parametrize("hide_context", [True, False])
def test_gradients_of_the_loss_by_finite_differences(hide_context):
    users = halves(random_users(5, 8))
    real = Batch(*(torch.from_numpy(part.toarray()).double() for part in (users.context, users.targets)))
    prediction = torch.randn(5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loss = Multinomial(scale=3.0, hide_context=hide_context)
    assert torch.autograd.gradcheck(lambda x: loss(x, real), prediction.requires_grad_())


def test_the_best_prediction_of_a_row_is_its_own_distribution():
    row = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    loss = Multinomial(hide_context=False)(40 * row, Batch(row, row))
    assert loss.item() == pytest.approx(math.log(2))


# Validation


def ndcg_by_loop(scores: np.ndarray, context: np.ndarray, targets: np.ndarray, cut: int) -> list[float]:
    values = []
    for mine, shown, wanted in zip(scores, context, targets, strict=True):
        best = sorted((i for i in range(len(mine)) if not shown[i]), key=lambda i: -mine[i])[:cut]
        gain = sum(1 / math.log2(place + 2) for place, i in enumerate(best) if wanted[i])
        ideal = sum(1 / math.log2(place + 2) for place in range(min(cut, int((wanted > 0).sum()))))
        values.append(gain / ideal if ideal else 0.0)
    return values


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 5), st.integers(2, 14)),
    cut=st.integers(1, 12),
    shares=st.tuples(st.sampled_from([0.0, 0.3, 0.9]), st.sampled_from([0.0, 0.2, 1.0])),
)
def test_ndcg_equals_a_loop_over_users(seed, shape, cut, shares):
    rng = np.random.default_rng(seed)
    # Targets may be in the context, as in published splits: they count for the ideal, but are never found.
    context, targets = (rng.random(shape) < share for share in shares)
    scores = rng.permuted(np.tile(np.arange(shape[1], dtype=float), (shape[0], 1)), axis=1) - 3
    value = ndcg(*(torch.tensor(part).double() for part in (scores, context, targets)), cut)
    expected = ndcg_by_loop(scores, context, targets, min(cut, shape[1]))
    assert value.tolist() == pytest.approx(expected, abs=1e-6)


def test_ndcg_is_the_metric_of_the_evaluation():
    users, scores = halves(random_users(30, 40)), np.random.default_rng(1).random((30, 40))
    users = users.take(users.asked())
    scores = scores[: users.targets.shape[0]]
    context, targets = (torch.from_numpy(part.toarray()) for part in (users.context, users.targets))
    expected = metrics.ndcg(metrics.Lists.compare(top_items(scores, 10, users.context), users.targets))
    assert ndcg(torch.from_numpy(scores), context, targets).tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def synthetic_users() -> Tensor:
    return torch.rand(8, 40, generator=torch.Generator().manual_seed(5)) ** 4


def best_of_ridges(val: Holdout, kernel: InfiniteWidth) -> float:
    """The mean NDCG@10 of the autoencoder, fitted with each ridge, on the users that have targets."""
    val = val.take(val.asked())
    means = []
    for ridge in validation.RIDGES:
        model = InfiniteAE(ridge=ridge, kernel=kernel).fit(csr_matrix(synthetic_users().numpy()))
        parts = model.scores(val.context), val.context.toarray(), val.targets.toarray()
        means.append(np.mean(ndcg_by_loop(*parts, validation.CUT)))
    assert len(set(means)) > 1  # else the choice would not be tested
    return max(means)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("block", [7, 500])
def test_a_validation_is_the_best_ndcg_of_the_autoencoder(depth, block, monkeypatch):
    monkeypatch.setattr(validation, "BLOCK", block)
    val, kernel = halves(random_users(40, 40, share=0.15)), InfiniteWidth(depth=depth)
    assert len(val.asked()) < 40  # users without targets do not count
    assert UserValidation(val, kernel, synthetic_users)() == pytest.approx(best_of_ridges(val, kernel), abs=1e-5)


def test_validations_do_not_depend_on_random_states_nor_change_them():
    val, scores = halves(random_users(40, 40)), set()
    for seed in range(3):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (a caller's state)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # noqa: NPY002
        validate = UserValidation(val, InfiniteWidth(), synthetic_users, most=9)
        scores |= {validate(), validate()}
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert len(scores) == 1
    assert scores != {
        UserValidation(val.take(np.arange(9)), InfiniteWidth(), synthetic_users)()
    }  # not just the first users


def test_users_without_targets_take_no_place_in_a_validation():
    val = halves(random_users(40, 40))
    few = csr_matrix(val.targets.toarray() * (np.arange(40)[:, None] % 8 == 0))
    limited = UserValidation(Holdout(val.context, few), InfiniteWidth(), synthetic_users, most=5)()
    asked = np.arange(0, 40, 8)
    assert limited == UserValidation(val.take(asked), InfiniteWidth(), synthetic_users)()


def test_a_look_sees_the_users_as_they_stand_and_keeps_no_history():
    val, histories = halves(random_users(40, 40)), []
    rows = synthetic_users().requires_grad_()

    def interactions() -> Tensor:
        histories.append(torch.is_grad_enabled())
        return rows * 1

    validate = UserValidation(val, InfiniteWidth(), interactions)
    before = validate()
    with torch.no_grad():
        rows.copy_(torch.from_numpy(val.targets[:8].toarray()))
    assert validate() != before
    assert histories == [False, False]


def test_hidden_squares_against_a_loop_over_users():
    generator = torch.Generator().manual_seed(3)
    shown = (torch.rand(6, 9, generator=generator) < 0.3).float()
    hidden = (1 - shown) * (torch.rand(6, 9, generator=generator) < 0.3)
    hidden[2] = 0  # a user without targets does not count
    prediction = torch.randn(6, 9, generator=generator)
    values = []
    for x, y, p in zip(shown, hidden, prediction, strict=True):
        if y.sum():
            error = sum(float((a - b) ** 2) for a, b, c in zip(p, y, x, strict=True) if c == 0)
            values.append(error / float(y.sum()) ** 0.5)
    assert float(HiddenSquares()(prediction, Batch(shown, hidden))) == pytest.approx(sum(values) / len(values))
    assert float(HiddenSquares()(prediction, Batch(shown, torch.zeros_like(hidden)))) == 0


def test_a_sample_of_a_holdout_keeps_the_numbers_of_users():
    targets = csr_matrix(np.tril(np.ones((8, 5), dtype=np.float32), -1))
    targets.sort_indices()
    holdout = Holdout(csr_matrix((8, 5), dtype=np.float32), targets)
    some = holdout.sampled(3)
    assert len(some.asked()) == 3
    assert set(some.asked()) <= set(holdout.asked())
    assert (some.targets[some.asked()] != targets[some.asked()]).nnz == 0
    assert some.targets.has_canonical_format
    assert holdout.sampled(7) is holdout
    assert some.asked().tolist() == holdout.sampled(3).asked().tolist()
