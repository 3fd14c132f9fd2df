"""Small tables in HTML, for reports and notebooks. All texts are escaped: they come from files of strangers."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

NOTEBOOK = (
    "<style>.graphcond{font:13px system-ui,sans-serif;max-width:60em}.graphcond table{border-collapse:collapse;"
    "margin:.4em 0}.graphcond caption{text-align:left;font-weight:600;padding:.2em 0}.graphcond td,.graphcond th{"
    "padding:.15em .7em .15em 0;text-align:left;vertical-align:top;border:0;background:transparent;color:inherit}"
    ".graphcond thead th{border-bottom:1px solid currentColor}.graphcond .number{text-align:right;"
    "font-variant-numeric:tabular-nums;white-space:nowrap}.graphcond p{margin:.2em 0;opacity:.8}</style>"
)
"""The style of what a notebook shows: its colours are those of the page around it, light or dark."""


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, text_columns: int = 1, caption: str = ""
) -> Markup:
    """Return a table whose texts are escaped: the leading columns flush left, the others, which hold numbers, right.

    >>> table(("a",), [("<b>",)])
    Markup('<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>')
    """

    def cells(tag: str, values: Sequence[object]) -> Markup:
        made = []
        for i, value in enumerate(values):
            opened = Markup("<{}>" if i < text_columns else '<{} class="number">').format(Markup(tag))
            made.append(opened + Markup("{}</{}>").format(value, Markup(tag)))
        return Markup("<tr>{}</tr>").format(Markup("").join(made))

    head = Markup("<thead>{}</thead>").format(cells("th", header)) if any(header) else Markup()
    body = Markup("").join(cells("td", row) for row in rows)
    told = Markup("<caption>{}</caption>").format(caption) if caption else Markup()
    return Markup("<table>{}{}<tbody>{}</tbody></table>").format(told, head, body)


def for_notebook(*parts: Markup) -> str:
    """Return what a notebook shows."""
    return str(Markup('{}<div class="graphcond">{}</div>').format(Markup(NOTEBOOK), Markup("").join(parts)))
