"""Which modality a dataset is of: the one place that asks."""

import sys

import scipy.sparse

from graphcond.core.modality import Modality
from graphcond.graphs.modality import GRAPHS
from graphcond.hetero.modality import HETERO
from graphcond.images.modality import IMAGES
from graphcond.nodes.modality import NODES

OWN = (NODES, HETERO, GRAPHS, IMAGES)
NAMES = (*(one.name for one in OWN), "interactions")


def modality_of(dataset: object) -> Modality:
    """Return the modality of a dataset or a task; of anything unknown that of nodes, whose reader says more.

    >>> modality_of(scipy.sparse.eye(3, format="csr")).name
    'interactions'
    """
    for one in OWN:
        if isinstance(dataset, one.task):
            return one
    # Other interactions are of classes of recsys, which somebody has imported then.
    if scipy.sparse.issparse(dataset) or "recsys" in sys.modules:
        interactions = named_modality("interactions")
        if interactions.accepts(dataset):
            return interactions
    return next(one for one in (IMAGES, HETERO, GRAPHS, NODES) if one.accepts(dataset))


def named_modality(name: object) -> Modality:
    """Return the modality of a name.

    Raises:
        ValueError: there is none of that name.
    """
    if name == "interactions":
        from recsys.modality import INTERACTIONS  # it stands on this package

        return INTERACTIONS
    found = {one.name: one for one in OWN}
    if not isinstance(name, str) or name not in found:
        raise ValueError(f"modality must be one of {', '.join(NAMES)}, got {name!r}")
    return found[name]
