"""A picture of a condensed dataset: its graph, and its features among the original's."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import to_networkx

from graphcond.condensed import CondensedDataset
from graphcond.core.files import replacing
from graphcond.nodes.propagation import normalized_adjacency, propagate
from graphcond.nodes.reading import read_nodes

MAX_BACKGROUND = 5000  # original nodes drawn at most
MARKER_AREA = 120.0  # points^2 of a node of mean weight
FORMATS = (".png", ".svg", ".pdf")
DEPTH = 2  # hops of propagation of the original's features, as a two-layer GCN sees them


def draw(
    condensed: CondensedDataset, path: str | Path, *, dataset: object | None = None, overwrite: bool = False
) -> Path:
    """Draw a condensed node dataset: classes as colours, node weights as sizes; return the picture's path.

    The left panel is the condensed graph; the right one shows its features on the two leading principal components of
    the original's propagated features (of its own features without ``dataset``).

    Args:
        condensed: What ``condense`` returned.
        path: The picture to write; its ending chooses the format (.png, .svg, .pdf).
        dataset: The original, drawn in the background of the right panel.
        overwrite: Replace an existing file.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: an ending of another kind, or a condensed dataset of many graphs.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("drawing needs matplotlib; install it with: pip install 'graphcond[plot]'") from error
    if Path(path).suffix.lower() not in FORMATS:
        raise ValueError(f"the picture's name must end in one of {', '.join(FORMATS)}, got {Path(path).name!r}")
    if condensed.has_graphs:
        raise ValueError(f"condensed holds {len(condensed)} graphs; pictures are of condensed node datasets")
    data = condensed[0]
    with replacing(path, overwrite=overwrite) as temporary:
        figure = Figure(figsize=(11, 5), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_graph(left, data)
        _draw_features(right, data, dataset, condensed)
        for axes in (left, right):
            axes.set_xticks([])
            axes.set_yticks([])
        source = condensed.record.source
        figure.suptitle(f"{source.get('name', 'data')} condensed by {condensed.record.method}")
        figure.savefig(temporary, dpi=150, format=Path(path).suffix[1:].lower())
    return Path(path)


def _sizes(data: Data) -> np.ndarray[Any, np.dtype[np.float64]]:
    weight = data.node_weight if "node_weight" in data else torch.ones(data.num_nodes)
    return MARKER_AREA * weight.double().numpy()


def _draw_graph(axes: Any, data: Data) -> None:  # noqa: ANN401 (matplotlib is optional)
    graph = to_networkx(data, to_undirected=True, remove_self_loops=True)
    layout = nx.spring_layout(graph, seed=0)
    places = np.array([layout[node] for node in range(data.num_nodes)])
    if graph.number_of_edges():
        ends = np.array(graph.edges())
        axes.plot(places[ends.T, 0], places[ends.T, 1], color="0.8", linewidth=0.5, zorder=1)
    axes.scatter(places[:, 0], places[:, 1], s=_sizes(data), c=data.y, cmap="tab20", edgecolors="black", zorder=2)
    edges = graph.number_of_edges()
    axes.set_title(f"{data.num_nodes} nodes, {edges} edges" if edges else f"{data.num_nodes} nodes, self-loops only")


def _draw_features(axes: Any, data: Data, dataset: object | None, condensed: CondensedDataset) -> None:  # noqa: ANN401
    background, labels = data.x, data.y
    if dataset is not None:
        source = condensed.record.source
        task = read_nodes(dataset, split=source.get("split", 0), inductive=source.get("inductive", False))
        graph = task.train.graph
        background, labels = propagate(normalized_adjacency(graph), graph.x, DEPTH), graph.y
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
        axes.scatter(places[:, 0], places[:, 1], s=4, c=labels[shown], cmap="tab20", alpha=0.3, linewidths=0)
    places = project(data.x)
    axes.scatter(places[:, 0], places[:, 1], s=_sizes(data), c=data.y, cmap="tab20", edgecolors="black")
    axes.set_title("features, two principal components")
