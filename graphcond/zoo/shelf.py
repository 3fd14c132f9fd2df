"""The cards and files of the condensed sets that come with the package."""

import builtins
import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphcond.core.evaluation.scale import ScoreScale
from graphcond.core.names import named

if TYPE_CHECKING:
    from graphcond.condensed import CondensedDataset

FOLDER = Path(str(files("graphcond") / "zoo" / "files"))


@dataclass(frozen=True, kw_only=True)
class ZooCard:
    """What is known of a condensed set of the zoo.

    Args:
        name: What :func:`load` takes, the original's name and the size: a number of items, or bytes.
        dataset: The original, as :func:`graphcond.datasets.load` takes it.
        description: What the original is, in one line.
        modality: ``"nodes"``, ``"hetero"``, ``"graphs"`` or ``"images"``.
        items: Number of nodes, graphs or images.
        bytes: Of everything that training needs, as in the file's record.
        file_bytes: Size of the file.
        sha256: SHA-256 of the file.
        licence: Terms of the original, under which the set is given on.
        source: Where the original was published.
        citation: What to cite for the original, as BibTeX.
        made: The call that made the set.
        seed: Of that call.
        versions: Of Python and the libraries.
        protocol: How it was evaluated.
        metric: What a score is.
        scores: A row for the set and for each control, under each model: ``data``, ``model``, ``mean``, ``deviation``
            and number (``runs``) of test scores, ``items`` and ``bytes``, and how to read a score (``percent``,
            ``less_is_better``). The deviation is that over trainings.
        report: The same as a table, with the comparisons in words.
        notes: What else one should know.
    """

    name: str
    dataset: str
    description: str
    modality: str
    items: int
    bytes: int
    file_bytes: int
    sha256: str
    licence: str
    source: str
    citation: str
    made: str
    seed: int
    versions: dict[str, str]
    protocol: str
    metric: str
    scores: builtins.list[dict[str, Any]]
    report: str
    notes: builtins.list[str]

    @property
    def path(self) -> Path:
        """The safetensors file, in the format of ``save``."""
        return FOLDER / f"{self.name}.safetensors"

    @property
    def best(self) -> dict[str, Any]:
        """The row of the set itself under the first model."""
        return self.scores[0]

    def row(self, data: str) -> dict[str, Any] | None:
        """Return the row of a control under the first model; ``None``: there is none."""
        rows = (row for row in self.scores if row["data"] == data and row["model"] == self.best["model"])
        return next(rows, None)

    def scored(self, row: dict[str, Any] | None) -> str:
        """Return the score of a row with its deviation, in percent but for metrics of numbers."""
        if row is None:
            return "-"
        return ScoreScale(percent=row["percent"]).score(row["mean"], row["deviation"])

    def check(self) -> None:
        """Raise ``ValueError`` unless the file is the one that was evaluated."""
        if hashlib.sha256(self.path.read_bytes()).hexdigest() != self.sha256:
            raise ValueError(
                f"{self.path} is not the file of {self.name} that the package came with (its SHA-256 differs); install "
                "graphcond again"
            )


def list() -> builtins.list[ZooCard]:
    """Return the cards of all sets, modality by modality; by the name of the original and by size.

    >>> [card.name for card in list()][:2]
    ['citeseer-6', 'citeseer-30']
    """
    cards = [ZooCard(**json.loads(path.read_text("utf-8"))) for path in FOLDER.glob("*.json")]
    order = ("nodes", "hetero", "graphs", "images")
    return sorted(cards, key=lambda one: (order.index(one.modality), one.dataset, one.file_bytes))


def card(name: str) -> ZooCard:
    """Return the card of a set.

    Args:
        name: A name of :func:`list`.

    Raises:
        TypeError: ``name`` is not a text.
        ValueError: there is no set of that name; the message names the nearest.

    >>> card("cora-7").licence
    'MIT'
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be the name of a set of the zoo such as 'cora-7', got {type(name).__name__}")
    return named(name.lower(), {one.name: one for one in list()}, "set in the zoo")


def load(name: str) -> "CondensedDataset":
    """Load a condensed set, once its file is known to be the one that was evaluated.

    Args:
        name: A name of :func:`list`.

    Raises:
        TypeError: ``name`` is not a text.
        ValueError: there is no set of that name (the message names the nearest), or its file was altered.

    >>> load("citeseer-6")[0].num_nodes
    6
    """
    from graphcond.condensed import CondensedDataset

    found = card(name)
    found.check()
    return CondensedDataset.load(found.path)
