"""How many bytes synthetic nodes take, counted before they are made."""

from dataclasses import dataclass
from typing import ClassVar

from graphcond.nodes.task import NodeTask

FLOAT, INTEGER, FLAG = 4, 8, 1


@dataclass(frozen=True)
class NodeBytes:
    """The bytes of a condensed graph, as :data:`graphcond.nodes.format.NODE_FORMAT` counts them.

    Args:
        num_features: Features of a node.
        outputs: Classes, or labels or numbers of a node.
        classes: Whether nodes have classes.
    """

    EDGE: ClassVar[int] = 2 * INTEGER + FLOAT  # both ends and the weight
    num_features: int
    outputs: int
    classes: bool

    @classmethod
    def of(cls, task: NodeTask) -> "NodeBytes":
        """Return those of a task's nodes."""
        graph = task.train.graph
        return cls(graph.x.size(1), task.targets.outputs, graph.targets is None)

    def node(self, soft: bool) -> int:
        """Return the bytes of a node without edges: features, targets, weight, mask and, if asked, soft targets."""
        targets = INTEGER if self.classes else FLOAT * self.outputs
        return FLOAT * self.num_features + targets + FLOAT + FLAG + (FLOAT * self.outputs if soft else 0)

    def alone(self, soft: bool) -> int:
        """Return the bytes of a node that has no edge but the self-loop that it gets where a method makes no edges."""
        return self.node(soft) + self.EDGE

    def graph(self, nodes: int, edges: int, soft: bool) -> int:
        """Return the bytes of some nodes and edges."""
        return nodes * self.node(soft) + edges * self.EDGE
