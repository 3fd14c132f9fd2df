"""What the gallery shows of each method beside its scores: a picture of its result, and what it needs.

    python benchmarks/portraits.py --root DATA nodes     # or hetero, graphs, images; into docs/_static/gallery

Each method condenses one reference set, methods that work in steps for some seconds. Whether a method reads validation
labels is found by experiment: on other validation labels its result or its choices are others. It has a teacher if the
result has soft labels, or its record a teacher. Rows are in docs/measurements/portraits.jsonl.
"""

import argparse
import copy
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hetero
import row_file
import torch
from PIL import Image

import graphcond
from graphcond.core.runtime.jsonl import RowFile
from graphcond.plotting import draw
from graphcond.recognition import named_modality

ROWS = RowFile(row_file.MEASUREMENTS / "portraits.jsonl", ("modality", "method"))
PICTURES = Path(__file__).parent.parent / "docs" / "_static" / "gallery"
WIDTH, COLOURS = 480, 64  # pixels and palette of a picture


@dataclass(frozen=True)
class Reference:
    """A set on which a modality's methods are shown.

    Args:
        name: Of the catalogue.
        size: What is asked for, of methods that have sizes.
        other_labels: Its task with other validation labels.
    """

    name: str
    size: str
    other_labels: Callable[[Any], Any]


def _other_nodes(task: Any) -> Any:  # noqa: ANN401 (a task of nodes of one type or several)
    nodes, changed = task.val.nodes, task.val.graph.y.clone()
    changed[nodes] = (changed[nodes] + 1) % task.num_classes
    return task.with_graphs(lambda graph: replace(graph, y=changed))  # all parts share one


def _other_graphs(task: Any) -> Any:  # noqa: ANN401
    return replace(task, val=task.val.labelled((task.val.labels + 1) % task.targets.num_classes))


def _other_images(task: Any) -> Any:  # noqa: ANN401
    return replace(task, val=replace(task.val, y=(task.val.y + 1) % task.num_classes))


REFERENCES = {
    "nodes": Reference("cora", "35", _other_nodes),
    "hetero": Reference("dblp", "41", _other_nodes),
    "graphs": Reference("mutag", "5/class", _other_graphs),
    "images": Reference("mnist", "1/class", _other_images),
}
LOADERS = {"hetero": hetero.load}
"""Of sets that the catalogue does not have."""


def portray(modality: str, name: str, dataset: Any, options: argparse.Namespace) -> None:  # noqa: ANN401
    """Condense the reference set by a method, draw the result, and write the row."""
    reference, methods = REFERENCES[modality], named_modality(modality).methods
    task = graphcond.read(dataset)
    method = methods.resolve(name)
    size = reference.size if method.sized else None
    run = graphcond.Run(progress=False, max_seconds=options.seconds if method.resumable else None)
    small = graphcond.condense(task, size=size, method=name, run=run)
    picture = PICTURES / f"{modality}-{name}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    with told(f"{modality} {name} has no picture"), tempfile.TemporaryDirectory() as folder:
        shrink(draw(small, Path(folder) / "it.png", dataset=dataset), picture)
    quick = {"size": size, "method": methods.quick(name), "run": graphcond.Run(progress=False)}
    first, second = (graphcond.condense(one, **quick) for one in (task, reference.other_labels(task)))
    row = {
        "modality": modality, "method": name, "dataset": reference.name, "size": size,
        "teacher": has_teacher(small), "validation": not same(first, second), "seconds": small.record.seconds,
    }  # fmt: skip
    row_file.write(ROWS, options.retake, row)
    print(row, flush=True)


def has_teacher(small: graphcond.CondensedDataset) -> bool:
    """Return whether a teacher was trained for a result."""
    return "teacher" in small.record.choices or any("y_soft" in store for store in small[0].stores)


def same(first: graphcond.CondensedDataset, second: graphcond.CondensedDataset) -> bool:
    """Return whether two results, and what was chosen on the way, are the same."""
    if first.record.choices != second.record.choices or len(first) != len(second):
        return False
    pairs = zip(first, second, strict=True)
    stores = [pair for one, other in pairs for pair in zip(one.stores, other.stores, strict=True)]
    return all(
        set(one.keys()) == set(other.keys()) and all(_equal(one[name], other[name]) for name in one.keys())  # noqa: SIM118 (of PyG, not a mapping)
        for one, other in stores
    )


def _equal(first: object, second: object) -> bool:
    tensors = isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor)
    return bool(torch.equal(first, second)) if tensors else first == second


def shrink(path: Path, target: Path) -> None:
    """Write a picture in few pixels and colours."""
    with Image.open(path) as picture:
        height = round(picture.height * WIDTH / picture.width)
        small = copy.copy(picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS))
    small.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(target, optimize=True)


def tables(modality: str) -> None:
    """Print the pictures of a modality's methods, two in a row."""
    methods = named_modality(modality).methods
    made = [name for name in sorted(methods) if (PICTURES / f"{modality}-{name}.png").exists()]
    print("| | |\n|---|---|")
    for row in _in_pairs(made):
        print(f"| {' | '.join(_cell(modality, name) for name in row)} |")


def _in_pairs(names: list[str]) -> Iterable[tuple[str, str]]:
    return zip(names[::2], [*names[1::2], ""], strict=False)


def _cell(modality: str, name: str) -> str:
    return f"`{name}` ![{name}](_static/gallery/{modality}-{name}.png)" if name else ""


@contextmanager
def told(what: str) -> Iterator[None]:
    """Print why there is none."""
    try:
        yield
    except ValueError as error:
        print(f"{what}: {error}", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modality", choices=REFERENCES)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--methods", nargs="+", help="only these")
    parser.add_argument("--seconds", type=float, default=20, help="for methods that work in steps")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the pictures as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables(options.modality)
        return
    torch.set_num_threads(1)
    names = options.methods or list(named_modality(options.modality).methods)
    name, load = REFERENCES[options.modality].name, LOADERS.get(options.modality, graphcond.datasets.load)
    dataset = load(name, options.root)
    for modality, name in row_file.wanted(ROWS, [(options.modality, name) for name in names], options.retake):
        portray(modality, name, dataset, options)


if __name__ == "__main__":
    main()
