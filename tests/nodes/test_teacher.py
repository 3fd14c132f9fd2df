from collections.abc import Callable

import pytest
import torch
from torch_geometric.data import Data

from graphcond.nodes import teacher
from graphcond.nodes.cost_model import Shape
from graphcond.nodes.propagated_features import Views
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.teacher import TeacherChoice, choose_teacher, posteriors, with_validation
from graphcond.nodes.teacher_cost import taught_work


def test_a_heterophilous_graph_is_ignored(toy: Data) -> None:
    # Neighbours are always of another class: every hop mixes them up, the features alone are fine.
    pairs = torch.combinations(torch.arange(toy.num_nodes))
    pairs = pairs[toy.y[pairs[:, 0]] != toy.y[pairs[:, 1]]]
    toy.edge_index = torch.cat([pairs, pairs.flip(1)]).T.contiguous()
    task = read_nodes(toy)
    choice = choose_teacher(task, Views.of(task, 2))
    assert (choice.hops, choice.teleport) == (0, 1.0)
    assert choice.score > 0.9


def test_a_homophilous_graph_with_weak_features_is_used(make_toy: Callable[..., Data]) -> None:
    data = make_toy(num_nodes=240, seed=1)
    data.x = data.x + 4 * torch.randn(data.x.shape, generator=torch.Generator().manual_seed(0))
    task = read_nodes(data)
    assert choose_teacher(task, Views.of(task, 2)).hops > 0


def test_posteriors_are_probabilities_and_labels_on_training_nodes(toy: Data) -> None:
    task = read_nodes(toy)
    result = posteriors(task, Views.of(task, 2), TeacherChoice(hops=2, unit_rows=True, penalty=1.0, teleport=0.3))
    assert torch.allclose(result.sum(1), torch.ones(toy.num_nodes))
    assert torch.equal(result[task.train.nodes], torch.eye(3)[task.train.labels])
    others = ~toy.train_mask
    assert (result[others].argmax(1) == toy.y[others]).float().mean() > 0.8


def test_without_validation_nodes_a_fifth_is_held_out(toy: Data) -> None:
    del toy.val_mask
    task = read_nodes(toy)
    trial = with_validation(task)
    held, kept = set(trial.val.nodes.tolist()), set(trial.train.nodes.tolist())
    assert held.isdisjoint(kept)
    assert held | kept == set(task.train.nodes.tolist())
    counts = task.class_counts
    assert torch.equal(torch.bincount(trial.val.labels, minlength=3), counts // 5)
    assert with_validation(trial) is trial


def test_nothing_to_choose_on_gives_the_default(make_toy: Callable[..., Data]) -> None:
    data = make_toy(num_nodes=12)
    del data.val_mask
    data.train_mask = torch.arange(12) < 3  # one node of each class: none can be held out
    data.test_mask = ~data.train_mask
    task = with_validation(read_nodes(data))
    assert len(task.val.nodes) == 0
    assert choose_teacher(task, Views.of(task, 2)) == TeacherChoice(hops=2, unit_rows=False, penalty=1.0)


def test_a_large_graph_gets_fewer_hops_and_no_smoothing(toy: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    task = read_nodes(toy)
    shape = Shape.of(task)
    usual = taught_work(shape, 1)
    monkeypatch.setattr(teacher, "HOPS_LIMIT", 1.0)
    monkeypatch.setattr(teacher, "SMOOTHING_LIMIT", 1.0)
    monkeypatch.setattr(teacher, "personalized_pagerank", lambda *_: pytest.fail("smoothing was tried"))
    assert teacher.choose_teacher(task, Views.of(task, 1)).hops <= 1
    assert taught_work(shape, 1).products < usual.products


def test_few_nodes_choose_where_there_are_many(make_toy: Callable[..., Data], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "SELECTION_LIMIT", 20)
    monkeypatch.setattr(teacher, "VALIDATION_LIMIT", 10)
    task = read_nodes(make_toy(num_nodes=300))
    choice = teacher.choose_teacher(task, views := Views.of(task, 2))
    assert teacher.posteriors(task, views, choice).argmax(1)[task.test.nodes].eq(task.test.labels).float().mean() > 0.8


@pytest.mark.parametrize("hops", [2, 3, 4])
def test_keeping_features_changes_no_posterior(
    make_toy: Callable[..., Data], monkeypatch: pytest.MonkeyPatch, hops: int
) -> None:
    monkeypatch.setattr(teacher, "_rows_limit", lambda _: 300)  # the same rows choose
    task = read_nodes(make_toy(num_nodes=300))
    choice = TeacherChoice(hops=hops, unit_rows=True, penalty=1.0)
    found = []
    for limit in (0, 1 << 28):
        monkeypatch.setattr(teacher, "KEPT_LIMIT", limit)
        views = Views.of(task, 2)
        choices = teacher.choose_teacher(task, views)
        found.append((choices, teacher.posteriors(task, views, choice)))
    (first, alone), (second, kept) = found
    assert (first.hops, first.unit_rows, first.penalty) == (second.hops, second.unit_rows, second.penalty)
    torch.testing.assert_close(alone, kept, atol=1e-4, rtol=1e-4)
    shape = Shape.of(task)
    most = taught_work(shape, 2)
    monkeypatch.setattr(teacher, "KEPT_LIMIT", 0)
    assert taught_work(shape, 2).products > most.products
