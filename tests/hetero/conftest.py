"""A small heterogeneous graph: authors with classes, their papers, and the venues of these."""

from collections.abc import Callable

import pytest
import torch
from torch_geometric.data import HeteroData
from torch_geometric.transforms import ToUndirected

from graphcond.core.targets import SingleLabel
from graphcond.hetero.task import HeteroGraph, HeteroPart, HeteroTask


def authors(count: int = 60, num_classes: int = 3, seed: int = 0) -> HeteroData:
    """Return authors whose papers' features and venues tell their class; authors and venues have other features."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % num_classes
    paper_y = torch.randint(num_classes, (2 * count,), generator=generator)
    centers = 2 * torch.randn(num_classes, 6, generator=generator)
    data = HeteroData()
    data["author"].x = torch.randn(count, 4, generator=generator)
    data["author"].y = y
    data["paper"].x = centers[paper_y] + torch.randn(2 * count, 6, generator=generator)
    data["venue"].x = torch.randn(5, 3, generator=generator)
    chance = torch.where(paper_y.unsqueeze(1) == y.unsqueeze(0), 0.12, 0.005)
    written = torch.rand(2 * count, count, generator=generator) < chance
    written[torch.arange(count), torch.arange(count)] = True  # nobody is without a paper
    data["paper", "written_by", "author"].edge_index = written.nonzero().T.contiguous()
    venue = (paper_y + 3 * (torch.rand(2 * count, generator=generator) < 0.3)) % 5
    data["paper", "published_in", "venue"].edge_index = torch.stack([torch.arange(2 * count), venue])
    data = ToUndirected()(data)
    order = torch.randperm(count, generator=generator)
    for name, nodes in zip(("train_mask", "val_mask", "test_mask"), torch.split(order, count // 3), strict=False):
        data["author"][name] = torch.zeros(count, dtype=torch.bool)
        data["author"][name][nodes] = True
    return data


def task_of(data: HeteroData) -> HeteroTask:
    """Return the task of a graph of authors, put together by hand."""
    store = data["author"]
    graph = HeteroGraph(
        x={name: data[name].x for name in data.node_types},
        edges={relation: data[relation].edge_index for relation in data.edge_types},
        weights={relation: torch.ones(data[relation].edge_index.size(1)) for relation in data.edge_types},
        node_type="author",
        y=store.y,
    )
    train, val, test = (
        HeteroPart(graph, store[f"{name}_mask"].nonzero().flatten()) for name in ("train", "val", "test")
    )
    return HeteroTask(train, val, test, SingleLabel(int(store.y.max()) + 1))


@pytest.fixture
def hetero() -> HeteroData:
    """A graph of authors, papers and venues."""
    return authors()


@pytest.fixture(scope="session")
def make_hetero() -> Callable[..., HeteroData]:
    """The factory of such graphs."""
    return authors


@pytest.fixture
def hetero_task(hetero: HeteroData) -> HeteroTask:
    """The task of the graph of authors."""
    return task_of(hetero)


@pytest.fixture(scope="session")
def make_task() -> Callable[[HeteroData], HeteroTask]:
    """The factory of tasks."""
    return task_of
