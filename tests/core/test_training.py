from dataclasses import dataclass, field, replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.augment import Change
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Surrogate, Weights
from graphcond.core.matching.training import Student, Training, norm
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.two_layer import TwoLayer

LIKE = torch.zeros((), dtype=torch.float64)
SURROGATES: dict[str, Surrogate] = {
    "linear": Linear(4, SingleLabel(3), LIKE),
    "two layers": TwoLayer(4, 5, SingleLabel(3), LIKE),
}
each_surrogate = pytest.mark.parametrize("surrogate", SURROGATES.values(), ids=SURROGATES)
ROWS, STEPS = 9, 6


@dataclass
class Watched:
    """An augmentation that doubles features and keeps what it was shown."""

    shown: list[Batch] = field(default_factory=list)

    def draw(self) -> Change:
        def change(batch: Batch) -> Batch:
            self.shown.append(batch)
            return replace(batch, x=2 * batch.x)

        return change


def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(ROWS, 4, dtype=torch.float64, generator=generator), torch.arange(ROWS) % 3)


def start(surrogate: Surrogate) -> Weights:
    with seeded(0):
        return surrogate.init()


def gradients(surrogate: Surrogate, weights: Weights, seen: Batch) -> tuple[Tensor, ...]:
    weights = tuple(weight.detach().requires_grad_() for weight in weights)
    return torch.autograd.grad(F.cross_entropy(surrogate.layers(weights, seen)[-1], seen.y), weights)


def by_torch(surrogate: Surrogate, kind: type[torch.optim.Optimizer], **options: float) -> Weights:
    parameters = [weight.clone().requires_grad_() for weight in start(surrogate)]
    optimizer = kind(parameters, **options)
    for _ in range(STEPS):
        optimizer.zero_grad()
        F.cross_entropy(surrogate.layers(tuple(parameters), batch())[-1], batch().y).backward()
        optimizer.step()
    return tuple(parameter.detach() for parameter in parameters)


def by_student(surrogate: Surrogate, training: Training) -> Weights:
    student = Student(start(surrogate), training)
    student.train(surrogate, batch(), STEPS)
    return student.weights


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@each_surrogate
def test_descent_is_that_of_torch(surrogate, momentum, weight_decay):
    found = by_student(surrogate, Training(learning_rate=0.2, momentum=momentum, weight_decay=weight_decay))
    expected = by_torch(surrogate, torch.optim.SGD, lr=0.2, momentum=momentum, weight_decay=weight_decay)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@each_surrogate
def test_adam_is_that_of_torch(surrogate, weight_decay):
    found = by_student(surrogate, Training(learning_rate=0.05, weight_decay=weight_decay))
    expected = by_torch(surrogate, torch.optim.Adam, lr=0.05, weight_decay=weight_decay)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@each_surrogate
def test_with_sharpness_the_gradient_is_that_of_the_steepest_point_nearby(surrogate, weight_decay):
    radius, rate = 0.3, 0.2
    weights = start(surrogate)
    for _ in range(STEPS):
        uphill = gradients(surrogate, weights, batch())
        length = torch.cat([g.flatten() for g in uphill]).norm()
        there = tuple(w + radius * g / length for w, g in zip(weights, uphill, strict=True))
        followed = gradients(surrogate, there, batch())
        weights = tuple(w - rate * (g + weight_decay * w) for w, g in zip(weights, followed, strict=True))
    training = Training(learning_rate=rate, momentum=0.0, sharpness=radius, weight_decay=weight_decay)
    torch.testing.assert_close(by_student(surrogate, training), weights, rtol=1e-12, atol=1e-14)


def test_the_steepest_point_of_a_flat_place_is_the_place_itself():
    surrogate = SURROGATES["linear"]
    flat = tuple(torch.zeros_like(weight) for weight in start(surrogate))
    even = Batch(torch.zeros(3, 4, dtype=torch.float64), torch.arange(3))  # each class once: nothing to learn
    student = Student(flat, Training(momentum=0.0, sharpness=0.1))
    student.train(surrogate, even, 2)
    assert all(weight.abs().max().item() < 1e-12 for weight in student.weights)


def test_a_step_sees_so_many_rows_drawn_afresh_and_changed_afterwards():
    watched = Watched()
    training = Training(batch_size=4, augment=watched)
    seen = [training.seen(batch()) for _ in range(20)]
    known = {tuple(row) for row in batch().x.tolist()}
    for shown, changed in zip(watched.shown, seen, strict=True):
        assert len(shown) == 4
        assert {tuple(row) for row in shown.x.tolist()} <= known
        assert len(shown.x.unique(dim=0)) == 4
        assert torch.equal(changed.x, 2 * shown.x)
        assert torch.equal(changed.y, shown.y)
    assert len({tuple(shown.x[:, 0].tolist()) for shown in watched.shown}) > 1


@pytest.mark.parametrize("rows", [None, ROWS, ROWS + 1])
def test_a_batch_that_is_small_enough_is_seen_whole_and_in_order(rows):
    state = torch.get_rng_state()
    whole = batch()
    assert Training(batch_size=rows).seen(whole) is whole
    assert torch.equal(torch.get_rng_state(), state)


def test_training_sees_what_it_says_it_sees():
    surrogate = SURROGATES["two layers"]
    training = Training(learning_rate=0.1, momentum=0.5, batch_size=4, augment=Watched())
    student = Student(start(surrogate), training)
    with seeded(3):
        student.train(surrogate, batch(), 1)
    with seeded(3):
        seen = training.seen(batch())
    expected = tuple(
        w - 0.1 * g
        for w, g in zip(start(surrogate), gradients(surrogate, start(surrogate), seen), strict=True)
    )  # fmt: skip
    torch.testing.assert_close(student.weights, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "training",
    [Training(), Training(momentum=0.9, weight_decay=0.1), Training(momentum=0.0, sharpness=0.1)],
    ids=["adam", "momentum", "sharpness"],
)
def test_a_restored_student_goes_on_with_the_same_bits(training):
    surrogate = SURROGATES["two layers"]
    student = Student(start(surrogate), training)
    student.train(surrogate, batch(), 3)
    state = {name: value.clone() for name, value in student.state().items()}
    again = Student.restored(state, training, surrogate)
    before = {name: value.clone() for name, value in state.items()}
    for one in (student, again):
        one.train(surrogate, batch(), 3)
    assert all(torch.equal(a, b) for a, b in zip(student.weights, again.weights, strict=True))
    assert all(torch.equal(value, before[name]) for name, value in state.items())


@each_surrogate
def test_weights_that_a_student_starts_from_are_left_alone(surrogate):
    weights = tuple(weight.requires_grad_() for weight in start(surrogate))
    student = Student(weights, Training(momentum=0.9))
    student.train(surrogate, batch(), 2)
    assert all(torch.equal(a, b) for a, b in zip(weights, start(surrogate), strict=True))
    assert not any(weight.requires_grad for weight in student.weights)


def test_norm_is_that_of_all_numbers_together():
    tensors = [torch.tensor([[3.0, 0.0]]), torch.tensor(4.0), torch.zeros(2, 2)]
    assert norm(tensors).item() == 5


@pytest.mark.parametrize(
    ("name", "value"), [("learning_rate", 0.0), ("momentum", -0.1), ("sharpness", -1.0), ("batch_size", 0)]
)
def test_settings_are_checked(name, value):
    with pytest.raises(ValueError, match=name):
        Training(**{name: value})
