"""How datasets without files of their own are loaded: CiteSeer inside this package, digits inside scikit-learn."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch_geometric.data import InMemoryDataset


@dataclass(frozen=True)
class Included:
    """Loads a dataset without files of its own.

    Args:
        make: Name of the function of :mod:`graphcond.datasets.builtin` that makes the graph.
        title: The name that the dataset carries.
    """

    make: str
    title: str

    def read(self, name: str, root: Path, seed: int) -> "InMemoryDataset":
        """Return the dataset, its split drawn by ``seed``; ``root`` is not used."""
        from graphcond.datasets import builtin

        return builtin.OneGraph(getattr(builtin, self.make)(seed), self.title)
