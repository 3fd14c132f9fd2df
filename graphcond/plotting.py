"""Pictures of a condensed dataset: how its nodes are linked and where they lie, its graphs, or its images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.members import Members
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
from graphcond.core.runtime.precision import in_float32
from graphcond.evaluation.evaluations import evaluation_of
from graphcond.graphs.drawing import MOST_DRAWN, drawable, ends_of, kinds_of, places_of
from graphcond.graphs.format import GRAPH_FORMAT
from graphcond.hetero.contents import learned
from graphcond.hetero.format import HETERO_FORMAT
from graphcond.hetero.illustration import named_types
from graphcond.hetero.places import graph_of, map_of, typed_links
from graphcond.images.format import IMAGE_FORMAT
from graphcond.images.pictures import shown_pixels
from graphcond.nodes.format import NODE_FORMAT
from graphcond.nodes.illustration import HOPS, learned_of, projected_nodes, sizes_of
from graphcond.nodes.links import NodeLinks, largest_first, layout, links_of
from graphcond.nodes.reading import read_nodes, recorded_reading
from graphcond.nodes.task import Graph

FORMATS = (".png", ".svg", ".pdf")
DPI = 150
GRID_DPI = 100
GAP = 2  # pixels between images
LEAST_SIDE = 48  # pixels to which small images are enlarged
NAME_WIDTH = 1.3  # inches for the names of classes
OTHER_AREA = 0.5  # of nodes without labels, beside those with some
MARKER_AREA, LEAST_AREA, MOST_AREA = 110.0, 25.0, 500.0  # points^2: of a node of mean size, and the bounds
KEPT = (0.5, 99.5)  # per cent of the original between which the axes lie
MARGIN = 0.05
GRAPHS = 12  # that are drawn
COLUMNS = 4  # graphs side by side
MOST_LEGEND = 6  # names in a row

Drawn = tuple[Any, int]
"""A figure of matplotlib, and how many pixels an inch of it has."""


@in_float32()
def draw(
    condensed: CondensedDataset, path: str | Path, *, dataset: object | None = None, overwrite: bool = False
) -> Path:
    """Draw a condensed dataset; return the picture's path.

    Nodes have classes as colours, or the means of their labels or numbers; the larger, the more original nodes they
    stand for. The left panel shows how they are linked: by their own edges; else by the edges of the original between
    the nodes that they stand for, where these and ``dataset`` are known; else by similar features. The right one shows
    the two leading principal components of the original's features after two hops of propagation (of their own without
    ``dataset``), in a frame that leaves outliers out. Of heterogeneous graphs, the left panel has nodes of all types,
    which are its colours; the right one has the labelled nodes, by the features that meta-paths bring. Of sets of
    graphs, up to twelve are drawn. Images are a grid with a row for each class; the darkest thousandth of all pixels is
    black and the brightest white.

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
    _draw_links(left, data, condensed.members, graph, colouring)
    nodes, places, small = projected_nodes(graph if graph is not None else _own_graph(data), data)
    original = None if graph is None else learned_of(graph)[nodes]
    shown = _Map(places, original, small, data.y, sizes_of(data, condensed.members))
    _draw_map(right, shown, colouring, f"Features after {HOPS} hops of propagation.")
    _finish(figure, condensed, (left, right))
    _add_legend(figure, colouring, [left, right])
    return figure, DPI


def _hetero(figure_class: Any, condensed: CondensedDataset, dataset: object | None) -> Drawn:  # noqa: ANN401
    data = condensed[0]
    graph = None if dataset is None else evaluation_of("hetero").read(dataset, [condensed.record]).graph
    (name,) = (one for one in data.node_types if "y" in data[one])
    store = Data(**learned(data))
    colouring = colouring_of(store.y if graph is None else learned_of(graph), ClassNames.of(dataset))
    figure = figure_class(figsize=(11, 6), layout="constrained")
    left, right = figure.subplots(1, 2)
    if data.edge_types:
        _draw_typed_links(left, condensed, name)
    else:
        store.edge_index = torch.empty(2, 0, dtype=torch.int64)
        _draw_links(left, store, condensed.members, None, colouring)
    placed = map_of(graph_of(data, name) if graph is None else graph, data)
    if placed is None:
        raise ValueError("condensed holds features that no meta-paths of the dataset bring; leave dataset= out")
    original = None if graph is None else learned_of(graph)[placed.nodes]
    shown = _Map(placed.places, original, placed.small, store.y, sizes_of(store, condensed.members))
    what = f"Features of all meta-paths of at most {placed.hops} relations."
    _draw_map(right, shown, colouring, what if placed.hops else "Features of the condensed nodes.")
    _finish(figure, condensed, (left, right))
    _add_legend(figure, colouring, [right])
    return figure, DPI


def _finish(figure: Any, condensed: CondensedDataset, panels: tuple[Any, ...]) -> None:  # noqa: ANN401
    for axes in panels:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color("0.85")
    figure.suptitle(_title(condensed), fontsize=11)


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
    NODE_FORMAT.modality: _nodes, HETERO_FORMAT.modality: _hetero,
    GRAPH_FORMAT.modality: _graphs, IMAGE_FORMAT.modality: _images,
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

    if isinstance(colouring, NumberColouring):
        scale = ScalarMappable(Normalize(colouring.low, colouring.high), cmap="viridis")
        figure.colorbar(scale, ax=axes, label=colouring.what, shrink=0.7)
        return
    assert isinstance(colouring, ClassColouring)
    handles = _handles(colouring)
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), MOST_LEGEND), frameon=False)


