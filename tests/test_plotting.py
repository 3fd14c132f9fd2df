"""Pictures of condensed datasets."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond import cli, plotting
from graphcond.core.reporting.colours import LIGHT

pytest.importorskip("matplotlib")


@pytest.fixture
def scattered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is scattered: places, colours and sizes."""
    from matplotlib.axes import Axes

    scatter, drawn = Axes.scatter, []

    def record(axes: Axes, *places: object, **options: object) -> object:
        drawn.append({"axes": axes, "places": places, **options})
        return scatter(axes, *places, **options)

    monkeypatch.setattr(Axes, "scatter", record)
    return drawn


@pytest.mark.parametrize("columns", [0, 1, 3])
@pytest.mark.parametrize("with_original", [False, True])
def test_nodes_have_the_colours_of_their_classes_or_the_mean_of_their_columns(
    columns: int, with_original: bool, toy: Data, tmp_path: Path, scattered: list[dict[str, Any]]
) -> None:
    small = graphcond.condense(toy, size="2/class", method="random")
    if columns:
        small._data.y = torch.arange(6.0 * columns).reshape(6, columns)
        small._data.y[0, 0] = torch.nan if columns > 1 else 0.0
    if columns and with_original:
        toy.y = torch.arange(60.0 * columns).reshape(60, columns)
        small.record.source["target"] = "regression"
    path = plotting.draw(small, tmp_path / "small.png", dataset=toy if with_original else None)
    assert path.stat().st_size > 0
    y = small[0].y
    expected = y.nanmean(dim=1).tolist() if columns else [LIGHT[label] for label in y.tolist()]
    of_small = [one for one in scattered if len(one["places"][0]) == 6]
    assert len(of_small) == 2
    assert all(list(one["c"]) == pytest.approx(expected) for one in of_small)
    assert len(scattered) == 2 + with_original


def test_classes_are_named_and_outliers_left_out(
    toy: Data, tmp_path: Path, scattered: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    named: list[str] = []
    legend = Figure.legend

    def record(figure: Figure, *, handles: list[Any], **options: Any) -> Any:
        named.extend(one.get_label() for one in handles)
        return legend(figure, handles=handles, **options)

    monkeypatch.setattr(Figure, "legend", record)
    toy.classes = ["cat", "dog", "$x$"]
    toy.x[40] = 1e4  # neighbours see it too
    small = graphcond.condense(toy, size="2/class", method="class_mean")
    monkeypatch.setattr(plotting, "KEPT", (20, 80))
    plotting.draw(small, tmp_path / "small.svg", dataset=toy)
    assert named == ["cat", "dog", r"\$x\$"]
    background = next(one for one in scattered if len(one["places"][0]) == 60)
    low, high = background["axes"].get_xlim()
    places = np.asarray(background["places"][0])
    assert ((places < low) | (places > high)).any()


def test_graphs_are_drawn(make_graphs: Callable[..., list[Data]], tmp_path: Path) -> None:
    for method in ("random", "histograms"):
        small = graphcond.condense(make_graphs(60), size=5, method=method)
        assert plotting.draw(small, tmp_path / f"{method}.png").stat().st_size > 0
    shared = graphcond.condense(make_graphs(60), method="wl_fold")
    with pytest.raises(ValueError, match="could be drawn by itself; write a report"):
        plotting.draw(shared, tmp_path / "shared.png")
    assert not (tmp_path / "shared.png").exists()


def test_images_have_the_names_of_their_classes_beside_them(tmp_path: Path) -> None:
    digits = graphcond.datasets.load("digit-images")
    small = graphcond.condense(digits, size="1/class", method="random")
    path = plotting.draw(small, tmp_path / "small.svg", dataset=digits)
    assert "<!-- 7 -->" in path.read_text()
    assert "<!-- class 7 -->" in plotting.draw(small, tmp_path / "unnamed.svg").read_text()


def test_users_have_a_report_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "small.safetensors"
    recsys.condense(recsys.generate_interactions(60, 30, 600), users=5, method="random_users").save(file)
    monkeypatch.setattr(sys, "argv", ["graphcond", "show", str(file), "-o", str(tmp_path / "small.png")])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert "condensed holds interactions, of which there is no picture; write a report" in capsys.readouterr().err


def test_a_picture_is_drawn_without_an_original_that_cannot_be_loaded(
    toy: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, picture = tmp_path / "small.safetensors", tmp_path / "small.png"
    small = graphcond.condense(toy, size=6, method="random")
    small.record.source["name"] = "Cora"
    small.save(file)

    def missing(*_: object) -> None:
        raise FileNotFoundError("no raw files of cora")

    monkeypatch.setattr(graphcond.datasets, "load", missing)
    monkeypatch.setattr(sys, "argv", ["graphcond", "show", str(file), "-o", str(picture)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert "drawn without the original, cora, which cannot be loaded: no raw files" in capsys.readouterr().err
    assert picture.stat().st_size > 0
