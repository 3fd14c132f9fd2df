"""Real nodes with the relations among them, and how they are chosen."""

import numpy as np
import pytest
import torch
from torch import Tensor

from graphcond.hetero.methods import METHODS
from graphcond.hetero.methods.base import other_counts
from graphcond.hetero.methods.freehgc import _covering, _pagerank, _reached, _unlike
from graphcond.hetero.methods.selection import around, real_nodes
from graphcond.hetero.task import HeteroTask

ALLOCATION = torch.tensor([2, 2, 2])


def test_relations_are_those_among_the_chosen(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    graph, chosen = hetero_task.graph, torch.tensor([3, 40, 7])
    kept = around(graph, chosen)
    torch.manual_seed(0)
    made = real_nodes(hetero_task, [chosen])
    for relation, (source, target) in graph.edges.items():
        sources, targets = kept[relation[0]].tolist(), kept[relation[2]].tolist()
        expected = sorted(
            (sources.index(s), targets.index(t))
            for s, t in zip(source.tolist(), target.tolist(), strict=True)
            if s in sources and t in targets
        )
        assert sorted(map(tuple, made.edges[relation].T.tolist())) == expected
    for name, rows in kept.items():
        assert torch.equal(made.x[name], graph.x[name][rows])
    assert torch.equal(made.y, graph.y[chosen])


def test_other_types_have_the_same_share_and_are_neighbours(hetero_task: HeteroTask) -> None:
    graph, chosen = hetero_task.graph, torch.arange(6)
    counts = other_counts(graph, 6)
    assert counts == {"paper": 12, "venue": 1}  # a tenth, but one at least
    kept = around(graph, chosen)
    assert {name: len(rows) for name, rows in kept.items()} == {"author": 6, **counts}
    source, target = graph.edges["paper", "written_by", "author"]
    written = set(source[torch.isin(target, chosen)].tolist())
    assert set(kept["paper"].tolist()) <= written or written <= set(kept["paper"].tolist())


@pytest.mark.parametrize("name", ["random", "herding", "k_center", "freehgc"])
def test_a_control_takes_training_nodes_of_each_class(hetero_task: HeteroTask, name: str) -> None:
    torch.manual_seed(0)
    made = METHODS.quick(name).condense(hetero_task, ALLOCATION)
    assert torch.bincount(made.y).tolist() == [2, 2, 2]
    assert made.members is not None
    chosen = made.members.index
    assert torch.isin(chosen, hetero_task.train.nodes).all()
    assert torch.equal(made.x["author"], hetero_task.graph.x["author"][chosen])


def reached(task: HeteroTask, rows: Tensor) -> list[set[tuple[int, int]]]:
    """Return by brute force what authors reach: papers, authors by papers, venues by papers."""
    graph, found = task.graph, []
    papers: dict[int, set[int]] = {int(row): set() for row in rows}
    for s, t in graph.edges["paper", "written_by", "author"].T.tolist():
        if t in papers:
            papers[t].add(s)
    writers: dict[int, set[int]] = {}
    venues: dict[int, set[int]] = {}
    for s, t in graph.edges["author", "rev_written_by", "paper"].T.tolist():
        writers.setdefault(t, set()).add(s)
    for s, t in graph.edges["venue", "rev_published_in", "paper"].T.tolist():
        venues.setdefault(t, set()).add(s)
    for row in map(int, rows):
        mine = papers[row]
        found.append(
            {(0, paper) for paper in mine}
            | {(1, one) for paper in mine for one in writers[paper]}
            | {(2, one) for paper in mine for one in venues[paper]}
        )
    return found


def test_freehgc_covers_greedily(hetero_task: HeteroTask) -> None:
    rows = hetero_task.train.nodes[:12]
    sets = reached(hetero_task, rows)
    sizes = [len(set().union(*({b for a, b in one if a == kind} for one in sets))) for kind in range(3)]
    covered: set[tuple[int, int]] = set()
    expected: list[int] = []
    for _ in range(4):
        gains = [sum(1 / sizes[kind] for kind, _ in one - covered) for one in sets]
        best = max((i for i in range(12) if i not in expected), key=lambda i: (round(gains[i], 6), -i))
        expected.append(best)
        covered |= sets[best]
    found = _covering(_reached(hetero_task.graph, rows.numpy(), 2), 4, np.zeros(12))
    assert found.tolist() == expected


def test_jaccard_compares_meta_paths_to_the_same_type(hetero_task: HeteroTask) -> None:
    rows = hetero_task.train.nodes[:5].numpy()
    found = _reached(hetero_task.graph, rows, 3)
    assert {name: len(paths) for name, paths in found.items()} == {"paper": 3, "author": 1, "venue": 1}
    similar = np.zeros(5)
    papers = [[set(matrix[i].indices.tolist()) for i in range(5)] for matrix in found["paper"]]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        similar += [len(x & y) / len(x | y) for x, y in zip(papers[a], papers[b], strict=True)]
    assert np.allclose(_unlike(found, 5), 1 - similar / 3)


def test_a_pagerank_stays_where_it_starts_without_walks_and_adds_up(hetero_task: HeteroTask) -> None:
    graph, chosen = hetero_task.graph, torch.tensor([1, 5])
    ranks = _pagerank(graph, chosen, 0.15)
    assert float(ranks["paper"].sum() + ranks["author"].sum() + ranks["venue"].sum()) == pytest.approx(1, abs=0.02)
    source, target = graph.edges["paper", "written_by", "author"]
    mine = torch.unique(source[torch.isin(target, chosen)])
    assert ranks["paper"][mine].mean() > 3 * ranks["paper"].mean()
    none = {relation: edges[:, :0] for relation, edges in graph.edges.items()}
    weights = {relation: one[:0] for relation, one in graph.weights.items()}
    alone = type(graph)(graph.x, none, weights, "author", graph.y)
    assert float(_pagerank(alone, chosen, 0.15)["author"].sum()) == pytest.approx(0.15)
