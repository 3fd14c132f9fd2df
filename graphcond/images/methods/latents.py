"""Latent vectors of a fixed generator, as a value that every image method takes."""

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.run_context import RunContext
from graphcond.images.methods.generators import Decoder, FixedGenerator, Generator
from graphcond.images.methods.groups import grouped
from graphcond.images.methods.parameterizations import LabelsOf, Parameterization, Start, initial_images
from graphcond.images.methods.trained_generator import TrainedGenerator
from graphcond.images.task import ImageTask
from graphcond.surrogates.convnet import ConvNet
from graphcond.synthetic.learned_rows import Labelled, Labels

MOST_IMAGES = 16  # for each image of the budget, unless more are asked for
ROWS_AT_ONCE = 256
PRIOR = 1e-3  # weight of the latent vectors' mean square while they are found


class Likeness:
    """How far images are from real ones: in pixels, and in the embedding by a random network.

    Args:
        real: ``(n, channels, height, width)`` normalised.
    """

    def __init__(self, real: Tensor) -> None:
        depth = min(3, int(math.log2(min(real.shape[2:]))))
        shape = (real.size(1), real.size(2), real.size(3))
        self._network = nn.Sequential(*list(ConvNet(width=16, depth=depth)(shape, 2).children())[:-1])
        self._network.to(real.device).requires_grad_(False)
        self._real = real
        with torch.no_grad():
            self._embedded = torch.cat([self._network(part) for part in torch.split(real, ROWS_AT_ONCE)])
        self._scale = self._embedded.var(dim=0, correction=0).mean().clamp(min=1e-12)

    def gaps(self, x: Tensor, rows: Tensor) -> Tensor:
        """Return the distance of images from some of the real ones, ``(len(rows),)``."""
        pixels = (x - self._real[rows]).square().flatten(1).mean(dim=1)
        embedded = (self._network(x) - self._embedded[rows]).square().mean(dim=1) / self._scale
        total: Tensor = pixels + embedded
        return total


