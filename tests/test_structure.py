"""The direction of imports, and names that must not be importable."""

import ast
import importlib.util
from pathlib import Path

import pytest

import graphcond
import recsys

PACKAGE = Path(graphcond.__file__).parent
# Each layer may import itself and those before it; the packages of the modalities do not import one another.
LAYERS = [
    "core",
    "surrogates",
    "synthetic",
    "pyg",
    "formats",
    "condensed",
    "modality",
    "recognition",
    "datasets",
    "api",
    "evaluation",
    "plotting",
    "terminal",
    "planning",
    "cli",
    "__main__",
]
MODALITIES = ("nodes", "graphs", "images")
FORMATS = (
    "nodes.contents",
    "nodes.format",
    "graphs.contents",
    "graphs.format",
    "graphs.storage",
    "graphs.folding",
    "graphs.color_refinement",
    "graphs.task",
    "images.contents",
    "images.format",
    "images.formation",
    "images.task",
)
"""What condensed data of a modality look like in a file, which :class:`graphcond.CondensedDataset` asks."""
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
RECSYS = Path(recsys.__file__).parent
RECSYS_LAYERS = ["data", "metrics", "models", "methods", "size", "modality", "condensed", "api", "evaluation", "cli"]
RECSYS_FILES = sorted(path for path in RECSYS.rglob("*.py") if path != RECSYS / "__init__.py")


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def layer_of(module: str) -> str:
    """Return the layer of a module by its name below ``graphcond``."""
    if any(module == name or module.startswith(f"{name}.") for name in FORMATS):
        return "formats"
    first = module.split(".")[0]
    return "modality" if first in MODALITIES else first


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_imports_upward(path: Path) -> None:
    own = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    allowed = LAYERS[: LAYERS.index(layer_of(own)) + 1]
    for name in imported(path):
        first, _, module = name.partition(".")
        if first == "graphcond" and module:
            assert layer_of(module) in allowed, f"{path} imports {name}"
            if layer_of(own) == layer_of(module) == "modality":
                assert own.split(".")[0] == module.split(".")[0], f"{path} imports {name}"


@pytest.mark.parametrize("path", RECSYS_FILES, ids=lambda path: str(path.relative_to(RECSYS)))
def test_nothing_in_recsys_imports_upward(path: Path) -> None:
    layer = path.relative_to(RECSYS).parts[0].removesuffix(".py")
    allowed = RECSYS_LAYERS[: RECSYS_LAYERS.index(layer) + 1]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "recsys" and len(parts) > 1:
            assert parts[1] in allowed, f"{path} imports {name}"
        # What says what the whole package can do stands on recsys, not the other way round.
        assert parts[:2] not in (["graphcond", "api"], ["graphcond", "cli"])
        assert name != "graphcond"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_top_knows_recsys(path: Path) -> None:
    if path.relative_to(PACKAGE).parts[0] not in ("api.py", "cli.py"):
        assert not [name for name in imported(path) if name.split(".")[0] == "recsys"]


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=lambda path: path.name)
def test_core_imports_no_graph_library(path: Path) -> None:
    assert not [name for name in imported(path) if name.startswith(("torch_geometric", "ogb"))]


def test_the_folder_of_data_is_not_a_package() -> None:
    assert not (PACKAGE.parent / "datasets" / "__init__.py").exists()
    assert not (PACKAGE.parent / "tests" / "__init__.py").exists()
    assert importlib.util.find_spec("graphcond.utils") is None
