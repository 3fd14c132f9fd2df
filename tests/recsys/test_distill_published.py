"""Distill-CF as it was published: the preset, its loss, its regulariser and its choice of the ridge."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

import recsys
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Validation
from graphcond.core.runtime.randomness import seeded
from graphcond.synthetic.user_rows import GumbelRows, SoftmaxRows
from recsys import DistillCF, InfiniteAE
from recsys.methods.base import UserBudget
from recsys.methods.validation import UserValidation, hit_rate
from recsys.metrics import lists as metrics
from recsys.metrics.ranking import top_items

CPU = torch.device("cpu")
SPLIT = recsys.random_split(recsys.generate_interactions(90, 40, 1200))
SIZE = UserBudget(12)
PUBLISHED = DistillCF.preset("published")
SHORT = dataclasses.replace(
    PUBLISHED, rows=GumbelRows(draws=4, temperature=0.7), steps=6, validation_steps=(2, 3), learning_rate=0.5
)


def recipe_of(method: DistillCF):
    return method.recipe(SPLIT, SIZE, method.settings_for(SPLIT, SIZE), CPU)


def test_the_preset_has_the_published_settings():
    assert PUBLISHED.rows == GumbelRows(draws=200, temperature=10.0)
    assert (PUBLISHED.steps, PUBLISHED.learning_rate, PUBLISHED.batch_users) == (500, 0.04, None)
    assert (PUBLISHED.regularization, PUBLISHED.metric) == (1e-3, "hr@100")
    assert PUBLISHED.ridges == (1e-5, 1e-3, 0.1, 1.0, 5.0, 50.0)
    due = [step for step in range(1, 500) if step in (25, 50, 75, 100, 125, 150, 175, 200) or step % 40 == 0]
    assert PUBLISHED.validation_steps == tuple(due)
    settings = PUBLISHED.settings_for(SPLIT, SIZE)
    assert (settings.loss, settings.hidden, settings.scale) == ("summed_reconstruction", 0.0, 1.0)
    assert PUBLISHED.rows_for(SPLIT, SIZE, settings) == PUBLISHED.rows  # no cut
    recipe = recipe_of(PUBLISHED)
    assert recipe.source.constant
    assert set(recipe.schedule.at(499).values()) == {0.04}
    rows = {tuple(row) for row in (SPLIT.train.toarray() > 0).astype(float).tolist()}
    assert all(tuple(row) in rows for row in recipe.synthetic.logits.tolist())  # real users, as logits
    with pytest.raises(ValueError, match="preset"):
        DistillCF.preset("publishd")


def plain_loss(rows: Tensor, real: Tensor, ridge: float) -> Tensor:
    """The published objective in float64: its kernel by angles, a whole inverse, and all users at once."""
    users, items = rows.shape

    def kernel(left: Tensor, right: Tensor) -> Tensor:
        covariance = 2 / items * left @ right.T + 0.01
        norms = [2 / items * each.square().sum(1) + 0.01 for each in (left, right)]
        scale = (norms[0].unsqueeze(1) * norms[1]).sqrt()
        angle = torch.arccos((covariance / scale).clamp(-1 + 1e-15, 1 - 1e-15))
        first = (scale * torch.sin(angle) + (torch.pi - angle) * covariance) / torch.pi + 0.01
        return first + covariance * (torch.pi - angle) / torch.pi

    gram = kernel(rows, rows)
    gram = gram + ridge * gram.diagonal().mean() * torch.eye(users)
    prediction = kernel(real, rows) @ torch.linalg.inv(gram) @ rows
    likelihood = -(torch.log_softmax(prediction, dim=1) * real).sum() / len(real)
    return likelihood + PUBLISHED.regularization * rows.sum() / users / (real.sum() / len(real))


def test_the_loss_and_its_gradient_are_those_of_a_dense_computation():
    soft = dataclasses.replace(PUBLISHED, rows=SoftmaxRows(interactions=60.0, temperature=0.3))  # some are clipped
    recipe, ridge = recipe_of(soft), 0.1
    users = recipe.synthetic
    with torch.no_grad():  # apart from each other, so that no angle is 0
        users.logits += 0.1 * torch.randn(users.logits.shape, generator=torch.Generator().manual_seed(0))
    users.ridge.fill_(ridge)
    synthetic = users.batch()
    observed = recipe.objective.observe(recipe.surrogate, (), recipe.source(0))
    loss = recipe.objective.loss(recipe.surrogate, (), observed, synthetic) + users.penalty()
    loss.backward()
    logits = users.logits.detach().double().requires_grad_()
    rows = (60 * torch.softmax(logits / 0.3, dim=1)).clamp(max=1)
    assert (rows == 1).any()
    expected = plain_loss(rows, torch.from_numpy((SPLIT.train.toarray() > 0).astype(float)), ridge)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(users.logits.grad.double(), logits.grad, rtol=1e-3, atol=1e-6)


def ranked(scores: np.ndarray, cut: int) -> metrics.Lists:
    return metrics.Lists.compare(top_items(scores, cut, SPLIT.val.context), SPLIT.val.targets)


def test_the_hit_rate_is_the_metric_of_the_evaluation():
    val = SPLIT.val.take(SPLIT.val.asked())
    scores = np.random.default_rng(1).random(val.targets.shape)
    context, targets = (torch.from_numpy(part.toarray()) for part in (val.context, val.targets))
    for cut in (5, 10, 100):
        found = metrics.Lists.compare(top_items(scores, min(cut, 40), val.context), val.targets)
        mine = hit_rate(torch.from_numpy(scores), context, targets, cut).tolist()
        assert mine == pytest.approx(np.asarray(metrics.capped_recall(found)).tolist(), abs=1e-6)


def test_the_ridge_is_the_best_on_validation_users():
    rows, told = torch.rand(8, 40, generator=torch.Generator().manual_seed(5)) ** 4, []
    val = SPLIT.val.take(SPLIT.val.asked())
    scores = []
    for ridge in PUBLISHED.ridges:
        model = InfiniteAE(ridge=ridge).fit(csr_matrix(rows.numpy()))
        found = metrics.Lists.compare(top_items(model.scores(val.context), 10, val.context), val.targets)
        scores.append(float(np.mean(metrics.ndcg(found))))
    assert len(set(scores)) > 1
    kernel = recipe_of(PUBLISHED).surrogate
    validate = UserValidation(val, kernel, lambda: rows, ridges=PUBLISHED.ridges, most=None, chosen=told.append)
    assert validate() == pytest.approx(max(scores), abs=1e-5)
    assert told == [PUBLISHED.ridges[int(np.argmax(scores))]]


def test_a_step_takes_the_ridge_of_the_last_validation():
    recipe = recipe_of(SHORT)
    users, score = recipe.synthetic, recipe.validation.score
    assert float(users.ridge) == score.best(lambda: users.logits)[1]  # of the start
    with torch.no_grad():
        users.logits.copy_(3 * torch.randn(users.logits.shape, generator=torch.Generator().manual_seed(2)))
    with seeded(0):
        score()
    with seeded(0):
        chosen = score.best(users.interactions)[1]
    assert recipe.objective.ridge() == float(users.ridge) == chosen


def test_the_result_is_the_sample_that_was_validated_with_its_ridge():
    small = recsys.condense(SPLIT, users=SIZE.users, method=SHORT, seed=3)
    choices = small.record.choices
    assert [step for step, _ in choices["scores"]] == [2, 3, 6]
    kept = dict(map(tuple, choices["scores"]))[choices["kept_step"]]
    rows = torch.from_numpy(small.user_items.toarray())
    kernel = recipe_of(SHORT).surrogate
    validate = UserValidation(SPLIT.val, kernel, lambda: rows, ridges=SHORT.ridges, metric="hr@100", most=None)
    assert validate() == pytest.approx(kept, abs=1e-12)
    assert validate.best(lambda: rows)[1] == choices["ridge"]
    assert small.num_interactions == SIZE.users * 40  # dense


def test_without_validation_users_the_ridge_is_the_given_one():
    method = dataclasses.replace(SHORT, ridge=0.7)
    small = recsys.condense(dataclasses.replace(SPLIT, val=None), users=5, method=method)
    assert small.record.choices["ridge"] == 0.7
    assert small.record.choices["kept_step"] == SHORT.steps


def test_validations_come_after_the_given_steps_and_the_last():
    validation = Validation(score=lambda: 0.0, at=(2, 5))
    assert [step for step in range(1, 8) if validation.due(step, 7)] == [2, 5, 7]


def test_a_batch_of_all_users_has_sparse_rows_that_give_the_same_kernel():
    recipe = recipe_of(SHORT)
    real, users = recipe.source(0), recipe.synthetic.batch()
    assert real.x.layout == torch.sparse_csr
    part = real.part(10, 25)
    assert torch.equal(part.x.to_dense(), real.y[10:25])
    whole = recipe.surrogate.cross((), real, users)
    torch.testing.assert_close(recipe.surrogate.cross((), part, users), whole[10:25])
    torch.testing.assert_close(recipe.surrogate.cross((), Batch(real.y, real.y), users), whole)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "published"}, "loss must be one of squares, likelihood, reconstruction, summed_reconstruction"),
        ({"metric": "hr@10"}, "metric must be one of ndcg@10, hr@100, got 'hr@10'"),
        ({"validation_steps": ()}, "validation_steps must be positive whole numbers"),
        ({"validation_steps": (0, 5)}, "validation_steps must be positive whole numbers"),
        ({"ridges": ()}, "ridges must be positive and finite numbers"),
        ({"ridges": (1.0, 0.0)}, "ridges must be positive and finite numbers"),
        ({"regularization": -1.0}, "regularization must be at least 0"),
        ({"negligible": -0.1}, "negligible must be at least 0"),
        ({"validation_users": 0}, "validation_users must be positive"),
        ({"batch_users": 0}, "batch_users must be positive"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DistillCF(**settings)
