"""What is imported when: nothing heavy before it is used, for the sake of help and of those who use a part."""

import json
import re
import resource
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import graphcond
import graphcond.datasets
import graphcond.planning
import graphcond.zoo
import recsys
from graphcond.cli.list import METHOD_PACKAGES
from graphcond.core.lazy import exports
from graphcond.core.method_lines import method_lines
from graphcond.evaluation.evaluations import evaluation_of
from graphcond.listing import MODEL_LINES

HEAVY = ("torch", "torch_geometric", "scipy", "sklearn", "pandas", "ogb", "networkx", "matplotlib", "implicit", "ray")
LOADED = f"import json, sys; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
PACKAGES = (graphcond, graphcond.datasets, graphcond.planning, graphcond.zoo, recsys)


def in_a_fresh_process(code: str, *arguments: str) -> tuple[str, float]:
    """Return what a new Python writes, and the CPU seconds that it takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


USES = (
    "import graphcond; graphcond.__version__; graphcond.list_models(); graphcond.list_datasets()",
    "import recsys; recsys.list_models()",
    "import graphcond; dir(graphcond); graphcond.datasets.entry('cora')",
)


@pytest.mark.parametrize("use", USES)
def test_nothing_heavy_is_imported_before_it_is_used(use: str) -> None:
    assert json.loads(in_a_fresh_process(f"{use}\n{LOADED}")[0]) == []


@pytest.fixture(scope="module")
def torch_seconds() -> float:
    return in_a_fresh_process("import torch")[1]


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("recsys", "-h"), ("list",)], ids=" ".join)
def test_help_and_lists_take_less_than_importing_torch(words: tuple[str, ...], torch_seconds: float) -> None:
    code = f"from graphcond.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n{LOADED}"
    shown, seconds = in_a_fresh_process(code, *words)
    assert json.loads(shown.splitlines()[-1]) == []
    assert seconds < torch_seconds


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_package_has_the_names_that_it_declares(package: ModuleType) -> None:
    declared = dict(exports(Path(package.__file__)))
    assert sorted(declared) == sorted(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name, home in declared.items():
        assert getattr(package, name) is getattr(sys.modules[home], name)
        # A module of the same name would take its place when it is imported.
        module = Path(package.__file__).parent / name
        assert home == package.__name__ or not (module.exists() or module.with_suffix(".py").exists())


def test_modules_are_found_and_other_names_are_not() -> None:
    assert graphcond.evaluation.evaluate is graphcond.evaluate
    assert not hasattr(graphcond, "condens")
    with pytest.raises(ImportError, match="cannot import name 'condens' from 'graphcond'"):
        from graphcond import condens  # noqa: F401


@pytest.mark.parametrize(("modality", "package"), METHOD_PACKAGES.items())
def test_methods_read_from_their_source_are_those_of_the_table(modality: str, package: str) -> None:
    assert list(method_lines(package).items()) == list(graphcond.list_methods(modality).items())


@pytest.mark.parametrize("modality", MODEL_LINES)
def test_models_with_a_line_are_those_that_are_evaluated(modality: str) -> None:
    names = list(graphcond.list_models(modality))
    models = evaluation_of(modality).models
    assert list(models(names)) == names
    with pytest.raises(ValueError, match=re.escape(f"(all: {', '.join(names)})")):
        models(["another"])
    assert all(line.endswith(".") for line in graphcond.list_models(modality).values())


def test_datasets_with_a_line_are_those_of_the_catalogue() -> None:
    entries = graphcond.datasets.list_datasets()
    assert graphcond.list_datasets() == {one.name: one.description for one in entries}
    assert list(graphcond.list_datasets("images")) == [one.name for one in entries if one.task == "images"]
    assert graphcond.list_datasets("interactions") == {}
    for wrong in ("users", ["nodes"]):
        for listing in (graphcond.list_datasets, graphcond.list_models):
            with pytest.raises(
                ValueError, match="modality must be one of nodes, hetero, graphs, images, interactions, got"
            ):
                listing(wrong)


def test_the_version_is_that_of_the_source_tree_or_of_what_is_installed(tmp_path: Path) -> None:
    source = Path(graphcond.__file__).parents[1] / "pyproject.toml"
    assert f'version = "{graphcond.__version__}"' in source.read_text()
    copied = tmp_path / "graphcond" / "core" / "version.py"
    copied.parent.mkdir(parents=True)
    copied.write_text((source.parent / "graphcond" / "core" / "version.py").read_text())
    read = "import runpy, sys; print(runpy.run_path(sys.argv[1])['__version__'])"
    (tmp_path / "pyproject.toml").write_text('name = "graphcond"\nversion = "9.8.7"\n')
    assert in_a_fresh_process(read, str(copied))[0] == "9.8.7\n"
    (tmp_path / "pyproject.toml").write_text('name = "other"\nversion = "9.8.7"\n')
    assert in_a_fresh_process(read, str(copied))[0] != "9.8.7\n"
