"""The direction of imports, and names that must not be importable."""

import ast
import importlib.util
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
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
    "hetero",
    "recognition",
    "datasets",
    "listing",
    "api",
    "sampler",
    "zoo",
    "evaluation",
    "plotting",
    "html_report",
    "planning",
    "command_options",
    "terminal",
    "cli",
    "__main__",
]
MODALITIES = ("nodes", "graphs", "images")
"""Their packages do not import one another; ``hetero`` is a layer of its own, which stands on ``nodes``."""
FORMATS = (
    "nodes.contents",
    "nodes.format",
    "graphs.contents",
    "graphs.format",
    "graphs.storage",
    "graphs.folding",
    "graphs.color_refinement",
    "graphs.task",
    "hetero.contents",
    "hetero.format",
    "images.contents",
    "images.crops",
    "images.format",
    "images.formation",
    "images.task",
)
"""What condensed data of a modality look like in a file, which :class:`graphcond.CondensedDataset` asks."""
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
RECSYS = Path(recsys.__file__).parent
RECSYS_LAYERS = [
    "data", "metrics", "models", "methods", "size", "condensed", "modality", "api", "evaluation", "illustration", "cli",
]  # fmt: skip
REPORT = {("graphcond/core/sharing.py", "graphcond.html_report")}
"""The one call upward: ``small.report(dataset)`` trains and draws, which all stands on condensed datasets."""
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
        if first == "graphcond" and module and (called(path), name) not in REPORT:
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
        assert parts[:2] != ["graphcond", "html_report"]
        assert name != "graphcond"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_top_knows_recsys(path: Path) -> None:
    if str(path.relative_to(PACKAGE)) not in TOP:
        assert not [name for name in imported(path) if name.split(".")[0] == "recsys"]


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=lambda path: path.name)
def test_core_imports_no_graph_library(path: Path) -> None:
    assert not [name for name in imported(path) if name.startswith(("torch_geometric", "ogb"))]


def test_the_folder_of_data_is_not_a_package() -> None:
    assert not (PACKAGE.parent / "datasets" / "__init__.py").exists()
    assert not (PACKAGE.parent / "tests" / "__init__.py").exists()
    assert importlib.util.find_spec("graphcond.utils") is None


TOP = ("api.py", "recognition.py", "evaluation/evaluations.py", "html_report.py", "cli/__init__.py")
ALL_FILES = [*FILES, *RECSYS_FILES]
MOST_LINES, MOST_ARGUMENTS, MOST_PUBLIC, MOST_OPTIONS, LONGEST = 350, 10, 8, 16, 50


def called(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("path", ALL_FILES, ids=called)
def test_files_and_functions_are_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES, f"{path} is long; split it"
    for function in functions(path):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        assert lines < LONGEST, f"{path}: {function.name} has {lines} lines; split it"
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        count = len(arguments) - (bool(arguments) and arguments[0].arg in ("self", "cls"))
        most = MOST_OPTIONS if "cli" in called(path) else MOST_ARGUMENTS
        assert count <= most, f"{path}: {function.name} has {count} arguments; put those that go together in a value"


@pytest.mark.parametrize(
    "package", [graphcond, recsys, graphcond.evaluation, graphcond.datasets], ids=lambda one: one.__name__
)
def test_public_functions_have_few_arguments(package) -> None:
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isfunction(value):
            count = len(inspect.signature(value).parameters)
            assert count <= MOST_PUBLIC, f"{package.__name__}.{name} has {count} arguments"


def test_each_class_has_a_name_of_its_own() -> None:
    homes = defaultdict(list)
    for path in ALL_FILES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(called(path))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_there_is_no_circle_of_imports() -> None:
    """Modules that import one another at their top could be imported in one order only."""
    modules = {called(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in ALL_FILES}
    known = {
        name: {one for one in top_imports(path) if one in modules and one != name} for name, path in modules.items()
    }
    done: set[str] = set()
    while True:
        free = {name for name, needed in known.items() if name not in done and needed <= done}
        if not free:
            break
        done |= free
    assert sorted(set(known) - done) == []


def top_imports(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


ASKS = re.compile(
    r"is_graph_dataset|is_image_dataset|has_graphs|has_images|num_users\" in|isinstance\(.*(Graph|Image)Method"
)


@pytest.mark.parametrize("path", ALL_FILES, ids=called)
def test_only_the_recogniser_asks_for_the_modality(path: Path) -> None:
    home = path.relative_to(PACKAGE.parent).parts[1]
    if home not in (*MODALITIES, "hetero", "recognition.py", "pyg"):
        assert not ASKS.findall(path.read_text())
