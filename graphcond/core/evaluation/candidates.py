"""Training sets that stand in a report: what is evaluated, and the controls beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any

from graphcond.core.record import Record

if TYPE_CHECKING:
    from graphcond.core.evaluation.controls import Control


@dataclass(frozen=True, eq=False)
class Given:
    """A condensation, or data of the user's own in its place.

    Args:
        data: What models are trained on: a ``Data``, a list of them, a sparse matrix.
        record: How it was made; ``None``: the user did.
        depth: How deep its computation trees are; ``None``: it holds none.
    """

    data: Any
    record: Record | None = None
    depth: int | None = None


@dataclass(frozen=True, eq=False)
class Candidate:
    """A training set of a report: one or several condensations under one name.

    Args:
        name: Its name.
        source: Where it comes from, which says how models are trained on it.
        sets: The data of each condensation; none, where the original itself or no data are trained on.
        seconds: Of a condensation.
        peak_memory: In bytes.
        note: Why there are no data, if so.
        depth: How deep its computation trees are; ``None``: it holds none.
        model: The name of the only model that is trained on it, and the model; ``None``: all are.
    """

    name: str
    source: "Control"
    sets: tuple[Any, ...] = ()
    seconds: float = 0.0
    peak_memory: int = 0
    note: str = ""
    depth: int | None = None
    model: tuple[str, Any] | None = None


@dataclass(frozen=True)
class Extent:
    """How large a training set is.

    Args:
        count: Its nodes, images or users.
        edges: Its edges or interactions.
        bytes: Bytes of everything that training needs.
    """

    count: int = 0
    edges: int = 0
    bytes: int = 0


def several_of(
    condensed: object, kinds: type | UnionType, expected: str, prepare: Callable[[Any], Any] | None = None
) -> list[Any]:
    """Return one or several condensed datasets as a list.

    Args:
        condensed: What a user passed.
        kinds: What each must be.
        expected: The same in words, for a message.
        prepare: What each becomes before it is looked at; by default it stays as it is.

    Raises:
        TypeError: something else, or none.
    """
    several = list(condensed) if isinstance(condensed, list | tuple) else [condensed]
    if prepare is not None:
        several = [prepare(one) for one in several]
    if not several or not all(isinstance(one, kinds) for one in several):
        raise TypeError(f"condensed must be {expected}, got {type(condensed).__name__}")
    return several


def records_of(several: Sequence[Given]) -> list[Record]:
    """Return the records of condensations; data of the user's own have none."""
    return [one.record for one in several if one.record is not None]


def costs_of(records: Sequence[Record]) -> dict[str, Any]:
    """Return the mean seconds and the peak memory of condensations, as fields of a :class:`Candidate`."""
    if not records:
        return {}
    seconds = sum(record.seconds for record in records) / len(records)
    return {"seconds": seconds, "peak_memory": max(record.peak_memory for record in records)}


def not_possible(reason: ValueError) -> str:
    """Return the note of a row that cannot be made for a dataset, a size or a model."""
    return f"not possible: {reason}".split(";")[0]


def check_alike(records: Sequence[Record]) -> None:
    """Raise if several condensations that count as one row differ in more than the seed.

    Raises:
        ValueError: they differ in their methods, settings or sizes.
    """
    recipes = [(record.method, record.settings, record.budget.get("asked")) for record in records]
    for record, recipe in zip(records, recipes, strict=True):
        if recipe != recipes[0]:
            shown = [
                f"{one.method} (size {one.budget.get('asked', {}).get('size', '-')})" for one in (records[0], record)
            ]
            raise ValueError(
                "several condensations count as one row, so they must differ in nothing but the seed, got "
                f"{' and '.join(shown)}; evaluate one after the other"
            )
