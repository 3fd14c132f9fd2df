"""Networks of the user's own among downstream models: modules, and functions that make them."""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from torch import Tensor, nn

Kind = TypeVar("Kind")


class WrongOutputError(ValueError):
    """What a user's network returns is not what is asked for; the message says what is."""


Maker = Callable[[Any, int], nn.Module]
"""Makes a network with fresh weights, given what it has to know of the data, such as num_features, and num_classes."""


def maker(model: object, needs: str = "num_features", example: str = "gcn") -> Maker:
    """Return what makes networks of a user's: copies of a module with weights drawn anew, or what a function makes.

    Args:
        model: The module or function.
        needs: What a function is given before the number of classes.
        example: A model that has a name.

    Raises:
        TypeError: neither a module nor a function; or, when it is called, it does not make a module.
    """
    if isinstance(model, nn.Module):
        return lambda *_: _fresh(model)
    if callable(model):
        return lambda given, num_classes: _made(model, needs, given, num_classes)
    raise TypeError(
        f"models must be names such as {example!r}, torch.nn.Modules, or functions of ({needs}, num_classes) that make "
        f"one, got {type(model).__name__}"
    )


def by_name(models: Sequence[object], resolve: Callable[[object], Kind]) -> dict[str, Kind]:
    """Return downstream models by what tables call them: a name, a class, a function.

    Args:
        models: Names, modules, functions.
        resolve: Returns the downstream model of one.

    Raises:
        ValueError: two are called the same.
    """
    kinds: dict[str, Kind] = {}
    for model in models:
        own = type(model).__name__ if isinstance(model, nn.Module) else getattr(model, "__name__", repr(model))
        name = model if isinstance(model, str) else own
        if name in kinds and not isinstance(model, str):
            raise ValueError(f"two models are called {name!r}; pass functions of different names")
        kinds[name] = resolve(model)
    return kinds


def taken(network: nn.Module, names: Sequence[str]) -> list[str]:
    """Return those of some arguments that a network's ``forward`` has."""
    parameters = inspect.signature(network.forward).parameters
    return [name for name in names if name in parameters]


def checked_logits(logits: object, rows: int, num_classes: int, of: str) -> Tensor:
    """Return what a user's network gives, or raise unless it is one number for each row and class.

    Raises:
        WrongOutputError: it is something else.
    """
    if isinstance(logits, Tensor) and num_classes == 1 and logits.dim() == 1:
        logits = logits.unsqueeze(1)  # one number each
    found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if not isinstance(logits, Tensor) or found != (rows, num_classes):
        raise WrongOutputError(f"a model must return logits ({of}, classes), here {(rows, num_classes)}, got {found}")
    if not logits.is_floating_point():
        raise WrongOutputError(f"a model must return logits, real numbers with gradients, got {logits.dtype}")
    return logits


def check_trainable(name: str, logits: Tensor) -> None:
    """Raise ``WrongOutputError`` if the logits of a user's network, called with gradients, do not depend on weights."""
    if not logits.requires_grad:
        raise WrongOutputError(
            f"the model {name!r} cannot be trained: its logits do not depend on its weights; leave out detach() and "
            "no_grad() in forward, and give it parameters that require gradients"
        )


def _made(model: Callable[..., object], needs: str, given: object, num_classes: int) -> nn.Module:
    try:
        network = model(given, num_classes)
    except Exception as error:
        name = getattr(model, "__name__", repr(model))
        raise TypeError(
            f"the model {name} cannot be made with {needs}={given} and num_classes={num_classes}: {error}; "
            "pass a function of these two that returns a torch.nn.Module"
        ) from error
    if not isinstance(network, nn.Module):
        raise TypeError(f"a function among models must make a torch.nn.Module, got {type(network).__name__}")
    return network


def _fresh(network: nn.Module) -> nn.Module:
    """Return a copy of a network with weights drawn anew; the given one is not changed."""
    made = copy.deepcopy(network)
    for part in made.modules():
        if callable(reset := getattr(part, "reset_parameters", None)):
            reset()
    return made
