"""What a report shows of condensed heterogeneous graphs: classes, a map, types and relations, how they are linked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from graphcond.core.html import table
from graphcond.core.reporting.balance import balance
from graphcond.core.reporting.charts import Links, MapPoints, MapWords, network, point_map
from graphcond.core.reporting.colours import ClassColouring, Colouring, colouring_of
from graphcond.core.reporting.figures import LONGEST, ClassNames, Figure, Illustration, Panel, Part, Section
from graphcond.hetero.contents import learned
from graphcond.hetero.places import map_of, typed_links
from graphcond.hetero.task import EdgeType, HeteroGraph, HeteroTask
from graphcond.nodes.illustration import learned_of, links_figure, sizes_of, told_of
from graphcond.nodes.links import layout

SCHEMA = 260  # pixels of its height
LABELLED, OTHER = 2.0, 1.0  # areas of nodes that have labels, and of those that have none


def _sections(condensed: Any, task: HeteroTask, names: ClassNames) -> Sequence[Section]:  # noqa: ANN401
    data, graph = condensed[0], task.graph
    store, everything = Data(**learned(data)), learned_of(graph)
    colouring = colouring_of(everything, names)
    told = told_of(store, condensed.members, everything, colouring)
    parts: list[Part] = []
    if (map_ := _map(condensed, graph, colouring, told)) is not None:
        parts.append(map_)
    if data.edge_types:
        parts.append(_structure(condensed, graph.node_type, told))
    else:
        store.edge_index = torch.empty(2, 0, dtype=torch.int64)
        parts.append(links_figure(store, condensed.members, None, colouring, told))
    parts.append(balance(task.train.learned, store.y, store.get("node_weight"), names, "nodes"))
    return [
        Section(title=f"The {_short(graph.node_type)} nodes", parts=parts),
        Section(title="The schema", parts=[*_schema(graph, data), _types(graph, data), _relations(graph, data)]),
    ]


def _map(
    condensed: Any, graph: HeteroGraph, colouring: Colouring, told: Mapping[str, Sequence[Any]]  # noqa: ANN401
) -> Figure | None:  # fmt: skip
    """Return the map of the labelled nodes; ``None``: the condensed ones have other features."""
    data = condensed[0]
    placed = map_of(graph, data)
    if placed is None:
        return None
    y, store = learned_of(graph)[placed.nodes], Data(**learned(data))
    background = MapPoints(
        places=placed.places, groups=colouring.groups(y),
        told={"original node": placed.nodes.tolist(), "learned": colouring.told(y)},
    )  # fmt: skip
    sizes = sizes_of(store, condensed.members)
    synthetic = MapPoints(
        places=placed.small, groups=colouring.groups(store.y), told=told, sizes=sizes if np.ptp(sizes) > 0 else None
    )
    axes = (
        "The axes are the two leading principal components of the features that meta-paths of at most "
        f"{placed.hops} relations bring, each with the same total variance."
    )
    words = MapWords(unit=f"original {_short(graph.node_type)} nodes", total=graph.num_labelled, axes=axes)
    return point_map(background, synthetic, colouring, words)


def named_types(kinds: Tensor, names: Sequence[str]) -> ClassColouring:
    """Return a colour for each type of some nodes; where there are many, one for all others.

    Args:
        kinds: ``(n,)`` int64 which type each is of.
        names: Of the types.
    """
    found = ClassColouring.of(kinds, ClassNames(tuple(map(_short, names))))
    return replace(found, others="other types") if found.others else found


def _structure(condensed: Any, node_type: str, told: Mapping[str, Sequence[Any]]) -> Figure:  # noqa: ANN401
    """Return the network of the nodes of all types; labelled ones are larger."""
    data = condensed[0]
    drawn = typed_links(data, node_type, sizes_of(Data(**learned(data)), condensed.members))
    count, colouring = len(drawn.kinds), named_types(drawn.kinds, drawn.names)
    said = {
        name: [values[number] if is_own else "" for number, is_own in zip(drawn.numbers, drawn.learned, strict=True)]
        for name, values in told.items()
        if name != "synthetic node"
    }
    points = MapPoints(
        places=layout(drawn.links, count), groups=colouring.groups(drawn.kinds),
        told={"synthetic node": [drawn.called(i) for i in range(count)], **said},
        sizes=np.where(drawn.learned, LABELLED, OTHER),
    )  # fmt: skip
    links = Links(
        ends=drawn.links.ends, weights=drawn.links.weights,
        told={
            "joins": [f"{drawn.called(a)} and {drawn.called(b)}" for a, b in drawn.links.ends],
            "weight": [f"{weight:.3g}" for weight in drawn.links.weights],
        },
    )  # fmt: skip
    caption = (
        "Colours are types of nodes, the larger dots are learned from. Links: edges of the condensed graph; the wider, "
        "the stronger. Only the strongest are drawn."
    )
    caption += f" {count} of {drawn.total:,} nodes." if count < drawn.total else ""
    caption = caption if len(drawn.links.ends) else "The condensed graph has no edges between these nodes."
    return Figure(
        title="How they are linked", chart=network(points, links, colouring), legend=colouring.legend, caption=caption
    )


def _schema(graph: HeteroGraph, data: HeteroData) -> list[Figure]:
    """Return the network of the types, where there are several: links are the relations between two of them."""
    names, count = list(graph.x), len(graph.x)
    joined: Counter[tuple[int, int]] = Counter()
    few: Counter[tuple[int, int]] = Counter()
    for kind, ends in graph.edges.items():
        low, high = sorted((names.index(kind[0]), names.index(kind[2])))
        if low < high:
            joined[low, high] += ends.size(1)
            few[low, high] += _edges(data, kind)
    if not joined:
        return []
    angle, kinds = 2 * np.pi * np.arange(count) / count, torch.arange(count)
    colouring, many = named_types(kinds, names), [len(x) for x in graph.x.values()]
    points = MapPoints(
        places=np.stack([np.sin(angle), np.cos(angle)], axis=1), groups=colouring.groups(kinds),
        told={
            "type": [_short(name) for name in names],
            "original nodes": [f"{number:,}" for number in many],
            "condensed nodes": [f"{_nodes(data, name):,}" for name in names],
        },
        sizes=np.log1p(many),
    )  # fmt: skip
    links = Links(
        ends=np.array(list(joined)), weights=np.log1p(list(joined.values())),
        told={
            "joins": [f"{_short(names[a])} and {_short(names[b])}" for a, b in joined],
            "original edges": [f"{number:,}" for number in joined.values()],
            "condensed edges": [f"{few[ends]:,}" for ends in joined],
        },
    )  # fmt: skip
    caption = "Types of nodes, and what joins them in the original: the more nodes or edges, the larger or wider."
    chart = network(points, links, colouring, height=SCHEMA, scale=2)
    return [Figure(title="Types and what joins them", chart=chart, legend=colouring.legend, caption=caption)]


def _nodes(data: HeteroData, name: str) -> int:
    return len(data[name].x) if name in data.node_types else 0


def _edges(data: HeteroData, kind: EdgeType) -> int:
    return int(data[kind].edge_index.size(1)) if kind in data.edge_types else 0


def _types(graph: HeteroGraph, data: HeteroData) -> Panel:
    """Return the table of the types of nodes."""
    rows = []
    for name, x in graph.x.items():
        there = name in data.node_types
        few = data[name].x.shape if there else (0, 0)
        told = f"{_short(name)} (labelled)" if name == graph.node_type else _short(name)
        rows.append((told, f"{len(x):,}", f"{few[0]:,}", f"{x.size(1):,}", f"{few[1]:,}" if there else "\u2013"))
    header = ("type of nodes", "original", "condensed", "features", "condensed features")
    without = " The condensed set has no structure: its features are those that meta-paths bring, side by side."
    caption = "Numbers of nodes and features of each type." + ("" if data.edge_types else without)
    return Panel(title="Types of nodes", body=table(header, rows), caption=caption)


def _relations(graph: HeteroGraph, data: HeteroData) -> Panel:
    """Return the table of the relations."""
    rows = [(_arrow(kind), f"{ends.size(1):,}", f"{_edges(data, kind):,}") for kind, ends in graph.edges.items()]
    body = table(("relation", "original edges", "condensed edges"), rows)
    near = {kind[0] for kind in graph.edges if kind[2] == graph.node_type}
    caption = f"Messages flow along the arrows. Nobody sends any to {_short(graph.node_type)} nodes." if not near else (
        "Messages flow along the arrows."
    )  # fmt: skip
    return Panel(title="Relations", body=body, caption=caption)


def _arrow(kind: EdgeType) -> str:
    source, relation, target = map(_short, kind)
    return f"{source} \u2192 {target} ({relation})"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}\u2026"


HETERO_ILLUSTRATION = Illustration(
    modality="hetero", counted={"nodes": "num_labelled", "edges": "num_edges"}, sections=_sections
)
