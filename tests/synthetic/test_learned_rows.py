"""Free rows and their labels, and what holds for all parameterisations with labels."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.driver import run
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Weightless
from graphcond.core.run_context import RunContext
from graphcond.images.methods.bases import Bases
from graphcond.images.methods.coded import CodedImages, Decoders
from graphcond.images.methods.generators import Decoder
from graphcond.images.methods.hallucinated import HallucinatedImages
from graphcond.images.methods.latents import GeneratedImages
from graphcond.images.methods.multi_formation import MultiFormationImages
from graphcond.synthetic.learned_rows import FreeTargets, HardLabels, Labelled, Labels, LearnedRows, SoftLabels

CLASSES = torch.tensor([0, 2, 1])
SHAPE = (2, 4, 6)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def free(labels: Labels, step_size: float | None = None) -> Labelled:
    return LearnedRows(random(3, *SHAPE), labels, step_size=step_size)


def formed(labels: Labels, step_size: float | None = None) -> Labelled:
    return MultiFormationImages(random(3, *SHAPE), labels, 2, step_size=step_size)


def bases(labels: Labels, step_size: float | None = None) -> Labelled:
    return Bases(random(2, *SHAPE), random(3, 2, seed=1), labels, step_size=step_size)


def hallucinated(labels: Labels, step_size: float | None = None) -> Labelled:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return HallucinatedImages(random(3, *SHAPE), labels, hallucinators=2, step_size=step_size)


def coded(labels: Labels, step_size: float | None = None) -> Labelled:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        codes = random(3, 2, 1, 2)
        return CodedImages(codes, Decoders(2, 2, 3, SHAPE, like=codes), labels, step_size=step_size)


def generated(labels: Labels, step_size: float | None = None) -> Labelled:
    z, layer = random(3, 5), nn.Linear(5, 48)
    layer.weight.data = (0.5 + random(48, 5, seed=1) / 10).to(z.dtype)  # every latent number makes images brighter
    layer.bias.data = random(48, seed=2).to(z.dtype)
    module = nn.Sequential(layer, nn.Unflatten(1, SHAPE)).requires_grad_(False)
    return GeneratedImages(z, Decoder(module, False, None), CLASSES, labels, step_size=step_size)


LABELS: dict[str, Callable[[], Labels]] = {
    "hard": lambda: HardLabels(CLASSES),
    "soft": lambda: SoftLabels(random(3, 4)),
    "targets": lambda: FreeTargets(random(3, 4)),
}
MAKERS = {
    "free": free,
    "formed": formed,
    "bases": bases,
    "hallucinated": hallucinated,
    "coded": coded,
    "generated": generated,
}
PARTS = {
    "free": ["features"],
    "formed": ["features"],
    "bases": ["features", "addresses"],
    "hallucinated": ["features", "hallucinators"],
    "coded": ["features", "decoders"],
    "generated": ["features"],
}
parameterisations = pytest.mark.parametrize("maker", MAKERS.values(), ids=list(MAKERS))
with_labels = pytest.mark.parametrize("labels", LABELS.values(), ids=list(LABELS))


@pytest.mark.parametrize("name", MAKERS)
@with_labels
@pytest.mark.parametrize("step_size", [None, 0.1])
def test_parts_are_all_that_is_learned(name, labels, step_size):
    synthetic = MAKERS[name](labels(), step_size)
    parts = synthetic.parts()
    learned = ["labels"] * (labels is not LABELS["hard"]) + ["step_size"] * (step_size is not None)
    assert list(parts) == PARTS[name] + learned
    listed = [id(parameter) for group in parts.values() for parameter in group]
    assert sorted(listed) == sorted(map(id, synthetic.parameters()))
    assert synthetic.learned_bytes() == 4 * sum(parameter.numel() for parameter in synthetic.parameters())


@parameterisations
@with_labels
def test_everything_learned_shapes_the_batch(maker, labels):
    synthetic = maker(labels(), 0.1)
    batch = synthetic.batch()
    assert len(batch.x) == len(batch.y)
    assert batch.x.shape[1:] == SHAPE
    weights = random(*batch.x.shape, seed=2)
    total = (batch.x * weights).sum() + batch.step_size
    if labels is not LABELS["hard"]:
        total = total + (batch.y * random(*batch.y.shape, seed=3)).sum()
    for gradient in torch.autograd.grad(total, list(synthetic.parameters())):
        assert gradient.any()


@parameterisations
@with_labels
def test_a_state_holds_everything(maker, labels):
    synthetic, other = maker(labels(), 0.1), maker(labels(), 0.7)
    with torch.no_grad():
        for parameter in synthetic.parameters():
            parameter += torch.randn_like(parameter)
    other.load_state_dict(copy.deepcopy(synthetic.state_dict()))
    mine, theirs = synthetic.batch(), other.batch()
    assert torch.equal(mine.x, theirs.x)
    assert torch.equal(mine.y, theirs.y)
    assert torch.equal(mine.step_size, theirs.step_size)
    assert ("labels.y" in synthetic.state_dict()) == (labels is LABELS["hard"])


@parameterisations
@with_labels
def test_decoded_is_the_batch_without_history(maker, labels):
    synthetic = maker(labels())
    x, y = synthetic.decoded()
    batch = synthetic.batch()
    assert batch.step_size is None
    assert torch.equal(x, batch.x)
    assert torch.equal(y, batch.y)
    assert not x.requires_grad
    assert not y.requires_grad
    before = copy.deepcopy(synthetic.state_dict())
    x.zero_()
    y.zero_()
    assert all(torch.equal(value, before[name]) for name, value in synthetic.state_dict().items())


@parameterisations
def test_what_it_starts_from_stays_as_it_was(maker):
    logits = random(3, 4)
    synthetic = maker(SoftLabels(logits))
    with torch.no_grad():
        for parameter in synthetic.parameters():
            parameter.zero_()
    assert torch.equal(logits, random(3, 4))


@parameterisations
def test_dtype_follows_the_input(maker, monkeypatch):
    given = random
    monkeypatch.setattr(f"{__name__}.random", lambda *shape, seed=0: given(*shape, seed=seed).double())
    synthetic = maker(SoftLabels(random(3, 4)), 0.1)
    assert {parameter.dtype for parameter in synthetic.parameters()} == {torch.float64}
    assert synthetic.batch().x.dtype == torch.float64


@pytest.mark.parametrize("shape", [(5,), (2, 3), (1, 4, 4)])
def test_rows_are_free_whatever_their_shape(shape):
    x = random(3, *shape)
    synthetic = LearnedRows(x, HardLabels(CLASSES))
    batch = synthetic.batch()
    assert torch.equal(batch.x, x)
    assert batch.y is synthetic.labels.y
    assert torch.equal(batch.y, CLASSES)
    with torch.no_grad():
        synthetic.x.zero_()
    assert x.all()


def test_soft_labels_are_probabilities_of_their_logits():
    logits = random(3, 4)
    y = SoftLabels(logits)()
    torch.testing.assert_close(y, logits.exp() / logits.exp().sum(dim=1, keepdim=True))


def test_targets_are_learned_as_they_are():
    values = random(3, 2)
    labels = FreeTargets(values)
    assert torch.equal(labels(), values)
    (gradient,) = torch.autograd.grad(labels().sum(), labels.values)
    assert torch.equal(gradient, torch.ones(3, 2))


def test_the_step_size_is_learned_through_its_logarithm():
    synthetic = LearnedRows(random(3, 5), HardLabels(CLASSES), step_size=0.02)
    assert float(synthetic.batch().step_size.detach()) == pytest.approx(0.02)
    (gradient,) = torch.autograd.grad(synthetic.step_size(), synthetic.log_step_size)
    assert float(gradient) == pytest.approx(0.02)
    assert LearnedRows(random(3, 5), HardLabels(CLASSES)).step_size() is None


@pytest.mark.parametrize("step_size", [0.0, -1.0, math.inf, math.nan])
def test_a_step_size_must_be_positive(step_size):
    with pytest.raises(ValueError, match="step_size must be positive and finite"):
        LearnedRows(random(3, 5), HardLabels(CLASSES), step_size=step_size)


class Brightness:
    """Asks for images whose mean is the real one's, and for a step size of 1."""

    def observe(self, surrogate: None, weights: tuple[()], real: Batch) -> Tensor:
        return real.x.mean()

    def loss(self, surrogate: None, weights: tuple[()], statistic: Tensor, synthetic: Batch) -> Tensor:
        return (synthetic.x.mean() - statistic).square() + (synthetic.step_size - 1).square()


class Constant:
    constant = True

    def __call__(self, step: int) -> Batch:
        return Batch(torch.full((1, 1), 3.0), torch.zeros(1, dtype=torch.int64))


@pytest.mark.parametrize("name", MAKERS)
def test_the_driver_moves_the_parts_of_its_schedule(name):
    synthetic = MAKERS[name](LABELS["soft"](), 0.1)
    before = copy.deepcopy(synthetic.state_dict())
    rates = dict.fromkeys([*PARTS[name], "step_size"], 0.1)
    recipe = Recipe(synthetic=synthetic, surrogate=None, sampler=Weightless(), objective=Brightness(),
                    source=Constant(), schedule=Schedule(rates=rates), steps=60)  # fmt: skip
    run(recipe, RunContext())
    assert float(synthetic.decoded()[0].mean()) == pytest.approx(3, abs=0.3)
    assert float(synthetic.step_size().detach()) == pytest.approx(1, abs=0.1)
    assert torch.equal(synthetic.state_dict()["labels.logits"], before["labels.logits"])
    moved = [key for key, value in synthetic.state_dict().items() if not torch.equal(value, before[key])]
    assert len(moved) == len(before) - 1
