"""Pictures of a condensed dataset: how its nodes are linked and where they lie, its graphs, or its images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.reporting.colours import (
    LIGHT,
    LIGHT_OTHERS,
    ClassColouring,
    Colouring,
    NumberColouring,
    colouring_of,
    numbers,
)
from graphcond.core.reporting.figures import ClassNames
from graphcond.core.runtime.files import replacing
from graphcond.graphs.drawing import MOST_DRAWN, drawable, ends_of, kinds_of, places_of
from graphcond.graphs.format import GRAPH_FORMAT
from graphcond.images.format import IMAGE_FORMAT
from graphcond.images.pictures import shown_pixels
from graphcond.nodes.format import NODE_FORMAT
from graphcond.nodes.illustration import HOPS, learned_of, projected_nodes, sizes_of
from graphcond.nodes.links import largest_first, layout, links_of
from graphcond.nodes.reading import read_nodes, recorded_reading
from graphcond.nodes.task import Graph

FORMATS = (".png", ".svg", ".pdf")
DPI = 150
GRID_DPI = 100
GAP = 2  # pixels between images
LEAST_SIDE = 48  # pixels to which small images are enlarged
NAME_WIDTH = 1.3  # inches for the names of classes
MARKER_AREA, LEAST_AREA, MOST_AREA = 110.0, 25.0, 500.0  # points^2: of a node of mean size, and the bounds
KEPT = (0.5, 99.5)  # per cent of the original between which the axes lie
MARGIN = 0.05
GRAPHS = 12  # that are drawn
COLUMNS = 4  # graphs side by side
MOST_LEGEND = 6  # names in a row

Drawn = tuple[Any, int]
"""A figure of matplotlib, and how many pixels an inch of it has."""


def draw(
    condensed: CondensedDataset, path: str | Path, *, dataset: object | None = None, overwrite: bool = False
) -> Path:
    """Draw a condensed dataset; return the picture's path.

    Nodes have classes as colours, or the means of their labels or numbers; the larger, the more original nodes they
    stand for. The left panel shows how they are linked: by their own edges; else by the edges of the original between
    the nodes that they stand for, where these and ``dataset`` are known; else by similar features. The right one shows
    the two leading principal components of the original's features after two hops of propagation (of their own without
    ``dataset``), in a frame that leaves outliers out. Of sets of graphs, up to twelve are drawn. Images are a grid with
    a row for each class; the darkest thousandth of all pixels is black and the brightest white.

    Args:
        condensed: What ``condense`` returned.
        path: The picture to write; its ending chooses the format (.png, .svg, .pdf).
        dataset: The original; of images, it tells the names of the classes.
        overwrite: Replace an existing file.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: an ending of another kind, or a condensed dataset of something else.
    """
    figure_class = _figure_class(path)
    if condensed.modality not in PICTURES:
        raise ValueError(
            f"condensed holds {condensed.modality}, of which there is no picture; write a report of it: "
            "small.report(split, 'report.html') (graphcond recsys report)"
        )
    with replacing(path, overwrite=overwrite) as temporary:
        figure, dpi = PICTURES[condensed.modality](figure_class, condensed, dataset)
        figure.savefig(temporary, dpi=dpi, format=Path(path).suffix[1:].lower())
    return Path(path)


def _nodes(figure_class: Any, condensed: CondensedDataset, dataset: object | None) -> Drawn:  # noqa: ANN401
    data, graph = condensed[0], None
    if dataset is not None:
        graph = read_nodes(dataset, **recorded_reading(dataset, condensed.record.source)).train.graph
    colouring = colouring_of(data.y if graph is None else learned_of(graph), ClassNames.of(dataset))
    figure = figure_class(figsize=(11, 6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_links(left, condensed, graph, colouring)
    _draw_map(right, condensed, graph, colouring)
    for axes in (left, right):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color("0.85")
    figure.suptitle(_title(condensed), fontsize=11)
    _add_legend(figure, colouring, [left, right])
    return figure, DPI


def _graphs(figure_class: Any, condensed: CondensedDataset, dataset: object | None) -> Drawn:  # noqa: ANN401
    items = list(condensed)
    y = torch.cat([item.y for item in items])
    words = colouring_of(y, ClassNames.of(dataset)).told(y)
    chosen = drawable(items, words)[:GRAPHS] if len(words) == len(items) else []
    if not chosen:
        raise ValueError(
            f"condensed holds no graph of at most {MOST_DRAWN} nodes that could be drawn by itself; write a report of "
            "it: small.report(dataset, 'report.html') (graphcond report)"
        )
    kinds, names, what = kinds_of([items[i] for i in chosen], torch.cat([items[i].x for i in chosen]))
    colouring = ClassColouring.of(torch.cat(kinds), names)
    rows = -(-len(chosen) // COLUMNS)
    figure = figure_class(figsize=(2.4 * COLUMNS, 2.4 * rows + 1), layout="constrained")
    for axes in figure.subplots(rows, COLUMNS, squeeze=False).flat:
        axes.axis("off")
        axes.set_aspect("equal", adjustable="datalim")
    for axes, i, kind in zip(figure.axes, chosen, kinds, strict=False):
        places, ends, roots = places_of(items[i]), ends_of(items[i]), items[i].get("root_weight")
        axes.plot(*places[ends].transpose(2, 1, 0), color="0.45", linewidth=1, zorder=1)
        area = 30.0 if roots is None else np.where(roots.numpy() > 0, 55.0, 15.0)
        axes.scatter(*places.T, s=area, edgecolors="white", zorder=2, **_colours(kind, colouring))
        axes.set_title(f"graph {i}: {words[i]}", fontsize=9)
    figure.suptitle(f"{_title(condensed)}\n{len(chosen)} of them are drawn. {what}", fontsize=10)
    _add_legend(figure, colouring, [])
    return figure, DPI


def _images(figure_class: Any, condensed: CondensedDataset, dataset: object | None) -> Drawn:  # noqa: ANN401
    data, names = condensed[0], ClassNames.of(dataset)
    picture = image_grid(data.x, data.y, condensed.num_classes).numpy()
    height, width = picture.shape[:2]
    size = (width / GRID_DPI + NAME_WIDTH, height / GRID_DPI)
    figure = figure_class(figsize=size, dpi=GRID_DPI)
    axes = figure.add_axes((NAME_WIDTH / size[0], 0, 1 - NAME_WIDTH / size[0], 1))
    axes.imshow(picture, vmin=0, vmax=1, cmap="gray", interpolation="nearest", aspect="auto")
    row = (height - GAP) / condensed.num_classes
    labels = [names(label) for label in range(condensed.num_classes)]
    axes.set_yticks(GAP / 2 + row * (np.arange(len(labels)) + 0.5), labels=labels)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure, GRID_DPI


PICTURES: dict[str, Callable[[Any, CondensedDataset, object], Drawn]] = {
    NODE_FORMAT.modality: _nodes, GRAPH_FORMAT.modality: _graphs, IMAGE_FORMAT.modality: _images,
}  # fmt: skip


def image_grid(x: Tensor, y: Tensor, num_classes: int) -> Tensor:
    """Return images in rows by class, in [0, 1], enlarged and with gaps between them.

    Shapes:
        x: ``(n, channels, height, width)``; y: ``(n,)``; returned: ``(grid height, grid width[, 3])``.
    """
    shown = shown_pixels(x)
    scale = max(1, -(-LEAST_SIDE // x.size(3)))
    shown = shown.repeat_interleave(scale, dim=2).repeat_interleave(scale, dim=3)
    channels, height, width = shown.shape[1:]
    columns = int(torch.bincount(y, minlength=num_classes).max())
    grid = torch.ones(channels, num_classes * (height + GAP) + GAP, columns * (width + GAP) + GAP)
    for label in range(num_classes):
        for i, image in enumerate(shown[y == label]):
            top, left = GAP + label * (height + GAP), GAP + i * (width + GAP)
            grid[:, top : top + height, left : left + width] = image
    return grid.squeeze(0) if channels == 1 else grid.permute(1, 2, 0)


def _figure_class(path: str | Path) -> Any:  # noqa: ANN401 (matplotlib is optional)
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("drawing needs matplotlib; install it with: pip install 'graphcond[plot]'") from error
    if Path(path).suffix.lower() not in FORMATS:
        raise ValueError(f"the picture's name must end in one of {', '.join(FORMATS)}, got {Path(path).name!r}")
    return Figure


def _title(condensed: CondensedDataset) -> str:
    before, after = condensed.described()
    name = condensed.record.source.get("name", "data")
    return f"{name} condensed by {condensed.record.method}\n{before} became {after}".replace("$", r"\$")


def _colours(y: Tensor, colouring: Colouring) -> dict[str, Any]:
    """Return how items are coloured: by class, or by the mean of their labels or numbers."""
    if isinstance(colouring, NumberColouring):
        return {"c": numbers(y), "cmap": "viridis", "vmin": colouring.low, "vmax": colouring.high}
    assert isinstance(colouring, ClassColouring)
    shown = {label: LIGHT[i] for i, label in enumerate(colouring.shown)}
    return {"c": [shown.get(label, LIGHT_OTHERS) for label in y.reshape(-1).tolist()]}


def _add_legend(figure: Any, colouring: Colouring, axes: list[Any]) -> None:  # noqa: ANN401
    """Name the colours: those of classes below the panels, those of numbers on a bar beside them."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.lines import Line2D

    if isinstance(colouring, NumberColouring):
        scale = ScalarMappable(Normalize(colouring.low, colouring.high), cmap="viridis")
        figure.colorbar(scale, ax=axes, label=colouring.what, shrink=0.7)
        return
    assert isinstance(colouring, ClassColouring)
    hexadecimal = [*LIGHT[: len(colouring.shown)], *([LIGHT_OTHERS] if colouring.others else [])]
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=name.replace("$", r"\$"))
        for (name, _, _), colour in zip(colouring.legend, hexadecimal, strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), MOST_LEGEND), frameon=False)


