"""Matching of what normalised layers see."""

import torch
import torch.nn.functional as F
from torch import nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.normalization import NormalizationMatching
from graphcond.core.matching.schedules import Schedule
from graphcond.surrogates.network import Network

TAPS = ("1", "4")


def build() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(),
        nn.Linear(4 * 4 * 4, 3),
    ).double()  # fmt: skip


def network() -> Network:
    return Network(build, 3, taps=TAPS, inputs=True)


def batch(rows: int, seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return Batch(torch.randn(rows, 2, 8, 8, generator=generator, dtype=torch.float64), torch.arange(rows) % 3)


def test_the_loss_is_that_of_torchs_own_statistics():
    surrogate, real, made = network(), batch(40, 0), batch(6, 1)
    weights = surrogate.init()
    objective = NormalizationMatching(weight=0.3, first_weight=5.0)
    loss = objective.loss(surrogate, weights, objective.observe(surrogate, weights, real), made)
    expected = torch.zeros((), dtype=torch.float64)
    means = []
    for part in (real, made):
        module = build().train()
        for norm in (module[1], module[4]):
            norm.momentum = 1.0
        logits = module(part.x)
        counts = [len(part) * 36, len(part) * 16]
        norms = zip((module[1], module[4]), counts, strict=True)
        means.append([(norm.running_mean, norm.running_var * (n - 1) / n) for norm, n in norms])
        expected = F.cross_entropy(logits, part.y)
    for weight, (mean, variance), (made_mean, made_variance) in zip((5.0, 1.0), *means, strict=True):
        expected = expected + 0.3 * weight * ((mean - made_mean).norm() + (variance - made_variance).norm())
    torch.testing.assert_close(loss, expected)


def test_what_is_observed_adds():
    surrogate = network()
    weights = surrogate.init()
    linear = Network(lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.GroupNorm(3, 3), nn.Flatten(),
                                           nn.Linear(108, 3)).double(), 3, taps=("1",), inputs=True)  # fmt: skip
    objective, real = NormalizationMatching(weight=1.0), batch(10, 2)
    weights = linear.init()
    whole = objective.observe(linear, weights, real)
    first, *others = (objective.observe(linear, weights, shard) for shard in real.shards(4))
    total = sum(others, first)
    for mine, theirs in zip((*whole.sums, whole.counts), (*total.sums, total.counts), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_real_data_have_no_gap_to_themselves():
    surrogate, real = network(), batch(9, 3)
    weights = surrogate.init()
    objective = NormalizationMatching(weight=100.0)
    statistic = objective.observe(surrogate, weights, real)
    loss = objective.loss(surrogate, weights, statistic, real)
    torch.testing.assert_close(loss, F.cross_entropy(surrogate.layers(weights, real)[-1], real.y))


def test_rates_fall_to_zero_by_a_cosine():
    schedule = Schedule(rates={"features": 2.0}, cosine=4)
    rates = [schedule.at(step)["features"] for step in range(5)]
    torch.testing.assert_close(torch.tensor(rates), torch.tensor([2.0, 1.7071068, 1.0, 0.2928932, 0.0]))
