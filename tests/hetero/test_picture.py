"""Pictures of condensed heterogeneous graphs."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

import graphcond
from graphcond import plotting
from graphcond.core.reporting.colours import LIGHT

pytest.importorskip("matplotlib")


@pytest.fixture
def scattered(monkeypatch):
    """What is scattered: places and colours."""
    from matplotlib.axes import Axes

    scatter, drawn = Axes.scatter, []

    def record(axes, *places, **options):
        drawn.append((places, options))
        return scatter(axes, *places, **options)

    monkeypatch.setattr(Axes, "scatter", record)
    return drawn


@pytest.fixture
def read(monkeypatch):
    """What reads an original for a picture: a task stays itself."""
    column = SimpleNamespace(read=lambda dataset, records: dataset)
    monkeypatch.setattr(plotting, "evaluation_of", lambda modality: column)


@pytest.mark.parametrize("with_original", [True, False])
@pytest.mark.parametrize("structure", [True, False])
def test_types_and_classes_have_colours(
    structure, with_original, make_hetero_task, make_small_hetero, tmp_path, scattered, read
):
    task = make_hetero_task()
    small = make_small_hetero(task, structure=structure)
    path = plotting.draw(small, tmp_path / "small.png", dataset=task if with_original else None)
    assert path.stat().st_size > 0
    classes = [LIGHT[label] for label in small[0]["paper"].y.tolist()]
    kinds = [LIGHT[0]] * 3 + [LIGHT[1]] * 6 + [LIGHT[2]] if structure else classes
    assert scattered[0][1]["c"] == kinds
    assert scattered[-1][1]["c"] == classes
    assert len(scattered) == 2 + with_original
    if with_original:
        assert scattered[1][1]["c"] == [LIGHT[label] for label in task.graph.y.tolist()]


def test_numbers_are_on_a_scale(make_hetero_task, make_small_hetero, tmp_path, scattered, read):
    task = make_hetero_task()
    data = make_small_hetero(task)[0]
    y = torch.arange(60.0).unsqueeze(1)
    data["paper"].y = y[:6]
    small = graphcond.CondensedDataset([data], make_small_hetero(task).record)
    numbered = task.with_graphs(lambda graph: dataclasses.replace(graph, targets=y))
    plotting.draw(small, tmp_path / "small.png", dataset=numbered)
    assert list(scattered[-1][1]["c"]) == [0, 1, 2, 3, 4, 5]


def test_features_of_other_meta_paths(make_hetero_task, make_small_hetero, tmp_path, read):
    task = make_hetero_task()
    data = make_small_hetero(task, structure=False)[0]
    data["paper"].x = torch.ones(6, 7)
    small = graphcond.CondensedDataset([data], make_small_hetero(task, structure=False).record)
    with pytest.raises(ValueError, match="features that no meta-paths of the dataset bring; leave dataset= out"):
        plotting.draw(small, tmp_path / "small.png", dataset=task)
    assert not list(tmp_path.glob("*.png"))
    assert plotting.draw(small, tmp_path / "small.png").stat().st_size > 0
