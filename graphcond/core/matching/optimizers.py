"""Optimisers as tensors: their state in and out of checkpoints."""

from collections.abc import Sequence

import torch
from torch import Tensor

from graphcond.core.runtime.contents import require
from graphcond.core.runtime.state import part

MOMENTS: dict[type, tuple[str, ...]] = {
    torch.optim.Adam: ("step", "exp_avg", "exp_avg_sq"), torch.optim.SGD: ("momentum_buffer",),
}  # fmt: skip
NOT_NEGATIVE = ("step", "exp_avg_sq")


def optimizer_of(
    parameters: Sequence[Tensor],
    learning_rate: float,
    momentum: float | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
) -> torch.optim.Optimizer:
    """Return Adam, or with a momentum stochastic gradient descent, as every method here uses them."""
    if momentum is None:
        return torch.optim.Adam(list(parameters), lr=learning_rate, betas=betas, fused=True)
    return torch.optim.SGD(list(parameters), lr=learning_rate, momentum=momentum)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set the learning rate of all of an optimiser's parameters."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's moments and step counts by name."""
    return {
        f"{i}.{name}": value
        for i, parameter in enumerate(_parameters(optimizer))
        for name, value in optimizer.state.get(parameter, {}).items()
        if value is not None  # descent without momentum has none
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Tensor]) -> None:
    """Put back what :func:`optimizer_state` returned.

    Raises:
        ValueError: it is not of such an optimiser. Fused code would believe its shapes.
    """
    names = MOMENTS[type(optimizer)]
    for i, parameter in enumerate(_parameters(optimizer)):
        if mine := part(state, str(i)):
            if mine.keys() != set(names):
                raise ValueError(f"parameter {i} of an optimiser must have {', '.join(names)}, got {', '.join(mine)}")
            for name, value in mine.items():
                kinds, shape = (
                    ((torch.float32, torch.float64), ()) if name == "step" else ((parameter.dtype,), parameter.shape)
                )
                require(f"{name} of parameter {i}", value, kinds, shape, 0 if name in NOT_NEGATIVE else None)
            optimizer.state[parameter] = {name: _laid_out(value, parameter) for name, value in mine.items()}


def _laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    """Return a copy whose elements lie in memory as the parameter's: fused Adam goes through both side by side."""
    if value.shape != parameter.shape:  # a count of steps
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
