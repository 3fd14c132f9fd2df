"""What a report shows of condensed graphs with labelled nodes: their classes, a map, and how they are linked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.members import Members
from graphcond.core.reporting.balance import balance
from graphcond.core.reporting.behind import behind
from graphcond.core.reporting.charts import Links, MapPoints, MapWords, network, point_map
from graphcond.core.reporting.colours import Colouring, colouring_of
from graphcond.core.reporting.figures import ClassNames, Figure, Illustration, Section
from graphcond.core.reporting.projection import Projection, sampled
from graphcond.nodes.links import largest_first, layout, links_of
from graphcond.nodes.propagated_features import propagated_rows
from graphcond.nodes.task import Graph, LabelledGraph, NodeTask

HOPS = 2  # of propagation before the projection, as a two-layer GCN sees features


def projected_nodes(graph: Graph, data: Data) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Return some original nodes, their places in the plane and those of the synthetic ones.

    Both are propagated over their own edges; a graph of self-loops stays as it is.
    """
    nodes = sampled(graph.num_nodes)
    rows = propagated_rows(graph, nodes, HOPS)
    weight = data.get("edge_weight", torch.ones(data.edge_index.size(1)))
    small = Graph(data.x.float(), data.edge_index, weight.float(), torch.zeros(len(data.x), dtype=torch.int64))
    plane = Projection.of(rows)
    return nodes, plane(rows), plane(propagated_rows(small, torch.arange(len(data.x)), HOPS))


def learned_of(graph: LabelledGraph) -> Tensor:
    """Return what is known of all nodes of a graph: classes, or ``(num_nodes, outputs)`` floats."""
    return graph.y if graph.targets is None else graph.targets


def sizes_of(data: Data, members: Members | None) -> np.ndarray:
    """Return how large each synthetic node is drawn: how many original nodes are behind it, else its weight."""
    if members is not None and len(members) == len(data.x) and bool((members.ptr.diff() > 1).any()):
        return members.ptr.diff().double().numpy()
    weight: Tensor = data.get("node_weight", torch.ones(len(data.x)))
    return weight.double().numpy()


def _sections(condensed: Any, task: NodeTask, names: ClassNames) -> Sequence[Section]:  # noqa: ANN401
    data, graph = condensed[0], task.train.graph
    everything = learned_of(graph)
    colouring = colouring_of(everything, names)
    told = told_of(data, condensed.members, everything, colouring)
    share = balance(task.train.learned, data.y, data.get("node_weight"), names, "nodes")
    map_ = _map(condensed, graph, colouring, told)
    structure = links_figure(data, condensed.members, graph, colouring, told)
    return [Section(title="The nodes", parts=[map_, structure, share])]


def told_of(data: Data, members: Members | None, y: Tensor, colouring: Colouring) -> dict[str, Sequence[Any]]:
    """Return what hovering over each synthetic node says."""
    told: dict[str, Sequence[Any]] = {"synthetic node": list(range(len(data.y))), "learned": colouring.told(data.y)}
    if "node_weight" in data:
        told["weight"] = [f"{weight:.3g}" for weight in data.node_weight.tolist()]
    return told | behind(members, len(data.y), y, colouring, "original node")


def _map(condensed: Any, graph: Graph, colouring: Colouring, told: dict[str, Sequence[Any]]) -> Figure:  # noqa: ANN401
    data = condensed[0]
    nodes, places, small = projected_nodes(graph, data)
    y = learned_of(graph)[nodes]
    background = MapPoints(
        places=places, groups=colouring.groups(y),
        told={"original node": nodes.tolist(), "learned": colouring.told(y)},
    )  # fmt: skip
    sizes = sizes_of(data, condensed.members)
    synthetic = MapPoints(
        places=small, groups=colouring.groups(data.y), told=told, sizes=sizes if np.ptp(sizes) > 0 else None
    )
    axes = f"The axes are the two leading principal components of the features after {HOPS} hops of propagation."
    words = MapWords(unit="original nodes", total=graph.num_nodes, axes=axes)
    return point_map(background, synthetic, colouring, words)


def links_figure(
    data: Data, members: Members | None, graph: Graph | None, colouring: Colouring, told: Mapping[str, Sequence[Any]]
) -> Figure:
    """Return how synthetic nodes are linked.

    Args:
        data: The synthetic graph.
        members: The original nodes behind each of its nodes.
        graph: The original graph; ``None``: what it links is not asked.
        colouring: Of what is learned.
        told: What hovering over each synthetic node says.
    """
    sizes = sizes_of(data, members)
    kept = largest_first(sizes)
    links = links_of(data, members, graph, kept)
    said = {name: [values[i] for i in kept] for name, values in told.items()}
    if links.inside is not None:
        said["edges that stay inside"] = ["none" if np.isnan(one) else f"{one:.0%}" for one in links.inside]
    points = MapPoints(
        places=layout(links, len(kept)), groups=colouring.groups(data.y[torch.from_numpy(kept)]), told=said,
        sizes=sizes[kept],
    )  # fmt: skip
    drawn = Links(
        ends=links.ends, weights=links.weights,
        told={
            "joins": [f"{kept[a]} and {kept[b]}" for a, b in links.ends],
            "weight": [f"{weight:.3g}" for weight in links.weights],
        },
    )  # fmt: skip
    some = f" The largest {len(kept)} of {len(data.y)} nodes." if len(kept) < len(data.y) else ""
    caption = f"Links: {links.what}; the wider, the stronger. Only the strongest are drawn.{some}"
    return Figure(
        title="How they are linked", chart=network(points, drawn, colouring), legend=colouring.legend, caption=caption
    )


NODE_ILLUSTRATION = Illustration(
    modality="nodes", counted={"nodes": "num_nodes", "edges": "num_edges"}, sections=_sections
)
