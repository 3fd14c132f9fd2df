"""MSGC: where features start, which window is kept, and the one graph that is left of several."""

from typing import Any

import pytest
import torch

import graphcond
from graphcond import MSGC, EdgePatterns, GCNSurrogate, NoEdges, Run
from graphcond.core.matching import driver
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes.reading import read_nodes
from graphcond.synthetic.averaged import AveragedGraph
from graphcond.synthetic.graph import SyntheticGraph

ALLOCATION = torch.tensor([2, 3, 2])
LOOPS: dict[str, Any] = {"outer_steps": 2, "inner_steps": 1, "structure_epochs": 1, "features_epochs": 2}


def method(**fields: Any) -> MSGC:
    structure = EdgePatterns(patterns=3, hidden=4, threshold=0)
    defaults = LOOPS | {"epochs": 6, "window": 2, "structure": structure}
    return MSGC(**(defaults | {"features_rate": 0.05, "structure_rate": 0.05} | fields))


def test_features_start_at_the_means_of_classes(toy):
    x, y, strata = method().initial(read_nodes(toy), ALLOCATION)
    assert y.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert strata is None
    for row, label in zip(x, y, strict=True):
        torch.testing.assert_close(row, toy.x[toy.train_mask & (toy.y == label)].mean(dim=0))


def test_clusters_of_a_class_add_up_to_it_and_serve_again_where_there_are_too_few(toy):
    task, counts = read_nodes(toy), torch.bincount(toy.y[toy.train_mask])
    each = method(initial_features="clusters")
    one = each.initial(task, torch.ones(3, dtype=torch.long)).x
    torch.testing.assert_close(one, method().initial(task, torch.ones(3, dtype=torch.long)).x)
    x = each.initial(task, counts).x  # as many clusters as nodes: the nodes themselves
    mine = toy.x[toy.train_mask]
    assert torch.cdist(x, mine).min(dim=1).values.max() < 1e-5
    assert len(x.unique(dim=0)) == len(x)
    again = each.initial(task, 2 * counts).x
    assert len(again) == 2 * len(x)
    assert len(again.unique(dim=0)) == len(x)


def test_a_sample_is_of_training_nodes(toy):
    x = method(initial_features="sample").initial(read_nodes(toy), ALLOCATION).x
    assert torch.cdist(x, toy.x[toy.train_mask]).min(dim=1).values.max() < 1e-5


def test_the_window_of_the_smallest_mean_loss_is_kept(toy, monkeypatch):
    """The features, edges and losses of each epoch, remembered here as well, give the same mean."""
    seen: list[tuple[float, torch.Tensor, torch.Tensor]] = []
    end = AveragedGraph.end_epoch

    def watched(graph: AveragedGraph) -> float:
        loss = float(graph.loss) / int(graph.count)
        seen.append((loss, graph.graph.x.detach().clone(), graph.graph.adjacency().detach()))
        return end(graph)

    monkeypatch.setattr(AveragedGraph, "end_epoch", watched)
    small = graphcond.condense(toy, size=6, method=method())
    windows = [seen[max(0, i - 1) : i + 1] for i in range(len(seen))]
    losses = [sum(one[0] for one in window) / len(window) for window in windows]
    assert small.record.choices["window_losses"] == [[2 * i + 2, pytest.approx(loss)] for i, loss in enumerate(losses)]
    best = losses.index(min(losses))
    assert small.record.choices["kept_step"] == 2 * best + 2
    torch.testing.assert_close(small[0].x, sum(one[1] for one in windows[best]) / len(windows[best]))
    edges, weights = small[0].edge_index, small[0].edge_weight
    adjacency = sum(one[2] for one in windows[best]) / len(windows[best])
    torch.testing.assert_close(adjacency[edges[0], edges[1]], weights)
    assert int((adjacency > 0).sum()) == len(weights)


def test_the_loss_that_is_recorded_is_that_of_the_steps(toy):
    with seeded(0):
        recipe = method(epochs=1).averaging(read_nodes(toy), ALLOCATION)
    values = []
    inner = recipe.objective.objective

    class Watched:
        adds = True
        observe = staticmethod(inner.observe)

        def loss(self, *inputs):
            values.append(inner.loss(*inputs))
            return values[-1]

    object.__setattr__(recipe.objective, "objective", Watched())
    outcome = driver.run(recipe, RunContext())
    assert outcome.scores == {2: pytest.approx(-sum(float(value.detach()) for value in values) / 2)}


def test_before_an_epoch_ends_the_graph_is_as_it_stands():
    with seeded(0):
        graph = SyntheticGraph(torch.randn(3, 2), torch.tensor([0, 1, 1]), 1, None, last_hop=False)
    averaged = AveragedGraph(graph, 2)
    assert torch.equal(averaged.average()[0], graph.x)
    assert averaged.average()[1] is None
    rows = []
    for step in range(4):
        with torch.no_grad():
            graph.x += step
        averaged.record(torch.tensor(float(step)))
        averaged.record(torch.tensor(2.0 * step))
        rows.append(graph.x.detach().clone())
        assert averaged.end_epoch() == pytest.approx(1.5 * (step if step == 0 else step - 0.5))
        torch.testing.assert_close(averaged.average()[0], torch.stack(rows[-2:]).mean(dim=0))


def test_a_run_that_is_stopped_within_an_epoch_gives_what_it_has(toy):
    small = graphcond.condense(toy, size=6, method=method(outer_steps=50), run=Run(max_seconds=1e-9))
    assert small.record.choices["steps"] == 1
    assert small.record.choices["window_losses"] == []
    assert torch.isfinite(small[0].x).all()


@pytest.mark.parametrize("field", [{"surrogate": GCNSurrogate(hidden=3)}, {"structure": NoEdges()}])
def test_it_takes_other_networks_and_no_edges(toy, field):
    small = graphcond.condense(toy, size=6, method=method(epochs=2, **field))
    assert small[0].num_nodes == 6
    assert torch.isfinite(small[0].x).all()


@pytest.mark.usefixtures("quick")
@pytest.mark.filterwarnings("error")
def test_equal_nodes_can_be_clustered(toy):
    toy.x[:] = 1.0
    small = graphcond.condense(toy, size=6, method=method(epochs=1, initial_features="clusters"))
    assert torch.isfinite(small[0].x).all()


def test_the_loss_falls(toy):
    losses = graphcond.condense(toy, size=9, method=method(epochs=30)).record.choices["window_losses"]
    assert losses[-1][1] < 0.7 * losses[0][1]


def test_bad_fields_are_refused():
    with pytest.raises(ValueError, match="initial_features must be one of mean, clusters, sample, got 'random'"):
        MSGC(initial_features="random")
    with pytest.raises(ValueError, match="window must be positive, got 0"):
        MSGC(window=0)
    with pytest.raises(ValueError, match="patterns must be positive, got 0"):
        EdgePatterns(patterns=0)


def test_presets_are_the_papers_settings():
    assert MSGC.preset("cora") == MSGC()
    assert MSGC.preset("citeseer") == MSGC(epochs=600, initial_features="clusters")
