from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from graphcond.core import run_context
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.driver import Outcome
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.statistic import Statistic
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.weight_samplers import Fresh, Pool, Trained
from graphcond.core.positive_definite import NotPositiveDefiniteError
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.progress import Progress
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.synthetic.edges import PairwiseEdges
from graphcond.synthetic.graph import SyntheticGraph

STEPS = 10
EVERY_STEP = 2 * STEPS  # so many validations leave no step out
FEATURES, CLASSES = 5, 3


@dataclass
class Source:
    """Random rows, other ones at every step unless ``same``; ``constant`` is what it says of itself."""

    constant: bool = True
    same: bool = True
    asked: list[int] = field(default_factory=list)

    def __call__(self, step: int) -> Batch:
        self.asked.append(step)
        generator = torch.Generator().manual_seed(0 if self.same else step)
        y = torch.arange(30) % CLASSES
        return Batch(torch.randn(30, FEATURES, generator=generator) + y.unsqueeze(1), y)


@dataclass
class Watched:
    """Gradient matching that counts its observations and keeps its losses."""

    observed: int = 0
    losses: list[float] = field(default_factory=list)
    inner: GradientMatching = field(default_factory=GradientMatching)

    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Statistic:
        self.observed += 1
        return self.inner.observe(surrogate, weights, real)

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Statistic, synthetic: Batch) -> Tensor:
        loss = self.inner.loss(surrogate, weights, statistic, synthetic)
        self.losses.append(float(loss.detach()))
        return loss


def recipe(edges: bool = False, sampler: Callable[[Surrogate], Any] = Fresh, **changes: Any) -> Recipe:
    """Return a recipe for six random rows, always the same ones."""
    with seeded(1):
        x = torch.randn(6, FEATURES)
        structure = PairwiseEdges(FEATURES, 4) if edges else None
    surrogate = Linear(FEATURES, SingleLabel(CLASSES), x)
    rates = {"features": 0.05, "structure": 0.05} if edges else {"features": 0.05}
    values = {
        "synthetic": SyntheticGraph(x, torch.arange(6) % CLASSES, 1, structure, last_hop=False),
        "surrogate": surrogate,
        "sampler": sampler(surrogate),
        "objective": Watched(),
        "source": Source(),
        "schedule": Schedule(rates=rates),
        "steps": STEPS,
    }
    return Recipe(**(values | changes))


def run(made: Recipe, **conditions: Any) -> Outcome:
    with seeded(2):
        return driver.run(made, RunContext(**conditions))


def values(made: Recipe) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in made.synthetic.state_dict().items()}


def assert_same(first: Recipe, second: Recipe) -> None:
    mine, theirs = values(first), values(second)
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        assert torch.equal(value, theirs[name]), name


def preferring(*steps: int, times: int = EVERY_STEP) -> Validation:
    """Return a validation that likes these steps, or these times if not after every step, better than all others."""
    scores = iter([float(step in steps) for step in range(1, 1000)])
    return Validation(score=lambda: next(scores), times=times)


@pytest.fixture
def every_step_reported(monkeypatch):
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)


@pytest.fixture
def clock(monkeypatch):
    """A clock that is a second later after every step, and stands still during validations."""
    now, advance = [0.0], driver._Driver._advance

    def step(self: Any) -> str:
        now[0] += 1
        return advance(self)

    monkeypatch.setattr(run_context, "monotonic", lambda: now[0])
    monkeypatch.setattr(driver._Driver, "_advance", step)
    return now


@pytest.mark.parametrize("edges", [False, True])
def test_loss_goes_down(edges):
    made = recipe(edges, lambda surrogate: Pool(surrogate, 1), steps=60)
    run(made)
    assert made.objective.losses[-1] < 0.5 * made.objective.losses[0]


def test_every_part_moves_without_turns():
    made = recipe(edges=True, steps=1)
    before = values(made)
    run(made)
    assert [name for name, value in values(made).items() if torch.equal(value, before[name])] == ["y"]


def test_only_the_part_whose_turn_it_is_moves_and_has_gradients():
    turns = [("structure", 2), ("features", 3)]
    schedule = Schedule(rates={"features": 0.05, "structure": 0.05}, turns=turns)
    made = recipe(edges=True, schedule=schedule)
    moved, gradients = [], []
    before = values(made)

    def validate() -> float:
        nonlocal before
        now = values(made)
        changed = {name for name, value in now.items() if not torch.equal(value, before[name])}
        moved.append({name.split(".")[0] for name in changed})
        gradients.append({
            part for part, parameters in made.synthetic.parts().items() for p in parameters if p.grad is not None
        })  # fmt: skip
        before = now
        return float(len(moved))

    run(replace(made, validation=Validation(score=validate, times=EVERY_STEP)))
    assert moved == 2 * (2 * [{"structure"}] + 3 * [{"x"}])
    assert gradients == 2 * (2 * [{"structure"}] + 3 * [{"features"}])


