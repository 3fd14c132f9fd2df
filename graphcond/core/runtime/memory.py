"""Amounts of memory: as users write them, and what the process holds."""

import re
import sys
from pathlib import Path

from graphcond.core.fields import is_number

UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
WRITTEN = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)\s*")


def parse_memory(memory: object) -> int:
    """Return an amount of memory in bytes.

    Args:
        memory: A number of bytes, or a text such as ``"4GB"`` or ``"1.5 GiB"``.

    Raises:
        TypeError: it is neither.
        ValueError: it is not positive, or its unit is unknown.

    >>> parse_memory("4GB"), parse_memory("1.5 GiB")
    (4000000000, 1610612736)
    """
    if not (is_number(memory) or isinstance(memory, str)):
        raise TypeError(f"memory must be a number of bytes or a text such as '4GB', got {type(memory).__name__}")
    match = WRITTEN.fullmatch(memory) if isinstance(memory, str) else None
    if isinstance(memory, str) and (match is None or match[2].lower() not in UNITS):
        raise ValueError(f"memory must be a number and a unit such as '4GB' or '500 MiB', got {memory!r}")
    amount = float(match[1]) * UNITS[match[2].lower()] if match else float(memory)
    if not 1 <= amount < float("inf"):
        raise ValueError(f"memory must be positive, got {memory!r}")
    return int(amount)


def shown(amount: float) -> str:
    """Return a number of bytes as people read it.

    >>> shown(2_450_000_000), shown(31_000_000)
    ('2.5 GB', '31 MB')
    """
    return f"{amount / 1e9:.1f} GB" if amount >= 1e9 else f"{amount / 1e6:.0f} MB"


def bytes_in_words(amount: float) -> str:
    """Return bytes as people read them.

    >>> bytes_in_words(950), bytes_in_words(202_755), bytes_in_words(15_600_000)
    ('950 B', '202.8 kB', '15.6 MB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if amount >= size:
            return f"{amount / size:.1f} {unit}"
    return f"{amount:.0f} B"


def held_memory() -> int:
    """Return the memory that this process holds and the system cannot take back, in bytes; 0 if it does not say.

    Pages of memory-mapped files are not counted: they are given back when others need the space.
    """
    if not sys.platform.startswith("linux"):
        return 0
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith(" kB")}
    return 1024 * (int(sizes["RssAnon"]) + int(sizes["RssShmem"]))
