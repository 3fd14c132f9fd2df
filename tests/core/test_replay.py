from dataclasses import dataclass, field

import pytest
import torch

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.experts import Experts
from graphcond.core.matching.replay import NoRealRows, Replay, Window
from graphcond.core.matching.surrogate import Weights
from graphcond.core.matching.training import Training
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear

LIKE = torch.zeros((), dtype=torch.float64)
SURROGATE = Linear(4, SingleLabel(3), LIKE)
TRAINING = Training(learning_rate=0.3, momentum=0.9)


def experts(number: int = 3, checkpoints: int = 6) -> Experts:
    """Return experts whose weights say who and when they are."""
    trajectories = tuple(
        tuple((torch.tensor([float(expert), float(checkpoint)]).half(),) for checkpoint in range(checkpoints + 1))
        for expert in range(number)
    )
    return Experts(trajectories, LIKE)


def reported(weights: Weights) -> tuple[float, float]:
    expert, checkpoint = weights[0].tolist()
    return expert, checkpoint


@dataclass
class Lesson:
    """Random rows, other ones at every step; what was asked for is kept."""

    asked: list[int] = field(default_factory=list)

    def __call__(self, step: int) -> Batch:
        self.asked.append(step)
        return Batch(torch.randn(9, 4, dtype=torch.float64), torch.arange(9) % 3)


def never() -> Batch:
    raise AssertionError("nothing was to be trained")


def test_a_window_that_does_not_move():
    window = Window(min_start=2, max_start=5)
    assert [window.latest_at(step) for step in (0, 10, 1000)] == [5, 5, 5]


@pytest.mark.parametrize(
    ("every", "expected"), [(1, [1, 2, 3, 4, 4, 4, 4]), (2, [1, 1, 2, 2, 3, 3, 4]), (3, [1, 1, 1, 2, 2, 2, 3])]
)
def test_a_window_that_widens_up_to_its_latest(every, expected):
    window = Window(max_start=4, first_max_start=1, widened_every=every)
    assert [window.latest_at(step) for step in range(7)] == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"min_start": 3, "max_start": 2},
        {"max_start": 4, "first_max_start": 5},
        {"min_start": 2, "max_start": 4, "first_max_start": 1},
        {"max_start": -1},
        {"widened_every": 0},
    ],
)
def test_a_window_must_make_sense(fields):
    with pytest.raises(ValueError, match=r"min_start|max_start|widened_every"):
        Window(**fields)


def test_trajectories_must_fit_into_their_experts():
    Replay(experts(checkpoints=6), Window(max_start=4), expert_span=2)
    with pytest.raises(
        ValueError, match="max_start=4 with expert_span=3 needs experts with 7 checkpoints, they have 6"
    ):
        Replay(experts(checkpoints=6), Window(max_start=4), expert_span=3)


def test_all_experts_and_all_checkpoints_of_the_window_are_drawn_and_no_others():
    replay = Replay(experts(), Window(min_start=1, max_start=3), expert_span=2)
    drawn = [reported(replay.draw(0)) for _ in range(300)]
    assert set(drawn) == {(float(e), float(c)) for e in range(3) for c in (1, 2, 3)}


def test_a_widening_window_opens_later_checkpoints_one_by_one():
    replay = Replay(experts(), Window(max_start=3, first_max_start=0, widened_every=5), expert_span=2)
    for step in (0, 4, 5, 9, 10, 15, 1000):
        latest = max(reported(replay.draw(step))[1] for _ in range(80))
        assert latest == min(3, step // 5)


def test_the_goal_is_where_the_same_expert_got_to():
    replay = Replay(experts(), Window(max_start=4), expert_span=2)
    for _ in range(20):
        weights = replay.draw(0)
        expert, checkpoint = reported(weights)
        assert reported(replay.goal(SURROGATE, weights, NoRealRows(LIKE)(0))) == (expert, checkpoint + 2)
        assert reported(replay.end()) == (expert, 6)


def test_replay_has_no_number_no_state_and_learns_nothing():
    replay = Replay(experts(), Window(max_start=4), expert_span=2)
    replay.draw(0)
    assert replay.key() is None
    assert replay.state() == {}
    replay.restore({})
    replay.learn(0, never)


def test_the_unseen_source_is_empty_constant_and_of_the_right_kind():
    source = NoRealRows(LIKE)
    assert source.constant
    assert len(source(0)) == 0
    assert source(3) is source(0)
    assert source(0).x.dtype == torch.float64