def test_training_on_synthetic_data_between_steps_brings_no_gradients_to_resting_parts():
    schedule = Schedule(rates={"features": 0.05, "structure": 0.05}, turns=[("structure", 2), ("features", 3)])
    made = recipe(edges=True, sampler=lambda surrogate: Trained(surrogate, 5, 2), schedule=schedule)
    asked = []

    def loss(surrogate: Surrogate, weights: Weights, statistic: Statistic, synthetic: Batch) -> Tensor:
        asked.append({name for name, (first, *_) in made.synthetic.parts().items() if first.requires_grad})
        return GradientMatching().loss(surrogate, weights, statistic, synthetic)

    run(replace(made, objective=SimpleNamespace(observe=GradientMatching().observe, loss=loss)))
    assert asked == 2 * (2 * [{"structure"}] + 3 * [{"features"}])


def test_learning_rate_drops_from_the_given_step_on():
    schedule = Schedule(rates={"features": 0.05}, rate_drops=[1])
    made, short = recipe(schedule=schedule, steps=2), recipe(steps=1)
    start = values(short)["x"]
    run(short)
    run(made)
    first = (values(short)["x"] - start).abs().mean()
    second = (values(made)["x"] - values(short)["x"]).abs().mean()
    assert second < 0.2 * first


def test_a_validation_that_prefers_an_early_step_keeps_it():
    made, short = recipe(edges=True, validation=preferring(3)), recipe(edges=True, steps=3)
    outcome = run(made)
    run(short)
    assert outcome.kept_step == 3
    assert outcome.scores == {step: float(step == 3) for step in range(1, STEPS + 1)}
    assert outcome.steps == STEPS
    assert outcome.complete
    assert_same(made, short)


def test_the_earliest_of_equal_steps_is_kept():
    made, short = recipe(validation=preferring(4, 7)), recipe(steps=4)
    assert run(made).kept_step == 4
    run(short)
    assert_same(made, short)


@pytest.mark.parametrize(("rows", "kept"), [(None, 2), (100, 5), (10_000, 2), (1, STEPS)])
def test_the_latest_of_validations_that_cannot_be_distinguished_is_kept(rows, kept):
    scores = [0.5, 0.8, 0.75, 0.6, 0.73, *[0.1] * (STEPS - 5)]  # two standard errors of 80 of 100 are 0.08
    remaining = iter(scores)
    validation = Validation(score=lambda: next(remaining), times=EVERY_STEP, rows=rows)
    made, short = recipe(validation=validation), recipe(steps=kept)
    outcome = run(made)
    assert outcome.kept_step == kept
    assert list(outcome.scores.values()) == scores
    run(short)
    assert_same(made, short)


def test_without_validation_the_last_step_is_kept():
    made, validated = recipe(), recipe(validation=preferring(STEPS))
    outcome = run(made)
    assert (outcome.kept_step, outcome.scores, outcome.complete) == (STEPS, {}, True)
    run(validated)
    assert_same(made, validated)


