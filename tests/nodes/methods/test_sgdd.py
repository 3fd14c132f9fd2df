"""SGDD: the block of the original, and both terms along a run."""

from typing import Any

import pytest
import torch
from torch import Tensor

import graphcond
from graphcond import SGDD, EdgePatterns, GraphonEdges, LearnedEdges, NoEdges
from graphcond.core.matching import driver
from graphcond.core.run_context import RunContext
from graphcond.nodes.methods.sgdd import dense_block
from graphcond.nodes.reading import read_nodes

ALLOCATION = torch.tensor([2, 2, 2])
LOOPS: dict[str, Any] = {"outer_steps": 4, "inner_steps": 1, "structure_epochs": 1, "features_epochs": 1}


def method(**fields: Any) -> SGDD:
    return SGDD(
        **(LOOPS | {"epochs": 2, "structure": GraphonEdges(hidden=8, trimmed=False), "block_nodes": 20} | fields)
    )


def test_the_block_is_the_adjacency_among_its_nodes(toy):
    graph, nodes = read_nodes(toy).train.graph, torch.tensor([4, 0, 7, 12, 3])
    whole = torch.zeros(graph.num_nodes, graph.num_nodes)
    whole[graph.edge_index[0], graph.edge_index[1]] = graph.edge_weight
    block = dense_block(graph, nodes)
    assert torch.equal(block, ((whole + whole.T) / 2)[nodes][:, nodes])
    assert float(dense_block(graph, torch.arange(graph.num_nodes)).sum()) == float(graph.edge_weight.sum())


def test_no_more_than_the_block_is_dense(toy):
    task = read_nodes(toy)
    assert method(block_nodes=7).terms(task, 6).plan.shape == (7, 6)
    assert method(block_nodes=10**6).terms(task, 6).plan.shape == (task.train.graph.num_nodes, 6)


def recipe_of(toy, **fields: Any):
    torch.manual_seed(0)
    return method(**fields).recipe(read_nodes(toy), ALLOCATION)


def test_the_terms_are_added_to_the_objective_and_move_with_the_edges(toy):
    recipe = recipe_of(toy, transport=2.0, sparsity=3.0)
    graph = recipe.synthetic
    graph.batch()
    adjacency = graph.adjacency()
    expected = 2 * graph.terms.distance(adjacency) + 3 * adjacency.mean()
    torch.testing.assert_close(graph.penalty(), expected)
    assert float(graph.terms.distance(adjacency).detach()) > 0.01
    parts = graph.parts()
    assert any(one is graph.terms.plan for one in parts["structure"])
    assert sum(len(group) for group in parts.values()) == len(list(graph.parameters()))


def measured(recipe) -> tuple[float, float]:
    adjacency = recipe.synthetic.adjacency().detach()
    return float(recipe.synthetic.terms.distance(adjacency).detach()), float(adjacency.mean())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("field", "place"), [("transport", 0), ("sparsity", 1)])
def test_each_term_falls_further_with_its_weight(toy, field, place):
    """The distance and the mean of the edges, after the same steps with and without their term."""
    toy.val_mask[:] = False
    after: list[float] = []
    for weight in (0.0, 1e4):
        weights = {"transport": 0.0, "sparsity": 0.0} | {field: weight}
        recipe = recipe_of(toy, epochs=4, structure_rate=0.05, features_rate=1e-4, **weights)
        before = measured(recipe)[place]
        driver.run(recipe, RunContext())
        after.append(measured(recipe)[place])
    assert after[1] < 0.95 * before
    assert after[1] < 0.95 * after[0]


def test_features_alone_pay_for_the_mean_only(toy):
    recipe = recipe_of(toy, transport=2.0, sparsity=3.0)
    for parameter in recipe.synthetic.parts()["structure"]:
        parameter.requires_grad_(False)
    recipe.synthetic.batch()
    torch.testing.assert_close(recipe.synthetic.penalty(), 3 * recipe.synthetic.adjacency().mean())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "structure", [LearnedEdges(hidden=4, trimmed=False), EdgePatterns(patterns=3, hidden=4), NoEdges()]
)
def test_it_takes_other_edges(toy, structure):
    small = graphcond.condense(toy, size=6, method=method(structure=structure))
    assert small[0].num_nodes == 6
    assert recipe_of(toy, structure=NoEdges()).synthetic.penalty() is None


@pytest.mark.usefixtures("quick")
def test_directed_and_weighted_edges_are_taken(toy):
    toy.edge_index = toy.edge_index[:, toy.edge_index[0] < toy.edge_index[1]]
    toy.edge_weight = torch.linspace(0, 2, toy.num_edges)
    block: Tensor = dense_block(read_nodes(toy).train.graph, torch.arange(10))
    assert torch.equal(block, block.T)
    assert torch.isfinite(graphcond.condense(toy, size=6, method=method())[0].x).all()


def test_bad_fields_are_refused():
    for field in ("transport", "sparsity"):
        assert getattr(SGDD(**{field: 0}), field) == 0
        with pytest.raises(ValueError, match=f"{field} must be at least 0, got -1"):
            SGDD(**{field: -1})
    for field in ("block_nodes", "sinkhorn_steps"):
        with pytest.raises(ValueError, match=f"{field} must be positive, got 0"):
            SGDD(**{field: 0})
    with pytest.raises(ValueError, match=r"pair_share must be in \[0, 1\], got 1.5"):
        GraphonEdges(pair_share=1.5)
    with pytest.raises(TypeError, match=r"structure must be LearnedEdges\(\), .* or NoEdges\(\), got 'graphon'"):
        SGDD(structure="graphon")


def test_presets_are_the_published_numbers():
    assert SGDD.preset("cora") == SGDD(epochs=2000, block_nodes=5000)
