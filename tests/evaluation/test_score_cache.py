"""Scores of trainings on whole datasets, kept on disk."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.nn import SGConv

import graphcond
from graphcond.core.evaluation.columns import Score, outcomes
from graphcond.core.evaluation.metrics import METRICS
from graphcond.core.evaluation.report import Row
from graphcond.core.evaluation.score_cache import FORMAT, cached_score
from graphcond.core.runtime import storage
from graphcond.evaluation import Protocol, evaluate
from graphcond.graphs.evaluation import value as graphs
from graphcond.graphs.evaluation.protocol import GraphProtocol
from graphcond.images.evaluation import value as images
from graphcond.images.evaluation.protocol import ImageProtocol
from graphcond.nodes.evaluation import value as nodes
from graphcond.surrogates.convnet import ConvNet

SHORT = Protocol(epochs=8, hidden=4, validate_every=4, runs=2)
ONCE = replace(SHORT, runs=1)
SHORT_GRAPHS = GraphProtocol(hidden=4, layers=1, steps=4, passes=1, validations=2, runs=1)


def whole_of_nodes(data: Data, protocol: Protocol = SHORT, *, inductive: bool = False, **given: object) -> Row:
    small = Data(x=data.x[:6], edge_index=torch.empty(2, 0, dtype=torch.int64), y=data.y[:6])
    small.train_mask = torch.ones(6, dtype=torch.bool)
    given = {"models": ["sgc"], "controls": ["whole"]} | given
    return evaluate(small, graphcond.read(data, inductive=inductive), protocol=protocol, **given).rows[1]


def whole_of_graphs(items: list[Data], **given: object) -> Row:
    given = {"models": ["gin"], "protocol": SHORT_GRAPHS, "controls": ["whole"]} | given
    return evaluate(items[:4], items, **given).rows[1]


def whole_of_images(**given: object) -> Row:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.rand(40, 1, 8, 8, generator=draw), torch.arange(40) % 2
    dataset = graphcond.ImageDataset((x[:20], y[:20]), val=(x[20:30], y[20:30]), test=(x[30:], y[30:]))
    protocol = ImageProtocol(epochs=1, whole_epochs=1, runs=1)
    given = {"models": ["mlp"], "protocol": protocol, "controls": ["whole"]} | given
    return evaluate((x[:4], y[:4]), dataset, **given).rows[1]


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is trained on, one entry each."""
    seen: list[str] = []
    for module, name in ((nodes, "trained"), (graphs, "train_graphs"), (images, "train_images")):

        def train(*args: object, real: Callable, name: str) -> object:
            seen.append(name)
            return real(*args)

        monkeypatch.setattr(module, name, partial(train, real=getattr(module, name), name=name))
    return seen


def same(first: Row, second: Row) -> bool:
    return (
        repr(first) == repr(second)
        and torch.equal(first.items, second.items)
        and first.items.dtype == second.items.dtype
    )


def test_a_kept_row_is_the_trained_one_to_the_bit(toy, make_graphs, trainings) -> None:
    items = make_graphs()
    for row, runs in ((lambda: whole_of_nodes(toy), 2), (lambda: whole_of_graphs(items), 1), (whole_of_images, 1)):
        first = row()
        assert len(trainings) == 2 * runs
        assert same(first, row())
        assert len(trainings) == 3 * runs  # the small set again, the whole one not
        trainings.clear()


def test_only_the_whole_dataset_is_kept_and_only_once(toy, trainings, cache: Path) -> None:
    whole_of_nodes(toy)
    assert len(trainings) == 4
    whole_of_nodes(toy, replace(SHORT, runs=3))  # one seed more, on the small set and on the whole one
    assert len(trainings) == 4 + 3 + 1
    assert len(list(cache.rglob("*.safetensors"))) == 3


def changed_feature(data: Data) -> Data:
    return data.clone().update({"x": data.x + 1e-3})


def changed_edges(data: Data) -> Data:
    return data.clone().update({"edge_index": data.edge_index[:, 2:]})


def changed_label(data: Data, mask: str) -> Data:
    other = data.clone()
    node = other[mask].nonzero()[0]
    other.y[node] = (other.y[node] + 1) % 3
    return other


@pytest.mark.parametrize(
    "change",
    [
        lambda data: whole_of_nodes(changed_feature(data)),
        lambda data: whole_of_nodes(changed_edges(data)),
        lambda data: whole_of_nodes(changed_label(data, "train_mask")),
        lambda data: whole_of_nodes(changed_label(data, "val_mask")),
        lambda data: whole_of_nodes(changed_label(data, "test_mask")),
        lambda data: whole_of_nodes(data, models=["mlp"]),
        lambda data: whole_of_nodes(data, replace(SHORT, epochs=9)),
        lambda data: whole_of_nodes(data, replace(SHORT, metric="f1")),
        lambda data: whole_of_nodes(data, seed=2),
        lambda data: whole_of_nodes(data, inductive=True),
    ],
)  # fmt: skip
def test_what_scores_depend_on_distinguishes_them(toy, trainings, change) -> None:
    whole_of_nodes(toy)
    trainings.clear()
    change(toy)
    assert len(trainings) == 4


