"""The colours of classes and numbers: names of the page's CSS, which has them light and dark."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from markupsafe import Markup
from torch import Tensor

from graphcond.core.reporting.figures import NO_LABEL, OTHER_NAME, ClassNames, Legend

ACCENT, MUTED, INK = "var(--accent)", "var(--muted)", "var(--ink)"
ORIGINAL = "var(--original)"
LIGHT = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#b3a100", "#6a4ca3", "#7a4a21", "#4d565f",
)  # fmt: skip
"""Ten colours that people of any colour vision tell apart on white, after Okabe and Ito (2008)."""
DARK = (
    "#4aa8e0", "#f0b030", "#2bbd90", "#f0783a", "#e6a0c8", "#9bd5f8", "#e8dc50", "#ab90e3", "#c0956a", "#bcc4cc",
)  # fmt: skip
"""The same on a dark ground."""
COLOURS = tuple(f"var(--class-{i})" for i in range(len(LIGHT)))
OTHERS, LIGHT_OTHERS = "var(--class-other)", "#a8b0b8"
RAMP = tuple(f"var(--ramp-{i})" for i in range(7))
"""From low to high numbers."""
CLIPPED = 0.01  # of numbers at either end, which share the last colour


def palette() -> str:
    """Return the style that says what :data:`COLOURS` are, light and dark."""
    light, dark = ("".join(f"--class-{i}: {one}; " for i, one in enumerate(colours)) for colours in (LIGHT, DARK))
    return f":root {{ {light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n"


class Colouring(Protocol):
    """How items are coloured by what is learned of them."""

    @property
    def legend(self) -> Legend | Markup:
        """What the colours mean."""
        ...

    @property
    def scale(self) -> dict[str, Any]:
        """The scale of a colour encoding of the field ``group``."""
        ...

    @property
    def kind(self) -> str:
        """``"nominal"`` or ``"quantitative"``."""
        ...

    def groups(self, y: Tensor) -> list[Any]:
        """Return what the field ``group`` of each item is."""
        ...

    def told(self, y: Tensor) -> list[str]:
        """Return what is learned of each item, in words."""
        ...

    def summary(self, y: Tensor) -> str:
        """Return what is learned of several items, in words."""
        ...


@dataclass(frozen=True)
class ClassColouring:
    """One colour for each class; where there are more than ten, for the most frequent, and one for all others.

    Args:
        names: Of the classes.
        shown: The classes that have a colour of their own.
        others: What all else is called, other classes or items without a label; empty where there is nothing.
    """

    names: ClassNames
    shown: tuple[int, ...]
    others: str

    @classmethod
    def of(cls, y: Tensor, names: ClassNames, most: int = len(COLOURS)) -> "ClassColouring":
        """Return the colours for the classes of some items, ``(n,)`` int64; -1 is no class."""
        counts = torch.bincount(y[y >= 0])
        there = counts.nonzero().flatten()
        others = OTHER_NAME if len(there) > most else NO_LABEL if bool((y < 0).any()) else ""
        order = there[counts[there].argsort(descending=True, stable=True)]
        return cls(names, tuple(sorted(order[: most if len(there) <= most else most - 1].tolist())), others)

    @property
    def kind(self) -> str:
        """See :class:`Colouring`."""
        return "nominal"

    @property
    def scale(self) -> dict[str, Any]:
        """See :class:`Colouring`."""
        entries = self._entries()
        return {"domain": [name for name, _ in entries], "range": [colour for _, colour in entries]}

    @property
    def legend(self) -> Legend:
        """See :class:`Colouring`."""
        return tuple((name, colour, "dot") for name, colour in self._entries())

    def colour(self, label: int) -> str:
        """Return the colour of a class."""
        return COLOURS[self.shown.index(label)] if label in self.shown else OTHERS

    def groups(self, y: Tensor) -> list[str]:
        """See :class:`Colouring`."""
        rest = self.others or OTHER_NAME
        return [self.names(label) if label in self.shown else rest for label in y.tolist()]

    def told(self, y: Tensor) -> list[str]:
        """See :class:`Colouring`."""
        return [self.names(label) for label in y.tolist()]

    def summary(self, y: Tensor, most: int = 3) -> str:
        """See :class:`Colouring`: the most frequent classes with their numbers."""
        labels, counts = np.unique(y.numpy(), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        parts = [f"{counts[i]:,} \u00d7 {self.names(int(labels[i]))}" for i in order[:most]]
        return ", ".join([*parts, *(["…"] if len(order) > most else [])])

    def _entries(self) -> list[tuple[str, str]]:
        entries = [(self.names(label), self.colour(label)) for label in self.shown]
        return [*entries, (self.others, OTHERS)] if self.others else entries


@dataclass(frozen=True)
class NumberColouring:
    """A colour for a number, or for the mean of several labels or numbers.

    Args:
        what: What the number is.
        low: What has the darkest colour.
        high: What has the brightest.
    """

    what: str
    low: float
    high: float

    @classmethod
    def of(cls, y: Tensor, what: str = "") -> "NumberColouring":
        """Return the colours for the targets of some items, ``(n,)`` or ``(n, outputs)`` floats, NaN where missing."""
        values = numbers(y)
        known = values[np.isfinite(values)]
        low, high = np.quantile(known, [CLIPPED, 1 - CLIPPED]) if len(known) else (0.0, 1.0)
        columns = y.reshape(len(y), -1).size(1)
        usual = "number to be predicted" if columns == 1 else f"mean of its {columns} numbers"
        if columns > 1 and is_labels(y):
            usual = f"share of its {columns} labels that hold"
        return cls(what or usual, float(low), float(high if high > low else low + 1))

    @property
    def kind(self) -> str:
        """See :class:`Colouring`."""
        return "quantitative"

    @property
    def scale(self) -> dict[str, Any]:
        """See :class:`Colouring`."""
        return {"type": "quantize", "domain": [self.low, self.high], "range": list(RAMP)}

    @property
    def legend(self) -> Markup:
        """See :class:`Colouring`: a ramp."""
        form = '<span>{}</span><span class="ramp"><span>{:.3g}</span><i></i><span>{:.3g}</span></span>'
        return Markup(form).format(self.what, self.low, self.high)

    def groups(self, y: Tensor) -> list[float | None]:
        """See :class:`Colouring`."""
        return [round(value, 4) if np.isfinite(value) else None for value in numbers(y).tolist()]

    def told(self, y: Tensor) -> list[str]:
        """See :class:`Colouring`."""
        rows = y.reshape(len(y), -1)
        return [_in_words(row) for row in rows]

    def summary(self, y: Tensor) -> str:
        """See :class:`Colouring`."""
        values = numbers(y)
        values = values[np.isfinite(values)]
        return f"mean {values.mean():.3g}" if len(values) else "no label"


def numbers(y: Tensor) -> np.ndarray:
    """Return one number of each item: its own, or the mean of its labels or numbers, NaN where all are missing."""
    found: np.ndarray = y.reshape(len(y), -1).double().nanmean(dim=1).numpy()
    return found


def is_labels(y: Tensor) -> bool:
    """Return whether floats are labels that hold or do not, NaN where nobody knows."""
    known = y[~y.isnan()]
    return bool(((known == 0) | (known == 1)).all())


def colouring_of(y: Tensor, names: ClassNames) -> Colouring:
    """Return how items are coloured by their targets, classes or floats."""
    return NumberColouring.of(y) if y.is_floating_point() else ClassColouring.of(y.reshape(-1), names)


def _in_words(row: Tensor, most: int = 4) -> str:
    """Return several labels as the numbers of those that hold, other targets as numbers."""
    if bool(row.isnan().all()):
        return NO_LABEL
    if len(row) > 1 and is_labels(row):
        held = [str(i) for i in (row == 1).nonzero().flatten().tolist()]
        word = "label" if len(held) == 1 else "labels"
        return f"{word} {', '.join(held[: 2 * most])}{', …' if len(held) > 2 * most else ''}" if held else "none holds"
    parts = ["?" if np.isnan(value) else f"{value:.3g}" for value in row[:most].tolist()]
    return ", ".join([*parts, *(["…"] if len(row) > most else [])])
