from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from graphcond.core.matching import driver
from graphcond.core.matching.augment import Change
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.driver import Outcome
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.statistic import Statistic
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.weight_samplers import Fresh, Pool, Trained
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.checkpoint import Checkpoint
from graphcond.core.runtime.progress import Progress
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.synthetic.learned_rows import HardLabels, LearnedRows, SoftLabels

STEPS, FEATURES, CLASSES, REAL = 9, 5, 3, 30
RATES = {"features": 0.05, "labels": 0.1}


@dataclass
class Source:
    """Rows that never change."""

    constant: bool = True

    def __call__(self, step: int) -> Batch:
        y = torch.arange(REAL) % CLASSES
        generator = torch.Generator().manual_seed(0)
        return Batch(torch.randn(REAL, FEATURES, generator=generator) + y.unsqueeze(1), y)


@dataclass
class Shifted:
    """An augmentation that adds a number, drawn at random; the numbers are kept."""

    drawn: list[float] = field(default_factory=list)

    def draw(self) -> Change:
        number = torch.rand(())
        self.drawn.append(float(number))
        return lambda batch: replace(batch, x=batch.x + number)


@dataclass
class Watched:
    """Gradient matching that keeps what it is shown."""

    real: list[Batch] = field(default_factory=list)
    synthetic: list[Batch] = field(default_factory=list)
    inner: GradientMatching = field(default_factory=GradientMatching)

    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Statistic:
        self.real.append(real)
        return self.inner.observe(surrogate, weights, real)

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Statistic, synthetic: Batch) -> Tensor:
        self.synthetic.append(synthetic.detached())
        return self.inner.loss(surrogate, weights, statistic, synthetic)


def recipe(sampler: Callable[[Surrogate], Any] = Fresh, *, soft: bool = False, **changes: Any) -> Recipe:
    """Return a recipe for six random rows, always the same ones."""
    with seeded(1):
        x, logits = torch.randn(6, FEATURES), torch.randn(6, CLASSES)
    surrogate = Linear(FEATURES, SingleLabel(CLASSES), x)
    labels = SoftLabels(logits) if soft else HardLabels(torch.arange(6) % CLASSES)
    values = {
        "synthetic": LearnedRows(x, labels),
        "surrogate": surrogate,
        "sampler": sampler(surrogate),
        "objective": Watched(),
        "source": Source(),
        "schedule": Schedule(rates=RATES, momentum=0.8),
        "steps": STEPS,
    }
    return Recipe(**(values | changes))


def run(made: Recipe, path: Path | None = None, **conditions: Any) -> Outcome:
    checkpoint = None if path is None else Checkpoint(path, 0)
    with seeded(2):
        return driver.run(made, RunContext(checkpoint=checkpoint, **conditions))


def values(made: Recipe) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in made.synthetic.state_dict().items()}


def assert_same(first: Recipe, second: Recipe) -> None:
    mine, theirs = values(first), values(second)
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        assert torch.equal(value, theirs[name]), name


@pytest.fixture
def every_step_reported(monkeypatch):
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)


def by_torch(made: Recipe, make: Callable[[list[dict[str, Any]]], torch.optim.Optimizer]) -> None:
    """Do by hand what the driver does, each part with its learning rate."""
    rates = made.schedule.only(made.synthetic.parts()).rates
    optimizer = make([{"params": made.synthetic.parts()[name], "lr": rate} for name, rate in rates.items()])
    with seeded(2):
        for step in range(STEPS):
            weights = made.sampler.draw(step)
            statistic = made.objective.observe(made.surrogate, weights, made.source(step))
            optimizer.zero_grad()
            made.objective.loss(made.surrogate, weights, statistic, made.synthetic.batch()).backward()
            optimizer.step()


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_with_a_momentum_descent_is_that_of_torch(momentum):
    made, expected = (recipe(soft=True, schedule=replace(recipe().schedule, momentum=momentum)) for _ in range(2))
    run(made)
    by_torch(expected, lambda groups: torch.optim.SGD(groups, momentum=momentum))
    assert_same(made, expected)
    assert not torch.equal(values(made)["labels.logits"], values(recipe(soft=True))["labels.logits"])


