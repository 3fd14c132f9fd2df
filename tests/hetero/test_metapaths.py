"""Propagation along meta-paths against dense products, and the reduced space against the blocks themselves."""

import torch
from torch import Tensor

from graphcond.hetero.metapaths import blocks, concatenated, mean_operator, metapaths, path_name, start_of
from graphcond.hetero.space import MetaPathSpace, Reduction
from graphcond.hetero.task import EdgeType, HeteroGraph, HeteroTask


def dense(graph: HeteroGraph, relation: EdgeType) -> Tensor:
    """Return the mean over neighbours of a relation as a dense matrix."""
    source, target = graph.edges[relation]
    matrix = torch.zeros(graph.counts[relation[2]], graph.counts[relation[0]])
    matrix.index_put_((target, source), graph.weights[relation], accumulate=True)
    return matrix / matrix.sum(dim=1, keepdim=True).clamp(min=1e-12)


def test_meta_paths_are_all_chains_of_relations(hetero_task: HeteroTask) -> None:
    found = metapaths(hetero_task.graph.edges, "author", 2)
    assert [path_name(path, "author") for path in found] == [
        "author", "author <- paper", "author <- paper <- author", "author <- paper <- venue",
    ]  # fmt: skip
    assert len(metapaths(hetero_task.graph.edges, "author", 3)) == 6
    assert [start_of(path, "author") for path in found] == ["author", "paper", "author", "venue"]


def test_an_operator_is_a_weighted_mean(hetero_task: HeteroTask) -> None:
    graph = hetero_task.graph
    relation = ("paper", "written_by", "author")
    graph.weights[relation][:] = torch.rand(graph.weights[relation].shape) + 0.5
    assert torch.allclose(torch.from_numpy(mean_operator(graph, relation).toarray()), dense(graph, relation))


def test_blocks_are_products_of_operators(hetero_task: HeteroTask) -> None:
    graph = hetero_task.graph
    for path, found in blocks(graph, 3).items():
        expected = graph.x[start_of(path, "author")]
        for relation in reversed(path):
            expected = dense(graph, relation) @ expected
        assert torch.allclose(found, expected, atol=1e-5), path


def test_narrow_features_keep_all_that_they_say(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    propagated, whole = MetaPathSpace(hetero_task.graph), blocks(hetero_task.graph)
    parts = propagated.parts(propagated.space)
    for path, part in parts.items():
        moved = whole[path] - whole[path].mean(dim=0)
        assert torch.allclose(part - part.mean(dim=0), moved, atol=1e-4)
        scaled = (part / propagated.scales[path]) - (part / propagated.scales[path]).mean(dim=0)
        assert torch.isclose(scaled.square().sum(dim=1).mean(), torch.tensor(1.0), atol=1e-3)
    assert propagated.width(0) == 4
    assert propagated.width(2) == concatenated(whole).size(1) == propagated.space.size(1)


def test_a_reduction_keeps_the_leading_components() -> None:
    torch.manual_seed(0)
    low = torch.randn(200, 5) @ torch.randn(5, 40) + 3
    reduction = Reduction.of(low, 8)
    assert torch.allclose(reduction.back(reduction(low)), low - low.mean(dim=0), atol=1e-3)


def test_a_wide_block_is_scaled_by_all_its_columns() -> None:
    torch.manual_seed(0)
    x = torch.randn(500, 400)
    graph = HeteroGraph({"node": x}, {}, {}, "node", torch.zeros(500, dtype=torch.int64))
    propagated = MetaPathSpace(graph, columns=10)
    # Ten of 400 columns of noise hold little of the whole, and stay as small as they are.
    assert float(propagated.space.square().sum(dim=1).mean()) < 0.1
    assert torch.isclose(propagated.scales[()], torch.tensor(20.0), rtol=0.1)


def test_many_relations_have_short_meta_paths_only() -> None:
    kinds = [("node", str(i), "node") for i in range(20)]
    assert len(metapaths(kinds, "node", 2)) == 21
    kinds = [("node", str(i), "node") for i in range(100)]
    assert len(metapaths(kinds, "node", 2)) == 101
    assert len(metapaths(kinds[:7], "node", 2)) == 1 + 7 + 49
