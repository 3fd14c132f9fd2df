"""What ``auto`` chooses from: placements of clusters, the controls, and clusters with the edges between them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.selection import farthest_first, herd
from graphcond.core.targets import Targets
from graphcond.nodes.byte_budget import NodeBytes
from graphcond.nodes.downstream import CandidateComparison, CandidateNodes, Outcomes, clearly_best, mean_score
from graphcond.nodes.methods.base import SyntheticNodes, class_rows, real_nodes
from graphcond.nodes.placement import Clusters, Placement, Places, recentred
from graphcond.nodes.quick_validation import Effort
from graphcond.nodes.sparse import mean_row
from graphcond.nodes.task import NodeTask

PLACEMENTS: Mapping[str, Placement] = {
    "spread 0.75": Placement(spread=0.75),  # the default: another one has to be clearly better
    "spread 1": Placement(spread=1.0),
    "spread 2": Placement(spread=2.0),
    "spread 4": Placement(spread=4.0),
    "spread 8": Placement(spread=8.0),
    "cluster means": Placement(spread=None, residual=1.0),
    "labelled means": Placement(spread=None, labelled=True, residual=1.0),
    "class means": Placement(spread=None, labelled=True, residual=0.0),
}
DEFAULT = next(iter(PLACEMENTS))
CANDIDATES = (*PLACEMENTS, "random_soft", "cluster graph", "random", "herding", "k_center")
SCREENING = Effort(length=0.3, networks=1)
FINAL = Effort(length=2, drop=True)
FINALISTS = 3  # candidates besides the default that a screening leaves
STANDARD_ERRORS = 3.0  # by which a candidate has to be better than the default (benchmarks/choice.py)
LABELS = Effort(networks=1)  # soft labels of the same nodes differ by less than networks do
SOFTNESS = (1.0, 0.5, 0.1)  # shares of the teacher's probabilities in soft labels; the rest is the class itself
TITLES = {"gcn": "A GCN", "sage": "A GraphSAGE", "mlp": "An MLP", "metapath_mlp": "An MLP on meta-paths"}
EDGED_NODES = 1000  # nodes of sets with edges at most, for networks are trained on them with dense adjacencies
EDGED_EDGES = 5_000_000  # edges of originals at most from which sets with edges are taken
CLASS_ROWS = 1000  # training nodes of a class among which herding and k-center choose
DEGREE = 10  # edges into a cluster at most

RowsOf = Callable[[Tensor], Tensor]
"""Returns the propagated features of some nodes, ``(m, num_features)``."""

Offers = dict[str, SyntheticNodes]
"""Candidates by name, the default first."""


def placed(places: Places, placement: Placement, targets: Targets) -> SyntheticNodes:
    """Return the nodes of a placement."""
    clusters = places.clusters
    y = targets.made(clusters.y, clusters.posteriors)
    return SyntheticNodes(x=places.at(placement), y=y, y_soft=clusters.posteriors, members=_members(clusters.rows))


def offers(
    task: NodeTask, places: Places, probabilities: Tensor, groups: list[Tensor], rows_of: RowsOf, counts: Tensor
) -> Offers:
    """Return the candidates of a size.

    Args:
        task: The task.
        places: Clusters and class anchors.
        probabilities: The teacher's soft targets, ``(num_nodes, outputs)``.
        groups: The nodes of each class, whether labelled or presumed.
        rows_of: The propagated features of some nodes.
        counts: Nodes of each class, ``(num_classes,)`` int64.
    """
    found = {name: placed(places, placement, task.targets) for name, placement in PLACEMENTS.items()}
    rows = torch.cat([drawn(r, n) for r, n in zip(groups, counts.tolist(), strict=True)])
    soft = probabilities[rows]
    found["random_soft"] = SyntheticNodes(
        x=rows_of(rows),
        y=task.targets.made(places.clusters.y, soft),
        y_soft=soft,
        members=_members(rows.reshape(-1, 1)),
    )
    if len(rows) <= EDGED_NODES and task.train.graph.edge_index.size(1) <= EDGED_EDGES:
        found["cluster graph"] = cluster_graph(task, places.clusters)
        if bool((counts.cpu() <= task.class_counts.cpu()).all()):
            found |= _selections(task, rows_of, counts)
    return found


def _members(groups: Iterable[Tensor]) -> Members:
    return Members.from_groups([rows.cpu() for rows in groups])


def drawn(rows: Tensor, count: int) -> Tensor:
    """Return some of the rows, drawn without replacement; all of them where they are fewer."""
    return rows[torch.randperm(len(rows))[:count].to(rows.device)]


def _selections(task: NodeTask, rows_of: RowsOf, counts: Tensor) -> Offers:
    """Return real training nodes with the edges among them, chosen as the controls choose."""
    groups = [drawn(class_rows(task, label), max(CLASS_ROWS, count)) for label, count in enumerate(counts.tolist())]
    sized = list(zip(groups, counts.tolist(), strict=True))
    picks = {
        "random": [rows[:count] for rows, count in sized],
        "herding": [rows[herd(rows_of(rows), count)] for rows, count in sized],
        "k_center": [rows[farthest_first(rows_of(rows), count)] for rows, count in sized],
    }
    return {name: real_nodes(task, chosen) for name, chosen in picks.items()}


def within(found: Offers, max_bytes: int, unit: NodeBytes) -> Offers:
    """Return the candidates that take no more than some bytes, soft labels included."""

    def taken(nodes: SyntheticNodes) -> int:
        count = len(nodes.x)
        return unit.graph(count, count if nodes.edge_index is None else nodes.edge_index.size(1), soft=True)

    return {name: nodes for name, nodes in found.items() if taken(nodes) <= max_bytes}


def cluster_graph(task: NodeTask, clusters: Clusters) -> SyntheticNodes:
    r"""Return the mean features of clusters, joined where the original has more edges between them than by chance.

    With :math:`W = P^\top A P` the edges between clusters, cluster :math:`j` sends to :math:`i` if
    :math:`W_{ij} / (W_{i\cdot} W_{\cdot j})` is among the largest of row :math:`i`: as many as nodes of the original
    have neighbours on average, ``DEGREE`` at most. Edges have no weights, for most networks ignore them.
    """
    graph, count = task.train.graph, len(clusters.y)
    sizes = torch.tensor([len(rows) for rows in clusters.rows], device=graph.x.device)
    members = torch.cat(clusters.rows)
    owner = graph.y.new_full((graph.num_nodes,), count)  # one more for nodes outside all clusters
    owner[members] = torch.repeat_interleave(sizes)
    source, target = owner[graph.edge_index]
    between = torch.bincount(target * (count + 1) + source, graph.edge_weight, (count + 1) ** 2)
    # Of no edges they are integers.
    between = between.to(graph.edge_weight).view(count + 1, count + 1)[:count, :count]
    chance = between.sum(dim=1, keepdim=True) * between.sum(dim=0, keepdim=True)
    lift = (between / chance.clamp(min=torch.finfo(between.dtype).tiny)).fill_diagonal_(0.0)
    degree = min(max(1, round(graph.edge_index.size(1) / graph.num_nodes)), DEGREE, count - 1)
    best = lift.topk(degree, dim=1)
    joined = best.values > 0
    target = torch.arange(count, device=joined.device).unsqueeze(1).expand_as(joined)[joined]
    means = torch.stack([mean_row(graph.x, rows) for rows in clusters.rows])
    return SyntheticNodes(
        x=recentred(means, clusters),
        y=task.targets.made(clusters.y, clusters.posteriors),
        edge_index=torch.stack([best.indices[joined], target]),
        y_soft=clusters.posteriors,
        members=_members(clusters.rows),
    )


class Choice(NamedTuple):
    """Which candidate is taken, and why.

    Args:
        taken: Its name.
        outcomes: Of all candidates; of those that a screening dropped, in that screening.
        notes: For which network another one is clearly better, one sentence each.
    """

    taken: str
    outcomes: dict[str, Outcomes]
    notes: tuple[str, ...] = ()


def choose(found: Offers, downstream: CandidateComparison, final: Effort = FINAL) -> Choice:
    """Return the best candidate by the mean of all networks, or the default unless one is clearly better.

    A short screening with one network leaves a few of them, which have longer trainings of two.

    Args:
        found: The candidates.
        downstream: The validation nodes.
        final: What the longer trainings cost.
    """
    screened = compared(found, downstream, SCREENING)
    default = next(iter(found))
    ranked = sorted(screened, key=lambda name: -mean_score(screened[name]))[:FINALISTS]
    finalists = compared({name: found[name] for name in dict.fromkeys([default, *ranked])}, downstream, final)
    taken = list(finalists)[clearly_best(list(finalists.values()), downstream, STANDARD_ERRORS)]
    return Choice(taken, screened | finalists, tuple(_better_for_one(finalists, taken, downstream)))


def _better_for_one(finalists: dict[str, Outcomes], taken: str, downstream: CandidateComparison) -> Iterator[str]:
    """Yield a sentence for each network that another candidate than the one taken trains clearly better."""
    for network in downstream.labels:
        best = max(finalists, key=lambda name: finalists[name][network].score)
        gain, error = downstream.difference(finalists[best], finalists[taken], network)
        if gain > STANDARD_ERRORS * error:
            mine, other = (downstream.targets.shown(finalists[name][network].score) for name in (taken, best))
            yield (
                f"{TITLES[network]} does better on the candidate {best!r} than on {taken!r} ({other} against {mine} on "
                f'validation nodes), which is better for all; "auto(candidate={best!r})" gives it'
            )


def compared(found: Offers, downstream: CandidateComparison, effort: Effort) -> dict[str, Outcomes]:
    """Return the outcomes of candidates by name."""
    candidates = [CandidateNodes(nodes.x, nodes.y, nodes.edge_index) for nodes in found.values()]
    return dict(zip(found, downstream.compare(candidates, effort), strict=True))


def with_soft_labels(
    nodes: SyntheticNodes, downstream: CandidateComparison, targets: Targets, effort: Effort = LABELS
) -> tuple[SyntheticNodes, float | None]:
    """Return nodes with the soft labels on which networks do best, and the share of the teacher in them, if any.

    Probabilities are balanced first, as logits that weight decay shrinks follow the mean of the labels. Where networks
    learn worse from them than from classes, they are mixed with the classes.

    Args:
        nodes: The nodes.
        downstream: The validation nodes.
        targets: What is learned.
        effort: What the trainings cost.
    """
    if nodes.y_soft is None:
        return nodes, None
    soft = targets.balanced(nodes.y_soft, nodes.y)
    hard = targets.softened(nodes.y).to(soft)
    mixed = [share * soft + (1 - share) * hard for share in SOFTNESS]
    candidates = [CandidateNodes(nodes.x, nodes.y, nodes.edge_index, one) for one in mixed]
    outcomes = downstream.compare(candidates, effort)
    best = max(range(len(mixed)), key=lambda i: mean_score(outcomes[i]))
    return replace(nodes, y_soft=mixed[best]), SOFTNESS[best]


def scores_of(outcomes: Outcomes) -> dict[str, float]:
    """Return the validation scores of a candidate for the record."""
    return {name: round(one.score, 4) for name, one in outcomes.items()} | {"mean": round(mean_score(outcomes), 4)}
