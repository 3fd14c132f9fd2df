"""Small graphs of clusters: what they are by definition, and what a network reads of them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch_geometric.data import HeteroData
from torch_geometric.nn import SAGEConv

import graphcond
from graphcond.core.members import Members
from graphcond.hetero.layout import neighbourhoods
from graphcond.hetero.metapaths import blocks, metapaths, start_of
from graphcond.hetero.task import EdgeType, HeteroGraph, HeteroTask


def groups(task: HeteroTask) -> Members:
    return Members.from_groups([(task.graph.y == label).nonzero().flatten() for label in range(3)])


def graph_of(x: dict[str, Tensor], edges: dict[EdgeType, Tensor]) -> HeteroGraph:
    weights = {relation: torch.ones(ends.size(1)) for relation, ends in edges.items()}
    return HeteroGraph(x, edges, weights, "author", torch.zeros(len(x["author"]), dtype=torch.int64))


def test_meta_paths_bring_to_clusters_what_they_bring_to_members(hetero_task: HeteroTask) -> None:
    """The blocks of the small graph are the means of the original's, for every meta-path."""
    graph, members = hetero_task.graph, groups(hetero_task)
    made = neighbourhoods(graph, members, {})
    small = blocks(graph_of(made.x, made.edges))
    for path, whole in blocks(graph).items():
        expected = torch.stack([whole[rows].mean(dim=0) for rows in members])
        assert torch.allclose(small[path][:3], expected, atol=1e-5), path


def test_what_moves_a_meta_path_moves_what_it_brings(hetero_task: HeteroTask) -> None:
    graph, members = hetero_task.graph, groups(hetero_task)
    generator = torch.Generator().manual_seed(0)
    widths = {path: graph.x[start_of(path, "author")].size(1) for path in metapaths(graph.edges, "author")}
    moved = {path: torch.randn(3, width, generator=generator) for path, width in widths.items()}
    before, after = (neighbourhoods(graph, members, one) for one in ({}, moved))
    first, second = (blocks(graph_of(one.x, one.edges)) for one in (before, after))
    for path, change in moved.items():
        assert torch.allclose(second[path][:3] - first[path][:3], change, atol=1e-4), path


def test_each_node_has_one_neighbour_in_a_relation(hetero_task: HeteroTask) -> None:
    made = neighbourhoods(hetero_task.graph, groups(hetero_task), {})
    assert {name: len(x) for name, x in made.x.items()} == {"author": 6, "paper": 3, "venue": 3}
    for ends in made.edges.values():
        assert len(ends[1].unique()) == ends.size(1)
    # Authors by papers of authors: the second three; nothing is sent to them.
    assert made.edges["author", "rev_written_by", "paper"].tolist() == [[3, 4, 5], [0, 1, 2]]
    assert made.edges["paper", "published_in", "venue"].size(1) == 0


def test_a_linear_network_gives_the_mean_over_members(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    graph, members = hetero_task.graph, groups(hetero_task)
    made = neighbourhoods(graph, members, {})
    widths = {name: value.size(1) for name, value in graph.x.items()}
    first = {kind: SAGEConv((widths[kind[0]], widths["paper"]), 7) for kind in graph.edges if kind[2] == "paper"}
    second = SAGEConv((7, widths["author"]), 2)
    by = ("paper", "written_by", "author")

    def read(x: dict[str, Tensor], edges: dict) -> Tensor:  # type: ignore[type-arg]
        papers = sum(conv((x[kind[0]], x["paper"]), edges[kind]) for kind, conv in first.items())
        found: Tensor = second((papers, x["author"]), edges[by])
        return found

    whole = read(dict(graph.x), dict(graph.edges))
    expected = torch.stack([whole[rows].mean(dim=0) for rows in members])
    assert torch.allclose(read(made.x, made.edges)[:3], expected, atol=1e-4)


def test_a_type_has_no_more_nodes_than_in_the_original(hetero_task: HeteroTask) -> None:
    graph = hetero_task.graph
    single = Members.from_groups(list(torch.arange(12).reshape(-1, 1)))
    made = neighbourhoods(graph, single, {})
    assert len(made.x["venue"]) == 5
    source, target = made.edges["venue", "rev_published_in", "paper"]
    assert len(target.unique()) == 12
    assert int(source.max()) < 5


def test_types_beyond_the_meta_paths_are_reached_too(hetero_task: HeteroTask) -> None:
    graph = hetero_task.graph
    ends = torch.stack([torch.arange(4), torch.arange(4)])
    kind = ("town", "hosts", "venue")
    further = HeteroGraph(
        {**graph.x, "town": torch.randn(4, 2), "moon": torch.ones(4, 2)}, {**graph.edges, kind: ends},
        {**graph.weights, kind: torch.ones(4)}, "author", graph.y,
    )  # fmt: skip
    made = neighbourhoods(further, groups(hetero_task), {})
    assert len(made.x["town"]) == 3
    assert made.edges[kind].tolist() == [[0, 1, 2], [0, 1, 2]]
    assert torch.equal(made.x["moon"], torch.ones(1, 2))  # nothing joins it with authors


@pytest.mark.parametrize("method", ["auto", "class_mean", "random_soft"])
def test_neighbours_of_neighbours_are_not_learned_from(make_hetero: Callable[..., HeteroData], method: str) -> None:
    small = graphcond.condense(make_hetero(), size=6, method=method)
    store = small[0]["author"]
    count = int(store.train_mask.sum())
    assert store.train_mask[:count].all()
    assert len(store.x) == len(store.y) == 2 * count
    assert torch.equal(store.y[count:], store.y[:count])
    assert small.record.spent["nodes"] == count
    assert small.record.spent["nodes_by_type"]["author"] == 2 * count
    assert small.members is not None
    assert len(small.members) == count
