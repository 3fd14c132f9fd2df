"""How condensed data of a modality are checked, counted and kept in a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from graphcond.core.hub import HubWords

Items = Sequence[Any]
"""Condensed data: one ``Data`` of PyG for nodes and images, one for each graph, one ``HeteroData`` of several types."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """The functions by which a condensed dataset knows its data.

    Args:
        modality: ``"nodes"``, ``"hetero"``, ``"graphs"`` or ``"images"``.
        check: Raise ``ValueError`` unless data are whole: ``(items, num_classes)``.
        original: What the record's ``source`` must say of the original, by what the data are: ``(items)``.
        fits: Raise ``ValueError`` unless the data can be of the original that the record's ``source`` tells of, in what
            ``original`` cannot say: ``(items, source)``.
        counts: What of a budget was spent, by the names in the record: ``(items, num_classes)``.
        nbytes: Bytes of everything that training needs: ``(items)``.
        tensors: What a file holds: ``(items)``.
        items: The data of a file's tensors.
        reads: Whether a file's tensors can only be of this modality.
        canonical: The data in the order in which a file gives them back.
        stands_for: How many synthetic things original ones may stand for: ``(items)``.
        shown: What ``repr`` says of the data: ``(items)``.
        described: The original and the data in words, by the record's ``source`` and ``spent``: ``(source, spent)``.
        per_item: Of graphs, the names of what belongs to one as a whole and not to its nodes or edges; ``None``: items
            are no graphs.
        hub: What a page on Hugging Face's hub says of such data.
    """

    modality: str
    check: Callable[[Items, int], None]
    original: Callable[[Items], dict[str, Any]]
    counts: Callable[[Items, int], dict[str, object]]
    nbytes: Callable[[Items], int]
    tensors: Callable[[Items], dict[str, Tensor]]
    items: Callable[[dict[str, Tensor]], list[Any]]
    reads: Callable[[Mapping[str, Tensor]], bool] = lambda _: False
    canonical: Callable[[Items], list[Any]] = list
    fits: Callable[[Items, Mapping[str, Any]], None] = lambda *_: None
    stands_for: Callable[[Items], int]
    shown: Callable[[Items], str]
    described: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[str, str]]
    hub: HubWords
    per_item: frozenset[str] | None = None

    def spent(self, items: Items, num_classes: int) -> dict[str, Any]:
        """Return what the record of some data says of their size."""
        return {**self.counts(items, num_classes), "bytes": self.nbytes(items)}


def tensors_of(data: Any) -> dict[str, Tensor]:  # noqa: ANN401 (PyG's Data, which core does not know)
    """Return the tensors of a ``Data`` by name."""
    return {name: value for name, value in data.to_dict().items() if isinstance(value, Tensor)}


def bytes_of(tensors: Mapping[str, Tensor]) -> int:
    """Return the bytes of some tensors."""
    return sum(value.numel() * value.element_size() for value in tensors.values())
