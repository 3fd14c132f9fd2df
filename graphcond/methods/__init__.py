"""The methods: one file per paper or idea, looked up by name or passed as values."""

import difflib
from collections.abc import Callable
from functools import partial

from graphcond.methods.auto import Auto
from graphcond.methods.base import NodeMethod, SyntheticNodes
from graphcond.methods.class_mean import ClassMean
from graphcond.methods.doscond import DosCond
from graphcond.methods.gcdm import GCDM
from graphcond.methods.gcond import GCond
from graphcond.methods.herding import Herding
from graphcond.methods.k_center import KCenter
from graphcond.methods.random import Random, RandomPropagated
from graphcond.methods.random_soft import RandomSoft
from graphcond.methods.structures import LearnedEdges, NoEdges

CLASSES: tuple[type[NodeMethod], ...] = (
    Auto, ClassMean, DosCond, GCDM, GCond, Herding, KCenter, Random, RandomPropagated, RandomSoft,
)  # fmt: skip
VARIANTS: dict[str, tuple[Callable[[], NodeMethod], str]] = {
    "doscond_x": (partial(DosCond, structure=NoEdges()), "DosCond without edges."),
    "gcdm_x": (partial(GCDM, structure=NoEdges()), "GCDM without edges."),
    "gcond_x": (partial(GCond, structure=NoEdges(), features_rate=1e-5), "GCond without edges, at a smaller rate."),
}
NODE_METHODS: dict[str, Callable[[], NodeMethod]] = {
    **{method.name: method for method in CLASSES},
    **{name: make for name, (make, _) in VARIANTS.items()},
}


def list_methods() -> dict[str, str]:
    """Return the name of every method and the first line of its description."""
    lines = {method.name: (method.__doc__ or "").strip().splitlines()[0] for method in CLASSES}
    return dict(sorted((lines | {name: line for name, (_, line) in VARIANTS.items()}).items()))


def resolve_method(method: str | NodeMethod) -> NodeMethod:
    """Return the method of a name with its default settings, or the given method itself.

    Raises:
        ValueError: there is no method of that name; the message names the nearest.
        TypeError: neither a name nor a method.
    """
    if isinstance(method, NodeMethod):
        return method
    if not isinstance(method, str):
        raise TypeError(f"method must be a name or a method object such as Auto(), got {type(method).__name__}")
    if method not in NODE_METHODS:
        near = difflib.get_close_matches(method, NODE_METHODS, n=1, cutoff=0.0)
        raise ValueError(f"there is no method {method!r}; did you mean {near[0]!r}? (all: {', '.join(NODE_METHODS)})")
    return NODE_METHODS[method]()


__all__ = [
    "GCDM",
    "NODE_METHODS",
    "Auto",
    "ClassMean",
    "DosCond",
    "GCond",
    "Herding",
    "KCenter",
    "LearnedEdges",
    "NoEdges",
    "NodeMethod",
    "Random",
    "RandomPropagated",
    "RandomSoft",
    "SyntheticNodes",
    "list_methods",
    "resolve_method",
]
