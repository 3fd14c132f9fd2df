r"""How downstream networks read the validation nodes, and how well candidates train each of them.

A network of two layers with a weight for each relation reads a labelled node, and neighbours of each relation with what
these neighbours' relations bring; an MLP on meta-paths reads the means themselves. Synthetic nodes have one neighbour
in each relation, which is the mean of a cluster's neighbours.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from graphcond.core.targets import Targets
from graphcond.hetero.metapaths import MetaPath, as_tensor, mean_operator
from graphcond.hetero.short_training import Branch, short_trainings
from graphcond.hetero.space import MetaPathSpace
from graphcond.hetero.task import EdgeType, HeteroPart
from graphcond.nodes.downstream import CandidateComparison, CandidateNodes, Outcomes
from graphcond.nodes.quick_validation import QUICK, Effort

SHOWN = 64  # columns of each type's features that the networks learn from
NODES = 2000  # validation nodes at most
NETWORKS = ("sage", "metapath_mlp")


class HeteroDownstream(CandidateComparison):
    """The validation nodes as a network with relations and an MLP on meta-paths read them.

    Candidates are rows of the space of :class:`MetaPathSpace`.

    Args:
        propagated: The graph.
        nodes: The validation nodes, at least one.
        targets: What is predicted.

    Attributes:
        nodes: The validation nodes that are read.
        view: These as the network with relations reads them.
    """

    def __init__(self, propagated: MetaPathSpace, nodes: Tensor, targets: Targets) -> None:
        self.targets = targets
        self._propagated = propagated
        self.nodes = nodes = nodes[torch.randperm(len(nodes))[:NODES].to(nodes.device)]
        y = HeteroPart(propagated.graph, nodes).learned
        self.labels = dict.fromkeys(NETWORKS, y)
        self._y = y
        self._branches = [path for path in propagated.paths if len(path) <= 1]
        own = propagated.parts(propagated.space[nodes])
        self.view = [self._original(path, own, nodes) for path in self._branches]
        self._mlp = [Branch(torch.cat([part[:, :SHOWN] for part in own.values()], dim=1))]

    def compare(self, candidates: Sequence[CandidateNodes], effort: Effort = QUICK) -> list[Outcomes]:
        """See :class:`CandidateComparison`."""
        rows = torch.stack([one.x for one in candidates])
        branches, mlp = self.branches(rows), [Branch(torch.cat(list(self._shown(rows).values()), dim=-1))]
        y = self.learned(candidates)
        found = []
        for synthetic, view in ((branches, self.view), (mlp, self._mlp)):
            found.append(short_trainings(synthetic, y, view, self._y, self.targets, effort))
        return [dict(zip(NETWORKS, outcomes, strict=True)) for outcomes in zip(*found, strict=True)]

    def branches(self, rows: Tensor) -> list[Branch]:
        """Return candidates, ``(candidates, n, columns)`` in the space, as the network with relations reads them."""
        shown = self._shown(rows)
        return [Branch(torch.cat([shown[path], *self._children(path, shown)], dim=-1)) for path in self._branches]

    def _shown(self, rows: Tensor) -> dict[MetaPath, Tensor]:
        parts = self._propagated.parts(rows.flatten(0, 1))
        return {path: part[:, :SHOWN].reshape(*rows.shape[:2], -1) for path, part in parts.items()}

    def _children(self, path: MetaPath, parts: dict[MetaPath, Tensor]) -> list[Tensor]:
        return [part for longer, part in parts.items() if len(longer) == len(path) + 1 and longer[: len(path)] == path]

    def _original(self, path: MetaPath, own: dict[MetaPath, Tensor], nodes: Tensor) -> Branch:
        """Return a branch of the validation nodes."""
        if not path:
            return Branch(torch.cat([part[:, :SHOWN] for part in (own[()], *self._children((), own))], dim=1))
        graph, (relation,) = self._propagated.graph, path
        matrix = mean_operator(graph, relation)[nodes.cpu().numpy()]
        neighbours = np.unique(matrix.indices)
        rows = torch.from_numpy(neighbours).long().to(nodes.device)
        further = [longer[1] for longer in self._propagated.paths if len(longer) == 2 and longer[0] == relation]
        shown = [self._reduced(relation[0])[rows], *(self._means(one, neighbours, nodes.device) for one in further)]
        return Branch(torch.cat(shown, dim=1), as_tensor(matrix[:, neighbours], nodes.device))

    def _reduced(self, node_type: str) -> Tensor:
        found: Tensor = self._propagated.reduced[node_type][:, :SHOWN]
        return found

    def _means(self, relation: EdgeType, rows: np.ndarray, device: torch.device) -> Tensor:
        return as_tensor(mean_operator(self._propagated.graph, relation)[rows], device) @ self._reduced(relation[0])
