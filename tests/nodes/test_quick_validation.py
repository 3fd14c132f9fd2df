import pytest
import torch

from graphcond.core.matching.batch import Batch
from graphcond.core.runtime.threads import limited_threads
from graphcond.core.targets import SingleLabel
from graphcond.nodes.quick_validation import QUICK, THOROUGH, Effort, QuickValidation, ValidationView


def validation(num_features: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(90) % 3
    centers = 3 * torch.randn(3, num_features, generator=generator)
    return centers[y] + torch.randn(90, num_features, generator=generator), y


def scores(num_features: int, candidates: list[torch.Tensor]) -> list[float]:
    x, y = validation(num_features)
    torch.manual_seed(0)
    quick = QuickValidation(Batch(x, y), SingleLabel(3))
    return [outcome.score for (outcome,) in quick.run(torch.stack(candidates), torch.arange(3))]


def means(num_features: int) -> torch.Tensor:
    x, y = validation(num_features)
    return torch.stack([x[y == label].mean(0) for label in range(3)])


def test_right_labels_beat_wrong_ones() -> None:
    right, wrong = scores(8, [means(8), means(8).roll(1, 0)])
    assert right > 0.9
    assert wrong < 0.2


def test_many_features_are_sketched_without_losing_the_classes() -> None:
    assert scores(2000, [means(2000)])[0] > 0.9


def test_nodes_that_lie_together_score_worse_than_nodes_apart() -> None:
    center = means(8).mean(0)
    together, apart = scores(8, [center + 1e-3 * (means(8) - center), means(8)])
    assert apart > together


def test_errors_are_those_of_paired_differences() -> None:
    x, y = validation()
    torch.manual_seed(0)
    quick = QuickValidation(Batch(x, y), SingleLabel(3))
    both = torch.stack([means(8), means(8).roll(1, 0)])
    (right,), (wrong,) = quick.run(both, torch.arange(3))
    assert right.score > wrong.score + 4 * quick.standard_error(right, wrong)
    assert quick.standard_error(right, right) == 0


def test_threads_do_not_change_the_outcome() -> None:
    with limited_threads(1):
        alone = scores(8, [means(8), means(8).roll(1, 0)])
    with limited_threads(2):
        assert scores(8, [means(8), means(8).roll(1, 0)]) == alone


@pytest.mark.parametrize(("effort", "most"), [(Effort(validation_nodes=1000), 1000), (QUICK, 5000)])
def test_effort_says_how_many_validation_nodes_are_scored(effort: Effort, most: int) -> None:
    x, y = validation()
    quick = QuickValidation(Batch(x.repeat(70, 1), y.repeat(70)), SingleLabel(3), effort)
    ((outcome,),) = quick.run(means(8).unsqueeze(0), torch.arange(3))
    assert len(quick.y) == len(outcome.contributions) == most
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
    QuickValidation(Batch(x, y), SingleLabel(3)).run(many, torch.arange(3).repeat(30), operators=(adj,))
    assert asked == QUICK.networks * [QUICK.rows if edges else 90]


def test_one_hot_targets_are_labels() -> None:
    x, y = validation()
    outcomes = []
    for targets in (torch.arange(3), torch.eye(3).unsqueeze(0)):
        torch.manual_seed(0)
        ((one,),) = QuickValidation(Batch(x, y), SingleLabel(3)).run(means(8).unsqueeze(0), targets)
        outcomes.append(one.score)
    assert outcomes[0] == pytest.approx(outcomes[1], abs=0.02)


def test_a_training_is_scored_in_several_views() -> None:
    x, y = validation()
    torch.manual_seed(0)
    quick = QuickValidation([ValidationView(x, y), ValidationView(-x, y)], SingleLabel(3))
    ((right, wrong),) = quick.run(means(8).unsqueeze(0), torch.arange(3))
    assert right.score > 0.9 > wrong.score
    assert bool(right.predicted.all())


def test_two_operators_see_a_node_and_its_neighbours_apart() -> None:
    # Each node's class is that of its neighbour, not its own: only a network with a weight for each can tell.
    x, y = validation()
    turn = torch.eye(90).roll(1, 0)
    torch.manual_seed(0)
    view = ValidationView(torch.cat([turn @ x, x], dim=1), y.roll(1), (turn, None))
    own = torch.cat([means(8), torch.zeros(3, 8)], dim=1)
    ((outcome,),) = QuickValidation([view], SingleLabel(3)).run(
        own.unsqueeze(0), torch.arange(3), operators=(None, None)
    )
    assert outcome.score > 0.6
