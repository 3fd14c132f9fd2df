"""Shared inputs of the tests: toy graphs and, where they are at hand, real datasets."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch_geometric.data import Data

REPOSITORY = Path(__file__).resolve().parent.parent
# Tests are small: a second thread costs more than it brings, and one thread keeps results the same everywhere.
torch.set_num_threads(1)


def toy_graph(num_nodes: int = 60, num_classes: int = 3, num_features: int = 8, seed: int = 0) -> Data:
    """Return a random undirected graph whose classes differ in features and, mostly, keep to themselves."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(num_nodes) % num_classes
    centers = 2 * torch.randn(num_classes, num_features, generator=generator)
    x = centers[y] + torch.randn(num_nodes, num_features, generator=generator)
    same = y.unsqueeze(0) == y.unsqueeze(1)
    chance = torch.where(same, 0.2, 0.02)
    upper = (torch.rand(num_nodes, num_nodes, generator=generator) < chance).triu(diagonal=1)
    # A path through the nodes of each class, so that none is isolated.
    path = torch.arange(num_nodes - num_classes)
    upper[path, path + num_classes] = True
    edge_index = (upper | upper.T).nonzero().T.contiguous()
    order = torch.randperm(num_nodes, generator=generator)
    data = Data(x=x, edge_index=edge_index, y=y)
    for name, nodes in zip(("train_mask", "val_mask", "test_mask"), order.split(num_nodes // 3), strict=False):
        mask = torch.zeros(num_nodes, dtype=torch.bool)
        mask[nodes] = True
        data[name] = mask
    return data


@pytest.fixture
def toy() -> Data:
    """A small homophilous graph with three classes and a split."""
    return toy_graph()


@pytest.fixture(scope="session")
def make_toy() -> Callable[..., Data]:
    """The factory of toy graphs, for tests that need another size, seed or number of classes."""
    return toy_graph


@pytest.fixture
def real_data(tmp_path: Path) -> Callable[[str], Path]:
    """Copy a real dataset, such as ``Planetoid/Cora``, to a fresh root; skip where it is not at hand."""

    def copy(name: str) -> Path:
        source = Path(os.environ.get("GRAPHCOND_DATA", REPOSITORY.parent / "shared" / "data")) / name
        if not source.is_dir():
            pytest.skip(f"the raw files of {name} are not at hand (set GRAPHCOND_DATA to the folder that holds them)")
        root = tmp_path / "data"
        raw_only = shutil.ignore_patterns("processed")  # what loaders left there
        shutil.copytree(source, root / name, copy_function=shutil.copyfile, ignore=raw_only)
        return root

    return copy
