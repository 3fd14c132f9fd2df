"""The examples, and the examples in docstrings, do what they say."""

import doctest
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import graphcond
import recsys

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
MODULES = [
    name
    for package in (graphcond, recsys)
    for name in (package.__name__, *(m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")))
]


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_train_on_condensed() -> None:
    assert example("train_on_condensed").main() > 0.71


def test_train_on_condensed_cora(real_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHCOND_DATA", str(real_data("Planetoid/Cora")))
    assert example("train_on_condensed").main("cora") > 0.80


@pytest.mark.slow
def test_condense_images() -> None:
    assert example("condense_images").main(steps=60) > 0.8


@pytest.mark.slow
def test_own_data() -> None:
    assert example("own_data").main(runs=1) > 0.85


@pytest.mark.slow
def test_text() -> None:
    condensed, chosen = example("text").main(steps=60, runs=1)
    assert condensed > chosen + 0.05


def test_hyperparameter_search() -> None:
    grid = [(hidden, 0.0, rate) for hidden in (4, 64) for rate in (0.01, 0.0001)]
    assert example("hyperparameter_search").main(epochs=40, grid=grid) > 0.5


def test_mini_batches() -> None:
    assert example("mini_batches").main() > 0.9


def test_graph_classification() -> None:
    assert example("graph_classification").main() > 0.8


def test_implicit_feedback() -> None:
    pytest.importorskip("implicit")
    condensed, chosen = example("implicit_feedback").main()
    assert condensed > chosen + 0.03


def test_every_example_is_tested() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert all(f"def test_{name}" in Path(__file__).read_text() for name in names)


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
