"""Augmentation: what each operation does to given numbers, and what a draw fixes."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.images.augmentation import DIGITS, OPERATIONS, PHOTOGRAPHS, Augmentation

ALMOST_ONE = 1 - 2**-53
SHAPES = [(8, 8), (7, 10)]


def images(count: int = 6, height: int = 8, width: int = 8, channels: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, height, width, generator=generator, dtype=torch.float64)


def done(operation: str, x: Tensor, *numbers: float, **settings: float) -> Tensor:
    """Return images after an operation whose uniform numbers are given."""
    uniform = torch.zeros(len(x), 3, dtype=torch.float64)
    uniform[:, : len(numbers)] = torch.tensor(numbers, dtype=torch.float64)
    return OPERATIONS[operation](Augmentation(**settings), x, uniform)


def resampled(x: Tensor, matrix: list[list[float]]) -> Tensor:
    grid = F.affine_grid(torch.tensor([matrix] * len(x), dtype=x.dtype), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


NOTHING = [
    ("color", (0.5, 0.5, 0.5), {}),
    ("color", (0.9, 0.25, 0.7), {"brightness": 0.0, "saturation": 4.0, "contrast": 0.3}),
    ("crop", (0.5, 0.5), {}),
    ("crop", (0.9, 0.1), {"crop": 0.0}),
    ("cutout", (0.5, 0.5), {"cutout": 0.0}),
    ("flip", (0.5,), {}),
    ("flip", (0.0,), {"flip": 0.0}),
    ("scale", (0.9, 0.1), {"scale": 1.0}),
    ("scale", (1 / 3, 1 / 3), {"scale": 2.0}),
    ("rotate", (0.9,), {"rotate": 0.0}),
    ("rotate", (0.5,), {}),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("operation", "numbers", "settings"), NOTHING)
def test_an_operation_without_strength_does_nothing(operation, numbers, settings, shape):
    x = images(2, *shape)
    torch.testing.assert_close(done(operation, x, *numbers, **settings), x)


def test_color_adds_to_all_pixels_then_moves_from_gray_then_from_the_mean():
    x, (bright, saturated, contrasted) = images(), (0.9, 0.2, 0.6)
    brighter = done("color", x, bright, 0.5, 0.5, brightness=3.0)
    torch.testing.assert_close(brighter, x + 0.4 * 3)
    gray = x.mean(dim=1, keepdim=True)
    torch.testing.assert_close(done("color", x, 0.5, saturated, 0.5), gray + (x - gray) * 0.4)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    torch.testing.assert_close(done("color", x, 0.5, 0.5, contrasted), mean + (x - mean) * 1.1)
    one_by_one = done("color", done("color", done("color", x, bright, 0.5, 0.5), 0.5, saturated, 0.5), 0.5, 0.5, 0.6)
    torch.testing.assert_close(done("color", x, bright, saturated, contrasted), one_by_one)


@pytest.mark.parametrize("shape", SHAPES)
def test_crop_moves_by_whole_pixels_and_brings_in_zeros(shape):
    x = images(1, *shape)
    height, width = shape
    most = [int(0.3 * size + 0.5) for size in shape]
    seen = set()
    for i in range(-most[0], most[0] + 1):
        for j in range(-most[1], most[1] + 1):
            numbers = [(k + m + 0.5) / (2 * m + 1) for k, m in zip((i, j), most, strict=True)]
            expected = torch.zeros_like(x)
            for row in range(height):
                for column in range(width):
                    if 0 <= row + i < height and 0 <= column + j < width:
                        expected[..., row, column] = x[..., row + i, column + j]
            assert torch.equal(done("crop", x, *numbers, crop=0.3), expected)
            seen.add((i, j))
    assert len(seen) == (2 * most[0] + 1) * (2 * most[1] + 1)
    for number, end in ((0.0, -1), (ALMOST_ONE, 1)):
        at_end = done("crop", x, number, number, crop=0.3)
        middle = [(end * m + m + 0.5) / (2 * m + 1) for m in most]
        assert torch.equal(at_end, done("crop", x, *middle, crop=0.3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.5, 0.35, 1.0])
def test_cutout_is_a_box_around_any_pixel_and_stops_at_the_border(shape, share):
    box = [int(share * size + 0.5) for size in shape]
    ends = [size + 1 - k % 2 for size, k in zip(shape, box, strict=True)]  # even boxes may also end at the border
    x = torch.ones(1, 2, *shape, dtype=torch.float64)
    for i in range(ends[0]):
        for j in range(ends[1]):
            expected = x.clone()
            top, left = i - box[0] // 2, j - box[1] // 2
            expected[..., max(top, 0) : top + box[0], max(left, 0) : left + box[1]] = 0
            numbers = ((i + 0.5) / ends[0], (j + 0.5) / ends[1])
            assert torch.equal(done("cutout", x, *numbers, cutout=share), expected)
    for number, center in ((0.0, 0), (ALMOST_ONE, ends[0] - 1)):
        assert torch.equal(
            done("cutout", x, number, 0.5, cutout=share),
            done("cutout", x, (center + 0.5) / ends[0], 0.5, cutout=share),
        )


def test_flip_twice_is_nothing_and_flip_is_left_to_right():
    x = images()
    assert torch.equal(done("flip", x, 0.49), x.flip(3))
    assert torch.equal(done("flip", done("flip", x, 0.1), 0.1), x)
    assert torch.equal(done("flip", x, ALMOST_ONE, flip=1.0), x.flip(3))


@pytest.mark.parametrize("shape", SHAPES)
def test_scale_is_an_affine_map_between_a_ratio_and_its_inverse(shape):
    x = images(2, *shape)
    for down in (0.0, 0.3, ALMOST_ONE):
        for across in (0.0, 0.8, ALMOST_ONE):
            sizes = [1 / 1.5 + number * (1.5 - 1 / 1.5) for number in (across, down)]
            expected = resampled(x, [[sizes[0], 0.0, 0.0], [0.0, sizes[1], 0.0]])
            torch.testing.assert_close(done("scale", x, down, across, scale=1.5), expected)


def test_rotate_is_an_affine_map_and_a_rotation():
    x = images()
    for number in (0.0, 0.3, ALMOST_ONE):
        angle = (2 * number - 1) * math.radians(15)
        matrix = [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
        torch.testing.assert_close(done("rotate", x, number), resampled(x, matrix))
    assert torch.allclose(done("rotate", x, 1.0, rotate=90.0), x.rot90(1, (2, 3)), atol=1e-9)
    assert torch.allclose(done("rotate", x, 1.0, rotate=180.0), x.rot90(2, (2, 3)), atol=1e-9)
    there_and_back = done("rotate", done("rotate", x, 1.0, rotate=90.0), 0.0, rotate=90.0)
    assert torch.allclose(there_and_back, x, atol=1e-9)


def test_rotate_keeps_distances_in_images_that_are_not_square():
    x = torch.zeros(1, 1, 9, 5, dtype=torch.float64)
    x[..., 4, 4] = 1  # two pixels right of the center
    x[..., 5, 2] = 2  # a pixel below it
    expected = torch.zeros_like(x)
    expected[..., 2, 2] = 1
    expected[..., 4, 3] = 2
    assert torch.allclose(done("rotate", x, 1.0, rotate=90.0), expected, atol=1e-9)


def test_a_draw_does_the_same_to_a_class_in_every_batch():
    torch.manual_seed(0)
    augmentation = Augmentation(num_classes=40)
    change = augmentation.draw()
    x = images(1).expand(40, -1, -1, -1)
    y = torch.arange(40)
    once = change(Batch(x, y)).x
    order = torch.randperm(40)[:25].repeat(2)
    torch.testing.assert_close(change(Batch(x[order], y[order])).x, once[order], rtol=0, atol=0)
    assert len(torch.unique(once.flatten(1), dim=0)) > 25  # a flip and what it leaves are all that comes twice
    other = augmentation.draw()(Batch(x, y)).x
    assert not torch.equal(other, once)


def test_a_soft_label_stands_for_its_likeliest_class():
    torch.manual_seed(0)
    change = Augmentation(num_classes=3).draw()
    x, y = images(3), torch.tensor([2, 0, 1])
    soft = F.one_hot(y, 3) * 0.5 + 0.5 / 3
    assert torch.equal(change(Batch(x, soft)).x, change(Batch(x, y)).x)


def test_one_draw_for_the_whole_batch():
    torch.manual_seed(0)
    x, y = images(1).expand(6, -1, -1, -1), torch.arange(6)
    for _ in range(20):
        changed = Augmentation(per_class=False).draw()(Batch(x, y)).x
        assert torch.equal(changed, changed[:1].expand_as(changed))


def test_a_draw_leaves_nothing_to_chance_and_all_else_as_it_was():
    torch.manual_seed(0)
    change = Augmentation(num_classes=3).draw()
    before = torch.get_rng_state()
    x, y = images(), torch.tensor([0, 1, 2, 0, 1, 2])
    given, size = x.clone(), torch.tensor(0.1)
    changed = change(Batch(x, y, step_size=size))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(x, given)
    assert changed.y is y
    assert changed.step_size is size
    torch.manual_seed(0)
    assert torch.equal(Augmentation(num_classes=3).draw()(Batch(x, y)).x, changed.x)
    assert change(Batch(x.float(), y)).x.dtype == torch.float32
    torch.testing.assert_close(change(Batch(x.float(), y)).x.double(), changed.x, rtol=0, atol=1e-4)


def test_one_operation_is_as_likely_as_another():
    torch.manual_seed(0)
    count = 4000
    x = images(1, 4, 4).expand(count, -1, -1, -1)
    change = Augmentation(operations=("flip", "color", "cutout"), flip=1.0, num_classes=count).draw()
    changed = change(Batch(x, torch.arange(count))).x
    flipped = (changed == x.flip(3)).flatten(1).all(dim=1)
    cut = (changed == 0).flatten(1).any(dim=1)
    assert not (flipped & cut).any()
    for share in (flipped.double().mean(), cut.double().mean()):
        assert float(share) == pytest.approx(1 / 3, abs=4 * (2 / 9 / count) ** 0.5)


def test_together_all_operations_follow_one_another():
    x, y = images(), torch.zeros(6, dtype=torch.int64)
    settings = {"flip": 1.0, "brightness": 3.0, "num_classes": 1}
    augmentation = Augmentation(operations=("flip", "color", "crop"), together=True, **settings)
    torch.manual_seed(0)
    changed = augmentation.draw()(Batch(x, y)).x
    torch.manual_seed(0)
    _, color, crop = torch.rand(3, 3, dtype=torch.float64).tolist()
    expected = done("crop", done("color", x.flip(3), *color, brightness=3.0), *crop)
    torch.testing.assert_close(changed, expected)


def test_each_image_gets_numbers_of_its_own_and_the_batch_one_operation():
    torch.manual_seed(0)
    count = 50
    x, y = images(1).expand(count, -1, -1, -1), torch.zeros(count, dtype=torch.int64)
    augmentation = Augmentation(operations=("color", "cutout"))
    kinds = set()
    for _ in range(30):
        changed = augmentation.each(Batch(x, y)).x
        cut = (changed == 0).flatten(1).any(dim=1)
        assert cut.all() or not cut.any()
        assert len(torch.unique(changed.flatten(1), dim=0)) > 10
        kinds.add(bool(cut.all()))
    assert kinds == {True, False}
    with_all = Augmentation(operations=("color", "cutout"), together=True).each(Batch(x, y)).x
    assert (with_all == 0).flatten(1).any(dim=1).all()
    assert not (with_all[:, :, :1] == x[:, :, :1]).any()


@pytest.mark.parametrize("operation", PHOTOGRAPHS)
def test_operations_are_differentiable_twice(operation):
    torch.manual_seed(0)
    change = Augmentation(operations=(operation,), flip=1.0, num_classes=2).draw()
    y = torch.tensor([0, 1])
    x = images(2, 3, 4, channels=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: change(Batch(x, y)).x, x)
    assert torch.autograd.gradgradcheck(lambda x: change(Batch(x, y)).x.square(), x)


def test_classes_with_different_operations_are_differentiable():
    torch.manual_seed(0)
    change = Augmentation(num_classes=6).draw()
    x, y = images(6, 3, 3, channels=1).requires_grad_(), torch.arange(6)
    assert torch.autograd.gradcheck(lambda x: change(Batch(x, y)).x, x)


def test_digits_are_not_mirrored():
    assert set(PHOTOGRAPHS) - set(DIGITS) == {"flip"}
    assert set(OPERATIONS) == set(PHOTOGRAPHS)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"operations": ("colour",)}, ValueError, "did you mean 'color'"),
        ({"operations": ()}, TypeError, "at least one"),
        ({"operations": "color_crop"}, TypeError, "must be a tuple"),
        ({"crop": 1.5}, ValueError, r"crop must be in \[0, 1\]"),
        ({"cutout": -0.5}, ValueError, "cutout must be at least 0"),
        ({"flip": 2.0}, ValueError, r"flip must be in \[0, 1\]"),
        ({"scale": 0.8}, ValueError, "scale must be at least 1"),
        ({"rotate": math.nan}, ValueError, "rotate must be at least 0"),
        ({"num_classes": 0}, ValueError, "num_classes must be positive"),
    ],
)
def test_bad_settings_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        Augmentation(**settings)


def test_a_draw_per_class_needs_the_number_of_classes():
    with pytest.raises(ValueError, match="per_class=True needs num_classes="):
        Augmentation().draw()
