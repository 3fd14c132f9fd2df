"""How datasets of this package are loaded (CiteSeer, molecules), and those of scikit-learn (digits)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphcond.datasets.files import has_files
from graphcond.datasets.ogb import OGB, folder_of

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


@dataclass(frozen=True)
class IncludedGraphs:
    """Loads a set of graphs of OGB from its files where there are any, else from inside this package.

    Args:
        make: Name of the function of :mod:`graphcond.datasets.builtin` that makes the set.
        files: How its files are loaded.
    """

    make: str
    files: OGB

    def read(self, name: str, root: Path, seed: int) -> "InMemoryDataset":
        """Return the dataset with OGB's split; ``seed`` has no effect."""
        if has_files(root / folder_of(name, root)):
            return self.files.read(name, root, seed)
        from graphcond.datasets import builtin

        found: InMemoryDataset = getattr(builtin, self.make)()
        return found
