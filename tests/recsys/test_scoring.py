"""Evaluation: who is asked, what is masked, what blocks change (nothing), bad input, and the published figures."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from recsys.data.split import Holdout
from recsys.metrics.conventions import CONVENTIONS
from recsys.models.base import Recommender
from recsys.models.ease import EASE
from recsys.models.popularity import Popularity
from recsys.models.scoring import score_lists


def random_holdout(seed=0, num_users=23, num_items=40):
    """Return a holdout; a third of the users have no targets."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, (num_users, num_items), p=[0.7, 0.2, 0.1])
    kind[::3][kind[::3] == 2] = 0
    return Holdout(*(csr_matrix((kind == one).astype(np.float32)) for one in (1, 2)))


class Asked(Recommender):
    """Remembers what it was asked."""

    name = "asked"

    def __init__(self, extra=0):
        self.calls, self.extra = [], extra

    def fit(self, user_items):
        return self

    def scores(self, context):
        self.calls.append(context)
        return np.zeros((context.shape[0], context.shape[1] + self.extra), dtype=np.float32)


def test_only_users_with_targets_are_asked_in_blocks_with_their_context():
    question, model = random_holdout(), Asked()
    scores = score_lists(model, question, train_counts=np.ones(40), ks=(5,), block=4)
    assert scores.users.tolist() == question.asked().tolist()
    assert len(scores.users) < 23
    assert [call.shape[0] for call in model.calls] == [4, 4, 4, 3]
    assert (np.vstack([call.toarray() for call in model.calls]) == question.context[scores.users].toarray()).all()
    assert all(len(values) == len(scores.users) for values in scores.per_user.values())


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_blocks_change_nothing_and_the_seed_only_what_is_drawn(convention):
    question = random_holdout()
    model = EASE(ridge=5.0).fit(question.context)
    first = score_lists(model, question, train_counts=np.ones(40), ks=(5, 10), convention=convention)
    for block in (1, 4, 23):
        again = score_lists(model, question, train_counts=np.ones(40), ks=(5, 10), convention=convention, block=block)
        assert again.values == pytest.approx(first.values, abs=1e-6)
    other = score_lists(model, question, train_counts=np.ones(40), ks=(5, 10), convention=convention, seed=1)
    assert {name for name in first.values if other.values[name] != first.values[name]} <= {"auc"}
    assert list(first.values) == list(other.values)


def test_the_negatives_are_drawn_by_the_seed():
    question = random_holdout(num_items=400)
    model = EASE(ridge=5.0).fit(question.context)
    areas = [score_lists(model, question, train_counts=np.ones(400), seed=seed).values["auc"] for seed in (0, 0, 1)]
    assert areas[0] == areas[1] != areas[2]


def test_shown_items_are_masked_even_if_they_are_targets():
    """A target that is shown as well cannot be found: it counts as a miss, not as a hit."""
    both = csr_matrix(np.array([[1.0, 1.0, 0.0]]))
    targets = csr_matrix(np.array([[1.0, 0.0, 0.0]]))
    model = Popularity().fit(both)
    assert score_lists(model, Holdout(both, targets), ks=(3,), train_counts=np.ones(3)).values["hr@3"] == 0
    assert (
        score_lists(model, Holdout(csr_matrix((1, 3)), targets), ks=(3,), train_counts=np.ones(3)).values["hr@3"] == 1
    )


def test_known_items_are_no_negatives():
    """The only free item scores low; were the known one drawn, it would beat the target."""
    table = csr_matrix(np.array([[0.0, 2.0, 3.0]]))
    model = Asked()
    model.scores = lambda context: table.toarray()
    targets, shown = csr_matrix(np.array([[0.0, 1.0, 0.0]])), csr_matrix(np.array([[0.0, 0.0, 1.0]]))
    assert score_lists(model, Holdout(shown, targets), ks=(1,), train_counts=np.ones(3)).values["auc"] == 1
    nothing = csr_matrix((1, 3))
    assert (
        score_lists(model, Holdout(shown, targets), known=nothing, ks=(1,), train_counts=np.ones(3)).values["auc"]
        == 0.5
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ks": (10, 41)}, r"from 1 to the number of items, 40, got \(10, 41\)"),
        ({"ks": ()}, r"got \(\)"),
        ({"ks": (0,)}, r"got \(0,\)"),
        ({"ks": (2.5,)}, r"got \(2.5,\)"),
        ({"convention": "paper"}, "no metric convention 'paper'"),
        ({"train_counts": np.ones(39)}, r"each of the 40 items, got the shape \(39,\); np.bincount"),
        ({"known": csr_matrix((23, 39))}, r"known must have the shape of the targets \(23, 40\), got \(23, 39\)"),
        ({"block": 0}, "block must be a positive number of users, got 0"),
    ],
)
def test_bad_input_is_refused_before_the_model_is_asked(changes, message):
    model = Asked()
    with pytest.raises(ValueError, match=message):
        score_lists(model, random_holdout(), **{"train_counts": np.ones(40), "ks": (5,), **changes})
    assert not model.calls


def test_a_holdout_must_ask_something():
    question = random_holdout()
    with pytest.raises(ValueError, match=r"holdout.targets is empty"):
        score_lists(Asked(), replace(question, targets=csr_matrix((23, 40))), train_counts=np.ones(40))
    with pytest.raises(ValueError, match=r"holdout.context must have the shape of the targets"):
        score_lists(Asked(), replace(question, context=csr_matrix((22, 40))), train_counts=np.ones(40))


def test_scores_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"asked must give scores of the shape \(15, 40\), got \(15, 41\)"):
        score_lists(Asked(extra=1), random_holdout(), train_counts=np.ones(40), ks=(5,))
