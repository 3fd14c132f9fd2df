"""A teacher's labels of synthetic nodes."""

import pytest
import torch

import graphcond
from graphcond import Relabelled
from graphcond.nodes.methods import relabelling
from graphcond.nodes.propagated_features import Views
from graphcond.nodes.teacher import TeacherChoice, fitted, scores_of_all

CHOICE = TeacherChoice(hops=2, unit_rows=False, penalty=1.0, temperature=4.0)


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher is the same, so that it can be asked again."""
    monkeypatch.setattr(relabelling, "choose_teacher", lambda task, views: CHOICE)


def scores(task, choice=CHOICE):
    views = Views.of(task, 2)
    return scores_of_all(views.train, choice, fitted(task, views.train, choice))


@pytest.mark.parametrize("method", ["random", "random_propagated", "k_center"])
def test_a_real_node_has_the_label_of_its_original(toy, method):
    task = graphcond.read(toy)
    small = graphcond.condense(task, size=9, method=Relabelled(method, temperature=2.0))
    wanted = (2.0 * scores(task)[small.members.index]).softmax(dim=1)
    torch.testing.assert_close(small[0].y_soft, wanted)


def test_without_edges_features_are_propagated_ones(toy):
    task = graphcond.read(toy)
    small = graphcond.condense(task, size=3, method=Relabelled("class_mean"))
    means = torch.stack([scores(task)[members].mean(dim=0) for members in small.members])
    torch.testing.assert_close(small[0].y_soft, (4.0 * means).softmax(dim=1), rtol=1e-4, atol=1e-5)


def test_with_edges_features_are_propagated_in_the_synthetic_graph(toy):
    task = graphcond.read(toy)
    made = relabelling.SyntheticNodes(
        x=toy.x, y=toy.y, edge_index=toy.edge_index, edge_weight=torch.ones(toy.edge_index.size(1))
    )
    for choice in (CHOICE, TeacherChoice(hops=1, unit_rows=True, penalty=1.0, teleport=0.3)):
        views = Views.of(task, 2)
        found = relabelling.synthetic_scores(made, choice, fitted(task, views.train, choice))
        torch.testing.assert_close(found, scores(task, choice), rtol=1e-4, atol=1e-5)


def test_hard_classes_stay(toy):
    method = Relabelled("gcond(epochs=1)")
    plain, small = (graphcond.condense(toy, size=6, method=one) for one in ("gcond(epochs=1)", method))
    assert torch.equal(plain[0].x, small[0].x)
    assert torch.equal(plain[0].y, small[0].y)
    assert "y_soft" not in plain[0]
    assert small[0].y_soft.shape == (6, 3)


@pytest.mark.parametrize("keep", ["easy", "hard"])
def test_pruned_keeps_nodes_by_the_teachers_error(toy, keep):
    task = graphcond.read(toy)
    small = graphcond.condense(task, size=6, method=f"pruned(keep='{keep}')")
    kept = small.members.index
    assert torch.isin(kept, task.train.nodes).all()
    assert torch.equal(task.train.graph.y[kept], small[0].y)
    errors = 1 - small[0].y_soft.gather(1, small[0].y.unsqueeze(1)).flatten()
    everything = graphcond.condense(task, size=len(task.train.nodes), method="pruned")
    all_errors = 1 - everything[0].y_soft.gather(1, everything[0].y.unsqueeze(1)).flatten()
    best = torch.sort(all_errors, descending=keep == "hard").values[: len(errors)]
    assert float(errors.mean()) == pytest.approx(float(best.mean()), abs=0.2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("pruned(score='el3n')", "score of pruned must be"), ("pruned(keep='all')", "keep of pruned")],
)
def test_pruned_checks_its_settings(toy, text, sentence):
    with pytest.raises(TypeError, match=sentence):
        graphcond.condense(toy, size=10, method=text)
    with pytest.raises(ValueError, match="did you mean 'el2n'"):
        graphcond.Pruned(score="el3n")
