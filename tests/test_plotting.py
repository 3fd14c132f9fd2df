"""Pictures of condensed datasets."""

from pathlib import Path

import pytest
import torch
from torch_geometric.data import Data

import graphcond
from graphcond import plotting


@pytest.mark.parametrize("columns", [0, 1, 3])
def test_nodes_have_the_colours_of_their_classes_or_the_mean_of_their_columns(
    columns: int, toy: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.axes import Axes

    small = graphcond.condense(toy, size="2/class", method="random")
    if columns:
        small._data.y = torch.arange(6.0 * columns).reshape(6, columns)
        small._data.y[0, 0] = torch.nan if columns > 1 else 0.0
    scatter, drawn = Axes.scatter, []

    def record(axes: Axes, *places: object, **options: object) -> object:
        drawn.append(options["c"])
        return scatter(axes, *places, **options)

    monkeypatch.setattr(Axes, "scatter", record)
    path = plotting.draw(small, tmp_path / "small.png")
    assert path.stat().st_size > 0
    expected = small[0].y.nanmean(dim=1) if columns else small[0].y
    assert all(torch.equal(colours, expected) for colours in drawn)
    assert len(drawn) == 2
