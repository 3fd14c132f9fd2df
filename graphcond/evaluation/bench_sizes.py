"""Sizes in words that mean the same for nodes, graphs and images."""

import re
from dataclasses import dataclass
from typing import Literal

PATTERNS = {
    "count": r"(\d+)",
    "ratio": r"(\d*\.\d+)",
    "per_class": r"(\d+)/class",
    "bytes": r"(\d+(?:\.\d+)?)kB",
}
ANY = "any"  # the size of what has none
ARGUMENTS = {
    "nodes": {"count": "num_nodes", "ratio": "ratio", "per_class": "nodes_per_class"},
    "graphs": {"count": "num_graphs", "ratio": "ratio", "per_class": "graphs_per_class", "bytes": "max_bytes"},
    "images": {"count": "num_images", "ratio": "ratio", "per_class": "per_class"},
}


@dataclass(frozen=True)
class Size:
    """How large a condensed dataset shall be, whatever it is of.

    Args:
        label: As it was written.
        kind: What the value counts.
        value: A count, a ratio or bytes.
    """

    label: str
    kind: Literal["count", "ratio", "per_class", "bytes"]
    value: float

    def argument(self, task: str) -> dict[str, float]:
        """Return it as ``condense`` takes it for a kind of dataset.

        Raises:
            ValueError: such a dataset has no size of this kind.
        """
        if self.kind not in ARGUMENTS[task]:
            raise ValueError(f"size {self.label!r} makes no sense for {task}; give 35, 0.01 or 10/class")
        return {ARGUMENTS[task][self.kind]: self.value}


def read_size(text: str | float) -> Size:
    """Return the size that a text names; whole numbers count, those with a point are ratios.

    Raises:
        ValueError: the text names none.

    >>> [read_size(text).argument("graphs") for text in (35, 0.01, "10/class", "10kB")]
    [{'num_graphs': 35}, {'ratio': 0.01}, {'graphs_per_class': 10}, {'max_bytes': 10000}]
    """
    label = str(text).strip()
    for kind, pattern in PATTERNS.items():
        found = re.fullmatch(pattern, label)
        if found and float(found[1]) > 0:
            value = float(found[1]) if kind == "ratio" else round(float(found[1]) * (1000 if kind == "bytes" else 1))
            return Size(label, kind, value)  # type: ignore[arg-type]  # the keys of PATTERNS are those names
    raise ValueError(
        f"sizes must be such as 35 (nodes, graphs or images), 0.01 (of all), 10/class or 10kB (graphs), got {label!r}"
    )
