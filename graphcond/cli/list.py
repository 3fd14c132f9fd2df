"""The command ``graphcond list``."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from graphcond import command_options as options
from graphcond.core.evaluation.tables import render
from graphcond.core.method_lines import method_lines
from graphcond.core.names import named
from graphcond.listing import MODEL_LINES, list_models
from graphcond.terminal import print_json

if TYPE_CHECKING:
    from graphcond.datasets.entries import Entry

METHOD_PACKAGES = {
    "nodes": "graphcond.nodes.methods",
    "hetero": "graphcond.hetero.methods",
    "graphs": "graphcond.graphs.methods",
    "images": "graphcond.images.methods",
    "interactions": "recsys.methods",
}
KINDS = ("datasets", "methods", "models")
COLUMNS: dict[str, tuple[tuple[str, Callable[["Entry"], str]], ...]] = {
    "nodes": (
        ("nodes", lambda one: _count(one.num_nodes)),
        ("edges", lambda one: _count(one.num_edges)),
        ("classes", lambda one: one.learned),
    ),
    "hetero": (
        ("nodes", lambda one: _count(one.num_nodes)),
        ("edges", lambda one: _count(one.num_edges)),
        ("classes", lambda one: one.learned),
    ),
    "graphs": (
        ("graphs", lambda one: _count(one.num_graphs)),
        ("nodes", lambda one: _count(one.num_nodes)),
        ("classes", lambda one: one.learned),
    ),
    "images": (
        ("images", lambda one: _count(one.num_images)),
        ("shape", lambda one: " x ".join(map(str, one.image_shape or ()))),
        ("classes", lambda one: one.learned),
    ),
}
"""What a table of datasets says of each beside its name and description."""


def list_(
    what: Annotated[
        str | None, typer.Argument(help=f"{', '.join(KINDS)}; default: all.", autocompletion=lambda: list(KINDS))
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List datasets, methods and models."""
    import graphcond

    kinds = KINDS if what is None else (named(what, dict(zip(KINDS, KINDS, strict=True)), "list"),)
    entries = graphcond.datasets.list_datasets()
    methods = {modality: method_lines(package) for modality, package in METHOD_PACKAGES.items()}
    models = {modality: list_models(modality) for modality in MODEL_LINES}
    if as_json:
        facts = ("name", "description", "task", "target", "metric")
        datasets = [{fact: getattr(one, fact) for fact in facts} for one in entries]
        listed = {"datasets": datasets, "methods": methods, "models": models}
        print_json({kind: listed[kind] for kind in kinds})
        return
    tables = {
        "datasets": [_datasets(each, [one for one in entries if one.task == each]) for each in COLUMNS],
        "methods": [_lines(f"methods for {each}", lines.items()) for each, lines in methods.items()],
        "models": [_lines(f"models for {each}", lines.items()) for each, lines in models.items()],
    }
    typer.echo("\n\n".join(table for kind in kinds for table in tables[kind]))


def _datasets(modality: str, entries: Sequence["Entry"]) -> str:
    columns = COLUMNS[modality]
    rows = [(one.name, one.description, *(value(one) for _, value in columns)) for one in entries]
    return render(f"datasets of {modality}", ("name", "what", *(name for name, _ in columns)), rows)


def _lines(title: str, lines: Iterable[tuple[str, str]]) -> str:
    return render(title, ("name", "what"), list(lines))


def _count(number: int) -> str:
    """Return a number in few characters; 0 stands for what is not known.

    >>> _count(3_327), _count(169_343), _count(2_315_598), _count(0)
    ('3,327', '169k', '2.3M', '?')
    """
    if number < 100_000:
        return f"{number:,}" if number else "?"
    return f"{number / 1e3:.0f}k" if number < 999_500 else f"{number / 1e6:,.1f}M"
