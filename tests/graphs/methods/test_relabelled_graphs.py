"""A teacher's labels of synthetic graphs."""

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

import graphcond
from graphcond import Relabelled
from graphcond.graphs.methods.relabelling import counted_outputs, mean_outputs
from graphcond.graphs.teacher import teach

SPLIT = {"train": range(28), "valid": range(28, 34), "test": range(34, 40)}


@pytest.fixture
def task(make_graphs):
    return graphcond.read(make_graphs(40, edge_attr=True), split=SPLIT)


def test_real_graphs_have_their_own_outputs(task):
    teacher = teach(task)
    outputs = teacher.outputs(task.train)
    np.testing.assert_allclose(counted_outputs(task.train.data(), task.train, teacher), outputs, rtol=1e-5)


def test_roots_are_counted_as_often_as_they_weigh(task):
    teacher, items = teach(task), []
    for item in task.train.data():
        bag = Batch.from_data_list([item] * 3)  # two halves of each node, and once more without a root
        nodes = len(item.x)
        bag.root_weight = torch.cat([torch.full((2 * nodes,), 0.5), torch.ones(nodes)])
        bag.root_mask = torch.arange(3 * nodes) < 2 * nodes
        items.append(bag)
    np.testing.assert_allclose(counted_outputs(items, task.train, teacher), teacher.outputs(task.train), rtol=1e-5)


def test_folded_graphs_are_labelled_one_by_one(task, tmp_path):
    teacher = teach(task)
    small = graphcond.condense(task, method=Relabelled("wl_fold"))
    wanted = teacher.soft(teacher.outputs(task.train), task.train.y, task.train.y)
    torch.testing.assert_close(small[0].y_soft, wanted)
    again = graphcond.load(small.save(tmp_path / "folded.safetensors"))
    assert torch.equal(again[0].y_soft, small[0].y_soft)


def test_free_features_count_as_the_nearest(task):
    teacher = teach(task)
    items = task.train.data()
    for item in items:
        item.x = item.x.float() + 0.2
    np.testing.assert_allclose(counted_outputs(items, task.train, teacher), teacher.outputs(task.train), rtol=1e-5)


def test_groups_have_the_mean_of_their_members(task):
    small = graphcond.condense(task, size=6, method=Relabelled("histograms"))
    teacher = teach(task)
    means = mean_outputs(small.members, teacher.outputs(task.train))
    wanted = teacher.soft(means, task.train.y, torch.cat([item.y for item in small]))
    torch.testing.assert_close(torch.cat([item.y_soft for item in small]), wanted)


def test_pruned_graphs_are_those_with_the_least_error(task):
    probabilities = torch.from_numpy(teach(task).outputs(task.train)).softmax(dim=1)
    errors = 1 - probabilities.gather(1, task.train.y.unsqueeze(1)).flatten()
    for keep, descending in (("easy", False), ("hard", True)):
        small = graphcond.condense(task, size="2/class", method=f"pruned(score='margin', keep='{keep}')")
        for label in range(2):
            rows = (task.train.y == label).nonzero().flatten()
            wanted = errors[rows].sort(descending=descending).values[:2]
            torch.testing.assert_close(errors[small.members.index[2 * label : 2 * label + 2]], wanted)
        assert all("y_soft" in item for item in small)
