"""A node dataset without features as a task that has some: those asked for, or the best on validation nodes."""

from dataclasses import replace

from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.propagated_features import Views
from graphcond.nodes.structural_features import (
    INDUCTIVE,
    Degrees,
    EdgeFactorization,
    EdgeFeatures,
    EdgeMeans,
    Eigenvectors,
    RandomProjections,
    StructuralFeatures,
    features_text,
    made_features,
    require_edges,
    resolve_features,
)
from graphcond.nodes.task import Graph, NodePart, NodeTask
from graphcond.nodes.teacher import choose_teacher, for_choosing

DEPTH = 2  # hops of the features that the teacher keeps
SPECTRAL_LIMIT = 5_000_000  # nodes and edges; eigenvectors of a larger graph take more than about a minute


def with_features(task: NodeTask, edges: EdgeFeatures | None, features: object = None) -> NodeTask:
    """Return a task with features that are made from its edges.

    Where they are not named, the closed-form teacher's score on validation nodes decides; without any, a fifth of the
    training nodes is held out for it (:func:`graphcond.nodes.teacher.with_validation`).

    Args:
        task: Its graphs' ``x`` is ``(num_nodes, 1)`` int64, the numbers of their nodes in the dataset.
        edges: Features of the dataset's edges, ``None`` where there are none.
        features: What is made, see :func:`graphcond.node_features`; ``None``: what is best.

    Raises:
        TypeError: ``features`` has the wrong type.
        ValueError: there is nothing of that name, there are no edges, or an inductive task cannot have such features.
    """
    require_edges(task.train.graph, ", and the training nodes' subgraph is condensed" if task.inductive else "")
    if features is not None:
        asked = resolve_features(features)
        _check_inductive(task, asked)
        return _noted(_made(task, edges, asked), asked, "as asked")
    first, *others = _candidates(task, edges)
    chosen, made = first, _made(task, edges, first)
    best = _score(made)
    for one in others:
        other = _made(task, edges, one)
        if (score := _score(other)) > best:
            chosen, made, best = one, other, score
    where = "validation nodes" if len(task.val.nodes) else "training nodes that were held out for it"
    return _noted(made, chosen, f"by a ridge regression's score of {best:.3f} on {where}")


def _candidates(task: NodeTask, edges: EdgeFeatures | None) -> list[StructuralFeatures]:
    """Return what is tried; where nothing can be compared, the first is taken."""
    graph = task.train.graph
    same_anywhere: list[StructuralFeatures] = [Degrees()] if edges is None else [EdgeMeans(), Degrees()]
    if task.inductive:
        return same_anywhere
    spectral: list[StructuralFeatures] = [EdgeFactorization(), Eigenvectors()]
    cheap = graph.num_nodes + graph.edge_index.size(1) <= SPECTRAL_LIMIT
    # Few hops are best where nodes have many neighbours, more where they have few.
    projections: list[StructuralFeatures] = [RandomProjections(), RandomProjections(hops=5)]
    return [*(spectral if cheap else []), *projections, *same_anywhere]


def _check_inductive(task: NodeTask, features: StructuralFeatures) -> None:
    if task.inductive and not features.inductive:
        raise ValueError(
            f"features={features_text(features)!r} mean something else on each graph, and with inductive=True each "
            f"part has its own; ask for one of {', '.join(INDUCTIVE)}, or leave inductive out"
        )


def _made(task: NodeTask, edges: EdgeFeatures | None, features: StructuralFeatures) -> NodeTask:
    train = _with_x(task.train.graph, edges, features)
    parts = {
        name: NodePart(_with_x(part.graph, edges, features) if task.inductive else train, part.nodes)
        for name, part in (("val", task.val), ("test", task.test))
    }
    return replace(task, train=NodePart(train, task.train.nodes), **parts)  # type: ignore[arg-type]


def _with_x(graph: Graph, edges: EdgeFeatures | None, features: StructuralFeatures) -> Graph:
    """Return a graph with features in place of the numbers of its nodes."""
    among = edges
    if edges is not None and isinstance(features, EdgeMeans):
        among = edges.among(graph.x.flatten())
    return replace(graph, x=made_features(graph, among, features))


def _score(task: NodeTask) -> float:
    with seeded(0):
        return choose_teacher(*for_choosing(task, Views.of(task, DEPTH))).score


def _noted(task: NodeTask, features: StructuralFeatures, why: str) -> NodeTask:
    text = features_text(features)
    note = (
        f"The nodes have no features; {text} were made from the edges, {why} "
        f"(graphcond.node_features(data, {text!r}) makes the same)."
    )
    return replace(task, features=text, notes=(*task.notes, note))
