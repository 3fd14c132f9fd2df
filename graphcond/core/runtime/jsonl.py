"""Rows of results in a file of JSON lines, each once under its key, whatever interrupts the writing."""

import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from graphcond.core.runtime.files import check_target

logger = logging.getLogger(__name__)
Key = tuple[Any, ...]


@dataclass(frozen=True)
class RowFile:
    """A file of JSON lines, one row a line, that several processes may append to.

    A line that broke off when its writer was killed is left out, with a note, and overwritten by the next row.

    Args:
        path: The file; it need not exist yet, its folder must.
        fields: Fields of a row that tell it from all others.
    """

    path: Path
    fields: Sequence[str]

    def check(self) -> None:
        """Raise if the file could not be read or written, before long work.

        Raises:
            ValueError: the file holds something else than rows.
            OSError: what :func:`graphcond.core.runtime.files.check_target` raises, but for an existing file.
        """
        check_target(self.path, overwrite=True, kept=True)
        self.read()

    def read(self) -> dict[Key, dict[str, Any]]:
        """Return all rows by their keys, in the order of the file; of several with one key, the last.

        Raises:
            ValueError: a line is no JSON object, or lacks one of the fields.
        """
        if not self.path.exists():
            return {}
        with self.path.open("rb") as file:
            return self._parsed(file)[0]

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return those of some keys that have no row yet."""
        known = self.read()
        return [key for key in keys if key not in known]

    def append(self, *rows: dict[str, Any]) -> None:
        """Append rows by one write; those whose key has a row already are left out."""
        self._append(rows, again=False)

    def replace(self, *rows: dict[str, Any]) -> None:
        """Append rows by one write; they count instead of those with the same keys, which stay in the file."""
        self._append(rows, again=True)

    def _append(self, rows: Iterable[dict[str, Any]], *, again: bool) -> None:
        with _locked(self.path) as file:
            known, end = self._parsed(file)
            lines = [json.dumps(row) + "\n" for row in rows if again or self.key(row) not in known]
            if not lines:
                return
            if end and not _ends_line(file, end):
                lines.insert(0, "\n")
            file.flush()  # what was read ahead is forgotten
            _write_at(file.fileno(), "".join(lines).encode(), end)

    def key(self, row: dict[str, Any]) -> Key:
        """Return what tells a row from all others."""
        return tuple(row[field] for field in self.fields)

    def _parsed(self, file: BinaryIO) -> tuple[dict[Key, dict[str, Any]], int]:
        """Return the rows, and where the last whole one ends."""
        rows: dict[Key, dict[str, Any]] = {}
        end = 0
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                    rows[self.key(row)] = row
                except (ValueError, KeyError, TypeError) as error:
                    if isinstance(error, ValueError) and line.startswith(b"{") and not line.endswith(b"\n"):
                        logger.warning("%s: line %d broke off and is left out", self.path, number)
                        break
                    raise ValueError(
                        f"line {number} of {self.path} is no row with the fields {', '.join(self.fields)}; name "
                        "another file, or mend the line"
                    ) from error
            end += len(line)
        return rows, end


def _write_at(descriptor: int, content: bytes, end: int) -> None:
    """Let a file go on with some bytes from a place, or end there if the disk does not take all of them."""
    left = memoryview(content)
    os.ftruncate(descriptor, end)
    os.lseek(descriptor, end, os.SEEK_SET)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def _ends_line(file: BinaryIO, end: int) -> bool:
    file.seek(end - 1)
    return file.read(1) == b"\n"


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read and write, made if need be, and keep others who lock it waiting."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with os.fdopen(handle, "r+b") as file:
        try:
            import fcntl
        except ImportError:  # Windows: one process a file
            pass
        else:
            fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
        yield file
