"""What stands on a report's page: figures, tables and pictures in sections, and what a modality brings of its own.

Charts are Vega-Lite specifications that Altair makes. Of the libraries that draw in a page without a network, Vega's is
the smallest (0.9 MB of JavaScript; Bokeh 1.3 MB, Plotly 4.8 MB), and it draws SVG: colours follow the page's light or
dark scheme by CSS, print stays sharp, and a browser's own search finds the labels.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

OTHER_NAME, NO_LABEL = "other classes", "no label"
LONGEST = 60  # characters of a class's name

Legend = tuple[tuple[str, str, str], ...]
"""Name, CSS colour and shape (``"dot"``, ``"ring"``, ``"line"``) of each entry."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart with its title.

    Args:
        title: What it shows.
        chart: A Vega-Lite specification.
        caption: How to read it, in a sentence or two.
        legend: What colours and shapes mean.
        wide: Whether it takes the whole width of a wide page.
    """

    title: str
    chart: Mapping[str, Any]
    caption: str = ""
    legend: Legend | Markup = ()
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Anything else with a title: a table, a grid of pictures.

    Args:
        title: What it shows.
        body: Its HTML, in which all that is not ours is escaped.
        charts: Small charts after it, each with a title of its own.
        caption: How to read it.
        legend: What colours and shapes mean.
        wide: Whether it takes the whole width of a wide page.
        folded: Whether it is shown on a click only.
    """

    title: str
    body: Markup = field(default_factory=Markup)
    charts: Sequence[Figure] = ()
    caption: str = ""
    legend: Legend | Markup = ()
    wide: bool = True
    folded: bool = False


Part = Figure | Panel


@dataclass(frozen=True, kw_only=True)
class Section:
    """Parts under a heading.

    Args:
        title: The heading.
        parts: What stands there.
        text: A sentence under the heading.
    """

    title: str
    parts: Sequence[Part]
    text: str = ""


def _nothing() -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Illustration:
    """What a report shows of one modality: a value, as :class:`graphcond.core.modality.Modality` is one.

    Args:
        modality: Its name.
        counted: What is counted, by its name in the record's budget, and what the record's source calls the same of the
            original.
        sections: What is drawn: ``(condensed, task, names)``, where ``names`` are those of the classes.
        needs: Raises ``ImportError`` where a library that only this modality needs is not installed.
    """

    modality: str
    counted: Mapping[str, str]
    sections: Callable[[Any, Any, "ClassNames"], Sequence[Section]]
    needs: Callable[[], object] = _nothing


@dataclass(frozen=True)
class ClassNames:
    """The names of classes, where a dataset has some.

    Args:
        known: The names in the order of the classes; of others, ``"class 3"`` is said.

    >>> ClassNames(("cat", "dog"))(1), ClassNames()(1)
    ('dog', 'class 1')
    """

    known: Sequence[str] = field(default=())

    def __call__(self, label: int) -> str:
        """Return the name of a class; -1 is no class."""
        if label < 0:
            return NO_LABEL
        return str(self.known[label]) if label < len(self.known) else f"class {label}"

    @classmethod
    def of(cls, dataset: object) -> "ClassNames":
        """Return the names that a dataset tells: its ``classes``, as image datasets have them.

        Charts know classes by their names, so that those that several share have their numbers added.
        """
        found = getattr(dataset, "classes", None)
        texts = isinstance(found, Sequence) and not isinstance(found, str) and all(isinstance(n, str) for n in found)
        if not texts or found is None:
            return cls()
        short = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}\u2026" for name in found]
        times = Counter([*short, OTHER_NAME, NO_LABEL, ""])
        return cls(tuple(n if times[n] == 1 else f"{n} (class {i})".lstrip() for i, n in enumerate(short)))
