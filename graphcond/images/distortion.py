"""How synthetic images are changed before a trained network sees them, so that they do not fit it pixel by pixel."""

import math
from dataclasses import dataclass, replace

import torch

from graphcond.core.matching.augment import Change
from graphcond.core.matching.batch import Batch
from graphcond.images.crops import cropped, drawn_boxes


@dataclass(frozen=True, kw_only=True)
class Distortion:
    """Random crops of each image, moves of all, and mirroring of some, drawn for each step.

    Args:
        least: The least share of an image's area that is seen.
        steps: Over so many steps that share falls, by a cosine, from 1 to ``least``: from easy to hard (CDA: Yin and
            Shen, 2024); ``None``: it is ``least`` at once.
        jitter: Up to how many pixels all images are moved, round and round.
        flip: Whether each image is mirrored half of the time.
    """

    least: float
    steps: int | None = None
    jitter: int = 0
    flip: bool = False

    def least_at(self, step: int) -> float:
        """Return the least share of an image that is seen at a step.

        >>> Distortion(least=0.2, steps=10).least_at(0), Distortion(least=0.2, steps=10).least_at(10)
        (1.0, 0.2)
        """
        if self.steps is None:
            return self.least
        done = min(step / self.steps, 1.0)
        return self.least + (1 - self.least) * (1 + math.cos(math.pi * done)) / 2

    def at(self, step: int, count: int, size: tuple[int, int]) -> Change:
        """Draw the change of a step from torch's global state; what is returned draws nothing any more.

        Args:
            step: The step.
            count: Images.
            size: Their height and width.
        """
        boxes = drawn_boxes((count, 1), size, self.least_at(step))
        down, across = torch.randint(-self.jitter, self.jitter + 1, (2,)).tolist()
        mirrored = torch.rand(count) < (0.5 if self.flip else 0.0)

        def change(batch: Batch) -> Batch:
            x = cropped(batch.x, boxes.to(batch.x.device)).roll((down, across), (2, 3))
            return replace(batch, x=torch.where(mirrored.to(x.device).view(-1, 1, 1, 1), x.flip(3), x))

        return change
