"""Which modality a dataset is of: the one place that asks."""

import scipy.sparse

from graphcond.images.reading import is_image_dataset
from graphcond.pyg.containers import is_graph_dataset


def modality_of(dataset: object) -> str:
    """Return ``"interactions"``, ``"images"``, ``"graphs"`` or, of anything else, ``"nodes"``, whose reader says more.

    >>> modality_of(scipy.sparse.eye(3, format="csr"))
    'interactions'
    """
    if scipy.sparse.issparse(dataset):
        return "interactions"
    if is_image_dataset(dataset):
        return "images"
    return "graphs" if is_graph_dataset(dataset) else "nodes"