def gcn(num_features: int, num_classes: int) -> torch.nn.Module:
    """A network of a user's that has the name of one of graphcond's."""
    return SGConv(num_features, num_classes)


def accuracy(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return float((logits.argmax(dim=1) == labels).double().mean())


@pytest.mark.parametrize("given", [{"models": [gcn]}, {"protocol": replace(SHORT, metric=accuracy)}])
def test_what_a_user_made_is_not_kept(toy, cache: Path, given) -> None:
    whole_of_nodes(toy, **given)
    whole_of_images(models=[ConvNet(width=4, depth=1)])
    assert not cache.exists()


def test_an_empty_variable_switches_it_off_and_data_folders_are_not_used(toy, cache, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GRAPHCOND_CACHE", "")
    monkeypatch.setenv("GRAPHCOND_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    whole_of_nodes(toy)
    assert not list(tmp_path.iterdir())
    monkeypatch.delenv("GRAPHCOND_CACHE")
    whole_of_nodes(toy)
    assert list((tmp_path / "home").rglob("*.safetensors"))
    assert not (tmp_path / "data").exists()


def forged(path: Path, **numbers: object) -> None:
    """Write another score with a digest that fits."""
    tensors, record = storage.read(path, FORMAT)
    found = json.loads(record)
    found["score"] |= numbers
    storage.write(path, tensors, json.dumps(found), FORMAT)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n"),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: forged(path, test=0.987),
        lambda path: forged(path, test=2.0),
        lambda path: forged(path, test="1"),
        lambda path: forged(path, val=-1),
        lambda path: forged(path, seconds=None),
        lambda path: storage.write(path, {}, "[]", FORMAT),
        lambda path: storage.write(path, {}, "{", FORMAT),
        lambda path: storage.write(path, {"items": torch.zeros(3)}, storage.read(path, FORMAT)[1], FORMAT),
        lambda path: path.rename(path.parent / "other") and path.mkdir(),
    ],
)
def test_files_that_do_not_fit_are_ignored_and_made_anew(toy, trainings, cache, spoil) -> None:
    first = whole_of_nodes(toy, ONCE)
    (path,) = cache.rglob("*.safetensors")
    spoil(path)
    trainings.clear()
    again = whole_of_nodes(toy, ONCE)
    assert len(trainings) == 2
    assert again.scores == first.scores
    assert torch.equal(again.items, first.items)
    if path.is_file():
        whole_of_nodes(toy, ONCE)
        assert len(trainings) == 3


def test_a_file_of_another_training_is_not_taken(toy, trainings, cache) -> None:
    whole_of_nodes(toy, ONCE)
    (first,) = cache.rglob("*.safetensors")
    content = first.read_bytes()
    other = whole_of_nodes(toy, ONCE, seed=5)
    (second,) = set(cache.rglob("*.safetensors")) - {first}
    second.write_bytes(content)
    trainings.clear()
    assert whole_of_nodes(toy, ONCE, seed=5).scores == other.scores
    assert len(trainings) == 2


def test_a_folder_that_cannot_be_written_to_is_no_fault(toy, monkeypatch, tmp_path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("GRAPHCOND_CACHE", str(file))
    assert whole_of_nodes(toy).scores == whole_of_nodes(toy).scores


def test_errors_may_be_larger_than_one_and_are_read_with_what_each_item_adds(cache: Path) -> None:
    targets = torch.arange(6.0).unsqueeze(1)
    outputs = targets + torch.tensor([[9.0], [-4.0], [2.0], [0.0], [1.0], [30.0]])
    score, items = METRICS["rmse"](outputs, targets), outcomes(outputs, targets, METRICS["rmse"])
    known = {"metric": "rmse", "seed": "0"}
    first = cached_score(known, targets, lambda: Score(score, 2.5, score, items))
    again = cached_score(known, targets, lambda: pytest.fail("it was kept"))
    assert (again.test, again.val, again.last) == (first.test, first.val, first.last)
    assert torch.equal(again.items, items)
    fresh = cached_score({"metric": "accuracy"}, targets, lambda: Score(1.0, 2.5))
    assert fresh.val == 2.5
    assert cached_score({"metric": "accuracy"}, targets, lambda: Score(0.5)).test == 0.5  # no share is 2.5
    cached_score({"metric": "r2"}, targets, lambda: Score(-0.4))
    assert cached_score({"metric": "r2"}, targets, lambda: pytest.fail("it was kept")).test == -0.4
