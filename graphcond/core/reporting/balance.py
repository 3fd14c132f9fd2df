"""What is learned, in the original and in the condensed data: shares of classes or labels, or where numbers lie."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from graphcond.core.reporting.charts import PAIR, altair, paired_bars, specification
from graphcond.core.reporting.colours import ACCENT, ORIGINAL, is_labels
from graphcond.core.reporting.figures import ClassNames, Figure

MOST_BARS = 30
MOST_COLUMNS = 12
BETWEEN = (0.1, 0.5, 0.9)  # quantiles


def balance(original: Tensor, condensed: Tensor, weight: Tensor | None, names: ClassNames, unit: str) -> Figure:
    """Return a chart of what is learned of training items and of synthetic ones.

    Args:
        original: Targets of the training items: ``(n,)`` int64 classes, or ``(n, outputs)`` floats, NaN where missing.
        condensed: Targets of the synthetic items, alike.
        weight: ``(n,)`` weights of the synthetic items; ``None``: all alike.
        names: Of the classes.
        unit: What items are called.
    """
    weight = torch.ones(len(condensed)) if weight is None else weight.cpu()
    if not original.is_floating_point():
        return _classes(original.reshape(-1), condensed.reshape(-1), weight, names, unit)
    original, condensed = (y.reshape(len(y), -1).double() for y in (original, condensed))
    if is_labels(original):
        return _labels(original, condensed, weight, unit)
    return number_ranges(original, condensed, unit)


def _classes(original: Tensor, condensed: Tensor, weight: Tensor, names: ClassNames, unit: str) -> Figure:
    original, weight, condensed = original[original >= 0], weight[condensed >= 0], condensed[condensed >= 0]
    count = int(max(original.max(), condensed.max())) + 1
    few, many = (
        torch.bincount(y, w.double(), minlength=count)
        for y, w in ((condensed, weight), (original, torch.ones(len(original))))
    )
    shown = (few + many).nonzero().flatten()
    if len(shown) > MOST_BARS:
        shown = many.argsort(descending=True, stable=True)[:MOST_BARS]
    chart = paired_bars(
        [names(label) for label in shown.tolist()], (many / many.sum())[shown].tolist(),
        (few / few.sum())[shown].tolist(), f"share of {unit}",
    )  # fmt: skip
    rest = f" The {MOST_BARS} most frequent of {count} classes." if len(shown) == MOST_BARS < count else ""
    weighted = f", {unit} by their weights" if bool((weight != weight[0]).any()) else ""
    caption = f"Training {unit} of the original and all {unit} of the condensed data{weighted}.{rest}"
    return Figure(title="Classes", chart=chart, legend=PAIR, caption=caption)


def _labels(original: Tensor, condensed: Tensor, weight: Tensor, unit: str) -> Figure:
    many = original.nanmean(dim=0).nan_to_num(0.0)
    w = weight.double().unsqueeze(1) * ~condensed.isnan()
    few = (condensed.nan_to_num(0.0) * w).sum(dim=0) / w.sum(dim=0).clamp(min=1e-12)
    shown = many.argsort(descending=True, stable=True)[:MOST_BARS].sort().values
    chart = paired_bars(
        [f"label {i}" for i in shown.tolist()],
        many[shown].tolist(),
        few[shown].tolist(),
        f"share of {unit} that have it",
    )
    rest = f" The {MOST_BARS} most frequent of {len(many)}." if len(shown) < len(many) else ""
    return Figure(title="Labels", chart=chart, legend=PAIR, caption=f"Of {unit} whose label is known.{rest}")


def number_ranges(original: Tensor, condensed: Tensor, unit: str, title: str = "Numbers") -> Figure:
    """Return a chart of where numbers lie: medians, and the range from the lowest to the highest tenth.

    Args:
        original: ``(n, outputs)`` of the original, NaN where missing.
        condensed: The same of the condensed data.
        unit: What items are called.
        title: Of the chart.
    """
    alt = altair()
    columns = min(original.size(1), MOST_COLUMNS)
    alone = original.size(1) == 1
    mean, spread = original.nanmean(dim=0), (original - original.nanmean(dim=0)).square().nanmean(dim=0).sqrt()
    rows = []
    for i in range(columns):
        for name, y in (("original", original), ("condensed", condensed)):
            values = y[:, i] if alone else (y[:, i] - mean[i]) / spread[i].clamp(min=1e-12)
            low, middle, high = _quantiles(values)
            row = {"low": low, "middle": middle, "high": high, "of": name}
            rows.append(row | {"row": name if alone else f"number {i}"})
    scale = alt.Scale(domain=["original", "condensed"], range=[ORIGINAL, ACCENT])
    color = alt.Color(field="of", type="nominal", legend=None, scale=scale)
    y = alt.Y(field="row", type="nominal", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False))
    offset = alt.YOffset(field="of", type="nominal", sort=["original", "condensed"])
    what = "value" if alone else "value, in deviations of the original"
    x = alt.X(field="low", type="quantitative", title=what, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    place = {"y": y, "color": color} if alone else {"y": y, "color": color, "yOffset": offset}
    told = [alt.Tooltip(field=name, type="nominal") for name in ("of", "row", "low", "middle", "high")]
    base = alt.Chart(alt.NamedData("rows"))
    layers = [
        base.mark_rule(strokeWidth=6, opacity=0.45).encode(x=x, x2=alt.X2(field="high"), tooltip=told, **place),
        base.mark_circle(size=110, opacity=1).encode(
            x=alt.X(field="middle", type="quantitative", title=what), tooltip=told, **place
        ),
    ]
    chart = specification(alt.layer(*layers), {"rows": rows}, 110 if alone else max(120, 30 * columns))
    rest = f" The first {columns} of {original.size(1)}." if columns < original.size(1) else ""
    caption = f"Dots are medians over {unit}; bars reach from the lowest to the highest tenth.{rest}"
    return Figure(title=title, chart=chart, legend=PAIR, caption=caption)


def _quantiles(values: Tensor) -> Sequence[float | None]:
    known = values[~values.isnan()].numpy()
    if not len(known):
        return [None] * len(BETWEEN)
    return [float(f"{value:.4g}") for value in np.quantile(known, BETWEEN)]
