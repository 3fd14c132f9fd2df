"""Images without labels: the teacher's loss, what is learned in place of labels, and linear probes of it."""

import pytest
import torch
from torch import Tensor

import graphcond
from graphcond import ImageDataset
from graphcond.images.barlow_twins import BarlowTwins
from graphcond.images.methods import METHODS
from graphcond.images.methods.krr_st import KRRSTImages
from graphcond.images.reading import read_images
from graphcond.surrogates.convnet import ConvNet

SMALL = ConvNet(width=4, depth=1)
TEACHER = BarlowTwins(architecture=SMALL, steps=3, batch_size=8, projection=8)
QUICK = METHODS.quick("krr_st")


def corners(shift: int = 0) -> ImageDataset:
    generator = torch.Generator().manual_seed(2)

    def draw(each: int) -> tuple[Tensor, Tensor]:
        y = torch.arange(3).repeat_interleave(each)
        x = torch.rand(len(y), 1, 6, 6, generator=generator)
        for label in range(3):
            x[y == label, :, label : label + 2, :3] += 1.0
        return x, (y + shift) % 3

    return ImageDataset(draw(12), val=draw(4), test=draw(4), name="corners")


def test_the_loss_of_equal_and_independent_columns_is_nothing():
    columns = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert float(TEACHER.loss(columns, columns)) < 1e-6
    same = columns[:, :1].expand(-1, 2)
    assert float(TEACHER.loss(same, same)) == pytest.approx(2 * TEACHER.redundancy, rel=1e-3)
    assert float(TEACHER.loss(columns, -columns)) == pytest.approx(8, rel=1e-3)


def test_representations_do_not_depend_on_the_call():
    task = read_images(corners())
    first = TEACHER.represent(task)(task.train)
    torch.rand(3)
    assert torch.equal(TEACHER.represent(task)(task.train), first)
    assert first.mean(dim=0).abs().max() < 1e-5
    assert float(first.square().mean()) == pytest.approx(1, rel=1e-3)


def test_labels_are_not_read():
    one, other = (graphcond.condense(corners(shift), size=6, method=QUICK)[0] for shift in (0, 1))
    assert torch.equal(one.x, other.x)
    assert torch.equal(one.vectors, other.vectors)
    assert torch.equal((one.y + 1) % 3, other.y)


def test_images_are_held_out_whatever_their_labels():
    x, y = torch.rand(90, 1, 6, 6, generator=torch.Generator().manual_seed(3)), torch.arange(90) % 2
    made = []
    for seed in range(4):
        labels = y if not seed else y[torch.randperm(90, generator=torch.Generator().manual_seed(seed))]
        made.append(graphcond.condense((x, labels), size=8, method=QUICK)[0].x)
    assert all(torch.equal(one, made[0]) for one in made[1:])


def test_a_size_for_each_class_is_a_number_of_images():
    x, y = torch.rand(60, 1, 6, 6), (torch.arange(60) >= 4).long()
    small = graphcond.condense(ImageDataset((x, y), test=(x, y)), size="10/class", method=QUICK)
    assert len(small[0].y) == 20
    report = graphcond.evaluate(small, ImageDataset((x, y), test=(x, y)), [SMALL], controls=("random_vectors",))
    assert [row.nodes for row in report.rows] == [20, 20]


def test_probes_are_the_usual_evaluation(tmp_path):
    small = graphcond.condense(corners(), size=6, method=QUICK)
    small = graphcond.load(small.save(tmp_path / "small.safetensors"))
    report = graphcond.evaluate(small, corners(), [SMALL], controls=("untrained",))
    assert report.protocol == "linear_probe"
    assert [row.data for row in report.rows] == ["krr_st", "untrained"]
    assert all(0 <= score <= 1 for row in report.rows for score in row.scores)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="batch_size must be at least 2"):
        BarlowTwins(batch_size=1)
    with pytest.raises(TypeError, match="teacher must be"):
        KRRSTImages(teacher="barlow")
    with pytest.raises(ValueError, match="preset"):
        KRRSTImages.preset("mnist")
    assert KRRSTImages.preset("cifar100").steps == 160_000
