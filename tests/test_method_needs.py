"""What a method says of itself decides how it is run."""

from dataclasses import dataclass, field

import pytest
import torch

import recsys
from graphcond.core.modality import Modality
from graphcond.graphs.modality import GRAPHS
from graphcond.images.modality import IMAGES
from graphcond.nodes.modality import NODES
from recsys.modality import INTERACTIONS

MODALITIES = [NODES, GRAPHS, IMAGES, INTERACTIONS]
NAMES = [(modality, name) for modality in MODALITIES for name in modality.methods]
ids = [f"{modality.name} {name}" for modality, name in NAMES]


@dataclass
class Task:
    """A task that remembers where it was moved to."""

    moved: list[torch.device] = field(default_factory=list)

    def dense(self) -> "Task":
        return self

    def to(self, device: torch.device) -> "Task":
        self.moved.append(device)
        return self

    @property
    def split(self) -> "Task":
        return self


@pytest.mark.parametrize(("modality", "name"), NAMES, ids=ids)
def test_a_task_is_moved_for_methods_that_compute_on_the_device(modality: Modality, name: str):
    task, method = Task(), modality.methods.resolve(name)
    assert modality.prepare(task, method, torch.device("meta")) is task
    assert task.moved == ([torch.device("meta")] if method.on_device else [])


def test_of_graphs_only_what_learns_step_by_step_is_computed_on_the_device():
    assert [name for name in GRAPHS.methods if GRAPHS.methods.resolve(name).on_device] == ["doscond", "kidd"]


@pytest.mark.parametrize("name", INTERACTIONS.methods)
def test_users_are_held_out_for_methods_that_choose_on_them(name):
    method = INTERACTIONS.methods.resolve(name)
    task = INTERACTIONS.task_of(recsys.generate_interactions(300, 20, 2000))
    read = INTERACTIONS.for_method(task, method)
    assert (read.split.val is not None) == method.chooses_on_validation == (name in ("auto", "distill_cf"))
