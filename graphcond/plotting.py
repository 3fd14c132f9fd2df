"""Pictures of a condensed dataset: its graph and its features among the original's, or its images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import to_networkx

from graphcond.condensed import CondensedDataset
from graphcond.core.runtime.files import replacing
from graphcond.images.format import IMAGE_FORMAT
from graphcond.nodes.format import NODE_FORMAT
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.reading import read_nodes, recorded_reading
from graphcond.nodes.sparse import dense
from graphcond.nodes.task import Graph

MAX_BACKGROUND = 5000  # original nodes drawn at most
MARKER_AREA = 120.0  # points^2 of a node of mean weight
FORMATS = (".png", ".svg", ".pdf")
NODES_DPI = 150
GRID_DPI = 100
GAP = 2  # pixels between images
LEAST_SIDE = 48  # pixels to which small images are enlarged
CLIPPED = 0.001
MAX_QUANTILE = 1_000_000  # pixels that are sorted at most
DEPTH = 2  # hops of propagation of the original's features, as a two-layer GCN sees them


def draw(
    condensed: CondensedDataset, path: str | Path, *, dataset: object | None = None, overwrite: bool = False
) -> Path:
    """Draw a condensed dataset of nodes or of images; return the picture's path.

    Nodes have classes as colours, or the means of their labels or numbers, and weights as sizes. The left panel is the
    condensed graph; the right one shows its features on the two leading principal components of the original's
    propagated features (of its own features without ``dataset``). Images are a grid with a row for each class. Their
    colours are scaled so that the darkest thousandth of all pixels is black and the brightest white; images with three
    channels are drawn in colour, others by the mean of their channels.

    Args:
        condensed: What ``condense`` returned.
        path: The picture to write; its ending chooses the format (.png, .svg, .pdf).
        dataset: The original, drawn in the background of the right panel; there is none for images.
        overwrite: Replace an existing file.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: an ending of another kind, or a condensed dataset of something else.
    """
    figure_class = _figure_class(path)
    if not has_picture(condensed):
        raise ValueError(f"condensed holds {condensed.modality}; pictures are of condensed {' and '.join(PICTURES)}")
    with replacing(path, overwrite=overwrite) as temporary:
        figure, dpi = PICTURES[condensed.modality](figure_class, condensed, dataset)
        figure.savefig(temporary, dpi=dpi, format=Path(path).suffix[1:].lower())
    return Path(path)


def has_picture(condensed: CondensedDataset) -> bool:
    """Return whether there are pictures of such a dataset."""
    return condensed.modality in PICTURES


def has_background(condensed: CondensedDataset) -> bool:
    """Return whether the original stands in the background of its picture."""
    return condensed.modality == NODE_FORMAT.modality


def _nodes(figure_class: Any, condensed: CondensedDataset, dataset: object | None) -> tuple[Any, int]:  # noqa: ANN401
    data = condensed[0]
    figure = figure_class(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_graph(left, data)
    _draw_features(right, data, dataset, condensed)
    for axes in (left, right):
        axes.set_xticks([])
        axes.set_yticks([])
    source = condensed.record.source
    figure.suptitle(f"{source.get('name', 'data')} condensed by {condensed.record.method}")
    return figure, NODES_DPI


def _images(figure_class: Any, condensed: CondensedDataset, _: object) -> tuple[Any, int]:  # noqa: ANN401
    picture = image_grid(condensed[0].x, condensed[0].y, condensed.num_classes).numpy()
    height, width = picture.shape[:2]
    figure = figure_class(figsize=(width / GRID_DPI, height / GRID_DPI), dpi=GRID_DPI)
    figure.figimage(picture, vmin=0, vmax=1, cmap="gray")
    return figure, GRID_DPI


PICTURES: dict[str, Callable[[Any, CondensedDataset, object], tuple[Any, int]]] = {
    NODE_FORMAT.modality: _nodes, IMAGE_FORMAT.modality: _images,
}  # fmt: skip


def image_grid(x: Tensor, y: Tensor, num_classes: int) -> Tensor:
    """Return images in rows by class, in [0, 1], enlarged and with gaps between them.

    Shapes:
        x: ``(n, channels, height, width)``; y: ``(n,)``; returned: ``(grid height, grid width[, 3])``.
    """
    shown = x if x.size(1) == 3 else x.mean(dim=1, keepdim=True)
    ends = torch.tensor([CLIPPED, 1 - CLIPPED])
    low, high = shown.flatten()[:: max(1, shown.numel() // MAX_QUANTILE)].quantile(ends)
    shown = ((shown - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
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


def _sizes(data: Data) -> np.ndarray[Any, np.dtype[np.float64]]:
    weight = data.node_weight if "node_weight" in data else torch.ones(data.num_nodes)
    return MARKER_AREA * weight.double().numpy()


def _colours(y: Tensor) -> dict[str, Any]:
    """Return how nodes are coloured: by class, or by the mean of their labels or numbers."""
    if not y.is_floating_point() and y.dim() == 1:
        return {"c": y, "cmap": "tab20"}
    return {"c": y.reshape(len(y), -1).float().nanmean(dim=1), "cmap": "viridis"}


def _targets(graph: Graph) -> Tensor:
    return graph.y if graph.targets is None else graph.targets


def _draw_graph(axes: Any, data: Data) -> None:  # noqa: ANN401 (matplotlib is optional)
    graph = to_networkx(data, to_undirected=True, remove_self_loops=True)
    layout = nx.spring_layout(graph, seed=0)
    places = np.array([layout[node] for node in range(data.num_nodes)])
    if graph.number_of_edges():
        ends = np.array(graph.edges())
        axes.plot(places[ends.T, 0], places[ends.T, 1], color="0.8", linewidth=0.5, zorder=1)
    axes.scatter(places[:, 0], places[:, 1], s=_sizes(data), edgecolors="black", zorder=2, **_colours(data.y))
    edges = graph.number_of_edges()
    axes.set_title(f"{data.num_nodes} nodes, {edges} edges" if edges else f"{data.num_nodes} nodes, self-loops only")


def _draw_features(axes: Any, data: Data, dataset: object | None, condensed: CondensedDataset) -> None:  # noqa: ANN401
    background, labels = data.x, data.y
    if dataset is not None:
        source = condensed.record.source
        task = read_nodes(dataset, **recorded_reading(dataset, source))
        graph = task.train.graph
        background, labels = propagate(normalized_adjacency(graph), dense(graph.x), DEPTH), _targets(graph)
    center = background.mean(dim=0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _, _, axes_of_variation = torch.pca_lowrank(background - center, q=min(2, *background.shape), center=False)
        shown = torch.randperm(len(background))[:MAX_BACKGROUND]

    def project(x: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
        places = (x - center) @ axes_of_variation
        return torch.nn.functional.pad(places, (0, 2 - places.size(1))).numpy()

    if dataset is not None:
        places = project(background[shown])
        axes.scatter(places[:, 0], places[:, 1], s=4, alpha=0.3, linewidths=0, **_colours(labels[shown]))
    places = project(data.x)
    axes.scatter(places[:, 0], places[:, 1], s=_sizes(data), edgecolors="black", **_colours(data.y))
    axes.set_title("features, two principal components")
