import itertools
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.experts import Experts
from graphcond.core.matching.replay import NoRealRows, OnlineExpert, Replay, Window
from graphcond.core.matching.surrogate import Weights
from graphcond.core.matching.training import Student, Training
from graphcond.core.runtime.randomness import seeded
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


def go(expert: OnlineExpert, start: int, stop: int) -> list[tuple[Tensor, Tensor]]:
    passed = []
    for step in range(start, stop):
        weights = expert.draw(step)
        goal = expert.goal(SURROGATE, weights, NoRealRows(LIKE)(step))
        expert.learn(step, never)
        passed.append((weights[0].clone(), goal[0].clone()))
    return passed


def test_an_online_expert_is_one_training_cut_into_trajectories():
    training_data = Lesson()
    with seeded(1):
        passed = go(OnlineExpert(SURROGATE, training_data, length=4, expert_span=3, training=TRAINING), 0, 4)
    with seeded(1):
        student = Student(SURROGATE.init(), TRAINING)
        for start, goal in passed:
            assert torch.equal(start, student.weights[0])
            for step in range(3):
                student.train(SURROGATE, training_data(step), 1)
            assert torch.equal(goal, student.weights[0])
    assert training_data.asked[:12] == [0, 1, 2] * 4


def test_an_online_expert_starts_afresh_when_it_is_over():
    passed = go(OnlineExpert(SURROGATE, Lesson(), length=3, expert_span=1, training=TRAINING), 0, 7)
    starts = [torch.equal(goal, later) for (_, goal), (later, _) in itertools.pairwise(passed)]
    assert starts == [True, True, False, True, True, False]


def test_weights_of_a_online_expert_do_not_move_while_they_are_read():
    expert = OnlineExpert(SURROGATE, Lesson(), length=5, expert_span=2, training=TRAINING)
    weights = expert.draw(0)
    before = weights[0].clone()
    goal = expert.goal(SURROGATE, weights, NoRealRows(LIKE)(0))
    after = goal[0].clone()
    expert.goal(SURROGATE, expert.draw(1), NoRealRows(LIKE)(1))
    assert torch.equal(weights[0], before)
    assert torch.equal(goal[0], after)


def test_an_online_expert_must_be_drawn_before_it_has_a_goal():
    with pytest.raises(RuntimeError, match="draw"):
        OnlineExpert(SURROGATE, Lesson(), length=5, expert_span=2, training=TRAINING).goal(
            SURROGATE, (), NoRealRows(LIKE)(0)
        )


@pytest.mark.parametrize("training", [TRAINING, Training()], ids=["momentum", "adam"])
@pytest.mark.parametrize("cut", [0, 1, 4, 5])
def test_a_restored_online_expert_goes_on_with_the_same_bits(cut, training):
    def expert() -> OnlineExpert:
        return OnlineExpert(SURROGATE, Lesson(), length=4, expert_span=2, training=training)

    torch.manual_seed(0)
    first = expert()
    go(first, 0, cut)
    state, random = {name: value.clone() for name, value in first.state().items()}, torch.get_rng_state()
    expected = go(first, cut, cut + 6)
    other = expert()
    go(other, 0, 2)  # what it had before must not matter
    torch.set_rng_state(random)
    other.restore(state)
    for (start, goal), (same_start, same_goal) in zip(go(other, cut, cut + 6), expected, strict=True):
        assert torch.equal(start, same_start)
        assert torch.equal(goal, same_goal)


def test_the_unseen_source_is_empty_constant_and_of_the_right_kind():
    source = NoRealRows(LIKE)
    assert source.constant
    assert len(source(0)) == 0
    assert source(3) is source(0)
    assert source(0).x.dtype == torch.float64
