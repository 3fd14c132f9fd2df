"""Charts that every modality can use: maps, bars, lines, intervals, networks. Each is a Vega-Lite specification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphcond.core.reporting.colours import ACCENT, INK, ORIGINAL, Colouring
from graphcond.core.reporting.figures import Figure, Legend

Rows = list[dict[str, Any]]
Dataset = Mapping[str, Rows]

FONT = "system-ui, sans-serif"
DIGITS = 4  # of a number in a chart: its place to a hundredth of a pixel
KEPT = (0.005, 0.995)  # quantiles of the original between which a map's axes lie
MARGIN = 0.04
LARGEST, SMALLEST = 420.0, 55.0  # pixels^2 of a synthetic item
MAP = 420  # pixels of its height
EQUAL, THIN = 1e-6, 0.35  # links that are as strong as one another are drawn as such of this strength
CROWD, CROWDED = 120, 0.35  # synthetic items from which on each is drawn smaller, and how small at the least
FILL = 12_000.0  # pixels^2 of all original items together
PAIR: Legend = (("original", ORIGINAL, "dot"), ("condensed", ACCENT, "dot"))


def altair() -> Any:  # noqa: ANN401 (Altair is optional)
    """Return the plotting library.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import altair
    except ImportError as error:
        raise ImportError("a report needs Altair; install it with: pip install 'graphcond[report]'") from error
    return altair


def specification(chart: Any, data: Dataset, height: int) -> dict[str, Any]:  # noqa: ANN401 (of Altair)
    """Return a chart as wide as its place, in the colours of the page, with the data that its names stand for."""
    axis = {
        "labelColor": "var(--ink-soft)", "titleColor": "var(--ink-soft)", "gridColor": "var(--grid)",
        "domainColor": "var(--grid)", "tickColor": "var(--grid)", "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal", "labelLimit": 150, "titlePadding": 8, "labelPadding": 5,
    }  # fmt: skip
    config = {
        "font": FONT, "background": "transparent", "view": {"stroke": None}, "axis": axis,
        "text": {"color": INK, "fontSize": 12}, "legend": {"disable": True},
    }  # fmt: skip
    made: dict[str, Any] = chart.properties(width="container", height=height).to_dict()
    made["config"] = config
    made["autosize"] = {"type": "fit", "contains": "padding"}
    made["datasets"] = {name: rows for name, rows in data.items()}
    return made


@dataclass(frozen=True, kw_only=True)
class MapPoints:
    """Items on a map.

    Args:
        places: ``(n, 2)`` where they are.
        groups: What their colours stand for, of a :class:`Colouring`.
        told: What is said of each on hovering, by what it is.
        sizes: ``(n,)`` how large each is drawn, as a multiple of the mean; ``None``: all alike.
    """

    places: np.ndarray
    groups: Sequence[Any]
    told: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    sizes: np.ndarray | None = None

    def rows(self) -> Rows:
        """Return a row of data for each item."""
        area = np.full(len(self.places), SMALLEST * 1.6) if self.sizes is None else areas(self.sizes)
        area = area * np.clip(CROWD / max(len(area), 1), CROWDED, 1)
        places = np.round(self.places, DIGITS).tolist()
        rows = []
        for i, (x, y) in enumerate(places):
            row = {"x": x, "y": y, "group": self.groups[i], "area": round(float(area[i]), 1)}
            rows.append(row | {f"told{j}": values[i] for j, values in enumerate(self.told.values())})
        return rows

    def tooltip(self) -> list[Any]:
        """Return what hovering shows."""
        return [altair().Tooltip(field=f"told{j}", type="nominal", title=name) for j, name in enumerate(self.told)]


def areas(sizes: np.ndarray) -> np.ndarray:
    """Return the areas of markers: in proportion to sizes, but neither too large nor too small to be seen."""
    mean = max(float(sizes.mean()), 1e-12)
    return np.clip(SMALLEST * 2 * sizes / mean, SMALLEST, LARGEST)