def test_without_a_momentum_it_is_adam():
    made, expected = (recipe(soft=True, schedule=replace(recipe().schedule, momentum=None)) for _ in range(2))
    run(made)
    by_torch(expected, lambda groups: torch.optim.Adam(groups, fused=True))
    assert_same(made, expected)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("at", [1, 4, 8])
def test_an_interrupted_descent_ends_on_the_same_bits(tmp_path, every_step_reported, momentum, at):
    def interrupt(report: Progress) -> None:
        if report.done == at:
            raise KeyboardInterrupt

    def made() -> Recipe:
        return recipe(
            lambda surrogate: Trained(surrogate, 4, 2), soft=True, augment=Shifted(),
            schedule=Schedule(rates=RATES, momentum=momentum, turns=[("features", 2), ("labels", 1)]),
        )  # fmt: skip

    whole, again = made(), made()
    run(whole)
    with pytest.raises(KeyboardInterrupt):
        run(made(), tmp_path / "state.safetensors", progress=interrupt)
    run(again, tmp_path / "state.safetensors")
    assert_same(again, whole)


def test_both_sides_of_a_step_are_changed_alike_and_each_step_anew():
    made = recipe(augment=Shifted())
    real = made.source(0)
    start = values(made)["x"]
    run(made)
    drawn, watched = made.augment.drawn, made.objective
    assert len(set(drawn)) == STEPS
    assert torch.equal(watched.synthetic[0].x, start + drawn[0])
    for number, seen in zip(drawn, watched.real, strict=True):
        torch.testing.assert_close(seen.x, real.x + number)
        assert torch.equal(seen.y, real.y)


def test_gradients_pass_through_the_change():
    class Doubled:
        def draw(self) -> Change:
            return lambda batch: replace(batch, x=2 * batch.x)

    class Twice(Source):
        def __call__(self, step: int) -> Batch:
            real = super().__call__(step)
            return replace(real, x=2 * real.x)

    schedule = Schedule(rates={"features": 0.05}, momentum=0.0)
    changed = recipe(augment=Doubled(), schedule=schedule, steps=1)
    start = values(changed)["x"]
    large = recipe(
        synthetic=LearnedRows(2 * start, changed.synthetic.labels), source=Twice(), schedule=schedule, steps=1
    )
    run(changed)
    run(large)
    # The chain rule: what is seen twice as large moves twice as far.
    torch.testing.assert_close(values(changed)["x"] - start, 2 * (values(large)["x"] - 2 * start))


def test_networks_between_steps_are_trained_on_the_data_themselves():
    seen: list[Tensor] = []

    class Spied(Trained):
        def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
            seen.append(synthetic().x.clone())
            super().learn(step, synthetic)

    made = recipe(lambda surrogate: Spied(surrogate, 20, 1), augment=Shifted())
    run(made)
    assert torch.equal(seen[-1], values(made)["x"])


def test_what_is_changed_is_observed_anew_though_nothing_else_changes():
    plain, changed = (recipe(lambda surrogate: Pool(surrogate, 1), augment=augment) for augment in (None, Shifted()))
    run(plain)
    run(changed)
    assert (len(plain.objective.real), len(changed.objective.real)) == (1, STEPS)


@pytest.mark.parametrize("rows", [1, 7, 15, 29])
def test_shards_together_are_observed_as_all_at_once(rows):
    whole, sharded = recipe(), recipe(rows_at_once=rows)
    run(whole)
    run(sharded)
    sizes = [len(part) for part in sharded.objective.real]
    assert max(sizes) == rows
    assert sum(sizes) == STEPS * REAL
    torch.testing.assert_close(values(sharded)["x"], values(whole)["x"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [None, REAL, 1000])
def test_rows_that_fit_are_observed_once_and_as_they_are(rows):
    made, expected = recipe(rows_at_once=rows), recipe()
    run(made)
    run(expected)
    assert [len(part) for part in made.objective.real] == [REAL] * STEPS
    assert_same(made, expected)


def test_all_shards_of_a_step_are_changed_alike():
    made = recipe(augment=Shifted(), rows_at_once=10)
    run(made)
    real = made.source(0)
    for step, number in enumerate(made.augment.drawn):
        shown = torch.cat([part.x for part in made.objective.real[3 * step : 3 * step + 3]])
        torch.testing.assert_close(shown, real.x + number)
