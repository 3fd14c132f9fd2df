"""What a report shows of condensed sets of graphs: their labels, a map of them, and some of them drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.utils import scatter

from graphcond.core.reporting.balance import balance
from graphcond.core.reporting.behind import behind
from graphcond.core.reporting.charts import Links, MapPoints, MapWords, network, point_map
from graphcond.core.reporting.colours import ClassColouring, Colouring, colouring_of
from graphcond.core.reporting.figures import ClassNames, Figure, Illustration, Panel, Section
from graphcond.core.reporting.projection import Projection, sampled
from graphcond.graphs.drawing import MOST_DRAWN, drawable, ends_of, kinds_of, places_of
from graphcond.graphs.features import Features, features_of
from graphcond.graphs.pooling import pool
from graphcond.graphs.task import GraphTask

HOPS = 2
DRAWN = 12
EACH = 150  # pixels
SIZE_SHARE = 0.5  # how much the number of nodes counts beside what the nodes are
AT_ONCE = 256  # graphs that are embedded together


def embedded(items: Sequence[Data], features: Features) -> Tensor:
    """Return graphs as rows: means of their nodes' features after 0, 1 and 2 hops, and the logarithm of their size.

    Nodes of computation trees count as often as they stand for, so that trees lie where their graphs do.

    Args:
        items: The graphs.
        features: How rows of features become numbers.

    Shapes:
        ``(n, 3 * width + 1)`` float32.
    """
    parts = [_embedded(items[i : i + AT_ONCE], features) for i in range(0, len(items), AT_ONCE)]
    return torch.cat(parts)


def _embedded(items: Sequence[Data], features: Features) -> Tensor:
    batch = Batch.from_data_list([_bare(item) for item in items])
    h = features.encode(batch.x).float()
    loops = torch.arange(len(h))
    source, target = torch.cat([batch.edge_index, loops.repeat(2, 1)], dim=1)
    means = [pool(h, batch, "mean")]
    for _ in range(HOPS):
        h = scatter(h[source], target, dim_size=len(h), reduce="mean")
        means.append(pool(h, batch, "mean"))
    size = pool(torch.ones(len(h), 1), batch).clamp(min=1).log()
    return torch.cat([*means, SIZE_SHARE * size], dim=1)


def _bare(item: Data) -> Data:
    """Return what an embedding needs of a graph."""
    kept = {name: item[name] for name in ("x", "edge_index", "root_weight") if name in item}
    return Data(**kept, y=torch.zeros(1), num_nodes=item.num_nodes)


def _sections(condensed: Any, task: GraphTask, names: ClassNames) -> Sequence[Section]:  # noqa: ANN401
    items = list(condensed)
    y = torch.cat([item.y for item in items])
    colouring = colouring_of(task.train.learned, names)
    weights = [item.get("graph_weight") for item in items]
    weight = torch.cat([one for one in weights if one is not None]) if all(w is not None for w in weights) else None
    share = balance(task.train.learned, y, weight, names, "graphs")
    if any("pool_index" in item for item in items):
        text = "Graphs share nodes here, so that none can be drawn by itself."
        return [Section(title="The graphs", parts=[share], text=text)]
    told = _told(items, y, colouring) | behind(
        condensed.members, len(items), task.train.learned, colouring, "training graph"
    )
    map_ = _map(items, y, task, colouring, told)
    return [Section(title="The graphs", parts=[map_, share, _drawings(items, y, task, colouring)])]


def _told(items: Sequence[Data], y: Tensor, colouring: Colouring) -> dict[str, Sequence[Any]]:
    return {
        "synthetic graph": list(range(len(items))),
        "learned": colouring.told(y),
        "nodes": [f"{item.num_nodes:,}" for item in items],
        "edges": [f"{item.num_edges:,}" for item in items],
    }


def _map(
    items: Sequence[Data], y: Tensor, task: GraphTask, colouring: Colouring, told: dict[str, Sequence[Any]]
) -> Figure:
    drawn = sampled(len(task.train))
    some = task.train.take(drawn)
    features = features_of(some.x)
    rows = embedded(some.data(), features)
    plane = Projection.of(rows)
    background = MapPoints(
        places=plane(rows), groups=colouring.groups(some.learned),
        told={"training graph": drawn.tolist(), "learned": colouring.told(some.learned), "nodes": some.sizes.tolist()},
    )  # fmt: skip
    synthetic = MapPoints(places=plane(embedded(items, features)), groups=colouring.groups(y), told=told)
    axes = (
        f"The axes are the two leading principal components of mean features after 0 to {HOPS} hops and of the "
        "logarithm of the number of nodes."
    )
    return point_map(
        background, synthetic, colouring, MapWords(unit="training graphs", total=len(task.train), axes=axes)
    )


def _drawings(items: Sequence[Data], y: Tensor, task: GraphTask, colouring: Colouring) -> Panel:
    small = drawable(items, colouring.told(y))
    chosen = small[:DRAWN]
    if not chosen:
        return Panel(title="Drawn", caption=f"All graphs have more than {MOST_DRAWN} nodes, too many to be drawn.")
    kinds, words, what = kinds_of([items[i] for i in chosen], task.train.x)
    painted = ClassColouring.of(torch.cat(kinds), words)
    charts = [
        _drawing(items[i], kind, painted, f"graph {i}: {colouring.told(y[i : i + 1])[0]}")
        for i, kind in zip(chosen, kinds, strict=True)
    ]
    trees = any("root_weight" in items[i] for i in chosen)
    roots = " These are computation trees; large nodes are the roots that are read out." if trees else ""
    count = f"{len(chosen)} of {len(items)} graphs" if len(chosen) < len(items) else "All graphs"
    left = f" Those of more than {MOST_DRAWN} nodes are left out." if len(small) < len(items) else ""
    return Panel(title=f"{count}, drawn", charts=charts, caption=f"{what}{roots}{left}", legend=painted.legend)


def _drawing(item: Data, kind: Tensor, painted: ClassColouring, title: str) -> Figure:
    places, ends = places_of(item), ends_of(item)
    told: dict[str, Sequence[Any]] = {"node": list(range(item.num_nodes)), "kind": painted.told(kind)}
    weight = item.get("root_weight")
    roots = np.ones(item.num_nodes) if weight is None else np.where(weight.numpy() > 0, 2.0, 0.5)
    points = MapPoints(places=places, groups=painted.groups(kind), told=told, sizes=roots)
    chart = network(points, Links(ends=ends, weights=np.ones(len(ends))), painted, EACH, scale=0.6)
    return Figure(title=title, chart=chart)


GRAPH_ILLUSTRATION = Illustration(
    modality="graphs", counted={"graphs": "num_graphs", "nodes": "num_nodes", "edges": "num_edges"}, sections=_sections
)
