"""How a text file of interactions is written: compressed, with which separator, and what its quotation marks mean."""

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, TextIO

SEPARATORS = {".csv": ",", ".tsv": "\t", ".inter": "\t", ".item": "\t"}
OTHERS = ("::", "\t", ",", ";", "|", " ")  # in the order in which they are looked for
DOUBLE, SINGLE = "::", "\x1f"  # pandas reads quickly what is separated by one character
BLOCK = 2**20  # characters that are read at once
QUOTED = re.compile('"(?:[^"]|"")*"')


@dataclass(frozen=True)
class Text:
    """A text file of interactions.

    Args:
        path: Where it is.
        separator: One character; ``::`` in the file is read as :data:`SINGLE`.
        rows: The first two rows that are not empty, as they stand, quotation marks included.
    """

    path: Path
    separator: str
    rows: tuple[list[str], ...]

    @classmethod
    def of(cls, path: Path) -> "Text":
        """Look at the beginning of a file.

        Raises:
            ValueError: it is empty.
        """
        with _opened(path) as file:
            lines = [line for _, line in zip(range(2), _lines(file), strict=False)]
        if not lines:
            raise ValueError("it is empty")
        found = _separator(suffix_of(path), lines[0])
        separator = SINGLE if found == DOUBLE else found
        return cls(path, separator, tuple(split(line.replace(found, separator), separator) for line in lines))

    def open(self) -> TextIO:
        """Return the text with a separator of one character."""
        if self.separator != SINGLE:
            return _opened(self.path)
        with _opened(self.path) as file:
            return io.StringIO(file.read().replace(DOUBLE, SINGLE), newline="")

    def cleaned(self, used: Callable[[int], bool]) -> TextIO:
        """Return the text with quotation marks only where they enclose a value, as RFC 4180 has it.

        A mark that opens a value and is not closed in its line either begins a value of several lines or stands there
        for itself, as in titles and reviews that nobody quoted. It is taken for the former where the whole file can be
        read so, and no value that is not used would swallow whole rows.

        Args:
            used: Whether the values of a column, by its place, are wanted.

        Raises:
            ValueError: a row with such a mark cannot be read in either way.
        """
        width = len(self.rows[0])
        if not self._has_marks():
            return self.open()
        with self.open() as file:
            marks = _Marks.of(file, self.separator, width, used)
        if not marks.stray:
            return self.open()
        if not marks.fits:
            with self.open() as file:
                if _is_strict(file, self.separator, width):
                    return self.open()
        if marks.at_end and broke_off(self.path):
            raise ValueError("a quotation mark in its last line is not closed")
        result = io.StringIO(newline="")
        writer = csv.writer(result, delimiter=self.separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
        with self.open() as file:
            for number, line in enumerate(_lines(file), start=1):
                row = [unquoted(value) for value in split(line, self.separator)]
                if len(row) != width:
                    raise ValueError(
                        f"row {number} has {len(row)} values instead of {width}, and a quotation mark in the file is "
                        "not closed"
                    )
                writer.writerow(row)
        result.seek(0)
        return result

    def _has_marks(self) -> bool:
        with _opened(self.path) as file:
            return any('"' in block for block in iter(lambda: file.read(BLOCK), ""))


def broke_off(path: Path) -> bool:
    """Return whether the last line of a text file has no end, as of a file that was not copied to its end."""
    last = ""
    with _opened(path) as file:
        for block in iter(lambda: file.read(BLOCK), ""):
            last = block[-1]
    return last not in ("\r", "\n")


def suffix_of(path: Path) -> str:
    """Return the suffix of a file's name, without that of its compression, in lower case."""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def split(line: str, separator: str) -> list[str]:
    """Return the values of a line as they stand: at all separators, but for those within quotation marks.

    Where marks do not enclose whole values, they count as any other character.
    """
    if '"' in line:
        whole, each = _patterns(separator)
        if whole.fullmatch(line):
            return each.findall(line)
    return line.split(separator)


@cache
def _patterns(separator: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what matches a line, and each value in it."""
    mark = re.escape(separator)
    value = f'"(?:[^"]|"")*"|(?!")[^{mark}]*'
    return re.compile(f"(?:{value})(?:{mark}(?:{value}))*"), re.compile(f"(?:^|{mark})({value})")


def unquoted(value: str) -> str:
    """Return a value without the quotation marks that enclose it, if they do."""
    return value[1:-1].replace('""', '"') if QUOTED.fullmatch(value) else value


def _opened(path: Path) -> TextIO:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _lines(file: TextIO) -> Iterator[str]:
    """Return the lines that are not empty, without their ends."""
    return filter(None, (line.rstrip("\r\n") for line in file))


def _separator(suffix: str, line: str) -> str:
    usual = SEPARATORS.get(suffix)
    if usual is not None and (usual in line or suffix in (".inter", ".item")):
        return usual
    return next((one for one in OTHERS if one in line), usual or ",")


class _Marks(NamedTuple):
    """Quotation marks that open a value and are not closed in its line.

    Args:
        stray: There are some.
        fits: Each line is a whole row all the same, and such marks are in values that are not used.
        at_end: There is one in the last line.
    """

    stray: bool
    fits: bool
    at_end: bool

    @classmethod
    def of(cls, file: TextIO, separator: str, width: int, used: Callable[[int], bool]) -> "_Marks":
        """Look at each line of a text."""
        stray, fits, left = False, True, list[int]()
        for line in _lines(file):
            row = split(line, separator)
            left = [place for place, value in enumerate(row) if value.startswith('"') and not QUOTED.fullmatch(value)]
            stray |= bool(left)
            fits &= len(row) == width and not any(map(used, left))
        return cls(stray, fits, bool(left))


def _is_strict(file: TextIO, separator: str, width: int) -> bool:
    try:
        return all(len(row) == width for row in csv.reader(file, delimiter=separator, strict=True) if row)
    except csv.Error:
        return False
