from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.training import Training
from graphcond.core.matching.weight_samplers import Fresh, Pool, Sampler, Trained
from graphcond.core.runtime.state import part
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.two_layer import TwoLayer

LIKE = torch.zeros((), dtype=torch.float64)
SURROGATES = {"linear": Linear(4, SingleLabel(3), LIKE), "two_layer": TwoLayer(4, 5, SingleLabel(3), LIKE)}
LABELS = torch.tensor([0, 1, 2, 2, 0, 1, 1])


def synthetic(step: int = 0) -> Batch:
    x = torch.randn(7, 4, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return Batch(x + LABELS.unsqueeze(1), LABELS)


def unasked() -> Batch:
    raise AssertionError("nothing was to be trained")


def copied(weights: Weights) -> Weights:
    return tuple(weight.clone() for weight in weights)


def same(one: Weights, other: Weights) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def trained(surrogate: Surrogate, weights: Weights, batches: list[Batch], learning_rate: float) -> Weights:
    """Train by the textbook: one step of torch's Adam on the cross-entropy of each batch."""
    parameters = [weight.clone().requires_grad_() for weight in weights]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    for batch in batches:
        optimizer.zero_grad()
        F.cross_entropy(surrogate.layers(tuple(parameters), batch)[-1], batch.y).backward()
        optimizer.step()
    return tuple(parameter.detach() for parameter in parameters)


@pytest.fixture(params=SURROGATES)
def surrogate(request):
    torch.manual_seed(0)
    return SURROGATES[request.param]


def test_fresh_draws_differ(surrogate):
    sampler = Fresh(surrogate)
    first, second = sampler.draw(0), sampler.draw(1)
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert sampler.key() is None
    sampler.learn(0, unasked)
    sampler.restore(sampler.state())
    assert sampler.state() == {}


def test_networks_last_so_many_steps(surrogate):
    sampler = Trained(surrogate, outer_steps=3, inner_steps=0)
    drawn = []
    for step in range(7):
        drawn.append(copied(sampler.draw(step)))
        sampler.learn(step, unasked)
    assert all(same(drawn[i], drawn[i + 1]) == ((i + 1) % 3 != 0) for i in range(6))
    assert not same(drawn[0], drawn[3])


@pytest.mark.parametrize("learning_rate", [0.01, 0.3])
def test_training_is_adam_on_the_cross_entropy(surrogate, learning_rate):
    sampler = Trained(surrogate, outer_steps=4, inner_steps=5, training=Training(learning_rate=learning_rate))
    for first in (0, 4):  # a second network starts with new moments
        start, batches = copied(sampler.draw(first)), []
        for step in range(first, first + 3):
            sampler.learn(step, lambda step=step: synthetic(step))
            batches += [synthetic(step)] * 5
            expected = trained(surrogate, start, batches, learning_rate)
            torch.testing.assert_close(sampler.draw(step + 1), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("outer_steps", [1, 3])
def test_network_is_not_trained_after_its_last_step(surrogate, outer_steps):
    sampler = Trained(surrogate, outer_steps=outer_steps, inner_steps=2)
    asked = []
    for step in range(6):
        sampler.draw(step)
        sampler.learn(step, lambda step=step: asked.append(step) or synthetic())
    assert asked == [step for step in range(6) if step % outer_steps < outer_steps - 1]


def test_trained_weights_have_no_number(surrogate):
    sampler = Trained(surrogate, outer_steps=2, inner_steps=1)
    sampler.draw(0)
    assert sampler.key() is None


MAKERS: dict[str, Callable[[Surrogate], Sampler]] = {
    "fresh": Fresh,
    "trained": lambda surrogate: Trained(surrogate, outer_steps=4, inner_steps=2),
    "pool": lambda surrogate: Pool(surrogate, size=3),
    "trained pool": lambda surrogate: Pool(surrogate, size=3, train_steps=2, max_age=4),
}
each_sampler = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@pytest.mark.parametrize("name", ["trained", "pool", "trained pool"])
def test_weights_carry_no_history(name):
    class Differentiable(Linear):
        def init(self) -> Weights:
            return tuple(weight.requires_grad_() * 2 for weight in super().init())

    sampler = MAKERS[name](Differentiable(4, SingleLabel(3), LIKE))
    for step in range(3):
        weights = sampler.draw(step)
        assert not any(weight.requires_grad or weight.grad_fn for weight in weights)
        sampler.learn(step, synthetic)


def go(sampler: Sampler, start: int, stop: int) -> list[Weights]:
    drawn = []
    for step in range(start, stop):
        drawn.append(copied(sampler.draw(step)))
        sampler.learn(step, lambda step=step: synthetic(step))
    return drawn


def kept(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in state.items()}


@each_sampler
@pytest.mark.parametrize("cut", [0, 1, 3, 4, 6])
def test_restored_sampler_goes_on_with_the_same_bits(surrogate, make, cut):
    sampler = make(surrogate)
    go(sampler, 0, cut)
    state, random = kept(sampler.state()), torch.get_rng_state()
    expected = go(sampler, cut, cut + 12)
    other = make(surrogate)
    go(other, 0, 2)  # what it had before must not matter
    torch.set_rng_state(random)
    other.restore(state)
    found = go(other, cut, cut + 12)
    assert all(same(a, b) for a, b in zip(found, expected, strict=True))
    assert not all(same(expected[0], later) for later in expected)


@pytest.mark.parametrize("name", ["trained", "trained pool"])
def test_restored_sampler_leaves_the_state_alone(surrogate, name):
    sampler = MAKERS[name](surrogate)
    go(sampler, 0, 2)
    state = kept(sampler.state())
    before = kept(state)
    sampler.restore(state)
    go(sampler, 2, 4)
    assert all(torch.equal(before[name], value) for name, value in state.items())


def test_state_is_empty_before_the_first_draw_and_holds_tensors_after_it(surrogate):
    for name in ("trained", "trained pool"):
        sampler = MAKERS[name](surrogate)
        assert sampler.state() == {}
        go(sampler, 0, 2)
        assert all(isinstance(value, Tensor) for value in sampler.state().values())
        sampler.restore({})
        assert sampler.state() == {}


def test_weights_of_a_number_never_change_in_an_untrained_pool(surrogate):
    sampler = Pool(surrogate, size=3)
    seen: dict[int | None, Weights] = {}
    for step in range(40):
        weights = sampler.draw(step)
        assert same(seen.setdefault(sampler.key(), copied(weights)), weights)
        sampler.learn(step, unasked)
    assert sorted(seen) == [0, 1, 2]
    assert not same(seen[0], seen[1])
    assert not same(seen[1], seen[2])


def test_trained_pool_gives_no_number(surrogate):
    sampler = Pool(surrogate, size=3, train_steps=1)
    sampler.draw(0)
    assert sampler.key() is None


def test_pool_trains_the_picked_network_only(surrogate):
    sampler = Pool(surrogate, size=3, train_steps=4, training=Training(learning_rate=0.05))
    picked = copied(sampler.draw(0))
    before = kept(sampler.state())
    sampler.learn(0, synthetic)
    after = sampler.state()
    mine = [i for i in range(3) if torch.equal(before[f"{i}.0.weight"], picked[0])]
    changed = [i for i in range(3) if not torch.equal(before[f"{i}.0.weight"], after[f"{i}.0.weight"])]
    assert mine == changed
    assert len(mine) == 1
    found = tuple(after[f"{mine[0]}.{i}.weight"] for i in range(len(picked)))
    expected = trained(surrogate, picked, [synthetic()] * 4, 0.05)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_network_of_a_pool_is_replaced_at_its_greatest_age(surrogate):
    sampler = Pool(surrogate, size=1, train_steps=1, max_age=3)
    for start in (0, 3):
        first = copied(sampler.draw(start))
        sampler.learn(start, synthetic)
        sampler.draw(start + 1)
        sampler.learn(start + 1, synthetic)
        grown = trained(surrogate, first, [synthetic()] * 2, 0.01)
        torch.testing.assert_close(sampler.draw(start + 2), grown, rtol=1e-6, atol=1e-6)
        torch.manual_seed(7 + start)
        sampler.learn(start + 2, synthetic)
        torch.manual_seed(7 + start)
        fresh = surrogate.init()
        assert same(sampler.draw(start + 3), fresh)


def test_ages_of_a_pool_are_spread():
    sampler = Pool(SURROGATES["linear"], size=4, train_steps=1, max_age=8)
    sampler.draw(0)
    assert sampler.state()["ages"].tolist() == [0, 2, 4, 6]


def test_part_of_a_flat_state():
    state = {"1.a": LIKE, "1.b.c": LIKE, "10.a": LIKE, "1": LIKE}
    assert part(state, "1").keys() == {"a", "b.c"}
    assert part(state, "10").keys() == {"a"}
    assert part(state, "2") == {}
