"""Comparisons against textbook tests, simulated noise and the bootstrap."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import roc_auc_score

import graphcond
from graphcond.core.evaluation.columns import outcomes, part_of, score_of
from graphcond.core.evaluation.comparison import in_words, placements
from graphcond.core.evaluation.metrics import METRICS
from graphcond.core.evaluation.scale import ScoreScale
from graphcond.evaluation import BenchReport, Protocol, Sample, TestPart, compare, evaluate

pytestmark = pytest.mark.usefixtures("quick_choice")

RNG = np.random.default_rng(0)


def test_paired_runs_are_students_test() -> None:
    first, second = RNG.uniform(0.6, 0.8, 6), RNG.uniform(0.6, 0.8, 6)
    found = compare(Sample.of("a", first), Sample.of("b", second))
    reported = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((reported.low, reported.high))
    assert found.how == "6 paired trainings; noise of the test part unknown"


def test_other_runs_are_welchs_test() -> None:
    first, second = RNG.uniform(0.6, 0.8, 6), RNG.uniform(0.5, 0.9, 4)
    found = compare(Sample.of("a", first), Sample.of("b", second))
    reported = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((reported.low, reported.high))


def test_trainings_of_one_condensation_are_no_independent_runs() -> None:
    scores = [0.7, 0.7, 0.8, 0.8]
    assert Sample.of("a", scores, condensations=2).runs == pytest.approx((0.7, 0.8))
    assert Sample.of("a", scores).runs == tuple(scores)


def test_what_is_known_of_published_scores() -> None:
    ours = Sample.of("auto", [0.83, 0.84, 0.83, 0.82, 0.83], test=TestPart(1000))
    published = Sample("paper", 0.80, deviation=0.005, count=10)
    bare = Sample("paper", 0.80)
    assert compare(ours, published).how == "5 trainings and 10 condensations; 1,000 test items, binomial"
    assert compare(ours, bare).how == (
        "5 trainings and one score, whose noise is taken alike; 1,000 test items, binomial"
    )
    assert (
        compare(ours, bare).high - compare(ours, bare).low
        > compare(ours, published).high - compare(ours, published).low
    )
    # Two networks on 1,000 nodes differ by 1.8 points before they are distinguished, however stable their runs.
    assert compare(ours, published).high - 0.03 > 1.96 * math.sqrt(2 * 0.8 * 0.2 / 1000) * 0.97


@pytest.mark.parametrize(
    ("first", "second", "verdict"), [(0.9, 0.5, "above"), (0.5, 0.9, "below"), (0.7, 0.7, "level")]
)
def test_verdicts(first: float, second: float, verdict: str) -> None:
    jitter = np.array([-0.01, 0, 0.01, 0.005, -0.005])
    found = compare(Sample.of("a", first + jitter), Sample.of("b", second + jitter[::-1]))
    assert found.verdict == verdict
    assert {"above": "a above b", "below": "a below b", "level": "a level with b"}[verdict] in str(found)


ERROR = ScoreScale(percent=False, less_is_better=True)


@pytest.mark.parametrize(
    ("first", "verdict", "words"),
    [(0.5, "above", "a better than b: -0.4"), (1.3, "below", "a worse than b: +0.4"), (0.9, "level", "a level with b")],
)
def test_where_less_is_better_the_lower_score_is_above(first: float, verdict: str, words: str) -> None:
    jitter = np.array([-0.01, 0, 0.01, 0.005, -0.005])
    found = compare(Sample.of("a", first + jitter, scale=ERROR), Sample.of("b", 0.9 + jitter[::-1], scale=ERROR))
    assert found.verdict == found.as_dict()["verdict"] == verdict
    assert found.difference == pytest.approx(first - 0.9)
    assert str(found).startswith(words)
    assert "points" not in str(found)
    assert in_words([found], "a") == [f"a: {words.removeprefix('a ').split(':')[0]} (95 %)"]
    with pytest.raises(ValueError, match="a and b were scored by different metrics"):
        compare(Sample.of("a", jitter, scale=ERROR), Sample.of("b", jitter))


def test_errors_of_items_are_paired_and_have_no_closed_form() -> None:
    targets = torch.from_numpy(RNG.normal(size=(400, 1)))
    outputs = [targets + torch.from_numpy(RNG.normal(0, spread, (400, 1))) for spread in (0.5, 0.7)]
    items = [outcomes(one, targets, METRICS["rmse"]).numpy()[None] for one in outputs]
    scores = [[METRICS["rmse"](one, targets)] * 2 for one in outputs]
    first, second = (
        Sample.of(name, score, items=item.repeat(2, 0), scale=ERROR)
        for name, score, item in zip("ab", scores, items, strict=True)
    )
    found = compare(first, second)
    assert found.how == "2 paired trainings; 400 test items, paired"
    drawn = []
    for _ in range(1000):
        some = torch.from_numpy(RNG.integers(0, 400, 400))
        drawn.append(np.subtract(*(METRICS["rmse"](one[some], targets[some]) for one in outputs)))
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * np.std(drawn), rel=0.15)
    assert found.verdict == "above"
    assert compare(first, replace(second, items=None)).how.endswith("noise of the test part unknown")


def scored(name: str, scores: tuple[float, ...], scale: ScoreScale) -> graphcond.Row:
    return graphcond.Row(name, "gcn", scores, (), 10, 20, 4_000, 1.0, 1.0, scale=scale)


def test_reports_of_errors_print_numbers_and_say_that_less_is_better() -> None:
    rows = scored("auto", (0.58, 0.59, 0.6), ERROR), scored("random", (1.41, 1.4, 1.42), ERROR)
    report = graphcond.Report(rows, "esol", "standard", "rmse")
    assert str(report).startswith("esol: test rmse (less is better), standard protocol, 3 trainings")
    assert "0.5900 ± 0.0100" in str(report)
    assert "1.410 ± 0.010" in str(report)
    assert "auto / gcn, plain: better than random (95 %)" in str(report)
    assert report.to_dict()["rows"][0]["less_is_better"]
    assert not report.to_dict()["rows"][0]["percent"]
    explained = graphcond.Report((scored("auto", (-0.2,), ScoreScale(percent=False)),), "esol", "standard", "r2")
    assert "test r2, standard protocol" in str(explained)
    assert "-0.2000" in str(explained)


def test_benchmarks_of_errors_read_their_rows() -> None:
    about = {"metric": "rmse", "percent": False, "less_is_better": True}
    rows = [
        row_of(method, seed, score + places[seed], 0, None) | about
        for method, score, places in (("auto", 0.6, (0.0, 0.01, 0.02)), ("random", 1.4, (0.03, 0.0, 0.01)))
        for seed in range(3)
    ]
    report = BenchReport(tuple(json.loads(json.dumps(rows))))
    ((found,),) = report.compare().values()
    assert (found.verdict, found.scale) == ("above", ERROR)
    assert str(report).startswith("test rmse (less is better), few protocol")
    assert "toy 10, auto / gcn, plain: better than random (95 %)" in str(report)
    assert "0.6100 ± 0.0100" in str(report)
    mixed = BenchReport((*rows, row_of("auto", 0, 0.8, 0, 19) | {"dataset": "other"}))
    assert str(mixed).startswith("test accuracy in %, rmse (less is better), few protocol")


def test_one_run_each_tells_nothing() -> None:
    found = compare(Sample.of("a", [0.9], test=TestPart(1000)), Sample.of("b", [0.1], test=TestPart(1000)))
    assert found.verdict == "unknown"
    assert "no interval (one run each" in str(found)
    assert in_words([found], "a") == ["a: no verdict on b (95 %)"]
    assert found.as_dict()["low"] is None
    alike = compare(Sample.of("a", [0.9, 0.9]), Sample.of("b", [0.8, 0.8]))
    assert alike.verdict == "unknown"  # nothing is known of any noise
    with pytest.raises(ValueError, match="b has no scores"):
        Sample.of("b", [])


def test_folds_tell_of_their_own_test_items_but_share_training_items() -> None:
    """The corrected variance of Nadeau and Bengio."""
    folds = TestPart(37, each=0.25)
    first, second = [0.8, 0.9, 0.7], [0.7, 0.8, 0.7]
    found = compare(*(Sample.of("x", one, 3, folds) for one in (first, second)))
    assert found.how == "3 paired condensations; a split for each"
    spread = np.subtract(first, second).var(ddof=1)
    assert found.high - found.difference == pytest.approx(stats.t.ppf(0.975, 2) * (spread * (1 / 3 + 0.25)) ** 0.5)


def test_only_the_same_seeds_and_the_same_kind_of_run_are_paired() -> None:
    scores = [0.8, 0.82, 0.81]
    same = compare(Sample.of("a", scores, 3, seeds=(0, 1, 2)), Sample.of("b", scores[::-1], 3, seeds=(0, 1, 2)))
    other = compare(Sample.of("a", scores, 3, seeds=(0, 1, 2)), Sample.of("b", scores, 3, seeds=(3, 4, 5)))
    kinds = compare(Sample.of("a", scores, 3), Sample.of("whole", scores))
    assert same.how.startswith("3 paired condensations")
    assert other.how.startswith("3 condensations and 3 condensations")
    assert kinds.how.startswith("3 condensations and 3 trainings")


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="different items"):
        compare(Sample.of("a", [0.8, 0.9], test=TestPart(10)), Sample.of("b", [0.8, 0.9], test=TestPart(20)))
    with pytest.raises(ValueError, match="not finite"):
        Sample.of("a", [0.8, float("nan")])
    with pytest.raises(ValueError, match="outside"):
        Sample.of("a", [80.0, 90.0], test=TestPart(10))


def test_paired_hits_are_narrower_than_the_closed_form_and_what_a_bootstrap_gives() -> None:
    easy = RNG.random(600)
    first, second = ((RNG.random((5, 600)) < chance).astype(np.uint8) for chance in (easy, 0.9 * easy))
    part = TestPart(600)
    paired = compare(*(Sample.of("x", hits.mean(axis=1), test=part, items=hits) for hits in (first, second)))
    closed = compare(*(Sample.of("x", hits.mean(axis=1), test=part) for hits in (first, second)))
    assert paired.high - paired.low < closed.high - closed.low
    gaps = first.mean(axis=0) - second.mean(axis=0)
    drawn = gaps[RNG.integers(600, size=(4000, 600))].mean(axis=1).var()
    runs = np.subtract(first.mean(axis=1), second.mean(axis=1)).var(ddof=1) / 5
    half = stats.t.ppf(0.975, 4 * ((runs + drawn) / runs) ** 2) * math.sqrt(runs + drawn)
    assert paired.high - paired.difference == pytest.approx(half, rel=0.05)


def scores_of(labels: np.ndarray, strength: float, ties: bool = False) -> torch.Tensor:
    margin = torch.from_numpy(RNG.normal(size=len(labels)) + strength * labels)
    margin = margin.round() if ties else margin
    return torch.stack([torch.zeros(len(labels), dtype=torch.float64), margin], dim=1)


@pytest.mark.parametrize("ties", [False, True])
def test_ranks_hold_labels_and_score(ties: bool) -> None:
    labels = (RNG.random(300) < 0.2).astype(int)
    logits = scores_of(labels, 1.0, ties)
    items = outcomes(logits, torch.from_numpy(labels), METRICS["roc_auc"])
    assert items is not None
    reported = roc_auc_score(labels, logits[:, 1])
    assert score_of(items) == pytest.approx(reported)
    found = placements(items.numpy())
    assert found[labels == 1].mean() == pytest.approx(reported)
    assert found[labels == 0].mean() == pytest.approx(reported)


def test_the_noise_of_roc_auc_is_the_bootstraps() -> None:
    labels = (RNG.random(500) < 0.1).astype(int)
    shared = RNG.normal(size=500)
    columns = [torch.from_numpy(shared + strength * labels + RNG.normal(size=500)) for strength in (1.5, 1.0)]
    logits = [torch.stack([torch.zeros_like(one), one], dim=1) for one in columns]
    ranks = [outcomes(one, torch.from_numpy(labels), METRICS["roc_auc"]) for one in logits]
    part = part_of(torch.from_numpy(labels), METRICS["roc_auc"])
    samples = [Sample.of("x", [score_of(one), score_of(one)], test=part, items=np.stack([one, one])) for one in ranks]
    found = compare(*samples)  # two equal runs: all noise is that of the items
    drawn = []
    for _ in range(1000):
        some = RNG.integers(500, size=500)
        drawn.append(np.subtract(*(roc_auc_score(labels[some], one.numpy()[some]) for one in columns)))
    assert found.high - found.difference == pytest.approx(1.96 * np.std(drawn), rel=0.1)
    closed = compare(*(Sample.of("x", one.runs, test=part) for one in samples))
    assert closed.high - closed.low > found.high - found.low


@pytest.mark.parametrize(("positives", "rate"), [(130, 0.5), (40, 0.2)])
def test_hanley_and_mcneil_against_drawn_test_parts(positives: int, rate: float) -> None:
    """Scores are exponential, as they assume; for normal ones the form is wider than it need be."""
    labels = np.r_[np.ones(positives, int), np.zeros(1000, int)]
    scale = np.where(labels == 1, 1 / rate, 1.0)
    drawn = [roc_auc_score(labels, RNG.exponential(scale)) for _ in range(400)]
    reported = TestPart(len(labels), positives).variance(float(np.mean(drawn))) ** 0.5
    assert reported == pytest.approx(np.std(drawn), rel=0.15)
    normal = [roc_auc_score(labels, scores_of(labels, 1.5)[:, 1]) for _ in range(200)]
    assert TestPart(len(labels), positives).variance(float(np.mean(normal))) ** 0.5 > 0.9 * np.std(normal)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Two methods of one true score, on one test part: runs and items are drawn, 95 % of the intervals hold 0."""
    held = 0
    for _ in range(600):
        ease = RNG.normal(1.0, 1.0, size=400)
        sides = []
        for _ in range(2):
            own = RNG.normal(0, 0.7, size=400)  # a method's items
            luck = RNG.normal(0, 0.1, size=(5, 1))  # a run
            hits = (ease + own + luck + RNG.normal(0, 0.7, size=(5, 400)) > 0).astype(np.uint8)
            sides.append(Sample.of("x", hits.mean(axis=1), test=TestPart(400), items=hits))
        held += compare(*sides).verdict == "level"
    assert 0.93 <= held / 600 <= 1.0


