"""How auto chooses among candidates, and what the clusters with edges are."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from graphcond.core.targets import SingleLabel
from graphcond.nodes.methods.base import SyntheticNodes
from graphcond.nodes.methods.candidates import FINALISTS, STANDARD_ERRORS, choose, cluster_graph
from graphcond.nodes.placement import Clusters
from graphcond.nodes.quick_validation import Effort, NodeValidationOutcome
from graphcond.nodes.task import Graph, NodePart, NodeTask

NETWORKS = ("gcn", "sage", "mlp")


class Told:
    """Stands in for the validation nodes: candidates score what their only feature says."""

    def __init__(self, error: float) -> None:
        self.error = error
        self.asked: list[list[float]] = []

    def compare(self, candidates: list, effort: Effort) -> list:
        values = [float(one.x) for one in candidates]
        self.asked.append(values)
        return [dict.fromkeys(NETWORKS, NodeValidationOutcome(value, torch.ones(1), torch.ones(1))) for value in values]

    labels, targets = dict.fromkeys(NETWORKS), SingleLabel(2)

    def difference(self, first: dict, second: dict, network: str | None = None) -> tuple[float, float]:
        return first["gcn"].score - second["gcn"].score, self.error


def nodes(score: float) -> SyntheticNodes:
    return SyntheticNodes(x=torch.tensor([[score]]), y=torch.zeros(1, dtype=torch.int64))


@pytest.mark.parametrize(("errors", "taken"), [(STANDARD_ERRORS - 0.1, "default"), (STANDARD_ERRORS + 0.1, "better")])
def test_the_default_stays_unless_another_is_clearly_better(errors: float, taken: str) -> None:
    found = {"default": nodes(0.8), "worse": nodes(0.7), "better": nodes(0.9)}
    assert choose(found, Told(error=0.1 / errors)).taken == taken  # type: ignore[arg-type]


def test_a_screening_leaves_the_default_and_the_best() -> None:
    found = {"default": nodes(0.1), **{f"{i}": nodes(0.2 + i / 20) for i in range(FINALISTS + 3)}}
    reported = Told(error=0.01)
    taken, outcomes, notes = choose(found, reported)  # type: ignore[arg-type]
    assert [len(values) for values in reported.asked] == [len(found), FINALISTS + 1]
    assert reported.asked[1][0] == pytest.approx(0.1)
    assert taken == f"{FINALISTS + 2}"
    assert set(outcomes) == set(found)
    assert notes == ()


def test_a_network_that_does_better_on_another_candidate_is_reported() -> None:
    class OneSided(Told):
        def difference(self, first: dict, second: dict, network: str | None = None) -> tuple[float, float]:
            return (0.1, 0.01) if network == "sage" else (0.0, 0.01)

    found = {"default": nodes(0.8), "cluster graph": nodes(0.85)}
    choice = choose(found, OneSided(0.01))  # type: ignore[arg-type]
    assert choice.taken == "default"
    (note,) = choice.notes
    assert note.startswith("A GraphSAGE does better on the candidate 'cluster graph' than on 'default'")
    assert "auto(candidate='cluster graph')" in note


def four_clusters(edges: list[tuple[int, int]]) -> tuple[NodeTask, Clusters]:
    """Return eight nodes in four clusters of two, of two classes."""
    edge_index = torch.tensor([*edges, *[(b, a) for a, b in edges]]).T
    x = torch.arange(8.0).unsqueeze(1)
    graph = Graph(x, edge_index, torch.ones(edge_index.size(1)), torch.arange(8) // 4, undirected=True)
    split = NodePart(graph, torch.arange(8))
    rows = list(torch.arange(8).split(2))
    ones = torch.full((4,), 2.0)
    means = torch.stack([x[part].mean(dim=0) for part in rows])
    y = torch.tensor([0, 0, 1, 1])
    return NodeTask(split, split, split, SingleLabel(2)), Clusters(y, means, means, ones, ones, torch.eye(2)[y], rows)


def linked(result: SyntheticNodes) -> set[tuple[int, ...]]:
    assert isinstance(result.edge_index, Tensor)
    return {tuple(pair) for pair in result.edge_index.T.tolist()}


def test_clusters_are_joined_where_the_original_has_edges_between_them() -> None:
    # Edges run between clusters 0 and 2, and between 1 and 3; those within cluster 0 are no edge of the result.
    result = cluster_graph(*four_clusters([(0, 4), (1, 5), (2, 6), (3, 7), (0, 1)]))
    assert linked(result) == {(0, 2), (2, 0), (1, 3), (3, 1)}
    assert result.x.flatten().tolist() == [0.5, 2.5, 4.5, 6.5]
    assert result.members is not None
    assert [part.tolist() for part in result.members] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_more_edges_than_by_chance_count_not_more_edges() -> None:
    # Cluster 0 has edges to all others; cluster 3 sends it one of its two, cluster 2 one of its six.
    edges = [(0, 4), (0, 6), (2, 6), (2, 4), (3, 4), (2, 5), (3, 5), (1, 5)]
    assert (3, 0) in linked(cluster_graph(*four_clusters(edges)))


def test_classes_stay_where_they_are_though_clusters_differ_in_size() -> None:
    task, clusters = four_clusters([(0, 4), (2, 6)])
    rows = [torch.tensor([0]), torch.tensor([1, 2, 3]), torch.tensor([4]), torch.tensor([5, 6, 7])]
    uneven = replace(clusters, rows=rows, sizes=torch.tensor([1.0, 3.0, 1.0, 3.0]))
    result = cluster_graph(task, uneven)
    for label in range(2):
        assert result.x[clusters.y == label].mean() == pytest.approx(float(task.train.graph.x[4 * label :][:4].mean()))