@dataclass(frozen=True, kw_only=True)
class MapWords:
    """What a map says of itself.

    Args:
        unit: What original items are called.
        total: How many there are.
        axes: What the axes are, in a sentence.
    """

    unit: str
    total: int
    axes: str

    def caption(self, drawn: int, outside: int, *, sized: bool) -> str:
        """Return how to read the map.

        Args:
            drawn: How many original items it has.
            outside: How many of these lie outside of its frame.
            sized: Whether synthetic items differ in size.
        """
        larger = "; the larger, the more they stand for" if sized else ""
        parts = [
            f"Small dots are {self.unit}, large ones the condensed{larger}. Hover for what is behind them.",
            self.axes,
        ]
        parts += [f"{drawn:,} of {self.total:,} {self.unit} are drawn."] if drawn < self.total else []
        parts += [f"{outside:,} {'lies' if outside == 1 else 'lie'} outside of the frame."] if outside else []
        return " ".join(parts)


def point_map(original: MapPoints, synthetic: MapPoints, colouring: Colouring, words: MapWords) -> Figure:
    """Return a map of synthetic items on top of original ones.

    The axes keep to where nearly all of the original and all synthetic items are, so that outliers squeeze nothing.
    """
    alt = altair()
    domains = [_domain(original.places[:, axis], synthetic.places[:, axis]) for axis in (0, 1)]
    rows = original.rows()
    kept = [
        row for row in rows if all(low <= row[name] <= high for name, (low, high) in zip("xy", domains, strict=True))
    ]
    color = alt.Color(field="group", type=colouring.kind, scale=alt.Scale(**colouring.scale), legend=None)
    x, y = (
        channel(field=name, type="quantitative", scale=alt.Scale(domain=domain, nice=False, zero=False), axis=None)
        for channel, name, domain in zip((alt.X, alt.Y), "xy", domains, strict=True)
    )
    area = float(np.clip(FILL / max(len(kept), 1), 14, 45))
    chart = alt.layer(
        alt.Chart(alt.NamedData("original"))
        .mark_circle(size=area, opacity=0.45, clip=True)
        .encode(x=x, y=y, color=color, tooltip=original.tooltip()),
        alt.Chart(alt.NamedData("synthetic"))
        .mark_circle(opacity=1, stroke="var(--edge)", strokeWidth=1.5)
        .encode(
            x=x, y=y, color=color, tooltip=synthetic.tooltip(),
            size=alt.Size(field="area", type="quantitative", scale=None, legend=None),
        ),
    )  # fmt: skip
    data = {"original": kept, "synthetic": synthetic.rows()}
    caption = words.caption(len(rows), len(rows) - len(kept), sized=synthetic.sizes is not None)
    return Figure(title="Map", chart=specification(chart, data, MAP), legend=colouring.legend, caption=caption)


def _domain(original: np.ndarray, synthetic: np.ndarray) -> list[float]:
    low, high = np.quantile(original, KEPT)
    low, high = min(low, synthetic.min()), max(high, synthetic.max())
    margin = MARGIN * max(high - low, 1e-9)
    return [float(low - margin), float(high + margin)]


def paired_bars(
    names: Sequence[str], original: Sequence[float], condensed: Sequence[float], title: str
) -> dict[str, Any]:
    """Return bars of shares, those of the original beside those of the condensed data.

    Args:
        names: What each pair is of.
        original: Shares in [0, 1].
        condensed: The same of the condensed data.
        title: What the shares are of.
    """
    alt = altair()
    order = list(dict.fromkeys(names))
    rows = [
        {"name": name, "of": of, "share": round(float(share), 5)}
        for of, shares in (("original", original), ("condensed", condensed))
        for name, share in zip(names, shares, strict=True)
    ]
    chart = (
        alt.Chart(alt.NamedData("bars"))
        .mark_bar()
        .encode(
            y=alt.Y(field="name", type="nominal", sort=order, title=None, axis=alt.Axis(domain=False, ticks=False)),
            x=alt.X(field="share", type="quantitative", title=title, axis=alt.Axis(format=".0%", tickCount=4)),
            yOffset=alt.YOffset(field="of", type="nominal", sort=["original", "condensed"]),
            color=alt.Color(
                field="of", type="nominal", legend=None,
                scale=alt.Scale(domain=["original", "condensed"], range=[ORIGINAL, ACCENT]),
            ),
            tooltip=[
                alt.Tooltip(field="name", type="nominal", title="of"),
                alt.Tooltip(field="of", type="nominal", title="in the"),
                alt.Tooltip(field="share", type="quantitative", format=".1%"),
            ],
        )
    )  # fmt: skip
    return specification(chart, {"bars": rows}, max(120, 26 * len(order) + 40))


