"""A small conditional generator that is trained on the dataset itself."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.fields import require_positive
from graphcond.core.run_context import OutOfTime, RunContext
from graphcond.core.runtime.progress import Progress
from graphcond.images.methods.generators import FixedGenerator
from graphcond.images.source import RandomBatches
from graphcond.images.task import ImageTask

REPORT_EVERY = 20  # steps
MOST_LOG_VARIANCE = 10.0


class ConditionalDecoder(nn.Module):
    """Latent vectors and classes through a linear layer and two transposed convolutions.

    Args:
        latent_dim: Numbers of a latent vector.
        width: Channels before the last layer; twice as many below.
        shape: Channels, height and width of images.
        num_classes: Classes.
    """

    def __init__(self, latent_dim: int, width: int, shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        self.shape, self.num_classes = shape, num_classes
        self.cells = (2 * width, -(-shape[1] // 4), -(-shape[2] // 4))
        self.linear = nn.Linear(latent_dim + num_classes, math.prod(self.cells))
        self.middle = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.last = nn.ConvTranspose2d(width, shape[0], 4, stride=2, padding=1)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Return normalised images."""
        below = self.linear(torch.cat([z, F.one_hot(y, self.num_classes).to(z)], dim=1)).relu()
        x: Tensor = self.last(self.middle(below.view(-1, *self.cells)).relu())
        _, height, width = self.shape
        top, left = (x.size(2) - height) // 2, (x.size(3) - width) // 2
        return x[:, :, top : top + height, left : left + width]


class ConditionalEncoder(nn.Module):
    """Images and classes through two convolutions and a linear layer, to means and log-variances of latent vectors.

    Args:
        latent_dim: Numbers of a latent vector.
        width: Channels after the first layer; twice as many above.
        shape: Channels, height and width of images.
        num_classes: Classes.
    """

    def __init__(self, latent_dim: int, width: int, shape: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.layers = nn.Sequential(
            nn.Conv2d(shape[0], width, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
        )  # fmt: skip
        area = -(-shape[1] // 4) * -(-shape[2] // 4)
        self.linear = nn.Linear(2 * width * area + num_classes, 2 * latent_dim)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log-variances."""
        features = torch.cat([self.layers(x), F.one_hot(y, self.num_classes).to(x)], dim=1)
        mean, log_variance = self.linear(features).chunk(2, dim=1)
        return mean, log_variance.clamp(-MOST_LOG_VARIANCE, MOST_LOG_VARIANCE)


@dataclass(frozen=True, kw_only=True)
class TrainedGenerator:
    r"""The decoder of a conditional variational autoencoder, trained on the training images (Kingma and Welling, 2014).

    .. math:: \min \mathbb E_{x, y} \Big[ \mathbb E_{z \sim q(z | x, y)}
              \tfrac{1}{2 \sigma^2} \| x - G(z, y) \|^2 + \mathrm{KL}\big(q(z | x, y) \,\|\, \mathcal N(0, I)\big) \Big]

    Args:
        latent_dim: Numbers of a latent vector.
        width: Channels of the layers with the most pixels.
        noise: The deviation :math:`\sigma` of normalised pixels: the smaller, the nearer images come to real ones, and
            the less of what is drawn from the normal distribution looks like one.
        steps: Steps of training.
        batch_size: Images of a step.
        learning_rate: Of Adam.

    Note:
        IT-GAN takes a BigGAN that was trained for days on a GPU. This one takes a minute on a CPU and needs no tuning,
        and its latent vectors are easily found. Its images are smoother.
    """

    latent_dim: int = 16
    width: int = 16
    noise: float = 0.3
    steps: int = 2000
    batch_size: int = 64
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def prepared(self, task: ImageTask, run: RunContext) -> FixedGenerator:
        """See :class:`graphcond.images.methods.generators.Generator`."""
        sizes = (self.latent_dim, self.width, task.shape, task.num_classes)
        device = task.train.y.device
        encoder, decoder = ConditionalEncoder(*sizes).to(device), ConditionalDecoder(*sizes).to(device)
        optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=self.learning_rate)
        batches = RandomBatches(task, self.batch_size)
        for step in range(self.steps):
            if run.out_of_time():
                raise OutOfTime(run.time_over(f"at step {step:,} of {self.steps:,} of training the generator"))
            batch = batches(step)
            loss = self._loss(encoder, decoder, batch.x, batch.y)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if step % REPORT_EVERY == 0:
                run.progress(Progress(step, self.steps, "generator"))
        if not all(bool(torch.isfinite(weight).all()) for weight in decoder.parameters()):
            raise ValueError(f"the generator's training diverged; lower its learning_rate (now {self.learning_rate:g})")
        return FixedGenerator(module=decoder, latent_dim=self.latent_dim, output="normalized", conditional=True)

    def _loss(self, encoder: nn.Module, decoder: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        mean, log_variance = encoder(x, y)
        z = mean + (log_variance / 2).exp() * torch.randn(mean.shape).to(mean)
        gaps = (decoder(z, y) - x).square().flatten(1).sum(dim=1) / (2 * self.noise**2)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2
        loss: Tensor = (gaps + divergence).mean()
        return loss
