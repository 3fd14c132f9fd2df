"""How large a condensed dataset shall be, whatever it is of."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from graphcond.core.fields import is_number, is_whole

Kind = Literal["count", "ratio", "per_class", "bytes", "everything"]
Of = Literal["all", "train"]

COUNTS = {"count": "a number of items", "per_class": "a number of items of each class", "bytes": "a number of bytes"}
UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
FORMS = "35, 0.01, '1%', '5%train', '10/class', '10kB' or 'everything'"
NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"


@dataclass(frozen=True)
class Size:
    """How large a condensed dataset shall be.

    It is made by :meth:`count`, :meth:`ratio`, :meth:`per_class`, :meth:`bytes` or :meth:`everything`, or from its
    short form by :meth:`parse`.

    Args:
        kind: What the value counts.
        value: The number.
        of: What a ratio counts against: ``"all"`` items of the original that is condensed, as published tables do, or
            those of its ``"train"`` part. Only node datasets have items that are not for training.

    >>> [str(Size.parse(form)) for form in (35, 0.01, "1%", "5%train", "10/class", "10kB", "everything")]
    ['35', '0.01', '0.01', '5%train', '10/class', '10kB', 'everything']
    """

    kind: Kind
    value: float = 0
    of: Of = "all"

    def __post_init__(self) -> None:
        """Check the number.

        Raises:
            ValueError: the kind has no such number.
        """
        if self.of not in (("all", "train") if self.kind == "ratio" else ("all",)):
            raise ValueError(f"of must be 'all', or 'train' of a ratio, got {self.of!r}")
        if self.kind == "ratio":
            if not is_number(self.value) or not 0 < float(self.value) <= 1:
                raise ValueError(
                    f"ratio must be in (0, 1], got {self.value!r}; a number of items is whole, such as size=35"
                )
            object.__setattr__(self, "value", float(self.value))
        elif self.kind in COUNTS:
            if not is_whole(self.value) or self.value < 1:
                raise ValueError(f"size must be a positive integer for {COUNTS[self.kind]}, got {self.value!r}")
            object.__setattr__(self, "value", int(self.value))
        elif self.kind != "everything" or self.value:
            raise ValueError(
                f"size has no kind {self.kind!r}; use Size.parse, count, ratio, per_class, bytes or everything"
            )

    @classmethod
    def count(cls, number: int) -> "Size":
        """Return a number of synthetic nodes, graphs, images or users."""
        return cls("count", number)

    @classmethod
    def ratio(cls, ratio: float, of: Of = "all") -> "Size":
        """Return a number of items as a fraction in (0, 1] of the original's."""
        return cls("ratio", ratio, of)

    @classmethod
    def per_class(cls, number: int) -> "Size":
        """Return a number of items of each class, the "IPC" of the literature."""
        return cls("per_class", number)

    @classmethod
    def bytes(cls, number: int) -> "Size":
        """Return a number of bytes that the result takes: graphs as they lie in their file, nodes as their tensors."""
        return cls("bytes", number)

    @classmethod
    def everything(cls) -> "Size":
        """Return the size of methods that keep everything, or that choose their size by a setting of their own."""
        return cls("everything")

    @classmethod
    def parse(cls, given: object) -> "Size":
        """Return the size that a short form stands for; a ``Size`` stays itself.

        Args:
            given: A whole number counts items, a number with a point is a ratio; as text also ``"1%"``,
                ``"5%train"``, ``"10/class"``, ``"10kB"`` and ``"everything"``.

        Raises:
            TypeError: neither a number, a text nor a ``Size``.
            ValueError: no size, or one that cannot be.
        """
        if isinstance(given, Size):
            return given
        if is_whole(given):
            return cls.count(given)
        if is_number(given):
            return cls.ratio(given)
        if not isinstance(given, str):
            raise TypeError(f"size must be a number, a text or a Size, such as {FORMS}, got {given!r}")
        for pattern, made in PATTERNS:
            if (found := re.fullmatch(pattern, given.strip())) is not None:
                return made(*found.groups())
        raise ValueError(f"size must be such as {FORMS}, got {given!r}")

    def __str__(self) -> str:
        if self.kind == "ratio":
            written = Decimal(repr(self.value))
            return f"{written:f}" if self.of == "all" else f"{(100 * written).normalize():f}%{self.of}"
        if self.kind == "bytes":
            unit = next(name for name in ("GB", "MB", "kB", "B") if not self.value % UNITS[name])
            return f"{int(self.value) // UNITS[unit]}{unit}"
        return {"count": f"{self.value}", "per_class": f"{self.value}/class"}.get(self.kind, self.kind)

    @property
    def argument(self) -> str:
        """The size as an argument of ``condense``, for messages: ``"ratio=0.01"``, ``"size='10/class'"``."""
        if self.kind == "ratio" and self.of == "all":
            return f"ratio={self.value}"
        return f"size={self}" if self.kind == "count" else f"size={str(self)!r}"

    def among(self, whole: int) -> int:
        """Return how many of ``whole`` items a count or a ratio asks for."""
        return portion(self.value, whole) if self.kind == "ratio" else int(self.value)


