"""Real images that are left when those that a teacher finds too easy or too hard are pruned, with its labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from graphcond.core.data_pruning import KEEPS, ForgettingEvents, Keep, el2n, kept, margin
from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.names import named
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.randomness import seeded
from graphcond.images.methods.base import ImageMethod, SyntheticImages
from graphcond.images.methods.relabelling import labelled
from graphcond.images.methods.selection import class_images, real_images, require_images
from graphcond.images.quick_validation import trained, validation
from graphcond.images.task import ImageTask
from graphcond.images.teacher import ImageTeacher, Teaching
from graphcond.surrogates.convnet import ConvNet

Score = Literal["el2n", "forgetting", "margin"]
OF_TEACHER = {"el2n": el2n, "margin": margin}


@dataclass(frozen=True, kw_only=True)
class PrunedImages(ImageMethod):
    """Data pruning by a teacher's scores, with its labels (Ben-Baruch et al., ICML 2025).

    Images are ordered by how hard a teacher finds them, class by class. The teacher's soft labels of those that are
    kept make up for much of what pruning loses.

    Args:
        score: ``"el2n"``: the length of the error of the probabilities (Paul et al., NeurIPS 2021); ``"margin"``: by
            how much another class is likelier than the true one; ``"forgetting"``: how often an image was classified
            rightly and later no more, while the teacher was trained (Toneva et al., ICLR 2019).
        keep: The ``"easy"`` images of each class, the ``"hard"`` ones, or those in the ``"middle"``; ``None``: those of
            the three on which a network does best on the validation images, the easy ones where there are none. With
            few images, hard ones are harmful.
        temperature: What the teacher's calibrated logits are divided by, for the labels.
        teacher: How the teacher is trained.
        readings: How often all training images are classified in its training, for ``"forgetting"``.

    Note:
        EL2N was published as a mean over ten networks early in their training, and forgetting counted at each batch an
        image was in. Here both come from one teacher: EL2N from its calibrated probabilities, forgetting from some
        readings of all images.
    """

    name: ClassVar[str] = "pruned"
    quick_settings: ClassVar[Mapping[str, Any]] = {
        "teacher": {"architecture": ConvNet(width=4, depth=1), "min_steps": 3},
    }
    score: Score = "el2n"
    keep: Keep | None = None
    temperature: float = 4.0
    teacher: Teaching = Teaching()
    readings: int = 8

    def __post_init__(self) -> None:
        """Check the fields."""
        named(self.score, {name: name for name in ("el2n", "forgetting", "margin")}, "score")
        if self.keep is not None:
            named(self.keep, {name: name for name in KEEPS}, "part that is kept: keep=")
        require_positive(self)
        if self.readings < 2:
            raise ValueError(
                f"readings must be at least 2, got {self.readings!r}: what is read once cannot be forgotten"
            )

    def condense(self, task: ImageTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticImages:
        """See :meth:`ImageMethod.condense`."""
        require_images(task, allocation)
        forgetting = ForgettingEvents(len(task.train), task.train.y.device)
        due = {round(i * self.teacher.steps(task) / self.readings) for i in range(1, self.readings + 1)}

        def watch(step: int, teacher: ImageTeacher) -> None:
            if self.score == "forgetting" and step in due:
                forgetting.see(teacher.logits(task.train).argmax(dim=1) == task.train.y)

        teacher = self.teacher.teacher(task, watch)
        if self.score == "forgetting":
            scores = forgetting.scores()
        else:
            scores = OF_TEACHER[self.score](teacher.logits(task.train).softmax(dim=1), task.train.y)
        return self._best(task, allocation, scores, teacher)

    def _best(self, task: ImageTask, allocation: Tensor, scores: Tensor, teacher: ImageTeacher) -> SyntheticImages:
        """Return the images that are kept, with labels: of several parts the one that validates best."""
        found = {}
        for keep in KEEPS if self.keep is None and len(task.val) else (self.keep or KEEPS[0],):
            rows = [class_images(task, label) for label in range(task.num_classes)]
            chosen = [r[kept(scores[r], count, keep)] for r, count in zip(rows, allocation.tolist(), strict=True)]
            found[keep] = labelled(real_images(task, torch.cat(chosen)), teacher.at(self.temperature))
        if len(found) == 1:
            return next(iter(found.values()))
        validated = {keep: self._validated(task, images) for keep, images in found.items()}
        best = max(validated, key=validated.__getitem__)
        images = found[best]
        images.choices.update(keep=best, validation=validated)
        return images

    def _validated(self, task: ImageTask, images: SyntheticImages) -> float:
        """Return the accuracy on validation images of a network that is trained on images and soft labels."""
        assert images.y_soft is not None
        batch = Batch(images.x, images.y_soft)
        with seeded(0):  # the same network and validation images for all that is compared
            found = validation(task, 1, lambda: trained(self.teacher.network(task), batch))
            assert found is not None
            return found.score()
