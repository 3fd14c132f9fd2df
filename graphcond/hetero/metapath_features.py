"""The features of meta-paths side by side: what networks without structure train on, and are applied to."""

from torch import Tensor

from graphcond.core.fields import positive_integer
from graphcond.hetero.metapaths import HOPS, blocks, concatenated
from graphcond.hetero.reading import read_hetero
from graphcond.hetero.task import HeteroTask


def metapath_features(
    dataset: object, hops: int = HOPS, *, features: object = None, node_type: str | None = None
) -> Tensor:
    """Return what meta-paths bring to the labelled nodes, side by side, ``(labelled nodes, columns)`` float32.

    ``condense(dataset, method="auto_x")`` gives rows of these columns: an MLP that is trained on them is applied to the
    rows of this matrix. A meta-path brings the mean of a type's features over the neighbours of one relation after the
    other, at most ``hops`` of them (:mod:`graphcond.hetero.metapaths` has the order).

    Args:
        dataset: The original, as :func:`graphcond.condense` takes it, or a task of it.
        hops: Relations of a meta-path at most.
        features: What is made for types without features, see :func:`graphcond.node_features`.
        node_type: The labelled type, where several have labels.

    Raises:
        TypeError: the dataset is no heterogeneous graph.
        ValueError: it has unusable values.
    """
    hops = positive_integer("hops", hops)
    for name, value in (("features", features), ("node_type", node_type)):
        if isinstance(dataset, HeteroTask) and value is not None:
            raise ValueError(
                f"{name}={value!r} is for a dataset, and this task was read already; read the dataset again"
            )
    task = dataset if isinstance(dataset, HeteroTask) else read_hetero(dataset, features=features, node_type=node_type)
    return concatenated(blocks(task.graph, hops))
