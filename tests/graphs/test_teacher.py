"""The linear teacher, what it counts, its soft labels, and copies among graphs."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch_geometric.data import Data

from graphcond.graphs.counts import Vocabulary, logarithmic
from graphcond.graphs.duplicates import find_duplicates
from graphcond.graphs.linear_models import class_score
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.soft_labels import LEVELS, probabilities, rounded_probabilities
from graphcond.graphs.teacher import teach

SPLIT = {"train": range(30), "valid": range(30, 45), "test": range(45, 60)}


@given(arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(2, 6)), elements=st.floats(-30, 30)))
def test_soft_labels_are_steps_that_sum_to_one(logits: np.ndarray) -> None:
    soft = rounded_probabilities(logits)
    steps = soft.double() * LEVELS
    assert torch.equal(steps, steps.round())
    assert torch.equal(soft.double().sum(dim=1), torch.ones(len(soft), dtype=torch.float64))
    assert np.abs(soft.numpy() - probabilities(logits)).max() < 1 / LEVELS


def test_probabilities_are_the_softmax() -> None:
    logits = np.array([[800.0, 0.0, -800.0], [1.0, 2.0, 3.0]])
    assert np.allclose(probabilities(logits), torch.softmax(torch.from_numpy(logits), dim=1).numpy())


@pytest.mark.parametrize("degrees", [False, True])
def test_counts_are_those_of_computation_trees(
    make_graphs: Callable[..., list[Data]], trees: Callable[..., list], degrees: bool
) -> None:
    items = make_graphs(60, loops=False)
    task = read_graphs(items, split=SPLIT)
    depth = 2
    counts = Vocabulary.of(task.train, depth, degrees=degrees).count(task.train).toarray()
    for i, item in enumerate(task.train.data()):
        degree = torch.bincount(item.edge_index[1], minlength=item.num_nodes) if degrees else None
        expected = [n for level in range(depth + 1) for n in Counter(trees(item, level, degree)).values()]
        assert sorted(counts[i][counts[i] > 0].tolist()) == sorted(expected)


def test_unknown_colors_are_not_counted(make_graphs: Callable[..., list[Data]]) -> None:
    items = make_graphs(60)
    for item in items[45:]:
        item.x = item.x + 100
    task = read_graphs(items, split=SPLIT)
    vocabulary = Vocabulary.of(task.train, 1)
    assert vocabulary.count(task.test).nnz == 0
    assert vocabulary.count(task.test).shape[1] == vocabulary.count(task.train).shape[1]
    few = Vocabulary.of(task.train, 1, min_graphs=len(task.train) + 1)
    assert few.count(task.train).shape == (30, 0)


def test_logarithmic_leaves_its_input_alone() -> None:
    vocabulary_like = np.array([[0.0, 3.0]])
    counts = sp.csr_matrix(vocabulary_like)
    assert np.allclose(logarithmic(counts).toarray(), np.log1p(vocabulary_like))
    assert counts.toarray().tolist() == [[0.0, 3.0]]


@pytest.mark.parametrize("classes", [2, 3])
def test_a_teacher_learns_what_colors_tell(make_graphs: Callable[..., list[Data]], classes: int) -> None:
    items = make_graphs(90, classes=classes)  # the first column of codes tells the class
    split = {"train": range(50), "valid": range(50, 70), "test": range(70, 90)}
    task = read_graphs(items, split=split)
    teacher = teach(task)
    logits = teacher.outputs(task.test)
    assert logits.shape == (20, classes)
    assert class_score(logits, task.test.y.numpy()) > 0.7
    assert teacher.depth in (1, 2, 3)
    scores = teacher.choices["scores"]
    assert scores[f"depth={teacher.choices['depth']}, C={teacher.choices['C']:g}"] == max(scores.values())


def test_a_teacher_reads_no_test_graph_and_needs_no_validation(make_graphs: Callable[..., list[Data]]) -> None:
    items = make_graphs(60)
    turned = [item.clone() for item in items]
    for item in turned[45:]:
        item.y, item.x = 1 - item.y, item.x + 1
    first, second = (teach(read_graphs(graphs, split=SPLIT)) for graphs in (items, turned))
    train = read_graphs(items, split=SPLIT).train
    assert np.array_equal(first.outputs(train), second.outputs(train))
    alone = teach(read_graphs(items, split={"train": range(30)}))
    assert alone.choices["depth"] == 2


def test_class_score() -> None:
    logits = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0], [3.0, 0.0]])
    assert class_score(logits, np.array([0, 1, 1, 0])) == 1.0
    assert class_score(logits, np.array([1, 1, 1, 1])) == 0.5  # one class only: accuracy
    assert class_score(np.eye(3), np.array([0, 1, 1])) == pytest.approx(2 / 3)


def test_copies_are_found_whatever_the_order_of_their_nodes(make_graphs: Callable[..., list[Data]]) -> None:
    items = make_graphs(20)
    copies = []
    for item in items:
        order = torch.randperm(item.num_nodes, generator=torch.Generator().manual_seed(0))
        copy = item.clone()
        copy.x, copy.edge_index = item.x[order], torch.argsort(order)[item.edge_index]
        copies.append(copy)
    alone = find_duplicates(items)
    both = find_duplicates([*items, *copies])
    assert torch.equal(both.kept, alone.kept)
    assert torch.equal(both.first[20:], both.first[:20])
    assert (both.first <= torch.arange(40)).all()
    assert both.conflicting == 2 * alone.conflicting
