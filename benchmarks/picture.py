"""The picture of README and of the documentation's first page: docs/_static/cora.png.

    python benchmarks/picture.py --root DATA      # reads DATA/Planetoid/Cora/raw

Left, Cora and the 35 nodes that `auto` makes of it: each lies where the nodes are that it stands for, and lines are the
edges of Cora between two groups. Right, rows of measurements/results.jsonl: a GCN in the plain loop.
"""

import argparse
import warnings
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import verdicts
from matplotlib.figure import Figure

import graphcond
from graphcond.core.reporting.colours import LIGHT
from graphcond.nodes.links import cluster_links

OUTPUT = Path(__file__).parent.parent / "docs" / "_static" / "cora.png"
NODES = 35
SIZES = (7, 35, 70, 140)
LINES = (("auto", "synthetic nodes (auto)", LIGHT[0], -9), ("random", "random nodes", "0.45", -30))
WHOLE = "all 2,708 nodes"
RESOLUTION = 130


def drawn(root: str) -> Figure:
    """Return the figure."""
    task = graphcond.read(graphcond.datasets.load("cora", root))
    graph = task.train.graph
    small = graphcond.condense(task, size=NODES)
    links = cluster_links(graph, small.members).strongest(NODES)
    original = nx.Graph(graph.edge_index.T.tolist())
    core = sorted(max(nx.connected_components(original), key=len))
    places = nx.spring_layout(original.subgraph(core), k=0.035, iterations=120, seed=1)
    where = np.full((graph.num_nodes, 2), np.nan)
    where[core] = np.array([places[node] for node in core])

    figure = Figure(figsize=(12, 4.1), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
    _panel(left, f"Cora: {graph.num_nodes:,} nodes", where, np.array(original.subgraph(core).edges()), 0.15)
    left.scatter(*where.T, s=3, linewidths=0, c=[LIGHT[label] for label in graph.y.tolist()], zorder=2)

    with warnings.catch_warnings():  # a group may lie outside of the largest component; it is not drawn
        warnings.simplefilter("ignore", RuntimeWarning)
        centres = np.array([np.nanmedian(where[small.members.of(node).numpy()], axis=0) for node in range(NODES)])
    _panel(middle, f"condensed: {NODES} nodes", centres, links.ends, 0.5)
    sizes = small.members.ptr.diff().numpy()
    colours = [LIGHT[label] for label in small[0].y.tolist()]
    middle.scatter(*centres.T, s=30 + 200 * sizes / sizes.max(), c=colours, edgecolors="white", zorder=2)
    low, high = np.nanquantile(where, (0.005, 0.995), axis=0)
    for axes in (left, middle):
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    _accuracies(right)
    return figure


def _panel(axes: Any, title: str, places: np.ndarray, ends: np.ndarray, width: float) -> None:  # noqa: ANN401
    axes.plot(*places[ends].transpose(2, 1, 0), color="0.8", linewidth=width, zorder=1)
    axes.set_title(title)
    axes.set_axis_off()


def _accuracies(axes: Any) -> None:  # noqa: ANN401 (of matplotlib)
    for name, shown, colour, offset in LINES:
        samples = [verdicts.sample(f"results: cora / {size} / {name} / gcn") for size in SIZES]
        means = [100 * sample.mean for sample in samples]
        axes.plot(SIZES, means, marker="o", color=colour)
        end = {"xytext": (0, offset), "textcoords": "offset points", "ha": "right", "va": "top", "color": colour}
        axes.annotate(shown, (SIZES[-1], means[-1]), **end)
    mean = 100 * verdicts.sample("results: cora / 0 / class_mean / gcn").mean
    axes.plot([SIZES[0]], [mean], marker="s", color=LIGHT[3])
    axes.annotate("class means", (SIZES[0], mean), (7, -3), textcoords="offset points", va="top", color=LIGHT[3])
    whole = 100 * verdicts.sample("results: cora / 0 / whole / gcn").mean
    axes.axhline(whole, color="black", linewidth=1, linestyle="--")
    axes.annotate(WHOLE, (SIZES[-1], whole), (0, 8), textcoords="offset points", ha="right")
    axes.set_xscale("log")
    axes.set_xticks(SIZES, [str(size) for size in SIZES])
    axes.minorticks_off()
    axes.set_ylim(25, 92)
    axes.set_xlabel("nodes that a GCN is trained on")
    axes.set_title("accuracy on Cora's test nodes, %")
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, help="folder of the raw files")
    options = parser.parse_args()
    drawn(options.root).savefig(OUTPUT, dpi=RESOLUTION)


if __name__ == "__main__":
    main()
