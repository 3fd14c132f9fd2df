"""OGB's node datasets; apart from ``ogb.py`` because importing the package ``ogb`` reaches for the network."""

from pathlib import Path
from typing import Any

import torch
from ogb.nodeproppred import PygNodePropPredDataset
from torch_geometric.utils import index_to_mask

from graphcond.datasets.files import explained
from graphcond.datasets.ogb import ogb_loading, published_at


class OGBNodes(PygNodePropPredDataset):  # type: ignore[misc]
    """An OGB node dataset whose graph carries the split as masks; ``get_idx_split`` works as well."""

    def __init__(self, name: str, root: Path) -> None:
        with ogb_loading():
            super().__init__(name, root=str(root))
        self._with_masks()

    def _with_masks(self) -> None:
        data = self.get(0)
        split = self.get_idx_split()
        for mask, key in (("train_mask", "train"), ("val_mask", "valid"), ("test_mask", "test")):
            data[mask] = index_to_mask(torch.as_tensor(split[key]).long(), size=data.num_nodes)
        self.data = data

    @staticmethod
    def url(name: str) -> str:
        """Return where a dataset is downloaded from."""
        return published_at("ogb.nodeproppred", name)

    def get_idx_split(self, split_type: str | None = None) -> dict[str, Any]:
        """Return node numbers under ``train``, ``valid`` and ``test``."""
        with explained(self.name, Path(self.root)), ogb_loading():
            return dict(super().get_idx_split(split_type))
