"""Generators of images, as values: fixed networks that turn latent vectors, and perhaps classes, into images."""

import contextlib
import copy
import hashlib
import inspect
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

import torch
from torch import Tensor, nn

from graphcond.core.fields import require_positive
from graphcond.core.run_context import RunContext
from graphcond.images.task import ImageTask, Scale

Output = Literal["pixels", "normalized"]
PROBES = 2


@dataclass(frozen=True, eq=False)
class Decoder:
    """A fixed network on a task's device, whose images are normalised as other networks see them.

    Args:
        module: The network, frozen.
        conditional: Whether it takes classes beside latent vectors.
        scale: By which its images are normalised; ``None``: they are.
    """

    module: nn.Module
    conditional: bool
    scale: Scale | None

    def __call__(self, z: Tensor, y: Tensor) -> Tensor:
        """Return the images of latent vectors and their classes."""
        x: Tensor = self.module(z, y) if self.conditional else self.module(z)
        return x if self.scale is None else self.scale.normalized(x)

    @property
    def nbytes(self) -> int:
        """Bytes of its weights and buffers."""
        tensors = [*self.module.parameters(), *self.module.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@runtime_checkable
class Generator(Protocol):
    """What makes images of latent vectors."""

    @property
    def latent_dim(self) -> int:
        """Numbers of a latent vector."""
        ...

    def prepared(self, task: ImageTask, run: RunContext) -> "FixedGenerator":
        """Return it as a fixed network, trained where that is its way.

        Raises:
            OutOfTime: the time is over before it is trained.
        """
        ...


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)  # modules are told apart by their weights
class FixedGenerator:
    """A generator that was trained elsewhere. The module itself is left as it is; a frozen copy is used.

    Args:
        module: Called as ``module(z, y)`` or ``module(z)`` with ``z`` of shape ``(n, latent_dim)``, near a standard
            normal distribution, and classes ``y`` of shape ``(n,)``; returns images ``(n, channels, height, width)``,
            differentiable in ``z``.
        latent_dim: Numbers of a latent vector.
        output: What it returns: ``"pixels"`` in the units of the dataset, where bytes are from 0 to 1, or
            ``"normalized"`` with mean 0 and deviation 1 of each channel over the training images.
        conditional: Whether it takes classes; ``None``: if it can be called with two arguments.
    """

    module: nn.Module
    latent_dim: int
    output: Output = "pixels"
    conditional: bool | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.module, nn.Module):
            raise TypeError(f"module must be a torch.nn.Module, got {type(self.module).__name__}")
        if self.output not in get_args(Output):
            raise ValueError(f"output must be 'pixels' or 'normalized', got {self.output!r}")
        require_positive(self)

    def __repr__(self) -> str:
        name, sums = type(self.module).__name__, self.fingerprint()[:16]
        settings = f"latent_dim={self.latent_dim}, output={self.output!r}, conditional={self.conditional}"
        return f"FixedGenerator(module=<{name} {sums}>, {settings})"

    def fingerprint(self) -> str:
        """Return a SHA-256 over the module's structure and weights, and over what it makes of a latent vector.

        Attributes that are neither parameters nor buffers show in the last only.
        """
        state = hashlib.sha256(repr(self.module).encode())
        with contextlib.suppress(TypeError, ValueError, RuntimeError, IndexError):  # told when it is used
            _, x = self._tried(frozen(self.module), probes(self.latent_dim), torch.zeros(PROBES, dtype=torch.int64))
            state.update(x.detach().float().contiguous().numpy().tobytes())
        for name, value in self.module.state_dict().items():
            state.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            state.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return state.hexdigest()

    def prepared(self, task: ImageTask, run: RunContext) -> "FixedGenerator":
        """See :class:`Generator`."""
        return self

    def decoder(self, task: ImageTask) -> Decoder:
        """Return a frozen copy for a task, after it was tried out.

        Raises:
            ValueError: it does not turn latent vectors into images of the task's shape, differentiably.
        """
        device = task.train.y.device
        module = frozen(self.module).to(device)
        z = probes(self.latent_dim).to(device).requires_grad_()
        y = torch.arange(PROBES, device=device) % task.num_classes
        conditional, x = self._tried(module, z, y)
        given = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        if given != (PROBES, *task.shape):
            raise ValueError(
                f"the generator gives {given} for {PROBES} latent vectors, expected {(PROBES, *task.shape)}: images of "
                "the dataset's shape; put it into a module that resizes them"
            )
        if not (x.is_floating_point() and x.requires_grad):
            raise ValueError("the generator's images must be differentiable in the latent vectors; leave out no_grad")
        if not bool(torch.isfinite(x).all()):
            raise ValueError("the generator's images are not finite; check its weights and the range of its outputs")
        return Decoder(module, conditional, None if self.output == "normalized" else task.scale)

    def _tried(self, module: nn.Module, z: Tensor, y: Tensor) -> tuple[bool, Tensor]:
        """Return whether the module takes classes, and what it gave."""
        conditional = _takes_two(module) if self.conditional is None else self.conditional
        try:
            return conditional, module(z, y) if conditional else module(z)
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
            called = "module(z, y)" if conditional else "module(z)"
            raise ValueError(
                f"the generator cannot be called as {called} with z of shape {tuple(z.shape)} and classes y of shape "
                f"{tuple(y.shape)}; check latent_dim, or say conditional=: {error}"
            ) from error


def frozen(module: nn.Module) -> nn.Module:
    """Return a copy of a module on the CPU that does not learn, in evaluation mode.

    What older normalisations of weights (``spectral_norm``, ``weight_norm``) leave in attributes was computed and
    cannot be copied as it is; they compute it anew.
    """
    values = [value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor)]
    known = {id(value): value.detach().clone() for value in values if not value.is_leaf}
    return copy.deepcopy(module, known).cpu().eval().requires_grad_(False)


def probes(latent_dim: int) -> Tensor:
    """Return the latent vectors that a generator is tried out with, ``(PROBES, latent_dim)``."""
    return torch.randn(PROBES, latent_dim, generator=torch.Generator().manual_seed(0))


def _takes_two(module: nn.Module) -> bool:
    """Return whether a module can be called with two arguments."""
    try:
        inspect.signature(module.forward).bind(None, None)
    except TypeError:
        return False
    return True