def _areas(sizes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = np.clip(MARKER_AREA * sizes / max(float(sizes.mean()), 1e-12), LEAST_AREA, MOST_AREA)
    return areas


def _draw_links(axes: Any, condensed: CondensedDataset, graph: Graph | None, colouring: Colouring) -> None:  # noqa: ANN401
    data = condensed[0]
    sizes = sizes_of(data, condensed.members)
    kept = largest_first(sizes)
    links = links_of(data, condensed.members, graph, kept)
    places = layout(links, len(kept))
    strength = links.weights / max(float(links.weights.max(initial=0.0)), 1e-12)
    for (a, b), share in zip(links.ends, strength, strict=True):
        line = places[[a, b]].T
        axes.plot(*line, color="0.25", alpha=0.2 + 0.4 * share, linewidth=0.4 + 2.2 * share, zorder=1)
    own = _colours(data.y[torch.from_numpy(kept)], colouring)
    axes.scatter(*places.T, s=_areas(sizes[kept]), edgecolors="white", zorder=2, **own)
    some = f" The largest {len(kept)} of {len(data.y)} nodes." if len(kept) < len(data.y) else ""
    axes.set_title(f"How {data.num_nodes:,} nodes are linked", fontsize=11)
    axes.set_xlabel(f"Links: {links.what},\nthe strongest of them.{some}", fontsize=9, color="0.35")


def _draw_map(axes: Any, condensed: CondensedDataset, graph: Graph | None, colouring: Colouring) -> None:  # noqa: ANN401
    data: Data = condensed[0]
    sizes = sizes_of(data, condensed.members)
    whole = graph if graph is not None else _own_graph(data)
    nodes, places, small = projected_nodes(whole, data)
    if graph is not None:
        own = _colours(learned_of(graph)[nodes], colouring)
        axes.scatter(*places.T, s=5, alpha=0.35, linewidths=0, **own)
    axes.scatter(*small.T, s=_areas(sizes), edgecolors="white", **_colours(data.y, colouring))
    for axis, set_limits in enumerate((axes.set_xlim, axes.set_ylim)):
        low, high = np.percentile(places[:, axis], KEPT)
        low, high = min(low, small[:, axis].min()), max(high, small[:, axis].max())
        margin = MARGIN * max(high - low, 1e-9)
        set_limits(low - margin, high + margin)
    larger = "; the larger, the more they stand for" if np.ptp(sizes) > 0 else ""
    whose = f"Small dots: original nodes; large ones: condensed{larger}."
    whose = whose if graph is not None else "Condensed nodes only."
    axes.set_title("Where they lie: two principal components", fontsize=11)
    axes.set_xlabel(f"Features after {HOPS} hops of propagation.\n{whose}", fontsize=9, color="0.35")


def _own_graph(data: Data) -> Graph:
    weight = data.get("edge_weight", torch.ones(data.edge_index.size(1)))
    return Graph(data.x, data.edge_index, weight, torch.zeros(len(data.x), dtype=torch.int64))
