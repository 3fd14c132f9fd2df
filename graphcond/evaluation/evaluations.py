"""How each kind of dataset is evaluated, and what the rows of a benchmark call protocols."""

import re
from collections.abc import Sequence
from dataclasses import replace

import torch

from graphcond.core.evaluation.evaluation import Asked, Evaluation, resolve_protocol
from graphcond.core.evaluation.protocols import protocol_text
from graphcond.graphs.evaluation.value import GRAPH_EVALUATION
from graphcond.hetero.evaluation.value import HETERO_EVALUATION
from graphcond.images.evaluation.value import IMAGE_EVALUATION
from graphcond.nodes.evaluation.value import NODE_EVALUATION

OWN = {one.modality: one for one in (NODE_EVALUATION, HETERO_EVALUATION, GRAPH_EVALUATION, IMAGE_EVALUATION)}
IN_MEMORY = re.compile(r" at 0x[0-9a-fA-F]+")


def evaluation_of(modality: str) -> Evaluation:
    """Return how condensed data of a modality are evaluated."""
    if modality == "interactions":
        from recsys.evaluation.value import USER_EVALUATION  # it stands on this package

        return USER_EVALUATION
    return OWN[modality]


def check_asked(modality: str, models: Sequence[object] | None, protocol: object) -> None:
    """Raise if what a condensed dataset is to be evaluated by is unknown: to be told before it is made.

    Args:
        modality: What the dataset is of: ``"nodes"``, ``"hetero"``, ``"graphs"`` or ``"images"``.
        models: Downstream models; ``None``: the default.
        protocol: How they are trained.

    Raises:
        TypeError: a model or a protocol of the wrong type.
        ValueError: there is no model or protocol of a name, or no model was named.
    """
    Asked.of(evaluation_of(modality), models, protocol, False, seed=0, device=torch.device("cpu"))


def row_protocol(modality: str, protocol: object) -> str:
    """Return what rows call a protocol: its name where it is a known one, else all its settings.

    Neither tells its number of runs or its metric, for which rows have columns of their own.

    Raises:
        ValueError: its ``repr`` would be another one in the next process, as that of a function is.

    >>> row_protocol("nodes", "standard(runs=5)"), row_protocol("nodes", "standard(epochs=3)")[:32]
    ('standard', "Protocol(name='standard', hidden")
    """
    evaluation = evaluation_of(modality)
    found = replace(resolve_protocol(evaluation, protocol), metric=None)
    text, known = protocol_text(found), evaluation.protocols.known.get(found.name)
    if known is not None and text == protocol_text(known):
        name: str = found.name
        return name
    if IN_MEMORY.search(text):
        raise ValueError(f"protocol must have settings that can be written down to tell rows apart, got {text}")
    return text