class GeneratedImages(Labelled):
    """Images that a fixed generator makes of latent vectors (IT-GAN: Zhao and Bilen, 2022).

    Args:
        latents: ``(n, latent_dim)`` where they start, in the order of their classes.
        decoder: The generator.
        classes: ``(n,)`` int64, for which images are made.
        labels: The ``n`` labels of the images.
        groups: The images that a step sees, one of which is drawn for it; ``None``: all.
        likeness: What images were found by; ``None``: by nothing.
        diversity: Weight of the mean distance from these in the loss.
        step_size: Where the step size of training on the images starts; ``None``: there is none.
    """

    classes: Tensor

    def __init__(
        self,
        latents: Tensor,
        decoder: Decoder,
        classes: Tensor,
        labels: Labels,
        *,
        groups: list[Tensor] | None = None,
        likeness: Likeness | None = None,
        diversity: float = 0.0,
        step_size: float | None = None,
    ) -> None:
        super().__init__(labels, step_size, like=latents)
        self.latents = nn.Parameter(latents.clone())
        self.decoder = decoder
        self.register_buffer("classes", classes, persistent=False)
        self.groups = [torch.arange(len(latents))] if groups is None else groups
        self.redraws = len(self.groups) > 1
        self.likeness = likeness
        self.diversity = diversity if likeness is not None else 0.0
        self._penalty: Tensor | None = None

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`; of several groups, each call draws one."""
        drawn = int(torch.randint(len(self.groups), ())) if self.redraws else 0
        rows = self.groups[drawn].to(self.latents.device)
        x = self.decoder(self.latents[rows], self.classes[rows])
        if self.likeness is not None and self.diversity:
            self._penalty = self.diversity * self.likeness.gaps(x, rows).mean()
        return Batch(x, self.labels()[rows], step_size=self.step_size())

    def penalty(self) -> Tensor | None:
        """See :class:`graphcond.core.matching.recipe.Synthetic`: of the images of the last batch."""
        return self._penalty

    def decode(self) -> tuple[Tensor, Tensor]:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        parts = zip(torch.split(self.latents, ROWS_AT_ONCE), torch.split(self.classes, ROWS_AT_ONCE), strict=True)
        return torch.cat([self.decoder(z, y) for z, y in parts]), self.labels()

    def sources(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        return {"features": [self.latents]}

    def generator_bytes(self) -> int:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        return self.decoder.nbytes


@dataclass(frozen=True, kw_only=True)
class Latents(Parameterization):
    r"""Latent vectors of a fixed generator (IT-GAN: Zhao and Bilen, "Synthesizing Informative Training Samples", 2022).

    .. math:: z_i^0 = \arg\min_z d(G(z, y_i), x_i), \qquad
              \min_z \ell\big(\{G(z_i, y_i)\}\big) + \lambda \, \tfrac 1 n \sum_i d(G(z_i, y_i), x_i)

    with :math:`\ell` the loss of the method, :math:`x_i` a training image for each latent vector and :math:`d` the
    distance in pixels and in the embedding by a random network. The second term keeps the images as diverse as the
    training images that they come from.

    Latent vectors take at most the bytes of the images asked for, as float32; learned labels come on top. The generator
    is counted apart, as the record's ``generator_bytes``. One that takes no classes makes images of a class only
    because they start at training images of it: leave ``start="real"``.

    Args:
        generator: ``FixedGenerator(module=..., latent_dim=...)``, or ``TrainedGenerator()``, which is trained on the
            dataset first.
        images: Images for each that is asked for; ``None``: as many as latent vectors fit in its bytes, at most 16.
        diversity: The weight :math:`\lambda`.
        inversion_steps: Steps in which latent vectors are found for training images.
        inversion_rate: Learning rate (Adam) of these.
        images_at_once: Images of a class that a step of matching sees; they are put into groups for it once, and a step
            draws a group.

    Note:
        The paper finds a latent vector for every training image, so that the set is as large as the original; here
        their number is the budget's. It draws its embedding networks anew for the second term, here there is one. The
        weights of the published experiments are not known to us: training scripts are not public.
    """

    generator: Generator = field(default_factory=TrainedGenerator)
    images: int | None = None
    diversity: float = 0.1
    inversion_steps: int = 100
    inversion_rate: float = 0.1
    images_at_once: int | None = 32
    formation = 1
    decoded = True

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.generator, Generator):
            raise TypeError(
                "generator must be FixedGenerator(module=..., latent_dim=...) or TrainedGenerator(), got "
                f"{type(self.generator).__name__}"
            )
        require_positive(self, but=("diversity", "inversion_steps"))

    def delivered(self, task: ImageTask, allocation: Tensor) -> Tensor:
        """See :class:`graphcond.images.methods.parameterizations.Parameterization`."""
        return allocation * self.count(task)

    def count(self, task: ImageTask) -> int:
        """Return how many images there are for each that is asked for.

        Raises:
            ValueError: so many latent vectors take more bytes.
        """
        pixels, wanted = math.prod(task.shape), self.images or 1
        if wanted * self.generator.latent_dim > pixels:
            raise ValueError(
                f"{wanted} latent vector(s) of latent_dim={self.generator.latent_dim} take more than the {pixels} "
                "numbers of the image that they stand for; use fewer images or a generator with a smaller latent_dim"
            )
        return self.images or min(pixels // self.generator.latent_dim, MOST_IMAGES)

    def prepared(self, task: ImageTask, run: RunContext) -> "Latents":
        """See :class:`graphcond.images.methods.parameterizations.Parameterization`."""
        self.count(task)
        return replace(self, generator=self.generator.prepared(task, run))

    def build(
        self, task: ImageTask, allocation: Tensor, start: Start, labels: LabelsOf, step_size: float | None
    ) -> Labelled:
        """See :class:`graphcond.images.methods.parameterizations.Parameterization`."""
        decoder = self._fixed(task).decoder(task)
        counts = self.delivered(task, allocation)
        x, y = initial_images(task, counts, start)
        z = torch.randn(len(y), self.generator.latent_dim).to(x)
        likeness = Likeness(x) if start == "real" else None
        if likeness is not None:
            z = self._inverted(decoder, z / 10, y, likeness)
        return GeneratedImages(
            z,
            decoder,
            y,
            labels(x, y),
            groups=grouped(counts.cpu(), self.images_at_once),
            likeness=likeness,
            diversity=self.diversity,
            step_size=step_size,
        )

    def _fixed(self, task: ImageTask) -> FixedGenerator:
        return self.generator.prepared(task, RunContext())

    def _inverted(self, decoder: Decoder, z: Tensor, y: Tensor, likeness: Likeness) -> Tensor:
        """Return latent vectors of images like the real ones."""
        found = []
        for rows in torch.split(torch.arange(len(z), device=z.device), ROWS_AT_ONCE):
            part = nn.Parameter(z[rows].clone())
            optimizer = torch.optim.Adam([part], lr=self.inversion_rate)
            for _ in range(self.inversion_steps):
                gaps = likeness.gaps(decoder(part, y[rows]), rows) + PRIOR * part.square().mean(dim=1)
                optimizer.zero_grad()
                gaps.sum().backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            found.append(part.detach())
        return torch.cat(found)