def _handles(colouring: ClassColouring) -> list[Any]:
    """Return the entries of a legend."""
    from matplotlib.lines import Line2D

    hexadecimal = [*LIGHT[: len(colouring.shown)], *([LIGHT_OTHERS] if colouring.others else [])]
    return [
        Line2D([], [], marker="o", linestyle="", color=colour, label=name.replace("$", r"\$"))
        for (name, _, _), colour in zip(colouring.legend, hexadecimal, strict=True)
    ]


def _areas(sizes: np.ndarray) -> np.ndarray:
    areas: np.ndarray = np.clip(MARKER_AREA * sizes / max(float(sizes.mean()), 1e-12), LEAST_AREA, MOST_AREA)
    return areas


def _draw_links(
    axes: Any, data: Data, members: Members | None, graph: Graph | None, colouring: Colouring  # noqa: ANN401
) -> None:  # fmt: skip
    sizes = sizes_of(data, members)
    kept = largest_first(sizes)
    links = links_of(data, members, graph, kept)
    _draw_network(axes, links, sizes[kept], _colours(data.y[torch.from_numpy(kept)], colouring))
    some = f" The largest {len(kept)} of {len(data.y)} nodes." if len(kept) < len(data.y) else ""
    axes.set_title(f"How {data.num_nodes:,} nodes are linked", fontsize=11)
    axes.set_xlabel(f"Links: {links.what},\nthe strongest of them.{some}", fontsize=9, color="0.35")


def _draw_typed_links(axes: Any, condensed: CondensedDataset, node_type: str) -> None:  # noqa: ANN401
    """Draw the nodes of all types, and name these in a legend of the panel."""
    data = condensed[0]
    drawn = typed_links(data, node_type, sizes_of(Data(**learned(data)), condensed.members))
    colouring = named_types(drawn.kinds, drawn.names)
    _draw_network(axes, drawn.links, np.where(drawn.learned, 1.0, OTHER_AREA), _colours(drawn.kinds, colouring))
    some = f" {len(drawn.kinds)} of {drawn.total:,} nodes." if len(drawn.kinds) < drawn.total else ""
    axes.set_title(f"How {drawn.total:,} nodes of {len(drawn.names)} types are linked", fontsize=11)
    axes.set_xlabel(f"Links: {drawn.links.what},\nthe strongest of them.{some}", fontsize=9, color="0.35")
    axes.legend(handles=_handles(colouring), fontsize=8, frameon=False)


def _draw_network(axes: Any, links: NodeLinks, sizes: np.ndarray, colours: dict[str, Any]) -> None:  # noqa: ANN401
    places = layout(links, len(sizes))
    strength = links.weights / max(float(links.weights.max(initial=0.0)), 1e-12)
    for (a, b), share in zip(links.ends, strength, strict=True):
        line = places[[a, b]].T
        axes.plot(*line, color="0.25", alpha=0.2 + 0.4 * share, linewidth=0.4 + 2.2 * share, zorder=1)
    axes.scatter(*places.T, s=_areas(sizes), edgecolors="white", zorder=2, **colours)


@dataclass(frozen=True, eq=False)
class _Map:
    """Places and targets of original nodes, of which ``y`` may be unknown, and those of condensed ones, with sizes."""

    places: np.ndarray
    y: Tensor | None
    small: np.ndarray
    small_y: Tensor
    sizes: np.ndarray


def _draw_map(axes: Any, shown: _Map, colouring: Colouring, what: str) -> None:  # noqa: ANN401
    if shown.y is not None:
        axes.scatter(*shown.places.T, s=5, alpha=0.35, linewidths=0, **_colours(shown.y, colouring))
    axes.scatter(*shown.small.T, s=_areas(shown.sizes), edgecolors="white", **_colours(shown.small_y, colouring))
    for axis, set_limits in enumerate((axes.set_xlim, axes.set_ylim)):
        low, high = np.percentile(shown.places[:, axis], KEPT)
        low, high = min(low, shown.small[:, axis].min()), max(high, shown.small[:, axis].max())
        margin = MARGIN * max(high - low, 1e-9)
        set_limits(low - margin, high + margin)
    larger = "; the larger, the more they stand for" if np.ptp(shown.sizes) > 0 else ""
    whose = f"Small dots: original nodes; large ones: condensed{larger}."
    whose = whose if shown.y is not None else "Condensed nodes only."
    axes.set_title("Where they lie: two principal components", fontsize=11)
    axes.set_xlabel(f"{what}\n{whose}", fontsize=9, color="0.35")


def _own_graph(data: Data) -> Graph:
    weight = data.get("edge_weight", torch.ones(data.edge_index.size(1)))
    return Graph(data.x, data.edge_index, weight, torch.zeros(len(data.x), dtype=torch.int64))
