"""Synthetic images with a teacher's soft labels, and those of their crops."""

from dataclasses import replace

from graphcond.core.relabelled import Labelling
from graphcond.images.crops import Crops, cropped, drawn_boxes
from graphcond.images.formation import expand
from graphcond.images.methods.base import SyntheticImages
from graphcond.images.task import ImageTask
from graphcond.images.teacher import ImageTeacher, Teaching

TEACHING = Teaching()


def relabel(task: ImageTask, images: SyntheticImages, labelling: Labelling) -> SyntheticImages:
    """Return images with the labels of a teacher that is trained now, see :class:`graphcond.Relabelled`."""
    return labelled(images, TEACHING.teacher(task).at(labelling.temperature), labelling.crops)


def labelled(images: SyntheticImages, teacher: ImageTeacher, crops: int = 0) -> SyntheticImages:
    """Return images with a teacher's soft labels.

    Args:
        images: Images; soft labels and targets that they have are dropped.
        teacher: The teacher.
        crops: How many random crops of each image, or of each of its tiles, are labelled too.
    """
    seen = expand(images.x, images.formation)
    y_soft = teacher.seen_logits(seen).softmax(dim=1)
    found = None
    if crops:
        boxes = drawn_boxes((len(seen), crops), (seen.size(2), seen.size(3))).to(seen.device)
        of_crops = teacher.seen_logits(cropped(seen, boxes)).softmax(dim=1)
        found = Crops(boxes, of_crops.view(len(seen), crops, -1))
    return replace(
        images,
        y_soft=y_soft.view(len(images.x), -1, y_soft.size(1)).mean(dim=1),
        target=None,
        crops=found,
        choices=images.choices | {"temperature": teacher.temperature},
    )
