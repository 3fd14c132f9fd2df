"""The methods: one file per paper or idea, looked up by name or passed as values."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from graphcond.core.experts import ExpertPlan
from graphcond.core.replay import Window
from graphcond.core.settings import built, by_name
from graphcond.core.training import Training
from graphcond.methods.auto import Auto
from graphcond.methods.base import NodeMethod, SyntheticNodes
from graphcond.methods.class_mean import ClassMean
from graphcond.methods.doscond import DosCond
from graphcond.methods.doscond_graphs import DosCondGraphs
from graphcond.methods.gc_sntk import GCSNTK
from graphcond.methods.gcdm import GCDM
from graphcond.methods.gcond import GCond
from graphcond.methods.geom import GEOM, Curriculum
from graphcond.methods.graph_base import GraphMethod, SyntheticGraphs
from graphcond.methods.graph_selection import HerdingGraphs, KCenterGraphs, RandomGraphs, RandomSoftGraphs
from graphcond.methods.herding import Herding
from graphcond.methods.histograms import Histograms
from graphcond.methods.images import list_image_methods
from graphcond.methods.k_center import KCenter
from graphcond.methods.mirage import Mirage
from graphcond.methods.random import Random, RandomPropagated
from graphcond.methods.random_soft import RandomSoft
from graphcond.methods.refinement import Refinement
from graphcond.methods.sfgc import SFGC
from graphcond.methods.structures import LearnedEdges, NoEdges
from graphcond.methods.wl_fold import WLFold
from graphcond.nodes.relay import GCN, SGC

CLASSES: tuple[type[NodeMethod], ...] = (
    Auto, ClassMean, DosCond, GCDM, GCSNTK, GCond, GEOM, Herding, KCenter, Random, RandomPropagated, RandomSoft, SFGC,
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
GRAPH_CLASSES: tuple[type[GraphMethod], ...] = (
    DosCondGraphs, HerdingGraphs, Histograms, KCenterGraphs, Mirage, RandomGraphs, RandomSoftGraphs, WLFold,
)  # fmt: skip
VALUES = by_name((Curriculum, ExpertPlan, GCN, LearnedEdges, NoEdges, Refinement, SGC, Training, Window))
"""What may be written as a setting of a method, such as ``gcond(structure=NoEdges())``."""
GRAPH_DEFAULT = Histograms
GRAPH_METHODS: dict[str, Callable[[], GraphMethod]] = {
    "auto": GRAPH_DEFAULT,
    **{method.name: method for method in GRAPH_CLASSES},
}


def list_methods(task: Literal["nodes", "graphs", "images"] = "nodes") -> dict[str, str]:
    """Return the name of every method for a kind of dataset, and the first line of its description."""
    if task == "graphs":
        lines = {method.name: _first_line(method) for method in GRAPH_CLASSES}
        return dict(sorted((lines | {"auto": f"The default: {GRAPH_DEFAULT.name}."}).items()))
    if task == "images":
        return list_image_methods()
    if task != "nodes":
        raise ValueError(f"task must be 'nodes', 'graphs' or 'images', got {task!r}")
    lines = {method.name: _first_line(method) for method in CLASSES}
    return dict(sorted((lines | {name: line for name, (_, line) in VARIANTS.items()}).items()))


def _first_line(method: type) -> str:
    return (method.__doc__ or "").strip().splitlines()[0]


def resolve_graph_method(method: object) -> GraphMethod:
    """Return the method for graphs of a text such as ``"mirage(depth=2)"``, or the given method itself.

    Raises:
        ValueError: there is no such method for graphs; the message names the nearest.
        TypeError: neither a name nor a method for graphs.
    """
    if isinstance(method, GraphMethod):
        return method
    if not isinstance(method, str):
        raise TypeError(
            f"method must be a name or a method for graphs such as Mirage(), got {type(method).__name__}"
        )  # fmt: skip
    return built(method, GRAPH_METHODS, VALUES, "method", " for graphs")


def resolve_method(method: object) -> NodeMethod:
    """Return the method of a text such as ``"gcond(inner_steps=10)"``, or the given method itself.

    Raises:
        ValueError: there is no method of that name; the message names the nearest.
        TypeError: neither a name nor a method.
    """
    if isinstance(method, NodeMethod):
        return method
    if not isinstance(method, str):
        raise TypeError(f"method must be a name or a method object such as Auto(), got {type(method).__name__}")
    return built(method, NODE_METHODS, VALUES, "method")


__all__ = [
    "GCDM",
    "GCSNTK",
    "GEOM",
    "NODE_METHODS",
    "SFGC",
    "Auto",
    "ClassMean",
    "Curriculum",
    "DosCond",
    "DosCondGraphs",
    "GCond",
    "GraphMethod",
    "Herding",
    "Histograms",
    "KCenter",
    "LearnedEdges",
    "Mirage",
    "NoEdges",
    "NodeMethod",
    "Random",
    "RandomPropagated",
    "RandomSoft",
    "SyntheticGraphs",
    "SyntheticNodes",
    "WLFold",
    "list_methods",
    "resolve_graph_method",
    "resolve_method",
]
