"""Any PyTorch module as a surrogate, with gradients by automatic differentiation."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor, nn
from torch.func import functional_call, replace_all_batch_norm_modules_

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import Statistic
from graphcond.core.matching.surrogate import Weights
from graphcond.core.targets import SingleLabel, Targets
from graphcond.surrogates import autograd


@dataclass(frozen=True)
class Network:
    """A module that maps rows (and an adjacency, where there is one) to logits of the labelled rows.

    Its embeddings, between the features and the logits, are the outputs of the modules that ``taps`` names; without
    names, what goes into its last linear layer.

    Args:
        build: Makes a freshly initialised module; called as ``module(x)`` or ``module(x, adj)``.
        num_classes: Classes.
        like: Weights are moved to its device.
        taps: Names of submodules, as ``named_modules`` gives them, in the order in which they work.
        inputs: Whether what goes into these is heard, instead of what comes out of them.
    """

    build: Callable[[], nn.Module]
    num_classes: int
    like: Tensor | None = None
    taps: Sequence[str] = ()
    inputs: bool = False
    _module: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        """Keep one module for its structure."""
        module = self.build()
        missing = [name for name in self.taps if name not in dict(module.named_modules())]
        if missing:
            raise ValueError(f"taps names the module {missing[0]!r}, which {type(module).__name__} does not have")
        if module.training:  # weights are all that it keeps: batches are normalised by themselves
            replace_all_batch_norm_modules_(module)
        object.__setattr__(self, "_module", module if self.like is None else module.to(self.like.device))

    @property
    def targets(self) -> Targets:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`: one class of several."""
        return SingleLabel(self.num_classes)

    def init(self) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`; drawn on the CPU, so that devices agree."""
        weights = (parameter.detach() for parameter in self.build().parameters())
        return tuple(weight if self.like is None else weight.to(self.like.device) for weight in weights)

    def layers(self, weights: Weights, batch: Batch) -> list[Tensor]:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        named = dict(zip((name for name, _ in self._module.named_parameters()), weights, strict=True))
        inputs = (batch.x,) if batch.adj is None else (batch.x, batch.adj)
        with self._listening() as heard:
            logits: Tensor = functional_call(self._module, named, inputs)
        return [batch.own(batch.x), *heard, logits]

    def class_gradients(self, weights: Weights, batch: Batch) -> Statistic:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return autograd.class_gradients(self, weights, batch)

    def loss_gradients(self, weights: Weights, batch: Batch) -> Weights:
        """See :class:`graphcond.core.matching.surrogate.Surrogate`."""
        return autograd.loss_gradients(self, weights, batch)

    @contextmanager
    def _listening(self) -> Iterator[list[Tensor]]:
        """Gather the embeddings of the next pass."""
        heard: list[Tensor] = []
        modules = dict(self._module.named_modules())
        if self.inputs:
            handles = [modules[name].register_forward_pre_hook(partial(_hear_input, heard)) for name in self.taps]
        else:
            handles = [modules[name].register_forward_hook(partial(_hear_output, heard)) for name in self.taps]
        linear = [module for module in modules.values() if isinstance(module, nn.Linear)]
        if not self.taps and linear:
            handles.append(linear[-1].register_forward_pre_hook(partial(_hear_input, heard)))
        try:
            yield heard
        finally:
            for handle in handles:
                handle.remove()


def _hear_output(heard: list[Tensor], module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    heard.append(output)


def _hear_input(heard: list[Tensor], module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    heard.append(inputs[0])
