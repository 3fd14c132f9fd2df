"""The default: teacher, clusters, candidates, and the small graph."""

from dataclasses import replace

import pytest
import torch

from graphcond.hetero.metapaths import blocks, concatenated
from graphcond.hetero.methods import METHODS
from graphcond.hetero.methods.auto import CANDIDATES, HeteroAuto
from graphcond.hetero.space import MetaPathSpace
from graphcond.hetero.task import HeteroPart, HeteroTask
from graphcond.hetero.teacher import HeteroTeacherChoice, choose_teacher, posteriors

ALLOCATION = torch.tensor([2, 2, 2])


def test_the_teacher_sees_that_papers_tell(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    propagated = MetaPathSpace(hetero_task.graph)
    choice = choose_teacher(hetero_task, propagated)
    assert choice.hops >= 1  # an author's own features are noise
    assert choice.score > 0.8
    soft = posteriors(hetero_task, propagated, choice)
    assert torch.allclose(soft.sum(dim=1), torch.ones(60), atol=1e-5)
    known = soft[hetero_task.train.nodes].argmax(dim=1)
    assert torch.equal(known, hetero_task.train.labels)


def test_without_validation_nodes_all_meta_paths_are_taken(hetero_task: HeteroTask) -> None:
    task = replace(hetero_task, val=HeteroPart(hetero_task.graph, torch.empty(0, dtype=torch.int64)))
    assert choose_teacher(task, MetaPathSpace(task.graph)) == HeteroTeacherChoice(hops=2, unit_rows=False, penalty=1.0)


def test_the_result_is_a_graph_of_all_types(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    made = HeteroAuto().condense(hetero_task, ALLOCATION)
    assert {name: len(x) for name, x in made.x.items()} == {"author": 12, "paper": 6, "venue": 5}
    assert {name: x.size(1) for name, x in made.x.items()} == {"author": 4, "paper": 6, "venue": 3}
    assert made.edges.keys() == hetero_task.graph.edges.keys()
    assert torch.bincount(made.y).tolist() == [2, 2, 2]
    assert made.choices["taken"] in CANDIDATES
    assert set(made.choices["candidates"]) == set(CANDIDATES)


def test_cluster_means_are_means_of_members(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    whole = concatenated(blocks(hetero_task.graph))
    made = HeteroAuto(candidate="cluster means", structure=False).condense(hetero_task, ALLOCATION)
    assert made.members is not None
    means = torch.stack([whole[rows].mean(dim=0) for rows in made.members])
    for label in range(3):
        mine = made.y == label
        # Moved such that the plain mean of a class is the mean of all its nodes; between clusters nothing changes.
        moved = made.x["author"][mine] - means[mine]
        assert torch.allclose(moved, moved[:1].expand_as(moved), atol=1e-3)


def test_without_structure_there_are_the_columns_of_all_meta_paths(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    made = METHODS.resolve("auto_x").condense(hetero_task, ALLOCATION)
    assert list(made.x) == ["author"]
    assert made.x["author"].size(1) == concatenated(blocks(hetero_task.graph)).size(1)
    assert not made.edges


@pytest.mark.parametrize("name", CANDIDATES)
def test_a_candidate_can_be_asked_for(hetero_task: HeteroTask, name: str) -> None:
    torch.manual_seed(0)
    made = HeteroAuto(candidate=name).condense(hetero_task, ALLOCATION)
    assert made.choices["taken"] == name
    assert all(torch.isfinite(x).all() for x in made.x.values())


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match=r"candidate must be one of cluster means, .*, got 'best'"):
        HeteroAuto(candidate="best")
    with pytest.raises(ValueError, match="hops must be positive, got 0"):
        HeteroAuto(hops=0)
