"""What there is of datasets and models, a line each. Nothing here imports torch: a list comes at once."""

from importlib import import_module

MODEL_LINES = {
    "nodes": "graphcond.nodes.evaluation.model_lines",
    "hetero": "graphcond.hetero.evaluation.model_lines",
    "graphs": "graphcond.graphs.evaluation.model_lines",
    "images": "graphcond.images.evaluation.model_lines",
    "interactions": "recsys.evaluation.model_lines",
}


def list_models(modality: str = "nodes") -> dict[str, str]:
    """Return the name of every downstream model for a kind of dataset, and what it is.

    :func:`graphcond.evaluate` takes these names as ``models=``, and networks of your own besides.

    Args:
        modality: ``"nodes"``, ``"hetero"``, ``"graphs"``, ``"images"`` or ``"interactions"``.

    Raises:
        ValueError: there is no such kind.

    >>> list(list_models("graphs"))
    ['gcn', 'gin', 'gat', 'gine', 'sage']
    """
    _check_modality(modality)
    return dict(import_module(MODEL_LINES[modality]).LINES)


def list_datasets(modality: str | None = None) -> dict[str, str]:
    """Return the name of every dataset that :func:`graphcond.datasets.load` knows, and what it is.

    :func:`graphcond.datasets.list_datasets` returns all that is known of each. Interactions have none: they are read
    from your files (:func:`recsys.read_interactions`, :func:`recsys.read_archive`).

    Args:
        modality: ``"nodes"``, ``"hetero"``, ``"graphs"``, ``"images"`` or ``"interactions"``; ``None``: all of them.

    Raises:
        ValueError: there is no such kind.

    >>> list(list_datasets("nodes"))[:3]
    ['citeseer', 'digits', 'cora']
    """
    from graphcond.datasets.catalogue import list_datasets as entries

    if modality is not None:
        _check_modality(modality)
    return {one.name: one.description for one in entries() if modality in (None, one.task)}


def _check_modality(modality: object) -> None:
    if not isinstance(modality, str) or modality not in MODEL_LINES:
        raise ValueError(f"modality must be one of {', '.join(MODEL_LINES)}, got {modality!r}")
