"""Sets with several labels or numbers, as the tables of docs/measurements/targets.md take them.

The sets are OGB's in DATA/ogb, and DATA/BlogCatalog/blogcatalog.npz, an archive without pickled objects: ``edges``
``(2, m)``, each edge once; ``num_nodes``; ``y`` ``(num_nodes, 39)``, whether a node is in a group; ``train_mask``,
``val_mask`` and ``test_mask``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import to_undirected

import graphcond

GIVEN = 0  # the split that a dataset has; others are seeds of random ones
SHARES = (0.5, 0.1)  # of training and validation nodes in a random split, as in the given one
FEATURES = "edge_factorization(columns=128)"  # what is best on the validation nodes of the given split


@dataclass(frozen=True)
class Workload:
    """One dataset of the tables.

    Args:
        load: Reads it: ``(root, split)``.
        model: The downstream model.
        metric: What a score is.
        sizes: Sizes as ``condense`` takes them, by their name in the table, each with how much it may fall short of
            the whole dataset, where that is a goal: in points, or of an error as a share.
        methods: Rows that are asked for.
        surpassed: Rows that ``auto`` is to surpass.
        beside: Another metric of the same outputs.
        splits: Splits that are run where none is named.
    """

    load: Callable[[Path | None, int], Any]
    model: str
    metric: str
    sizes: dict[str, tuple[int | str, float | None]]
    methods: tuple[str, ...]
    surpassed: tuple[str, ...]
    beside: str | None = None
    splits: tuple[int, ...] = (GIVEN,)


def load_ogb(name: str) -> Callable[[Path | None, int], Any]:
    """Return what reads a set of OGB's, which has one split."""

    def load(root: Path | None, split: int) -> Any:  # noqa: ANN401 (a task)
        if split != GIVEN:
            raise ValueError(f"{name} has one split, {GIVEN}, got {split}")
        return graphcond.read(graphcond.datasets.load(name, root))

    return load


def load_blog_catalog(root: Path | None, split: int) -> Any:  # noqa: ANN401 (a task)
    """Return the task of BlogCatalog, whose features are made from its edges, on a split."""
    path = graphcond.datasets.resolve_root(root) / "BlogCatalog" / "blogcatalog.npz"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; put edges, num_nodes, y, train_mask, val_mask and test_mask there, or name the folder "
            "above BlogCatalog with --root or GRAPHCOND_DATA"
        )
    with np.load(path, allow_pickle=False) as file:
        found = {name: torch.from_numpy(np.asarray(file[name])) for name in file.files}
    num_nodes = int(found["num_nodes"])
    masks = {name: found[name] for name in ("train_mask", "val_mask", "test_mask")}
    if split != GIVEN:
        masks = random_masks(num_nodes, split)
    edge_index = to_undirected(found["edges"].long(), num_nodes=num_nodes)
    data = Data(edge_index=edge_index, y=found["y"].float(), num_nodes=num_nodes, **masks)
    return graphcond.read(data, target="multi_label", features=FEATURES)


def random_masks(num_nodes: int, seed: int) -> dict[str, Tensor]:
    """Return a random split."""
    order = torch.randperm(num_nodes, generator=torch.Generator().manual_seed(seed))
    ends = (round(SHARES[0] * num_nodes), round(sum(SHARES) * num_nodes))
    parts = zip(("train_mask", "val_mask", "test_mask"), torch.tensor_split(order, ends), strict=True)
    return {name: torch.zeros(num_nodes, dtype=torch.bool).index_fill(0, nodes, True) for name, nodes in parts}


OF_GRAPHS = ("auto", "random", "random_soft", "size", "prior", "untrained", "whole")
WORKLOADS = {
    "ogbg-molesol": Workload(
        load_ogb("ogbg-molesol"), "gin", "rmse", {"10 kB": ("10kB", 0.25), "50 kB": ("50kB", 0.15)},
        OF_GRAPHS, ("random",),
    ),
    "ogbg-moltox21": Workload(
        load_ogb("ogbg-moltox21"), "gin", "roc_auc", {"20 kB": ("20kB", 0.05), "100 kB": ("100kB", 0.03)},
        OF_GRAPHS, ("random_soft", "size"),
    ),
    "blogcatalog": Workload(
        load_blog_catalog, "gcn", "f1_micro_top", {"103": (103, None), "516": (516, None)},
        ("auto", "random", "random_soft", "herding", "prior", "whole"), ("random",),
        beside="f1_micro", splits=(0, 1, 2),
    ),
}  # fmt: skip
