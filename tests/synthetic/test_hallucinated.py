"""Bases seen through hallucinators."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.images.methods.hallucinated import HallucinatedImages
from graphcond.synthetic.learned_rows import HardLabels, SoftLabels

CLASSES = torch.tensor([1, 0, 2])


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(shape: tuple[int, ...] = (3, 2, 4, 5), **settings) -> HallucinatedImages:
    torch.manual_seed(0)
    return HallucinatedImages(random(*shape), HardLabels(CLASSES), **({"hallucinators": 4} | settings))


def stirred(synthetic: HallucinatedImages) -> HallucinatedImages:
    with torch.no_grad():
        for parameter in synthetic.parameters():
            parameter += torch.randn_like(parameter)
    return synthetic


def one_by_one(synthetic: HallucinatedImages, base: Tensor, i: int) -> Tensor:
    """Return a base through one hallucinator, in the words of the paper."""
    parts, padding = synthetic.hallucinators, synthetic.hallucinators.encoder.size(-1) // 2
    hidden = F.conv2d(base.unsqueeze(0), parts.encoder[i], parts.encoder_bias[i], padding=padding)
    hidden = parts.scale[i] * hidden + parts.shift[i]
    return F.conv2d(hidden, parts.decoder[i], parts.decoder_bias[i], padding=padding)[0]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kernel", [1, 3])
def test_all_images_are_each_base_through_each_hallucinator(channels, kernel):
    synthetic = stirred(made((3, channels, 4, 5), kernel=kernel))
    batch = synthetic.batch()
    expected = [one_by_one(synthetic, base, i) for base in synthetic.bases for i in range(4)]
    torch.testing.assert_close(batch.x, torch.stack(expected))
    assert batch.y.tolist() == [1] * 4 + [0] * 4 + [2] * 4


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_without_noise_images_start_at_their_bases(kernel):
    synthetic = made(kernel=kernel, noise=0.0)
    torch.testing.assert_close(synthetic.batch().x, random(3, 2, 4, 5).repeat_interleave(4, dim=0))


def test_noise_is_a_share_of_the_pixels_and_tells_hallucinators_apart():
    base = random(1, 3, 60, 60)
    torch.manual_seed(0)
    synthetic = HallucinatedImages(base, HardLabels(CLASSES[:1]), hallucinators=50, noise=0.1)
    images, _ = synthetic.decoded()
    assert float((images - base).square().mean().sqrt()) == pytest.approx(0.1 * 2**0.5, rel=0.1)  # of two convolutions
    assert float(torch.pdist(images.flatten(1)).min()) > 0.05 * base[0].numel() ** 0.5
    torch.manual_seed(0)
    again = HallucinatedImages(base, HardLabels(CLASSES[:1]), hallucinators=50, noise=0.1)
    assert torch.equal(again.decoded()[0], images)


def test_a_drawn_pairing_sees_one_hallucinator_at_a_time():
    synthetic = stirred(made(pairing="drawn"))
    everything, labels = synthetic.decoded()
    assert len(everything) == 12
    assert labels.tolist() == [1] * 4 + [0] * 4 + [2] * 4
    torch.manual_seed(0)
    seen = set()
    for _ in range(40):
        batch = synthetic.batch()
        (which,) = {i for i in range(4) if torch.allclose(batch.x, everything.view(3, 4, 2, 4, 5)[:, i])}
        assert torch.equal(batch.y, CLASSES)
        seen.add(which)
    assert seen == {0, 1, 2, 3}
    torch.manual_seed(3)
    first = synthetic.batch().x
    torch.manual_seed(3)
    assert torch.equal(synthetic.batch().x, first)


def test_all_images_are_made_without_chance():
    synthetic = made()
    before = torch.get_rng_state()
    synthetic.batch()
    synthetic.decoded()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_drawn_pairing_keeps_soft_labels_and_the_step_size():
    torch.manual_seed(0)
    logits = random(3, 5)
    synthetic = HallucinatedImages(random(3, 1, 4, 4), SoftLabels(logits), pairing="drawn", step_size=0.5)
    batch = synthetic.batch()
    assert torch.equal(batch.y, logits.softmax(dim=1))
    assert float(batch.step_size.detach()) == pytest.approx(0.5)


def test_bytes_count_bases_and_hallucinators():
    synthetic = made()
    convolutions, biases, maps = 2 * 2 * 2 * 9, 2 * 2, 2 * 2 * 4 * 5
    assert synthetic.learned_bytes() == 8 * (3 * 2 * 4 * 5 + 4 * (convolutions + biases + maps))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hallucinators": 0}, "hallucinators must be at least 1"),
        ({"kernel": 2}, "kernel odd"),
        ({"pairing": "random"}, "pairing must be 'all' or 'drawn'"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        made(**settings)
