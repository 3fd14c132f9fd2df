"""Evaluation condensed sets of images: trainings, models, controls, the report, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch_geometric.data import Data

import graphcond
from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.columns import Column
from graphcond.core.evaluation.metrics import accuracy
from graphcond.core.matching.batch import Batch
from graphcond.core.record import Record
from graphcond.core.runtime.randomness import seeded
from graphcond.evaluation import IMAGE_PROTOCOLS, ImageProtocol, KernelRegression, evaluate
from graphcond.images.augmentation import Augmentation
from graphcond.images.dataset import ImageDataset
from graphcond.images.evaluation.models import IMAGE_MODELS, AlexNet, LeNet
from graphcond.images.evaluation.training import (
    ROWS_AT_ONCE,
    ImageEvaluationData,
    ImageTrainingData,
    predict_images,
    train_images,
    training_data_of,
)
from graphcond.images.evaluation.value import CONTROLS, USUAL
from graphcond.images.formation import expand
from graphcond.images.methods.base import SyntheticImages
from graphcond.images.methods.selection import RandomImages, RandomSoftImages
from graphcond.images.modality import image_data
from graphcond.images.reading import read_images
from graphcond.images.task import ImageSet, Scale
from graphcond.surrogates.convnet import ConvNet, Perceptron
from graphcond.surrogates.infinite_width import InfiniteWidth

SHORT = ImageProtocol(epochs=20, whole_epochs=2, validations=4)
SMALL = Perceptron(width=8, depth=1)
CPU = torch.device("cpu")


def softmax_regression(shape: tuple[int, int, int], num_classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], num_classes))


def digits(*, as_bytes: bool = False, test: bool = True) -> ImageDataset:
    data = load_digits()
    x, y = torch.from_numpy(data.images).float().unsqueeze(1) / 16, torch.from_numpy(data.target)
    x = (255 * x).to(torch.uint8) if as_bytes else x
    parts = [(x[rows], y[rows]) for rows in (slice(300), slice(300, 400), slice(400, 700))]
    return ImageDataset(parts[0], val=parts[1], test=parts[2] if test else None, name="digits")


def few(count: int = 2, seed: int = 0, **more: Tensor) -> Data:
    """Return so many digits of each class, with more fields."""
    task = read_images(digits())
    with seeded(seed):
        data = image_data(RandomImages().condense(task, torch.full((10,), count)), task)
    for name, value in more.items():
        data[name] = value
    return data


def soft(data: Data, share: float = 0.9) -> Tensor:
    return share * F.one_hot(data.y, 10).float() + (1 - share) / 10


def evaluation_data(metric: Callable[[Tensor, Tensor], float] = accuracy) -> ImageEvaluationData:
    task = read_images(digits())
    return ImageEvaluationData(task.val, task.test, metric, 10)


def training_data(data: Data, column: Column = "own") -> ImageTrainingData:
    return training_data_of(data, column, Scale.of(data.x), CPU)


def checksum(logits: Tensor, labels: Tensor) -> float:
    return float(logits.double().square().sum())


def in_order(x: Tensor) -> Tensor:
    """Return images in an order of their own, by weighted sums of their pixels."""
    flat = x.double().flatten(1)
    return x[(flat @ torch.arange(flat.size(1)).double().sqrt()).argsort()]


class Seen:
    """An architecture that keeps what its networks are shown, in training and in evaluation."""

    def __init__(self) -> None:
        self.trained: list[Tensor] = []
        self.evaluated: list[Tensor] = []

    def __call__(self, shape: tuple[int, int, int], num_classes: int) -> nn.Module:
        module = softmax_regression(shape, num_classes)
        module.register_forward_hook(lambda _, inputs, __: self._keep(module, inputs[0]))
        return module

    def _keep(self, module: nn.Module, x: Tensor) -> None:
        (self.trained if module.training else self.evaluated).append(x.clone())


def by_hand(given: ImageTrainingData, protocol: ImageProtocol, rate: float, seed: int) -> tuple[Tensor, Tensor]:
    """Return weights and biases of softmax regression after descent with momentum, written out."""
    with seeded(seed):
        linear = softmax_regression((1, 8, 8), 10)[1]
    weights = [value.detach().double() for value in (linear.weight, linear.bias)]
    x = given.scale.normalized(given.x).flatten(1).double()
    y = given.targets.double() if given.targets.dim() == 2 else F.one_hot(given.targets, 10).double()
    for epoch in range(protocol.epochs):
        if epoch in (0, protocol.epochs // 2):
            speed = [torch.zeros_like(value) for value in weights]
        step = rate if epoch < protocol.epochs // 2 else rate / 10
        residual = ((x @ weights[0].T + weights[1]).softmax(dim=1) - y) / len(x)
        for i, gradient in enumerate((residual.T @ x, residual.sum(dim=0))):
            speed[i] = protocol.momentum * speed[i] + gradient + protocol.weight_decay * weights[i]
            weights[i] = weights[i] - step * speed[i]
    return weights[0], weights[1]


@pytest.mark.parametrize("kind", ["hard", "soft", "learned rate"])
def test_training_is_descent_with_momentum_written_out(kind: str) -> None:
    data = few()
    if kind == "soft":
        data.y_soft = soft(data)
    if kind == "learned rate":
        data.learning_rate = torch.tensor([0.03])
    protocol = ImageProtocol(epochs=11, weight_decay=0.1)
    given, data_for = training_data(data), evaluation_data(checksum)
    weight, bias = by_hand(given, protocol, 0.03 if kind == "learned rate" else 0.01, seed=5)
    x = given.scale.normalized(data_for.test.x).flatten(1).double()
    expected = checksum(x @ weight.T + bias, data_for.test.y)
    assert train_images(softmax_regression, given, data_for, protocol, 5).test == pytest.approx(expected, rel=1e-5)


def test_a_learned_rate_can_be_left_out() -> None:
    data, learned = few(), few(learning_rate=torch.tensor([0.03]))
    scores = [
        train_images(SMALL, given, evaluation_data(checksum), protocol, 0).test
        for given, protocol in (
            (training_data(data), SHORT),
            (training_data(learned, "plain"), SHORT),
            (training_data(learned), SHORT),
            (training_data(data), replace(SHORT, learning_rate=0.03)),
        )
    ]
    assert scores[0] == scores[1] != scores[2]
    assert scores[2] == pytest.approx(scores[3], rel=1e-5)  # 0.03 is no float32


def test_one_hot_labels_equal_classes_and_hard_ones_can_be_asked_for() -> None:
    data = few()
    scores = [
        train_images(SMALL, training_data(one, kind), evaluation_data(checksum), SHORT, 0).test
        for one, kind in (
            (data, "own"),
            (few(y_soft=soft(data, 1.0)), "own"),
            (few(y_soft=soft(data, 0.5)), "plain"),
            (few(y_soft=soft(data, 0.5)), "own"),
        )
    ]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)
    assert scores[0] == scores[2]
    assert scores[0] != pytest.approx(scores[3], rel=1e-2)


def test_an_epoch_shows_each_image_once() -> None:
    data, seen = few(), Seen()
    train_images(seen, training_data(data), evaluation_data(), ImageProtocol(epochs=3, batch_size=8), 0)
    assert [len(batch) for batch in seen.trained] == [8, 8, 4] * 3
    shown = training_data(data).scale.normalized(data.x)
    first, second = torch.cat(seen.trained[:3]), torch.cat(seen.trained[3:6])
    assert not torch.equal(first, second)
    for epoch in (first, second):
        assert torch.equal(in_order(epoch), in_order(shown))


def test_each_step_sees_freshly_changed_images() -> None:
    data, seen, augment = few(), Seen(), Augmentation(operations=("crop",))
    train_images(seen, training_data(data), evaluation_data(), ImageProtocol(epochs=2, augment=augment), 3)
    with seeded(3):
        softmax_regression((1, 8, 8), 10)
        expected = [augment.each(training_data(data).batch(torch.randperm(20))).x for _ in range(2)]
    assert torch.equal(torch.stack(seen.trained), torch.stack(expected))


def test_other_changes_are_drawn_and_may_mix_labels() -> None:
    class Halves:
        """Replaces labels by probabilities of one half, and images by zeros."""

        def draw(self) -> Callable[[Batch], Batch]:
            return lambda batch: replace(batch, x=0 * batch.x, y=torch.eye(10)[batch.y] / 2 + torch.eye(10)[0] / 2)

    seen = Seen()
    protocol = ImageProtocol(epochs=300, learning_rate=0.5, augment=Halves())
    data_for = replace(evaluation_data(), metric=lambda logits, labels: float(logits.softmax(dim=1)[:, 0].mean()))
    nothing = replace(data_for, test=ImageSet(torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)))
    given = replace(training_data(few()), scale=Scale(torch.zeros(1), torch.ones(1)))
    assert train_images(seen, given, nothing, protocol, 0).test == pytest.approx(0.55, abs=0.02)
    assert not seen.trained[0].any()


@pytest.mark.parametrize("best", [0, 1, 3])
def test_the_best_validation_is_kept(best: int) -> None:
    seen: list[Tensor] = []

    def metric(logits: Tensor, labels: Tensor) -> float:
        seen.append(logits)
        return float(len(seen) - 1 == best)

    val = evaluation_data().val
    score = train_images(
        SMALL, training_data(few()), ImageEvaluationData(val, val, metric, 10), replace(SHORT, select="validation"), 0
    )
    assert len(seen) == 5  # four validations and the test
    assert (score.test, score.val) == (0.0, 1.0)
    assert [torch.equal(logits, seen[4]) for logits in seen[:4]] == [validate == best for validate in range(4)]


def test_without_validations_the_last_weights_are_evaluated() -> None:
    empty = replace(evaluation_data(checksum), val=evaluation_data().val.take(torch.tensor([], dtype=torch.int64)))
    last = train_images(SMALL, training_data(few()), evaluation_data(checksum), SHORT, 0)
    assert train_images(SMALL, training_data(few()), empty, replace(SHORT, select="validation"), 0) == last
    assert last.val is None


def test_of_equal_validations_the_first_is_kept() -> None:
    seen: list[Tensor] = []
    metric: Any = lambda logits, labels: seen.append(logits) or 1.0  # noqa: E731
    val = evaluation_data().val
    train_images(
        SMALL, training_data(few()), ImageEvaluationData(val, val, metric, 10), replace(SHORT, select="validation"), 0
    )
    assert torch.equal(seen[0], seen[-1])


def test_validations_are_spread_over_the_epochs() -> None:
    protocol = ImageProtocol(epochs=10, validations=4)
    assert [epoch for epoch in range(1, 11) if protocol.validates_after(epoch)] == [3, 5, 8, 10]
    assert all(replace(protocol, validations=20).validates_after(epoch) for epoch in range(1, 11))


def test_the_test_images_are_read_once() -> None:
    sizes: list[int] = []

    def counting(logits: Tensor, labels: Tensor) -> float:
        sizes.append(len(labels))
        return 0.0

    train_images(SMALL, training_data(few()), evaluation_data(counting), replace(SHORT, select="validation"), 0)
    assert sizes == [100] * 4 + [300]


def test_evaluation_in_blocks_changes_nothing() -> None:
    torch.manual_seed(0)
    images = ImageSet(torch.randn(2 * ROWS_AT_ONCE + 7, 1, 8, 8), torch.arange(2 * ROWS_AT_ONCE + 7) % 10)
    scale, seen = Scale(torch.tensor([0.5]), torch.tensor([2.0])), Seen()
    model = seen((1, 8, 8), 10)
    score = checksum(predict_images(model, images, scale), images.y)
    assert [len(block) for block in seen.evaluated] == [ROWS_AT_ONCE, ROWS_AT_ONCE, 7]
    assert score == pytest.approx(checksum(model(scale.normalized(images.x)).detach(), images.y))


def test_test_images_are_seen_by_the_scale_of_the_set() -> None:
    data, seen = few(mean=torch.tensor([0.25]), std=torch.tensor([0.5])), Seen()
    evaluate(data, digits(), [seen], protocol=replace(SHORT, runs=1), controls=False)
    task = read_images(digits())
    assert torch.allclose(in_order(seen.trained[-1]), in_order((data.x - 0.25) / 0.5), atol=1e-6)
    assert torch.allclose(torch.cat(seen.evaluated[-2:]), (task.test.x - 0.25) / 0.5, atol=1e-6)
    plain = Data(x=data.x, y=data.y)
    evaluate(plain, digits(), [seen], protocol=replace(SHORT, runs=1), controls=False)
    assert torch.allclose(in_order(seen.trained[-1]), in_order(task.scale.normalized(data.x)), atol=1e-6)
    assert torch.allclose(torch.cat(seen.evaluated[-2:]), task.scale.normalized(task.test.x), atol=1e-6)


def test_images_that_stand_for_several_are_taken_apart() -> None:
    data = few(formation=torch.tensor([2]))
    data.y_soft, data.target = soft(data), 3 * soft(data)
    given = training_data(data)
    assert len(given) == 80
    assert torch.equal(given.x, expand(data.x, 2))
    assert torch.equal(given.targets, data.y_soft.repeat_interleave(4, dim=0))
    assert torch.equal(given.outputs, data.target.repeat_interleave(4, dim=0))
    assert torch.equal(training_data(data, "hard").targets, data.y.repeat_interleave(4))
    assert training_data(data, "hard").outputs is None


def test_a_kernel_without_hidden_layers_is_ridge_regression() -> None:
    ridge, data = 0.03, few(3)
    rng = np.random.default_rng(0)
    data.target = torch.from_numpy(rng.normal(size=(30, 10)))
    given, data_for = training_data(data), evaluation_data(checksum)
    x = given.scale.normalized(given.x).flatten(1).double().numpy()
    test = given.scale.normalized(data_for.test.x).flatten(1).double().numpy()
    features, asked = (np.hstack([2**0.5 / 8 * rows, np.full((len(rows), 1), 0.1)]) for rows in (x, test))
    gram = features @ features.T
    # In feature space: (F'F + r I)^-1 F'Y with r relative to the mean diagonal of the kernel.
    penalty = ridge * np.trace(gram) / len(gram) * np.eye(features.shape[1])
    for column, outputs in (("own", data.target.numpy()), ("plain", np.eye(10)[data.y.numpy()])):
        weights = np.linalg.solve(features.T @ features + penalty, features.T @ outputs)
        expected = float(np.square(asked @ weights).sum())
        model = KernelRegression(kernel=InfiniteWidth(depth=0), ridges=(ridge,))
        assert model.score(training_data(data, column), data_for).test == pytest.approx(expected, rel=1e-4)


def test_the_ridge_is_chosen_on_the_validation_images() -> None:
    sums: dict[int, list[float]] = {100: [], 300: []}

    def middle(logits: Tensor, labels: Tensor) -> float:
        sums[len(labels)].append(checksum(logits, labels))
        return float(len(sums[100]) == 2) if len(labels) == 100 else sums[300][-1]

    model = KernelRegression(ridges=(1e-4, 1e-2, 1.0))
    chosen = model.score(training_data(few()), evaluation_data(middle))
    assert chosen.val == 1.0
    assert len(sums[100]) == 3
    assert len(sums[300]) == 1
    assert chosen == replace(
        KernelRegression(ridges=(1e-2,)).score(training_data(few()), evaluation_data(checksum)), val=1.0
    )
    none = replace(evaluation_data(checksum), val=evaluation_data().val.take(torch.tensor([], dtype=torch.int64)))
    first = KernelRegression(ridges=(1e-4,)).score(training_data(few()), evaluation_data(checksum))
    assert model.score(training_data(few()), none).test == first.test


@pytest.mark.parametrize(
    ("name", "shape", "count"),
    [
        ("convnet", (1, 28, 28), 317_706),
        ("convnet", (3, 32, 32), 320_010),
        ("mlp", (1, 28, 28), 118_282),
        ("lenet", (1, 28, 28), 61_706),
        ("lenet", (3, 32, 32), 62_006),
        ("alexnet", (1, 28, 28), 1_865_802),
        ("alexnet", (3, 32, 32), 1_872_202),
    ],
)
def test_networks_have_the_size_of_the_published_ones(name: str, shape: tuple[int, int, int], count: int) -> None:
    model = IMAGE_MODELS[name](shape, 10)  # type: ignore[operator]
    assert sum(parameter.numel() for parameter in model.parameters()) == count
    assert model.eval()(torch.zeros(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize("architecture", [LeNet(), AlexNet()])
@pytest.mark.parametrize("shape", [(1, 12, 17), (2, 13, 31), (1, 40, 33)])
def test_networks_take_images_of_other_shapes(architecture: Any, shape: tuple[int, int, int]) -> None:
    assert architecture(shape, 3)(torch.zeros(2, *shape)).shape == (2, 3)


def test_controls_stand_beside_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    taught: list[int] = []

    def teacher(self: RandomSoftImages, task: Any) -> Any:
        taught.append(1)
        return Perfect()

    class Perfect:
        temperature = 1.0

        def logits(self, images: ImageSet) -> Tensor:
            return 5 * F.one_hot(images.y, 10).float()

    monkeypatch.setattr(RandomSoftImages, "teacher", teacher)
    reported: list[Any] = []
    report = evaluate(
        [few(2), few(2, seed=1)], digits(), [SMALL, "ntk"], protocol=replace(SHORT, runs=2), controls=CONTROLS,
        run=graphcond.Run(progress=reported.append),
    )  # fmt: skip
    rows = [row for row in report.rows if row.model == repr(SMALL)]
    assert [row.data for row in rows] == ["data", *CONTROLS]
    assert [len(row.scores) for row in rows] == [4] * 6 + [2]
    assert [row.nodes for row in rows] == [20, 20, 20, 10, 20, 20, 300]
    assert [len(row.scores) for row in report.rows if row.model == "ntk"] == [2] * 6 + [1]
    assert len(taught) == 1
    assert [one.done for one in reported] == list(range(1, reported[-1].total + 1))
    assert report.row("class_mean", "ntk").mean > 0.6
    assert report.row("whole", "ntk").mean > 0.7
    assert report.unit == "images"


def test_each_condensation_has_a_control_of_its_own() -> None:
    seen = Seen()
    evaluate([few(), few()], digits(), [seen], protocol=replace(SHORT, epochs=1, runs=1), controls=["random"])
    own, again, first, second = map(in_order, seen.trained)
    assert torch.equal(own, again)
    assert not torch.equal(first, second)


def test_the_whole_is_trained_on_for_its_own_number_of_epochs() -> None:
    seen = Seen()
    evaluate(few(), digits(), [seen], protocol=replace(SHORT, runs=1), controls=["whole"])
    assert [len(x) for x in seen.trained] == [20] * 20 + [256, 44] * 2


def test_usual_controls_need_no_training_on_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphcond.images.evaluation.value.RandomSoftImages", RandomSoftImages)
    monkeypatch.setattr(RandomSoftImages, "teacher", lambda *_: pytest.fail("not for sizes that are not to be had"))
    many = few(1)
    many.x, many.y = many.x.repeat(40, 1, 1, 1), many.y.repeat(40)
    report = evaluate(
        many, digits(), [SMALL], protocol=replace(SHORT, epochs=1, runs=1), controls=["random", "herding"]
    )
    assert report.row("random").note.startswith("not possible: class 0 has")
    assert report.row("random").scores == ()
    assert "not possible" in str(report)
    assert "whole" not in USUAL


def test_the_table_of_images_has_no_edges() -> None:
    report = evaluate(few(), digits(), [SMALL], protocol=replace(SHORT, runs=1), controls=["random"])
    header = str(report).splitlines()[2]
    assert "images" in header
    assert "nodes" not in header
    assert "edges" not in header
    values = report.to_dict()
    assert values["unit"] == "images"
    assert values["rows"][0]["val_mean"] is None
    assert report.row("random").bytes == few().x.nbytes + few().y.nbytes + 8  # with mean and deviation


def test_same_seed_same_scores_and_the_random_state_is_untouched() -> None:
    state = torch.get_rng_state()
    options: dict[str, Any] = {"protocol": replace(SHORT, batch_size=7, runs=2), "controls": ["random"]}
    first, again = (evaluate(few(), digits(), [ConvNet(width=4, depth=1)], **options) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert [row.scores for row in first.rows] == [row.scores for row in again.rows]
    second = evaluate(few(), digits(), [ConvNet(width=4, depth=1)], **options, seed=1)
    assert second.best.scores[0] == first.best.scores[1]


def test_test_labels_do_not_steer_training() -> None:
    data = digits()
    assert data.test is not None
    turned = replace(data, test=(data.test[0], (data.test[1] + 1) % 10))  # type: ignore[index]
    protocol = replace(SHORT, select="validation")
    right, wrong = (
        evaluate(few(), one, [SMALL], protocol=replace(protocol, runs=1), controls=False) for one in (data, turned)
    )
    assert right.best.val_scores == wrong.best.val_scores
    assert right.best.mean != wrong.best.mean
    assert right.best.as_dict()["val_mean"] == right.best.val_scores[0]


def test_images_of_ones_own() -> None:
    data = few()
    options: dict[str, Any] = {"protocol": replace(SHORT, runs=1), "controls": False}
    plain = Data(x=data.x, y=data.y)
    expected = evaluate(plain, digits(), [SMALL], **options).best.scores
    assert evaluate((data.x, data.y), digits(), [SMALL], **options).best.scores == expected
    assert evaluate((data.x.numpy(), data.y.int().numpy()), digits(), [SMALL], **options).best.scores == expected
    assert evaluate([(data.x, data.y)] * 2, digits(), [SMALL], **options).best.scores == expected * 2
    labels = soft(data, 0.7)
    sharp = evaluate((data.x, labels), digits(), [SMALL], **options).best.scores
    assert sharp == evaluate(Data(x=data.x, y=data.y, y_soft=labels), digits(), [SMALL], **options).best.scores


def test_fields_may_be_of_other_types() -> None:
    data = few(y_soft=soft(few()))
    wide = Data(x=data.x.double().requires_grad_(), y=data.y.int(), y_soft=data.y_soft.double())
    wide.mean, wide.std = data.mean.double(), data.std.double()
    options: dict[str, Any] = {"protocol": replace(SHORT, runs=1), "controls": False}
    scores = [evaluate(one, digits(), [SMALL, "ntk"], **options) for one in (data, wide)]
    assert [row.scores for row in scores[0].rows] == [row.scores for row in scores[1].rows]
    assert wide.x.grad is None


def test_bytes_are_on_the_scale_of_floats() -> None:
    task = read_images(digits(as_bytes=True))
    chosen = task.train.take(torch.arange(20))
    options: dict[str, Any] = {"protocol": replace(SHORT, runs=1), "controls": False}
    scores = [
        evaluate((x, chosen.y), digits(as_bytes=True), [SMALL], **options).best.scores
        for x in (chosen.x, chosen.x.float() / 255)
    ]
    assert scores[0] == scores[1]
    with pytest.raises(ValueError, match="the condensed images reach 255, but bytes count as floats in"):
        evaluate((chosen.x.float(), chosen.y), digits(as_bytes=True), [SMALL], **options)
    learned = 20 * (chosen.x.float() / 255 - 0.5)  # as far out as that, but on both sides
    evaluate((learned, chosen.y), digits(as_bytes=True), [SMALL], **options)


def test_condensed_datasets_are_evaluated_by_their_record() -> None:
    several = [
        CondensedDataset([few()], Record("made", {}, 0, "cpu", {"num_images": 300, "num_classes": 10}, {}, seconds, 7))
        for seconds in (1.0, 3.0)
    ]
    row = evaluate(several, digits(), [SMALL], protocol=replace(SHORT, runs=1), controls=False).best
    assert (row.data, row.nodes, row.bytes, row.peak_memory) == ("made", 20, several[0].nbytes, 7)
    assert row.condense_seconds == 2.0
    assert row.scores[0] == row.scores[1]
    assert (
        row.scores
        == evaluate([few()] * 2, digits(), [SMALL], protocol=replace(SHORT, runs=1), controls=False).best.scores
    )


def test_published_protocols() -> None:
    standard = IMAGE_PROTOCOLS["standard"]
    assert (standard.learning_rate, standard.momentum, standard.weight_decay) == (0.01, 0.9, 5e-4)
    assert (standard.epochs, standard.batch_size, standard.augment, standard.select) == (300, 256, None, "last")
    assert IMAGE_PROTOCOLS["augmented"].epochs == 1000
    assert "flip" in IMAGE_PROTOCOLS["augmented"].augment.operations  # type: ignore[union-attr]
    assert "flip" not in IMAGE_PROTOCOLS["augmented_digits"].augment.operations  # type: ignore[union-attr]
    moved = IMAGE_PROTOCOLS["moved_digits"].augment
    assert moved.operations == ("crop", "scale", "rotate")  # type: ignore[union-attr]
    assert round(28 * moved.crop) == 4  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs must be positive, got 0"),
        ("momentum", 1.0, r"momentum must be in \[0, 1\), got 1.0"),
        ("weight_decay", -1.0, "weight_decay must be at least 0"),
        ("select", "best", "select must be 'last' or 'validation', got 'best'"),
    ],
)
def test_bad_protocols_are_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageProtocol(**{field: value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(20, 1, 9, 8)}, r"the condensed images have the shape \(1, 9, 8\), those of the dataset"),
        ({"x": torch.zeros(20, 64)}, "condensed images must have x of shape"),
        ({"x": torch.full((20, 1, 8, 8), torch.nan)}, "x of the condensed data holds NaN or infinity"),
        ({"y": torch.arange(20)}, "labels from 0 to 19, the dataset has 10 classes"),
        ({"y": torch.zeros(3, dtype=torch.int64)}, "condensed images must have x of shape"),
        ({"y_soft": torch.ones(20, 9)}, r"y_soft of the condensed images must have the shape \(20, 10\)"),
        ({"y_soft": torch.ones(20, 10)}, "y_soft must hold probabilities"),
        ({"target": torch.ones(2, 10)}, r"target of the condensed images must have the shape \(20, 10\)"),
        ({"mean": torch.zeros(2)}, r"mean of the condensed images must have the shape \(1,\)"),
        ({"std": torch.zeros(1)}, "std of the condensed images must be positive"),
        ({"std": None}, "mean and std belong together"),
        ({"learning_rate": torch.tensor([-0.1])}, "learning_rate of the condensed images must be positive"),
        ({"formation": torch.tensor([0])}, "formation of the condensed images must be positive"),
    ],
)
def test_images_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    data = few()
    for name, value in change.items():
        data[name] = value
        if value is None:
            del data[name]
    with pytest.raises(ValueError, match=message):
        evaluate(data, digits(), [SMALL], protocol=SHORT, controls=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["convnet_w23"]}, "there is no model 'convnet_w23' for images; did you mean"),
        ({"models": ["lenet"]}, "LeNet.. needs images with sides of at least 12"),
        ({"models": [lambda shape, classes: nn.Flatten()]}, "gives outputs of shape"),
        ({"models": [lambda shape, classes: 1, lambda shape, classes: 2]}, "two models are called '<lambda>'"),
        ({"models": []}, "models must name at least one"),
        ({"protocol": "published"}, "there is no protocol 'published' for images; did you mean"),
        ({"controls": ["wl_linear"]}, "there is no control 'wl_linear'"),
        ({"protocol": "standard(runs=0)"}, "runs must be a positive integer, got 0"),
        ({"protocol": "standard(metric='roc_auc')"}, "metric='roc_auc' needs two classes"),
    ],
)
def test_bad_input(options: dict[str, Any], message: str) -> None:
    given = {"models": [SMALL], "protocol": SHORT, "controls": False} | options
    with pytest.raises(ValueError, match=message):
        evaluate(few(), digits(), **given)


@pytest.mark.parametrize(
    ("condensed", "options", "message"),
    [
        ("digits", {}, "condensed must be what condense"),
        ([few(), 3], {}, "condensed must be what condense"),
        (few(), {"models": [nn.Flatten()]}, "models must be names or architectures"),
        (few(), {"models": [3]}, "models must be names or architectures"),
        (few(), {"protocol": graphcond.Protocol()}, "protocol must be a name or an ImageProtocol"),
    ],
)
def test_wrong_types(condensed: Any, options: dict[str, Any], message: str) -> None:
    given = {"models": [SMALL], "protocol": SHORT, "controls": False} | options
    with pytest.raises(TypeError, match=message):
        evaluate(condensed, digits(), **given)


def test_a_test_part_is_needed() -> None:
    with pytest.raises(ValueError, match=r"evaluation needs test images: give ImageDataset\(train, test=\(x, y\)\)"):
        evaluate(few(), digits(test=False), [SMALL])


def test_kinds_of_datasets_are_distinguished(toy: Data) -> None:
    nodes = graphcond.condense(toy, size=6, method="random")
    with pytest.raises(ValueError, match="condensed holds nodes, but the dataset is of images"):
        evaluate(nodes, digits(), [SMALL])
    with pytest.raises(
        TypeError, match=r"cannot be made with num_features=8 and num_classes=3: .* a function of these two"
    ):
        evaluate(nodes, toy, [SMALL])


def test_synthetic_images_come_back_in_their_own_units() -> None:
    task = read_images(digits(as_bytes=True))
    batch = task.batch(task.train.take(torch.arange(5)))
    data = image_data(SyntheticImages(batch.x, batch.y), task)
    assert torch.allclose(data.x, task.train.x[:5].float() / 255, atol=1e-6)
