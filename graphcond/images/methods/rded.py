"""RDED: the crops of real images that a teacher finds most realistic, put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.members import Members
from graphcond.core.run_context import RunContext
from graphcond.images.crops import cropped, drawn_boxes
from graphcond.images.formation import pack
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.methods.relabelling import labelled
from graphcond.images.methods.selection import class_images
from graphcond.images.task import ImageTask
from graphcond.images.teacher import ImageTeacher, Teaching
from graphcond.surrogates.convnet import ConvNet


@dataclass(frozen=True, kw_only=True)
class RDED(ImageMethod):
    r"""Realistic and diverse crops of real images with a teacher's labels (RDED: Sun et al., CVPR 2024).

    Of each of some random images of a class, that one of several random crops is kept that the teacher finds most
    realistic, the cross-entropy :math:`-\log p_\theta(y \mid \mathrm{crop})` being least; of these crops the best make
    up the class. Nothing is optimised.

    Args:
        images: Random training images of each class whose crops are judged, or all where there are fewer; at least as
            many as tiles are needed. The fewer, the more diverse are those that are kept: with ten images a class of
            MNIST, 30 were worth a little more than 300 on held-out training images.
        crops: Random crops of each.
        least: The least share of an image's area that is cropped.
        factor: Each stored image holds ``factor**2`` crops as its tiles: 1 for small images, 2 for large ones. Networks
            see the tiles, enlarged.
        temperature: What the teacher's calibrated logits are divided by, for the labels.
        teacher: How the teacher is trained.

    Note:
        The published code has the teacher label the training images anew at each step of every training, at no cost in
        bytes; the paper stores labels of regions. Here each stored image has one soft label, the mean over its tiles,
        which counts. Its crops are padded with zeros, which the teacher sees, here they are enlarged to the size of the
        images. It shuffles tiles within their image while networks are trained on the whole of it; here networks see
        tile by tile, as with IDC.
    """

    name: ClassVar[str] = "rded"
    quick_settings: ClassVar[Mapping[str, Any]] = {
        "teacher": {"architecture": ConvNet(width=4, depth=1), "min_steps": 3},
    }
    images: int = 300
    crops: int = 5
    least: float = 0.5
    factor: int = 1
    temperature: float = 4.0
    teacher: Teaching = Teaching()

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)
        if self.least > 1:
            raise ValueError(f"least must be in (0, 1], got {self.least!r}")

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        needed = (allocation * self.factor**2).tolist()
        self._require_images(task, needed)
        teacher = self.teacher.teacher(task)
        found = [self._crops_of(task, teacher, label, count) for label, count in enumerate(needed)]
        tiles, rows = torch.cat([x for x, _ in found]), torch.cat([rows for _, rows in found])
        made = SyntheticImages(
            x=pack(tiles, self.factor),
            y=torch.repeat_interleave(allocation.cpu()).to(tiles.device),
            formation=self.factor,
            members=Members.from_groups(list(rows.cpu().view(-1, self.factor**2))),
        )
        return labelled(made, teacher.at(self.temperature))

    def _crops_of(self, task: ImageTask, teacher: ImageTeacher, label: int, count: int) -> tuple[Tensor, Tensor]:
        """Return the most realistic crops of a class, and the training images that they are of."""
        rows = class_images(task, label)
        rows = rows[torch.randperm(len(rows))[: max(self.images, count)].to(rows.device)]
        x = task.scale.normalized(task.train.x[rows])
        boxes = drawn_boxes((len(rows), self.crops), (x.size(2), x.size(3)), self.least).to(x.device)
        many = cropped(x, boxes)
        y = torch.full((len(many),), label, device=x.device)
        losses = F.cross_entropy(teacher.seen_logits(many), y, reduction="none").view(len(rows), self.crops)
        least = losses.min(dim=1)
        best = least.values.argsort(stable=True)[:count]
        return many.view(len(rows), self.crops, *x.shape[1:])[best, least.indices[best]], rows[best]

    def _require_images(self, task: ImageTask, needed: list[int]) -> None:
        for label, (count, there) in enumerate(zip(needed, task.class_counts.tolist(), strict=True)):
            if count > there:
                raise ValueError(
                    f"{count} crops of different images of class {label} were asked for (factor={self.factor}), but it "
                    f"has only {there} training images; ask for fewer images, or use a smaller factor"
                )