@pytest.mark.parametrize(("steps", "validations"), [(10, 4), (12, 1), (20, 20), (7, 20), (100, 7)])
def test_validations_are_close_together_at_first_and_include_the_last_step(steps, validations):
    at = list(run(recipe(steps=steps, validation=Validation(score=lambda: 0.0, times=validations))).scores)
    assert at == sorted({-(-steps * i**2 // validations**2) for i in range(1, validations + 1)})
    assert at[-1] == steps


def test_validations_draw_no_random_numbers_that_the_steps_notice():
    draws = []

    def validate() -> float:
        draws.append(torch.rand(5).tolist())
        return float(len(draws))

    made, unseen = recipe(validation=Validation(score=validate, times=EVERY_STEP)), recipe()
    run(made)
    run(unseen)
    assert len(draws) == STEPS
    assert_same(made, unseen)


def test_every_validation_sees_the_same_random_numbers():
    draws = []
    run(recipe(validation=Validation(score=lambda: draws.append(torch.rand(5).tolist()) or 0.0, times=EVERY_STEP)))
    assert draws == [draws[0]] * STEPS


def test_progress_goes_from_the_first_step_to_the_last(every_step_reported):
    reports = []
    run(recipe(), progress=reports.append)
    assert reports == [Progress(step, STEPS, "matching") for step in [*range(1, STEPS + 1), STEPS]]


def test_progress_is_reported_now_and_then_and_at_the_end(clock, monkeypatch):
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 4)
    reports = []
    run(recipe(), progress=reports.append)
    assert [report.done for report in reports] == [4, 8, STEPS]


def test_max_seconds_stops_early_and_keeps_the_best_validation(clock):
    made, short = recipe(validation=preferring(2)), recipe(steps=2)
    outcome = run(made, max_seconds=4.5)
    assert (outcome.steps, outcome.kept_step, outcome.complete) == (5, 2, False)
    run(short)
    assert_same(made, short)


@pytest.mark.parametrize("validations", [1, 4])
def test_max_seconds_validates_at_the_step_where_it_stops_if_there_is_another_to_compare_it_with(clock, validations):
    made, short = recipe(validation=preferring(3, times=validations)), recipe(steps=5)
    outcome = run(made, max_seconds=4.5)
    assert (outcome.steps, outcome.kept_step) == (5, 5)
    assert outcome.scores == ({} if validations == 1 else {1: 0.0, 3: 0.0, 5: 1.0})
    assert outcome.stopped == "at step 5 of 10: max_seconds=4.5 was over"
    run(short)
    assert_same(made, short)


def test_the_last_validation_is_within_the_time(clock):
    def validate() -> float:
        clock[0] += 3
        return clock[0]

    validation = Validation(score=validate, times=2)
    outcome = run(
        recipe(validation=validation), max_seconds=11
    )  # steps take a second, the validation at step 3 takes three
    assert clock[0] == 11
    assert list(outcome.scores) == [3, 5]


def test_max_seconds_does_at_least_one_step():
    outcome = run(recipe(), max_seconds=1e-9)
    assert (outcome.steps, outcome.kept_step, outcome.complete) == (1, 1, False)


def test_time_that_is_up_after_the_last_step_changes_nothing(clock):
    assert run(recipe(), max_seconds=STEPS - 0.5).complete


def test_a_pool_observes_real_data_that_never_change_once_for_each_network():
    made = recipe(sampler=lambda surrogate: Pool(surrogate, 3), steps=40)
    run(made)
    assert made.objective.observed == 3
    assert len(made.objective.losses) == 40


def test_a_remembered_observation_is_that_of_the_picked_network():
    made, again = (
        recipe(sampler=lambda surrogate: Pool(surrogate, 3), steps=20, source=Source(constant=constant))
        for constant in (True, False)
    )
    run(made)
    run(again)
    assert (made.objective.observed, again.objective.observed) == (3, 20)
    assert_same(made, again)


def test_real_data_that_change_are_observed_at_every_step():
    made = recipe(sampler=lambda surrogate: Pool(surrogate, 3), source=Source(constant=False, same=False))
    run(made)
    assert made.objective.observed == STEPS
    assert made.source.asked == list(range(STEPS))


@pytest.mark.parametrize(
    "sampler",
    [Fresh, lambda surrogate: Trained(surrogate, 5, 2), lambda surrogate: Pool(surrogate, 3, train_steps=1)],
    ids=["fresh", "trained", "trained pool"],
)
def test_networks_that_change_observe_at_every_step(sampler):
    made = recipe(sampler=sampler)
    run(made)
    assert made.objective.observed == STEPS


def test_unknown_part_in_turns_and_empty_turns_are_refused():
    with pytest.raises(ValueError, match="'edges'"):
        Schedule(rates={"features": 0.1}, turns=[("edges", 1)])
    with pytest.raises(ValueError, match="at least one step"):
        Schedule(rates={"features": 0.1}, turns=[("features", 0)])


@dataclass
class Diverging(Watched):
    """Gradient matching whose loss is no number from some call on."""

    since: int = 4

    def loss(self, *args: Any) -> Tensor:
        value = super().loss(*args)
        return value * torch.nan if len(self.losses) >= self.since else value


RATES = {"features_rate": 0.05, "edges_rate": None}


@pytest.mark.parametrize("validations", [1, 2])
def test_a_run_that_diverges_gives_the_last_finite_data_or_the_best_before(validations):
    validation = Validation(score=lambda: 1.0, times=validations)
    made, short = recipe(objective=Diverging(), validation=validation), recipe(steps=3)
    outcome = run(made, rates=RATES)
    assert (outcome.steps, outcome.kept_step, outcome.complete) == (3, 3, False)
    assert outcome.scores == ({} if validations == 1 else {3: 1.0})
    assert outcome.stopped == ("at step 4 of 10: its loss or gradient is not finite; lower features_rate (now 0.05)")
    run(short)
    assert_same(made, short)


def test_a_run_that_diverges_at_once_is_an_error():
    with pytest.raises(ValueError, match=r"diverged at step 1 of 10: .* scale the data.* or lower features_rate"):
        run(recipe(objective=Diverging(since=1)), rates=RATES)


def test_a_step_that_cannot_be_computed_ends_a_run_as_well():
    def loss(*_: Any) -> Tensor:
        raise NotPositiveDefiniteError("the kernel matrix is not positive definite; use a larger ridge")

    matching = GradientMatching()
    with pytest.raises(ValueError, match="at step 1 of 10: the kernel matrix is not positive definite; scale the data"):
        run(recipe(objective=SimpleNamespace(observe=matching.observe, loss=loss)))
