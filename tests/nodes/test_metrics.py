import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from graphcond.core.validation_score import contributions, ranking, score, standard_error_of_difference


@pytest.mark.parametrize("seed", range(5))
def test_ranking_is_the_area_under_the_curve_ties_included(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(4, (40, 2), generator=generator).float()
    labels = torch.randint(2, (40,), generator=generator)
    expected = roc_auc_score(labels.numpy(), (scores[:, 1] - scores[:, 0]).numpy())
    assert ranking(scores, labels) == pytest.approx(expected)


def test_score_is_accuracy_for_many_classes() -> None:
    scores = torch.eye(4)
    assert score(scores, torch.tensor([0, 1, 2, 0])) == 0.75
    assert score(scores[:0], torch.empty(0, dtype=torch.long)) == 0.0


def test_one_absent_class_ranks_by_chance() -> None:
    assert ranking(torch.randn(5, 2), torch.ones(5, dtype=torch.long)) == 0.5


@pytest.mark.parametrize("classes", [2, 3])
def test_contributions_average_to_the_score(classes: int) -> None:
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(50, classes, generator=generator)
    labels = torch.randint(classes, (50,), generator=generator)
    parts = contributions(scores, labels)
    groups = [labels == 0, labels == 1] if classes == 2 else [slice(None)]
    for group in groups:
        assert float(parts[group].mean()) == pytest.approx(score(scores, labels))


def test_standard_error_of_accuracy_differences_is_the_paired_one() -> None:
    first = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    second = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0, 0.0], dtype=torch.float64)
    expected = np.std((first - second).numpy(), ddof=1) / np.sqrt(6)
    labels = torch.zeros(6, dtype=torch.long)
    assert standard_error_of_difference(first, second, labels, 3) == pytest.approx(expected)
    assert standard_error_of_difference(first, first, labels, 3) == 0.0
