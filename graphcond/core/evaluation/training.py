"""The training loop of all downstream models, on condensed sets, controls and whole datasets alike."""

import copy
from collections.abc import Callable

import torch
from torch import nn

Optimizer = torch.optim.Optimizer
LEARNING_RATE_DROP = 0.1


def train(
    model: nn.Module,
    optimizer: Optimizer,
    *,
    steps: int,
    step: Callable[[Optimizer], None],
    at_half_time: Callable[[Optimizer], Optimizer],
    validate: Callable[[], float] | None,
    validates_after: Callable[[int], bool],
    at_end: Callable[[], None] = lambda: None,
) -> float | None:
    """Train a model and leave it with the weights of its best validation, without one with its last.

    Args:
        model: The model.
        optimizer: Of its weights.
        steps: How many steps (or epochs) it takes.
        step: Takes one.
        at_half_time: Returns the optimizer of the second half, with a smaller learning rate. Whether it keeps its
            state is a matter of the protocol: that of nodes and images starts anew, as the published code does.
        validate: Returns the validation score, the more the better; ``None``: there are no validation data.
        validates_after: Whether there is a validation after a step, counted from 1.
        at_end: Called while the model has its last weights.

    Returns:
        The best validation score; ``None`` if there was none.
    """
    best, best_weights = float("-inf"), None
    for number in range(1, steps + 1):
        if number == steps // 2 + 1:
            optimizer = at_half_time(optimizer)
        step(optimizer)
        if validate is not None and validates_after(number):
            score = validate()
            if score > best:
                best, best_weights = score, copy.deepcopy(model.state_dict())
    at_end()
    if best_weights is None:
        return None
    model.load_state_dict(best_weights)
    return best