def portion(ratio: float, whole: int) -> int:
    """Return a fraction of a number, rounded half up.

    >>> portion(0.5, 5), portion(0.01, 49)
    (3, 0)
    """
    return math.floor(ratio * whole + 0.5)


def asked_size(ratio: object, size: object, *, needed: bool = True) -> Size:
    """Return the size that a call asks for, in exactly one way.

    Args:
        ratio: The argument ``ratio``.
        size: The argument ``size``.
        needed: Whether a size has to be asked for; where it has not, none stands for everything.

    Raises:
        ValueError: none or both were given, or one that cannot be.
    """
    if ratio is None and size is None and not needed:
        return Size.everything()
    if (ratio is None) == (size is None):
        got = "none" if ratio is None else "both"
        raise ValueError(
            f"give exactly one of ratio= and size=, such as ratio=0.01, size=35 or size='10/class', got {got}"
        )
    return Size.parse(size) if ratio is None else Size("ratio", ratio)  # type: ignore[arg-type]  # it is checked there


def check_kind(size: Size, kinds: frozenset[str], what: str) -> None:
    """Raise if a kind of dataset has no sizes of this kind.

    Args:
        size: What is asked for.
        kinds: The kinds of sizes that there are.
        what: The kind of dataset, such as ``"nodes"``.

    Raises:
        ValueError: the message names the forms to use.
    """
    if ("train" if size.of == "train" else size.kind) not in kinds:
        forms = {
            "ratio": "ratio=0.01",
            "count": "size=35",
            "per_class": "size='10/class'",
            "train": "size='5%train'",
            "bytes": "size='10kB'",
        }
        usable = ", ".join(form for kind, form in forms.items() if kind in kinds)
        raise ValueError(f"{size.argument} makes no sense for {what}; use one of {usable}")


def recorded(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record says of the size that was asked for, in today's words.

    Version 0.1 wrote the name of the argument: ``{"nodes_per_class": 10}`` is ``{"size": "10/class"}``.

    >>> recorded({"nodes_per_class": 10}), recorded({"ratio": 0.05, "ratio_of": "train"}), recorded({"size": "35"})
    ({'size': '10/class'}, {'size': '5%train'}, {'size': '35'})
    """
    words = dict(asked)
    of: Of = "train" if words.pop("ratio_of", "all") == "train" else "all"
    for word, kind in WORDS.items():
        if word in words:
            value = words.pop(word)
            words["size"] = str(Size(kind, value, of if kind == "ratio" else "all"))
    return words


WORDS: dict[str, Kind] = {
    "ratio": "ratio", "num_nodes": "count", "num_graphs": "count", "num_images": "count", "users": "count",
    "nodes_per_class": "per_class", "graphs_per_class": "per_class", "per_class": "per_class", "max_bytes": "bytes",
}  # fmt: skip
"""What version 0.1 called sizes."""

PATTERNS: tuple[tuple[str, Callable[..., Size]], ...] = (
    (r"(\d+)", lambda number: Size.count(int(number))),
    (r"(\d*\.\d+|\d+\.)", lambda number: Size.ratio(float(number))),
    (
        rf"{NUMBER}\s*%\s*(?:of\s+)?(all|train|)",
        lambda number, of: Size.ratio(float(Decimal(number) / 100), of="train" if of == "train" else "all"),
    ),
    (r"(\d+)\s*/\s*class", lambda number: Size.per_class(int(number))),
    (rf"{NUMBER}\s*(B|kB|KB|MB|GB)", lambda number, unit: Size.bytes(round(float(number) * UNITS[_unit(unit)]))),
    ("everything", Size.everything),
)


def _unit(written: str) -> str:
    return "kB" if written == "KB" else written
