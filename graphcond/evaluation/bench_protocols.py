"""The protocols of each kind of dataset, and what the rows of a benchmark call them."""

import re
from typing import Any

from graphcond.graphs.evaluation.protocol import GRAPH_PROTOCOLS, GraphProtocol, resolve_graph_protocol
from graphcond.images.evaluation.protocol import IMAGE_PROTOCOLS, ImageProtocol, resolve_image_protocol
from graphcond.nodes.evaluation.protocol import PROTOCOLS, Protocol, resolve_protocol

AnyProtocol = Protocol | GraphProtocol | ImageProtocol
RESOLVERS: dict[str, Any] = {
    "nodes": resolve_protocol, "graphs": resolve_graph_protocol, "images": resolve_image_protocol,
}  # fmt: skip
NAMED: dict[str, Any] = {"nodes": PROTOCOLS, "graphs": GRAPH_PROTOCOLS, "images": IMAGE_PROTOCOLS}
IN_MEMORY = re.compile(r" at 0x[0-9a-fA-F]+")


def resolve_any_protocol(task: str, protocol: object) -> AnyProtocol:
    """Return the protocol of a name for one kind of dataset, or the given protocol itself.

    Args:
        task: What the dataset is of: ``"nodes"``, ``"graphs"`` or ``"images"``.
        protocol: A name or a protocol.

    Raises:
        TypeError: it is neither, or for another kind of dataset.
        ValueError: there is no protocol of that name.
    """
    found: AnyProtocol = RESOLVERS[task](protocol)
    return found


def protocol_text(task: str, protocol: object) -> str:
    """Return what rows call a protocol: its name where it is a known one, else its ``repr``, which has all settings.

    Raises:
        ValueError: its ``repr`` would be another one in the next process, as that of a function is.

    >>> protocol_text("nodes", PROTOCOLS["standard"]), protocol_text("nodes", Protocol(epochs=3))[:30]
    ('standard', "Protocol(name='custom', hidden")
    """
    found = resolve_any_protocol(task, protocol)
    if found == NAMED[task].get(found.name):
        return found.name
    if IN_MEMORY.search(text := repr(found)):
        raise ValueError(f"protocol must have settings that can be written down to tell rows apart, got {text}")
    return text