def lines(series: Mapping[str, tuple[np.ndarray, np.ndarray]], titles: tuple[str, str], *, log: bool) -> dict[str, Any]:
    """Return curves of the original and of the condensed data.

    Args:
        series: x and y of each, under ``"original"`` and ``"condensed"``.
        titles: Of the axes.
        log: Whether both axes are logarithmic.
    """
    alt = altair()
    rows = [
        {"x": float(f"{x:.4g}"), "y": float(f"{y:.4g}"), "of": name}
        for name, (xs, ys) in series.items()
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True)
    ]
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False, nice=False)
    axis = alt.Axis(tickCount=5, format="~g")
    chart = (
        alt.Chart(alt.NamedData("lines"))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X(field="x", type="quantitative", title=titles[0], scale=scale, axis=axis),
            y=alt.Y(field="y", type="quantitative", title=titles[1], scale=scale, axis=axis),
            color=alt.Color(
                field="of", type="nominal", legend=None,
                scale=alt.Scale(domain=["original", "condensed"], range=[ORIGINAL, ACCENT]),
            ),
        )
    )  # fmt: skip
    return specification(chart, {"lines": rows}, 280)


@dataclass(frozen=True, kw_only=True)
class Links:
    """What joins points of a network.

    Args:
        ends: ``(m, 2)`` their numbers.
        weights: ``(m,)`` how strong each is, positive.
        told: What is said of each on hovering, by what it is.
    """

    ends: np.ndarray
    weights: np.ndarray
    told: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def network(
    points: MapPoints, links: Links, colouring: Colouring, height: int = MAP, scale: float = 1.0
) -> dict[str, Any]:
    """Return points and the links between them, wide and dark where they are strong; ``scale`` multiplies areas."""
    alt = altair()
    x, y = (
        channel(field=name, type="quantitative", scale=alt.Scale(nice=False, zero=False, padding=14), axis=None)
        for channel, name in ((alt.X, "x"), (alt.Y, "y"))
    )
    strongest = max(float(links.weights.max()) if len(links.weights) else 1.0, 1e-12)
    if len(links.weights) and np.ptp(links.weights) < EQUAL * strongest:
        strongest /= THIN
    rows = []
    for i, ((a, b), weight) in enumerate(zip(links.ends.tolist(), links.weights.tolist(), strict=True)):
        (xa, ya), (xb, yb) = (np.round(points.places[end], DIGITS).tolist() for end in (a, b))
        strength = round(weight / strongest, 3)
        row = {"x": xa, "y": ya, "x2": xb, "y2": yb, "width": 0.5 + 2.5 * strength, "opacity": 0.2 + 0.4 * strength}
        rows.append(row | {f"told{j}": values[i] for j, values in enumerate(links.told.values())})
    told = [alt.Tooltip(field=f"told{j}", type="nominal", title=name) for j, name in enumerate(links.told)]
    joined = (
        alt.Chart(alt.NamedData("links"))
        .mark_rule(stroke=INK)
        .encode(
            x=x, y=y, x2=alt.X2(field="x2"), y2=alt.Y2(field="y2"), tooltip=told or alt.Undefined,
            strokeWidth=alt.StrokeWidth(field="width", type="quantitative", scale=None, legend=None),
            strokeOpacity=alt.StrokeOpacity(field="opacity", type="quantitative", scale=None, legend=None),
        )
    )  # fmt: skip
    color = alt.Color(field="group", type=colouring.kind, scale=alt.Scale(**colouring.scale), legend=None)
    drawn = (
        alt.Chart(alt.NamedData("points"))
        .mark_circle(opacity=1, stroke="var(--edge)", strokeWidth=1.5)
        .encode(
            x=x, y=y, color=color, tooltip=points.tooltip() or alt.Undefined,
            size=alt.Size(field="area", type="quantitative", scale=None, legend=None),
        )
    )  # fmt: skip
    layers = [joined, drawn] if rows else [drawn]
    nodes = [row | {"area": scale * row["area"]} for row in points.rows()]
    return specification(alt.layer(*layers), {"links": rows, "points": nodes}, height)
