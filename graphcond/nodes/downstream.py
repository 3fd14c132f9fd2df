r"""How the usual downstream networks read the validation nodes, and how well candidates train each of them.

A condensed set is trained on by networks that are not known yet. A GCN reads :math:`\hat A^2 X`, a GraphSAGE a node and
the mean of its neighbours apart, an MLP the features alone: what serves one of them may fail the others.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graphcond.core.sparse import from_rows, ragged
from graphcond.core.targets import Targets
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.quick_validation import (
    QUICK,
    Effort,
    NodeValidationOutcome,
    QuickValidation,
    ValidationView,
    varying_columns,
)
from graphcond.nodes.sparse import average, dense_rows
from graphcond.nodes.task import NodePart
from graphcond.synthetic.graph import normalize

NEIGHBOURS = 10  # of a node that GraphSAGE reads at most, drawn at random (Hamilton et al., NeurIPS 2017)
SAGE_ROWS = 6000  # nodes and neighbours that it reads in all
ROWS_AT_ONCE = 2048
NETWORKS = ("gcn", "sage", "mlp")


@dataclass(frozen=True, eq=False)
class CandidateNodes:
    """A condensed set that might be the result.

    Args:
        x: ``(n, num_features)``.
        y: ``(n,)`` int64 classes, or ``(n, outputs)`` other targets.
        edge_index: ``(2, num_edges)`` int64; ``None``: self-loops only.
        soft: What networks learn instead, ``(n, outputs)`` soft targets; ``None``: the targets.
    """

    x: Tensor
    y: Tensor
    edge_index: Tensor | None = None
    soft: Tensor | None = None


Outcomes = dict[str, NodeValidationOutcome]  # by network


class CandidateComparison(ABC):
    """Validation nodes by which outcomes of candidates are compared.

    Args:
        targets: What is predicted.
        labels: Targets of the nodes that each network is scored on, by its name; the first of those of the others.
    """

    targets: Targets
    labels: dict[str, Tensor]

    @abstractmethod
    def compare(self, candidates: Sequence[CandidateNodes], effort: Effort = QUICK) -> list[Outcomes]:
        """Return the outcome of each candidate for each network; all candidates have equally many nodes."""

    def learned(self, candidates: Sequence[CandidateNodes]) -> Tensor:
        """Return what networks learn of candidates, ``(candidates, n)`` classes or ``(candidates, n, outputs)``."""
        if all(one.soft is None for one in candidates):
            return torch.stack([one.y for one in candidates])
        return torch.stack([self.targets.softened(one.y) if one.soft is None else one.soft for one in candidates])

    def difference(self, first: Outcomes, second: Outcomes, network: str | None = None) -> tuple[float, float]:
        """Return by how much one candidate's mean score over networks is higher, and that difference's standard error.

        It is the smaller of two estimates: the mean of the networks' errors, as if they were the same error, and the
        error of the mean on the nodes on which all networks are scored.

        Args:
            first: Of one candidate.
            second: Of the other.
            network: Whose score alone is compared; ``None``: the mean.
        """
        if network is not None:
            gain = first[network].score - second[network].score
            mine, its = first[network].contributions, second[network].contributions
            return gain, self.targets.standard_error(mine, its, self.labels[network])
        gains = [first[network].score - second[network].score for network in self.labels]
        pairs = {network: (first[network].contributions, second[network].contributions) for network in self.labels}
        errors = [self.targets.standard_error(*pairs[network], labels) for network, labels in self.labels.items()]
        shared = min(self.labels.values(), key=len)
        one, other = (
            torch.stack([side[: len(shared)] for side in sides]).mean(dim=0)
            for sides in zip(*pairs.values(), strict=True)
        )
        joint = self.targets.standard_error(one, other, shared)
        return sum(gains) / len(gains), min(joint, sum(errors) / len(errors))

    def doubts(self, outcomes: Outcomes) -> tuple[str, ...]:
        """Return what speaks against a candidate of these outcomes, one sentence each."""
        best = max(self.labels, key=lambda network: outcomes[network].score)
        predicted = torch.stack([one.predicted for one in outcomes.values()]).any(dim=0)
        found = outcomes[best]
        return self.targets.doubts(found.score, found.contributions, predicted, self.labels[best], "nodes")


class Downstream(CandidateComparison):
    """The validation nodes as a GCN, a GraphSAGE and an MLP read them.

    Nodes without edges but self-loops train all three alike (a GraphSAGE's two weights then act as their sum), so one
    training is scored three times. With edges each network has a training of its own.

    Args:
        propagated: The graph of the validation nodes.
        nodes: The validation nodes, at least one.
        targets: What is predicted.
        effort: What a comparison may cost, as far as validation nodes go.

    Attributes:
        labels: By network, the targets of the nodes that it is scored on.
        targets: What is predicted.
    """

    def __init__(self, propagated: PropagatedFeatures, nodes: Tensor, targets: Targets, effort: Effort = QUICK) -> None:
        graph = propagated.graph
        nodes = nodes[torch.randperm(len(nodes))[: effort.validation_nodes].to(nodes.device)]
        self.targets = targets
        self._depth = propagated.depth
        part = NodePart(graph, nodes)
        y = part.learned
        hops = propagated.points(nodes)
        self._columns = varying_columns(hops.group_means(part.labels, targets.num_classes))  # where classes differ
        rows, mean, own = _neighbourhoods(propagated.adjacency, nodes)
        shown = len(own)
        near = self._means(propagated, rows)
        self._gcn = ValidationView(hops.dense() if self._columns is None else hops.columns(self._columns), y)
        self._mlp = ValidationView(self._rows(graph.x, nodes), y)
        features = self._rows(graph.x, rows)
        pick = _selection(own, len(rows))
        self.labels = {"gcn": y, "sage": y[:shown], "mlp": y}
        self._sage_alike = ValidationView((near + features) / 2, y[:shown], (average(mean, pick),))
        self._sage = ValidationView(torch.cat([near, features], dim=1), y[:shown], (mean, pick))

    def _shown(self, x: Tensor) -> Tensor:
        return x if self._columns is None else x[:, self._columns]

    def _rows(self, x: Tensor, rows: Tensor) -> Tensor:
        return torch.cat([dense_rows(x, part, self._columns) for part in torch.split(rows, ROWS_AT_ONCE)])

    def _means(self, propagated: PropagatedFeatures, rows: Tensor) -> Tensor:
        """Return the means of the neighbours of some nodes, at most ``NEIGHBOURS`` of each, 0 for none."""
        operator, columns = _sampled_mean(propagated.adjacency, rows)
        return operator @ self._rows(propagated.graph.x, columns)

    def compare(self, candidates: Sequence[CandidateNodes], effort: Effort = QUICK) -> list[Outcomes]:
        """See :class:`CandidateComparison`."""
        found: list[Outcomes] = [{} for _ in candidates]
        joined = [i for i, one in enumerate(candidates) if one.edge_index is not None]
        free = [i for i, one in enumerate(candidates) if one.edge_index is None]
        if free:
            views = (self._gcn, self._sage_alike, self._mlp)
            for i, outcomes in zip(free, self._run(views, [candidates[i] for i in free], effort), strict=True):
                found[i] = dict(zip(NETWORKS, outcomes, strict=True))
        if joined:
            for i, named in zip(joined, self._with_edges([candidates[i] for i in joined], effort), strict=True):
                found[i] = named
        return found

    def _run(
        self, views: Sequence[ValidationView], candidates: Sequence[CandidateNodes], effort: Effort,
        x: Tensor | None = None,
        operators: tuple[Tensor | None, ...] = (None,),
    ) -> list[list[NodeValidationOutcome]]:  # fmt: skip
        validation = QuickValidation(views, self.targets, effort, chosen=True)
        shown = torch.stack([self._shown(one.x) for one in candidates]) if x is None else x
        return validation.run(shown, self.learned(candidates), operators=operators)

    def _with_edges(self, candidates: Sequence[CandidateNodes], effort: Effort) -> list[Outcomes]:
        shown = torch.stack([self._shown(one.x) for one in candidates])
        joined = torch.stack([_dense(one) for one in candidates])
        hops = torch.stack([normalize(one) for one in joined])
        smooth = shown
        for _ in range(self._depth):
            smooth = hops @ smooth
        mean = joined / joined.sum(dim=2, keepdim=True).clamp(min=1)
        beside = torch.cat([mean @ shown, shown], dim=2)
        gcn = self._run((self._gcn,), candidates, effort, smooth)
        mlp = self._run((self._mlp,), candidates, effort, shown)
        sage = self._run((self._sage,), candidates, effort, beside, (mean, None))
        return [dict(zip(NETWORKS, (a[0], b[0], c[0]), strict=True)) for a, b, c in zip(gcn, sage, mlp, strict=True)]


def clearly_best(outcomes: Sequence[Outcomes], downstream: CandidateComparison, errors: float) -> int:
    """Return the number of the best candidate, or of the first unless it is beaten by that many standard errors."""
    best = max(range(len(outcomes)), key=lambda i: mean_score(outcomes[i]))
    gain, error = downstream.difference(outcomes[best], outcomes[0])
    return best if gain > errors * error else 0


def mean_score(outcomes: Outcomes) -> float:
    """Return the mean score over networks."""
    return sum(outcome.score for outcome in outcomes.values()) / len(outcomes)


def _neighbourhoods(adjacency: Tensor, nodes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what GraphSAGE's second layer reads of the first of some nodes.

    Returns:
        The ``(r,)`` nodes whose first layer it needs, ascending; the ``(m, r)`` sparse CSR operator of the mean over
        neighbours of the first ``m`` nodes, as many as ``SAGE_ROWS`` allow; the ``(m,)`` places of these nodes among
        the ``r``.
    """
    lengths = adjacency.crow_indices().diff()[nodes].clamp(max=NEIGHBOURS + 1)
    shown = nodes[: max(1, int((lengths.cumsum(0) <= SAGE_ROWS).sum()))]
    operator, columns = _sampled_mean(adjacency, shown, keep=shown)
    return columns, operator, torch.searchsorted(columns, shown)


def _sampled_mean(adjacency: Tensor, nodes: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the mean over at most ``NEIGHBOURS`` other nodes that send to each of some nodes, and who they are.

    Args:
        adjacency: ``(num_nodes, num_nodes)`` sparse CSR, rows are receivers.
        nodes: ``(m,)`` receivers.
        keep: Numbers of columns that stay in any case.

    Returns:
        The ``(m, c)`` sparse CSR operator, rows of zeros for nodes without neighbours, and its ``(c,)`` columns.
    """
    positions, pointers = ragged(adjacency.crow_indices().long(), nodes)
    senders = adjacency.col_indices()[positions].long()
    receivers = torch.repeat_interleave(pointers.diff())
    other = senders != nodes[receivers]
    senders, receivers = senders[other], receivers[other]
    order = torch.rand(len(senders)).to(senders.device).argsort()
    order = order[receivers[order].argsort(stable=True)]  # at random within each receiver
    senders, receivers = senders[order], receivers[order]
    degrees = torch.bincount(receivers, minlength=len(nodes))
    place = torch.arange(len(senders), device=senders.device) - (degrees.cumsum(0) - degrees)[receivers]
    few = place < NEIGHBOURS
    senders, receivers = senders[few], receivers[few]
    counts = torch.bincount(receivers, minlength=len(nodes))
    columns = torch.unique(senders if keep is None else torch.cat([senders, keep]))
    values = counts.clamp(min=1).to(adjacency.dtype).reciprocal()[receivers]
    crow = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return from_rows(crow, torch.searchsorted(columns, senders), values, len(columns)), columns


def _selection(places: Tensor, columns: int) -> Tensor:
    """Return the sparse CSR operator that picks some rows, ``(len(places), columns)``."""
    pointers = torch.arange(len(places) + 1, device=places.device)
    return from_rows(pointers, places, torch.ones(len(places), device=places.device), columns)


def _dense(candidate: CandidateNodes) -> Tensor:
    """Return the adjacency of a candidate without self-loops, rows are receivers, ``(n, n)``."""
    assert candidate.edge_index is not None
    source, target = candidate.edge_index
    matrix = candidate.x.new_zeros(len(candidate.x), len(candidate.x))
    matrix[target, source] = 1.0
    return matrix.fill_diagonal_(0.0)
