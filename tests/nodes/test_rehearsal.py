import pytest
import torch

from graphcond.core.batch import Batch
from graphcond.core.threads import limited_threads
from graphcond.nodes.rehearsal import NETWORKS, QUICK, THOROUGH, Effort, Rehearsal


def validation(num_features: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(90) % 3
    centers = 3 * torch.randn(3, num_features, generator=generator)
    return centers[y] + torch.randn(90, num_features, generator=generator), y


def rehearse(num_features: int, candidates: list[torch.Tensor]) -> list[float]:
    x, y = validation(num_features)
    torch.manual_seed(0)
    rehearsal = Rehearsal(Batch(x, y), 3)
    weight = torch.ones(len(candidates), 3)
    return [outcome.score for outcome in rehearsal.run(torch.stack(candidates), torch.arange(3), weight)]


def means(num_features: int) -> torch.Tensor:
    x, y = validation(num_features)
    return torch.stack([x[y == label].mean(0) for label in range(3)])


def test_right_labels_beat_wrong_ones() -> None:
    right, wrong = rehearse(8, [means(8), means(8).roll(1, 0)])
    assert right > 0.9
    assert wrong < 0.2


def test_many_features_are_sketched_without_losing_the_classes() -> None:
    assert rehearse(2000, [means(2000)])[0] > 0.9


def test_nodes_that_lie_together_rehearse_worse_than_nodes_apart() -> None:
    center = means(8).mean(0)
    together, apart = rehearse(8, [center + 1e-3 * (means(8) - center), means(8)])
    assert apart > together


def test_a_candidate_is_not_clearly_better_than_itself() -> None:
    x, y = validation()
    torch.manual_seed(0)
    rehearsal = Rehearsal(Batch(x, y), 3)
    both = torch.stack([means(8), means(8).roll(1, 0)])
    right, wrong = rehearsal.run(both, torch.arange(3), torch.ones(2, 3))
    assert rehearsal.clearly_better(right, wrong)
    assert not rehearsal.clearly_better(wrong, right)
    assert not rehearsal.clearly_better(right, right)


def test_threads_do_not_change_the_outcome() -> None:
    with limited_threads(1):
        alone = rehearse(8, [means(8), means(8).roll(1, 0)])
    with limited_threads(2):
        assert rehearse(8, [means(8), means(8).roll(1, 0)]) == alone


@pytest.mark.parametrize(("effort", "most"), [(Effort(validation_nodes=1000), 1000), (QUICK, 5000)])
def test_effort_says_how_many_validation_nodes_look_on(effort: Effort, most: int) -> None:
    x, y = validation()
    rehearsal = Rehearsal(Batch(x.repeat(70, 1), y.repeat(70)), 3, effort)
    outcome, *_ = rehearsal.run(means(8).unsqueeze(0), torch.arange(3), torch.ones(1, 3))
    assert len(rehearsal.y) == len(outcome.contributions) == most
    assert outcome.score > 0.9


@pytest.mark.parametrize(
    ("rows", "quick", "thorough"), [(7, 200, 600), (1280, 200, 600), (2750, 429, 600), (10_000, 1000, 600)]
)
def test_large_candidates_are_seen_ten_times(rows: int, quick: int, thorough: int) -> None:
    assert QUICK.steps(rows) == quick
    assert THOROUGH.steps(rows) == thorough


@pytest.mark.parametrize("edges", [False, True])
def test_candidates_that_are_seen_whole_take_no_longer(edges: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = validation()
    asked: list[int] = []
    monkeypatch.setattr(Effort, "steps", lambda self, rows: asked.append(rows) or 10)
    many = means(8).repeat(30, 1).unsqueeze(0)
    adj = torch.eye(90).unsqueeze(0) if edges else None
    Rehearsal(Batch(x, y), 3).run(many, torch.arange(3).repeat(30), torch.ones(1, 90), adj)
    assert asked == NETWORKS * [QUICK.rows if edges else 90]
