"""The scores of DD-Ranking, against numbers worked out by hand, and how they come from trainings."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch_geometric.data import Data

from graphcond.core.run import Run
from graphcond.evaluation import DDRankingScores, ImageProtocol, KernelRegression, evaluate, rank_images
from graphcond.images.dataset import ImageDataset
from graphcond.images.methods.selection import RandomSoftImages
from graphcond.surrogates.convnet import Perceptron

SHORT = ImageProtocol(epochs=30, whole_epochs=3)
SMALL = Perceptron(width=16, depth=1)
share = st.floats(0, 1)


def digits() -> ImageDataset:
    data = load_digits()
    x, y = torch.from_numpy(data.images).float().unsqueeze(1) / 16, torch.from_numpy(data.target)
    return ImageDataset((x[:300], y[:300]), val=(x[300:400], y[300:400]), test=(x[400:700], y[400:700]))


def few(*, soft: bool = False) -> Data:
    x, y = digits().train
    data = Data(x=x[:30], y=y[:30])
    if soft:
        data.y_soft = 0.6 * F.one_hot(data.y, 10).float() + 0.04
    return data


@pytest.mark.parametrize(
    ("accuracies", "hlr", "ior", "lrs"),
    [
        # alpha = 0.5 * 0.2 - 0.5 * 0.3 = -0.05: (0.951229 - 0.367879) / (2.718282 - 0.367879)
        ((0.8, 0.7, 0.6, 1.0), 0.3, 0.2, 0.248192),
        # alpha = 0: nothing won, nothing lost
        ((0.5, 0.9, 0.5, 0.9), 0.0, 0.0, 0.268941),
        # alpha = 0.5 * 1 - 0.5 * (-1) = 1, the best
        ((1.0, 1.0, 0.0, 0.0), -1.0, 1.0, 1.0),
        # alpha = 0.5 * (-1) - 0.5 * 1 = -1, the worst
        ((0.0, 0.0, 1.0, 1.0), 1.0, -1.0, 0.0),
    ],
)
def test_scores_by_hand(accuracies: tuple[float, float, float, float], hlr: float, ior: float, lrs: float) -> None:
    scores = DDRankingScores.of(*accuracies)
    assert (scores.hlr, scores.ior) == pytest.approx((hlr, ior))
    assert scores.lrs == pytest.approx(lrs, abs=1e-6)


@given(share, share, share, share, share)
def test_the_score_lies_in_the_unit_interval_and_rewards_both(
    own: float, own_hard: float, random: float, whole: float, weight: float
) -> None:
    scores = DDRankingScores.of(own, own_hard, random, whole, weight=weight)
    assert -1e-12 <= scores.lrs <= 1 + 1e-12
    assert DDRankingScores.of(1.0, own_hard, random, whole, weight=weight).lrs >= scores.lrs
    assert DDRankingScores.of(own, 1.0, random, whole, weight=weight).lrs >= scores.lrs
    alpha = math.log(scores.lrs * (math.e - 1 / math.e) + 1 / math.e)
    assert alpha == pytest.approx(weight * (own - random) - (1 - weight) * (whole - own_hard), abs=1e-9)


@pytest.mark.parametrize("name", ["own", "own_hard", "random", "whole", "weight"])
@pytest.mark.parametrize("value", [-0.1, 97.5, math.nan])
def test_accuracies_are_shares(name: str, value: float) -> None:
    good = {"own": 0.5, "own_hard": 0.5, "random": 0.5, "whole": 0.5}
    with pytest.raises(ValueError, match=rf"{name} must be in \[0, 1\], got {value}"):
        DDRankingScores.of(**{**good, name: value})


def test_ranks_of_hard_labels_come_from_the_rows_of_a_report() -> None:
    reported: list[Any] = []
    scores = rank_images(few(), digits(), SMALL, protocol=replace(SHORT, runs=2), run=Run(progress=reported.append))
    report = evaluate(few(), digits(), [SMALL], protocol=replace(SHORT, runs=2), controls=["random", "whole"])
    own, random, whole = (row.mean for row in report.rows)
    assert scores == DDRankingScores.of(own, own, random, whole)
    assert reported[-1].done == reported[-1].total == 6


def test_soft_labels_are_ranked_against_soft_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    class Vague:
        temperature = 1.0

        def logits(self, images: Any) -> torch.Tensor:
            return F.one_hot(images.y, 10).float()

    monkeypatch.setattr(RandomSoftImages, "teacher", lambda *_: Vague())
    reported: list[Any] = []
    scores = rank_images(
        few(soft=True), digits(), SMALL, whole=0.9, protocol=replace(SHORT, runs=2), run=Run(progress=reported.append)
    )
    soft = evaluate(few(soft=True), digits(), [SMALL], protocol=replace(SHORT, runs=2), controls=["random_soft"])
    hard = evaluate(few(), digits(), [SMALL], protocol=replace(SHORT, runs=2), controls=False)
    assert scores == DDRankingScores.of(soft.best.own_mean, hard.best.mean, soft.row("random_soft").own_mean, 0.9)
    assert soft.best.scores == hard.best.scores
    assert soft.best.own_mean != hard.best.mean
    assert {one.what.split(" / ")[0] for one in reported} == {"data", "random_soft"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"whole": 99.6}, r"whole must be in \[0, 1\], got 99.6"),
        ({"protocol": "standard(runs=0)"}, "runs must be a positive integer, got 0"),
        ({"model": "convnets"}, "there is no model 'convnets' for images"),
        ({"protocol": "strict"}, "there is no protocol 'strict' for images"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rank_images(few(), digits(), **({"model": SMALL, "protocol": SHORT} | options))


def test_what_has_no_accuracy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphcond.images.evaluation.models.MOST_ROWS", 299)
    with pytest.raises(ValueError, match="an accuracy of 'whole' under 'ntk', which is not possible: a kernel matrix"):
        rank_images(few(), digits(), "ntk")
    assert rank_images(few(), digits(), KernelRegression(), whole=0.9).hlr < 0.3
