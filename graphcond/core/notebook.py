"""What a notebook shows of a condensed dataset: a small table."""

from collections.abc import Callable

from markupsafe import Markup

from graphcond.core.html import for_notebook, table
from graphcond.core.record import Record
from graphcond.core.runtime.memory import bytes_in_words


def shown_condensed(record: Record, described: Callable[[], tuple[str, str]], nbytes: int, shown: str) -> str:
    """Return the table of a condensed dataset.

    Args:
        record: How it was made.
        described: Returns the original and the dataset in words; it may fail for want of what a record says.
        nbytes: Of the dataset.
        shown: What ``repr`` says of it.
    """
    try:
        before, after = described()
    except (KeyError, TypeError, ValueError):  # the record is of somebody's own making
        before, after = "", shown
    rows = [
        ("original", before),
        ("condensed", f"{after}, {bytes_in_words(nbytes)}"),
        ("method", f"{record.method}, seed {record.seed}, {record.seconds:.2f} s on {record.device}"),
        ("stopped", record.stopped or ""),
    ]
    name = str(record.source.get("name", "data"))
    notes = Markup("").join(Markup("<p>{}</p>").format(note) for note in record.notes)
    return for_notebook(table(("", ""), [row for row in rows if row[1]], text_columns=2, caption=name), notes)
