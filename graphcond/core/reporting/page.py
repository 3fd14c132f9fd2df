"""One self-contained HTML file: it opens from disk, asks no network for anything, and is light or dark."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from graphcond.core.reporting.charts import altair
from graphcond.core.reporting.colours import palette
from graphcond.core.reporting.figures import Figure, Section
from graphcond.core.runtime.files import replacing

FRAME = '<iframe srcdoc="{}" style="width:100%;height:720px;border:0" title="{}"></iframe>'
Fact = tuple[str, str, str]
"""What is told, its value, and a remark."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A report, ready to be written: ``page.save("report.html")``; a notebook shows it by itself.

    Args:
        title: Of the page.
        subtitle: What became of what.
        facts: The most important numbers.
        sections: All else.
        footer: A last line.
    """

    title: str
    subtitle: str
    facts: Sequence[Fact] = field(default=(), repr=False)
    sections: Sequence[Section] = field(default=(), repr=False)
    footer: str = field(default="", repr=False)

    @functools.cached_property
    def html(self) -> str:
        """The page.

        Raises:
            ImportError: the plotting library is not installed.
        """
        count = itertools.count()
        numbers: dict[int, int] = {}

        def numbered(figure: Figure) -> int:
            return numbers.setdefault(id(figure), next(count))

        # A chart's text stands in an element of its own, in which `tojson` leaves no tag; all else is escaped.
        environment = Environment(autoescape=True, undefined=StrictUndefined)
        template = environment.from_string(_text("page.html.jinja"))
        return template.render(
            title=self.title, subtitle=self.subtitle, facts=self.facts, sections=self.sections, footer=self.footer,
            numbered=numbered, css=Markup(palette() + _text("page.css")), script=Markup(_text("page.js")),
            library=Markup(library()),
        )  # fmt: skip

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the page to a file, whole or not at all; return its path.

        Raises:
            FileExistsError: ``path`` exists and ``overwrite`` is false.
            PermissionError: the folder cannot be written to.
            OSError: the disk is full.
        """
        html = self.html
        with replacing(path, overwrite=overwrite) as temporary:
            temporary.write_text(html, encoding="utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        return FRAME.format(escape(self.html), escape(self.title))


def check_libraries() -> None:
    """Raise ``ImportError`` if no report could be drawn: to be called before anything is trained."""
    altair()
    library()


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


@functools.cache
def library() -> str:
    """Return the JavaScript that draws, in one piece: it is made once.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise ImportError(
            "a report needs vl-convert-python, which brings Vega; install it with: pip install 'graphcond[report]'"
        ) from error
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", "<\\/script")
