"""Names of a package that are imported when they are first used (PEP 562).

``import torch`` takes a second and PyG another two, which a command that prints its help should not.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def lazy(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``, which import what it imports for type checkers only.

    So each name stands once: in the block ``if TYPE_CHECKING:`` of the package. Modules of the package are found too.

    Args:
        package: Its ``__name__``.
        file: Its ``__file__``.
    """
    homes = dict(exports(Path(file)))

    def get(name: str) -> Any:  # noqa: ANN401 (whatever has the name)
        own = f"{package}.{name}"
        if homes.get(name, package) != package:
            value = getattr(importlib.import_module(homes[name]), name)
        elif not name.startswith("_") and importlib.util.find_spec(own) is not None:
            value = importlib.import_module(own)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names


def exports(file: Path) -> Iterator[tuple[str, str]]:
    """Yield each name that a file imports for type checkers only, and the module that it is of."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for line in node.body:
                if isinstance(line, ast.ImportFrom) and line.module is not None:
                    yield from ((alias.name, line.module) for alias in line.names)