def test_reports_compare(toy: object) -> None:
    small = [graphcond.condense(toy, size="2/class", seed=seed) for seed in range(2)]
    report = evaluate(
        small, toy, protocol=Protocol(name="quick", epochs=20, hidden=16, runs=2), controls=["random", "whole"]
    )
    reported = report.compare()
    assert [one.second for one in reported] == ["random", "whole"]
    assert reported[0].how.startswith("2 paired condensations; ")
    assert reported[0].how.endswith("test items, paired")
    assert "auto / gcn, plain: " in str(report)
    assert [one["second"] for one in report.to_dict()["comparisons"]] == ["random", "whole"]
    assert json.loads(report.to_json())["comparisons"][0]["verdict"] == reported[0].verdict
    with pytest.raises(ValueError, match="column must be"):
        report.compare("other")  # type: ignore[arg-type]


def row_of(method: str, seed: int, score: float, split: int, num_test: int | None) -> dict:
    names = {"dataset": "toy", "size": "10", "method": method, "model": "gcn", "protocol": "few", "metric": "accuracy"}
    costs = dict.fromkeys(("nodes", "edges", "bytes", "condense_seconds", "train_seconds", "peak_memory"), 1)
    places = {"seed": seed, "split": split, "num_test": num_test, "num_positive": None}
    return names | costs | places | {"scores": [score], "own_scores": []}


def test_benchmarks_print_whatever_seeds_failed_and_whatever_has_no_score() -> None:
    """Folds differ in size, a seed may have failed, and a score may be NaN: the others are compared all the same."""
    whole = [row_of("auto", seed, 0.8 + 0.01 * seed, seed, 19 - seed % 2) for seed in range(3)]
    part = [row_of("random", seed, 0.5, seed, 19 - seed % 2) for seed in (1,)]
    none = [row_of("untrained", seed, float("nan"), seed, 19) for seed in range(3)]
    report = BenchReport((*whole, *part, *none))
    ((found,),) = report.compare().values()
    assert (found.second, found.how) == (
        "random", "3 condensations and one score, whose noise is taken alike; a split for each",
    )  # fmt: skip
    assert "toy 10, auto / gcn, plain: " in str(report)
