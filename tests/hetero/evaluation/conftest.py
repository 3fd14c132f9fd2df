"""A small graph of authors (labelled), papers, terms and journals, some of whose types get no message."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from graphcond.core.targets import SingleLabel
from graphcond.hetero.task import HeteroGraph, HeteroPart, HeteroTask

COUNTS = {"author": 24, "paper": 40, "term": 9, "open.journal": 3}
WIDTHS = {"author": 3, "paper": 5, "term": 4, "open.journal": 2}
RELATIONS = (
    ("paper", "by", "author"),
    ("author", "writes", "paper"),
    ("paper", "has", "term"),
    ("term", "in", "paper"),
    ("open.journal", "prints", "paper"),
)


def bipartite(sources: int, targets: int, count: int, generator: torch.Generator) -> Tensor:
    chosen = torch.randperm(sources * targets, generator=generator)[:count].sort().values
    return torch.stack([chosen // targets, chosen % targets])


def academic(classes: int = 3, seed: int = 0) -> HeteroData:
    """Return the graph with masks and labels that features tell."""
    generator = torch.Generator().manual_seed(seed)
    data = HeteroData()
    y = torch.arange(COUNTS["author"]) % classes
    for name, count in COUNTS.items():
        data[name].x = torch.randn(count, WIDTHS[name], generator=generator)
    data["author"].x[torch.arange(len(y)), y] += 3
    data["author"].y = y
    parts = torch.randperm(len(y), generator=generator).split(len(y) // 3)
    for name, nodes in zip(("train_mask", "val_mask", "test_mask"), parts, strict=True):
        mask = torch.zeros(len(y), dtype=torch.bool)
        mask[nodes] = True
        data["author"][name] = mask
    for source, name, target in RELATIONS:
        index = bipartite(COUNTS[source], COUNTS[target], 60 if source != "open.journal" else 20, generator)
        data[source, name, target].edge_index = index
    return data


def task_of(data: HeteroData) -> HeteroTask:
    edges = {relation: data[relation].edge_index for relation in data.edge_types}
    weights = {relation: torch.ones(index.size(1)) for relation, index in edges.items()}
    x = {name: data[name].x for name in data.node_types}
    graph = HeteroGraph(x, edges, weights, "author", data["author"].y)
    parts = (HeteroPart(graph, data["author"][f"{name}_mask"].nonzero().flatten()) for name in ("train", "val", "test"))
    return HeteroTask(*parts, targets=SingleLabel(int(graph.y.max()) + 1), name="academic")


@pytest.fixture
def make_academic() -> Callable[..., HeteroData]:
    """The factory of the graph."""
    return academic


@pytest.fixture
def task() -> HeteroTask:
    """The task on it."""
    return task_of(academic())
