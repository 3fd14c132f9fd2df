"""OGB's graph datasets; apart from ``ogb.py`` because importing the package ``ogb`` reaches for the network."""

from pathlib import Path
from typing import Any

from ogb.graphproppred import PygGraphPropPredDataset

from graphcond.datasets.files import check_rows, explained
from graphcond.datasets.ogb import ogb_loading, published_at


class OGBGraphs(PygGraphPropPredDataset):  # type: ignore[misc]
    """An OGB graph dataset whose ``get_idx_split`` works under torch >= 2.6."""

    def __init__(self, name: str, root: Path) -> None:
        with ogb_loading():
            super().__init__(name, root=str(root))
        check_rows(self)

    @staticmethod
    def url(name: str) -> str:
        """Return where a dataset is downloaded from."""
        return published_at("ogb.graphproppred", name)

    def get_idx_split(self, split_type: str | None = None) -> dict[str, Any]:
        """Return graph numbers under ``train``, ``valid`` and ``test``."""
        with explained(self.name, Path(self.root)), ogb_loading():
            return dict(super().get_idx_split(split_type))
