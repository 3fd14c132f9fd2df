"""Latent vectors of a generator: which generators are taken, how latent vectors are found, what is counted."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import graphcond
from graphcond import (
    DC,
    DM,
    ConvNet,
    FixedGenerator,
    Hallucinators,
    ImageDataset,
    Latents,
    Progress,
    Run,
    TrainedGenerator,
)
from graphcond.core.matching import driver
from graphcond.core.run_context import OutOfTime, RunContext
from graphcond.images.methods import METHODS
from graphcond.images.methods.matching import hard_labels
from graphcond.images.reading import read_images
from graphcond.images.task import ImageTask

SHAPE = (1, 6, 6)
QUICK: dict[str, Any] = {"architecture": ConvNet(width=2, depth=1), "steps": 2, "validations": 1, "real_per_class": 4}


class Linear(nn.Module):
    """Images as combinations of a few."""

    def __init__(self, latent_dim: int = 4, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.bases = nn.Parameter(torch.rand(latent_dim, *SHAPE, generator=generator))

    def forward(self, z: Tensor) -> Tensor:
        return torch.einsum("nk,kchw->nchw", z, self.bases)


class Conditional(Linear):
    """Brighter images of later classes, as far as it is not told to detach."""

    def __init__(self, detached: bool = False) -> None:
        super().__init__()
        self.detached, self.norm, self.offset = detached, nn.BatchNorm2d(1), 0.0

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        x = self.norm(super().forward(z)) + y.view(-1, 1, 1, 1) + self.offset
        return x.detach() if self.detached else x


def fixed(module: nn.Module, latent_dim: int = 4, **settings: Any) -> FixedGenerator:
    return FixedGenerator(module=module, latent_dim=latent_dim, **settings)


def dataset(module: nn.Module | None = None) -> ImageDataset:
    """Images that a generator can make."""
    y = torch.arange(3).repeat_interleave(12)
    z = torch.rand(len(y), 4, generator=torch.Generator().manual_seed(1)) + y.view(-1, 1)
    x = (module or Linear())(z).detach()
    return ImageDataset((x, y), val=(x[::3], y[::3]), name="combinations")


def task(module: nn.Module | None = None) -> ImageTask:
    return read_images(dataset(module))


def test_latent_vectors_of_images_that_a_generator_makes_are_found():
    value = Latents(generator=fixed(Linear()), images=2, inversion_steps=400)
    torch.manual_seed(0)
    images = value.build(task(), torch.tensor([1, 2, 3]), "real", hard_labels, None)
    x, y = images.decoded()
    real = task().scale.normalized(task().train.x)
    nearest = (x.flatten(1)[:, None] - real.flatten(1)[None]).square().mean(dim=2).min(dim=1)
    assert float(nearest.values.max()) < 0.01
    assert torch.equal(task().train.y[nearest.indices], y)
    assert y.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]


def test_the_second_term_is_the_distance_from_real_images():
    value = Latents(generator=fixed(Linear()), images=3, diversity=0.5, inversion_steps=1, images_at_once=2)
    images = value.build(task(), torch.tensor([1, 1, 1]), "real", hard_labels, None)
    assert images.redraws
    assert images.penalty() is None
    torch.manual_seed(0)
    batch = images.batch()
    torch.manual_seed(0)
    rows = images.groups[int(torch.randint(len(images.groups), ()))]
    torch.testing.assert_close(batch.x, images.decoded()[0][rows])
    torch.testing.assert_close(images.penalty(), 0.5 * images.likeness.gaps(batch.x, rows).mean())
    assert images.likeness.gaps(images.likeness._real, torch.arange(9)).abs().max() < 1e-9
    noise = value.build(task(), torch.tensor([1, 1, 1]), "noise", hard_labels, None)
    noise.batch()
    assert noise.penalty() is None


def test_the_module_stays_as_it_was_and_takes_classes_where_it_can():
    module = Conditional()
    before = copy.deepcopy(module.state_dict())
    small = graphcond.condense(
        dataset(), size="2/class", method=DM(parameterization=Latents(generator=fixed(module)), **QUICK)
    )
    assert module.training
    assert module.bases.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    spent = small.record.budget["spent"]
    assert spent["images"] == 6 * 9  # 36 pixels, 4 numbers each
    assert spent["learned_bytes"] == 6 * 36 * 4
    assert spent["generator_bytes"] == sum(v.numel() * v.element_size() for v in module.state_dict().values())
    assert small.record.method == "it_gan"
    assert fixed(module).decoder(task()).conditional
    assert not fixed(Linear()).decoder(task()).conditional


def test_pixels_are_normalised():
    z, y = torch.rand(5, 4), torch.zeros(5, dtype=torch.int64)
    raw = Linear()(z).detach()
    torch.testing.assert_close(fixed(Linear()).decoder(task())(z, y), task().scale.normalized(raw))
    torch.testing.assert_close(fixed(Linear(), output="normalized").decoder(task())(z, y), raw)


def test_records_tell_generators_apart_by_their_weights():
    assert repr(fixed(Linear())) == repr(fixed(Linear()))
    assert repr(fixed(Linear())) != repr(fixed(Linear(seed=1)))
    one, other = Conditional(), Conditional()
    other.offset = 1.0  # neither a parameter nor a buffer
    assert repr(fixed(one)) != repr(fixed(other))
    assert fixed(Linear()).fingerprint()[:16] in repr(DM(parameterization=Latents(generator=fixed(Linear()))))


@pytest.mark.parametrize(
    ("generator", "words"),
    [
        (fixed(Linear(), 5), r"cannot be called as module\(z\).*check latent_dim"),
        (fixed(nn.Sequential(Linear(), nn.Flatten())), r"gives \(2, 36\).*expected \(2, 1, 6, 6\)"),
        (fixed(Conditional(detached=True)), "must be differentiable"),
        (fixed(nn.Sequential(Linear(), nn.Threshold(9.0, float("nan")))), "images are not finite"),
        (fixed(Linear(), conditional=True), r"cannot be called as module\(z, y\)"),
    ],
)
def test_what_makes_no_such_images_is_refused(generator, words):
    with pytest.raises(ValueError, match=words):
        generator.decoder(task())


@pytest.mark.parametrize("normalised", [nn.utils.spectral_norm, nn.utils.parametrizations.weight_norm])
def test_modules_whose_weights_are_computed_are_copied(normalised):
    module = nn.Sequential(normalised(nn.Linear(4, 36)), nn.Unflatten(1, SHAPE))
    module(torch.ones(3, 4))  # leaves a weight that was computed
    kept = {name: value.clone() for name, value in module.state_dict().items()}
    decoder = fixed(module).decoder(task())
    z = torch.rand(2, 4)
    assert torch.allclose(decoder.module(z), module.eval()(z), atol=1e-6)
    assert all(torch.equal(value, kept[name]) for name, value in module.state_dict().items())


def test_what_is_no_generator_is_refused():
    with pytest.raises(TypeError, match="module must be a"):
        fixed(lambda z: z)
    with pytest.raises(ValueError, match="output must be"):
        fixed(Linear(), output="bytes")
    with pytest.raises(TypeError, match="FixedGenerator"):
        Latents(generator=Linear())
    with pytest.raises(ValueError, match="use fewer images or a generator with a smaller latent_dim"):
        Latents(generator=fixed(Linear()), images=10).count(task())


def test_a_trained_generator_makes_images_of_each_class():
    torch.manual_seed(0)
    data = task()
    ready = TrainedGenerator(latent_dim=2, width=8, steps=400, batch_size=32, learning_rate=0.01).prepared(
        data, RunContext()
    )
    z, y = torch.randn(300, 2), torch.arange(3).repeat_interleave(100)
    made, real = ready.decoder(data)(z, y), data.scale.normalized(data.train.x)
    for label in range(3):
        gap = (made[y == label].mean(dim=0) - real[data.train.y == label].mean(dim=0)).square().mean()
        assert float(gap) < 0.1


def test_without_time_for_the_generator_real_images_are_given():
    data = dataset()
    small = graphcond.condense(data, size="2/class", method=METHODS.quick("it_gan"), run=Run(max_seconds=1e-9))
    assert "training the generator" in small.record.stopped
    assert len(small[0].y) == 6
    gaps = (small[0].x[:, None] - data.train[0][None]).abs().flatten(2).amax(dim=2).min(dim=1)
    assert float(gaps.values.max()) < 1e-4
    with pytest.raises(OutOfTime, match="at step 0 of 5"):
        TrainedGenerator(steps=5).prepared(task(), RunContext(max_seconds=1e-9))


DRAWN = [Hallucinators(pairing="drawn"), Latents(generator=fixed(Linear()), images_at_once=2)]


@pytest.mark.parametrize("value", DRAWN, ids=["hallucinators", "latents"])
def test_a_run_whose_networks_are_trained_on_draws_goes_on_to_the_same_bits(value, tmp_path, monkeypatch):
    settings = QUICK | {"steps": 6, "outer_steps": 3, "inner_steps": 1, "parameterization": value}
    method = DC(**settings)

    def condensed(run: Run) -> Tensor:
        return graphcond.condense(dataset(), size="2/class", method=method, run=run)[0].x

    def interrupted(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0.0)
    kept = graphcond.Checkpoint(tmp_path / "state.safetensors", every_seconds=0)
    with pytest.raises(KeyboardInterrupt):
        condensed(Run(checkpoint=kept, progress=interrupted))
    assert torch.equal(condensed(Run(checkpoint=kept)), condensed(Run()))


@pytest.mark.parametrize("name", ["dd", "mtt", "datm", "kip", "frepo"])
@pytest.mark.parametrize("value", ["LatentCodes(decoders=1, channels=1, fit_steps=1)", "Latents()"])
def test_every_kind_of_method_takes_them(name, value):
    codes = graphcond.LatentCodes(decoders=1, channels=1, fit_steps=1)
    latents = Latents(generator=fixed(Linear()), inversion_steps=1, images=2)
    method = METHODS.quick(name)
    method = type(method)(**vars(method) | {"parameterization": latents if value == "Latents()" else codes})
    small = graphcond.condense(dataset(), size="3/class", method=method)
    assert torch.bincount(small[0].y).tolist() == small.record.budget["spent"]["images_per_class"]
    assert "learned_bytes" in small.record.budget["spent"]


def test_texts_stand_for_them():
    method = METHODS.resolve(
        "it_gan(steps=10, parameterization=Latents(generator=TrainedGenerator(steps=5), images=2))"
    )
    assert method.steps == 10
    assert method.parameterization == Latents(generator=TrainedGenerator(steps=5), images=2)
    assert METHODS.resolve("it_gan(steps=10)").parameterization == METHODS["it_gan"]().parameterization
    assert METHODS.resolve("kfs(parameterization=LatentCodes(decoders=2))").parameterization.decoders == 2
