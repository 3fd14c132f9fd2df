"""Scores by which items are kept or pruned."""

import pytest
import torch

from graphcond.core.data_pruning import ForgettingEvents, el2n, kept, margin


def test_both_scores_order_two_classes_alike():
    p = torch.rand(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    probabilities, y = torch.stack([p, 1 - p], dim=1), torch.zeros(50, dtype=torch.int64)
    torch.testing.assert_close(el2n(probabilities, y), 2**0.5 * (1 - p))
    torch.testing.assert_close(margin(probabilities, y), 1 - 2 * p)


def test_probabilities_stay_as_they_were():
    probabilities, y = torch.full((3, 4), 0.25), torch.arange(3)
    el2n(probabilities, y), margin(probabilities, y)
    assert torch.equal(probabilities, torch.full((3, 4), 0.25))


def test_an_event_is_right_and_then_wrong():
    forgetting = ForgettingEvents(4, torch.device("cpu"))
    for right in ([1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 0, 1], [1, 0, 0, 1]):
        forgetting.see(torch.tensor(right, dtype=torch.bool))
    assert forgetting.scores().tolist() == [0.0, 2.0, 4.0, 0.0]  # what was never right is the hardest


@pytest.mark.parametrize(("keep", "rows"), [("easy", {0, 3}), ("middle", {2, 4}), ("hard", {1, 5})])
def test_a_part_is_kept(keep, rows):
    scores = torch.tensor([0.0, 9.0, 2.0, 1.0, 3.0, 8.0])
    assert set(kept(scores, 2, keep).tolist()) == rows
    assert sorted(kept(scores, 6, keep).tolist()) == list(range(6))
