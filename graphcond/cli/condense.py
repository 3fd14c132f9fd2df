"""The commands ``graphcond condense`` and ``graphcond plan``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphcond import command_options as options
from graphcond.terminal import (
    check_output,
    deliver,
    go_on_from,
    interruptible,
    print_json,
    summary,
)

if TYPE_CHECKING:
    from graphcond.core.size import Size
    from graphcond.datasets.entries import Entry


def condense(
    name: options.Name,
    ratio: options.Ratio = None,
    size: options.SizeText = None,
    method: options.Method = "auto",
    output: options.Output = None,
    overwrite: options.Overwrite = False,
    split: Annotated[int | None, typer.Option(help="Which split, where a dataset has several.")] = None,
    inductive: options.Inductive = None,
    features: Annotated[str | None, typer.Option(help="What is made of edges, where nodes have no features.")] = None,
    seed: options.Seed = 0,
    device: options.Device = "cpu",
    checkpoint: options.CheckpointFile = None,
    max_seconds: options.MaxSeconds = None,
    memory: options.Memory = None,
    root: options.Root = None,
    as_json: options.Json = False,
) -> None:
    """Condense a dataset."""
    import graphcond
    from graphcond import Run
    from graphcond.core.runtime.processes import Processes
    from graphcond.recognition import named_modality

    check_output(output, overwrite=overwrite, checkpoint=checkpoint)
    run = Run(checkpoint=checkpoint, max_seconds=max_seconds, memory=memory)
    entry = graphcond.datasets.entry(name)
    modality = named_modality(entry.task)
    modality.check_reading(split=split, inductive=inductive, features=features)
    asked = asked_or_usual(ratio, size, entry, method)
    dataset = Processes.current().after_first(lambda: graphcond.datasets.load(name, root))
    if inductive is None and "inductive" in modality.reading:
        inductive = entry.inductive
    with interruptible(lambda: go_on_from(checkpoint)):
        task = graphcond.read(dataset, split=split, inductive=inductive, features=features)
        small = graphcond.condense(task, size=asked, method=method, seed=seed, device=device, run=run)
    deliver(
        small,
        output,
        overwrite=overwrite,
        checkpoint=checkpoint,
        as_json=as_json,
        evaluate=["evaluate", str(output), name],
    )


def plan(
    name: options.Name,
    ratio: options.Ratio = None,
    size: options.SizeText = None,
    method: options.Method = "auto",
    inductive: options.Inductive = None,
    memory: options.Memory = None,
    as_json: options.Json = False,
) -> None:
    """Tell the time, memory and disk that a condensation of nodes will take, before anything is loaded."""
    import graphcond
    from graphcond import Run
    from graphcond.recognition import named_modality

    entry = graphcond.datasets.entry(name)
    if inductive is None and "inductive" in named_modality(entry.task).reading:
        inductive = entry.inductive
    expected = graphcond.plan(
        name,
        size=asked_or_usual(ratio, size, entry, method),
        method=method,
        inductive=inductive,
        run=Run(memory=memory),
    )
    if as_json:
        print_json(expected.to_dict())
    else:
        typer.echo(str(expected))


def asked_or_usual(ratio: float | None, size: str | None, entry: "Entry", method: str) -> "Size":
    """Return the size that two options ask for; where they ask for none, the usual one, if the method takes one."""
    from graphcond.core.size import asked_size
    from graphcond.recognition import named_modality

    modality = named_modality(entry.task)
    sized = modality.methods.resolve(method).sized
    if ratio is None and size is None and sized:
        return modality.usual_size
    return asked_size(ratio, size, needed=sized)


def info(file: options.File, as_json: options.Json = False) -> None:
    """Print the record of a condensed dataset."""
    import graphcond
    from graphcond.core.runtime.contents import explained
    from graphcond.terminal import print_record

    small = graphcond.load(file)
    if as_json:
        print_json(json.loads(small.record.to_json()))
        return
    with explained(file):
        described = summary(small)
    print_record(small.record, described)


def show(
    file: options.File,
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write (.png, .svg, .pdf).")],
    name: Annotated[str | None, typer.Option("--dataset", help="The original; default: as recorded.")] = None,
    overwrite: options.Overwrite = False,
    root: options.Root = None,
) -> None:
    """Draw condensed nodes of one type or several (how they are linked, and a map), graphs, or images as a grid."""
    import graphcond
    from graphcond.plotting import draw

    check_output(output, overwrite=overwrite, inputs=(file,))
    small = graphcond.load(file)
    known = {entry.name for entry in graphcond.datasets.list_datasets()}
    recorded = str(small.record.source.get("name", "")).lower().replace("_", "-")
    dataset = None
    if name is not None:
        dataset = graphcond.datasets.load(name, root)
    elif recorded in known:
        dataset = _recorded(recorded, root)
    draw(small, output, dataset=dataset, overwrite=overwrite)  # type: ignore[arg-type]  # others are answered there
    typer.echo(f"written to {output}")


def _recorded(name: str, root: Path | None) -> object | None:
    """Return the original that a record names, where it can be loaded: a picture without it says less, and is one."""
    import graphcond

    try:
        dataset: object = graphcond.datasets.load(name, root)
    except (OSError, ValueError, ImportError) as error:
        typer.echo(f"note: drawn without the original, {name}, which cannot be loaded: {error}", err=True)
        return None
    return dataset
