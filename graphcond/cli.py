"""The command line: ``graphcond plan | condense | evaluate | bench | list | info | show | demo``.

Exit codes: 0 done, 1 the work failed, 2 the command or its input was wrong, 130 interrupted.
"""

import faulthandler
import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler

import graphcond
import recsys.cli
from graphcond.core.contents import explained
from graphcond.core.processes import Processes
from graphcond.datasets.entries import Entry
from graphcond.evaluation.bench import METHODS, MODEL_DEFAULTS, bench
from graphcond.evaluation.tables import render
from graphcond.planning.command import plan_command
from graphcond.terminal import (
    RATIO_DEFAULT,
    Device,
    Json,
    check_output,
    joined,
    names,
    print_json,
    progress_bar,
    record_table,
    write_result,
)

INPUT_ERRORS = (ValueError, TypeError, FileNotFoundError, FileExistsError, IsADirectoryError)
IMAGES_DEFAULT = 10  # of each class: a hundredth of MNIST would be slow to make

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Condense datasets.")
app.add_typer(recsys.cli.app, name="recsys")
app.command("plan")(plan_command)

Name = Annotated[str, typer.Argument(help="A dataset of `graphcond list`, or a folder of .npy files.")]
Root = Annotated[Path | None, typer.Option(help="Folder of raw data; else GRAPHCOND_DATA, else the cache.")]
Models = Annotated[str, typer.Option(help="Downstream models, separated by commas (default: gcn, gin, convnet).")]
Method = Annotated[
    str, typer.Option(help="A method of `graphcond list`, with settings if wished: 'gcond(inner_steps=10)'.")
]
Runs = Annotated[int, typer.Option(help="Trainings of each condensed dataset.")]
ProtocolName = Annotated[str, typer.Option("--protocol", help="standard or published.")]
Controls = Annotated[bool, typer.Option(help="Print controls beside the result.")]
SplitColumn = Annotated[int, typer.Option("--split", help="Which split, where a dataset has several.")]


@app.command()
def condense(
    name: Name,
    ratio: Annotated[
        float | None,
        typer.Option(help="Nodes out / all nodes, graphs or images out / training ones (default 0.01)."),
    ] = None,
    num_nodes: Annotated[int | None, typer.Option(help="Number of synthetic nodes.")] = None,
    nodes_per_class: Annotated[int | None, typer.Option(help="Number of synthetic nodes of each class.")] = None,
    ratio_of: Annotated[str, typer.Option(help="What the ratio counts against: nodes or train.")] = "nodes",
    num_graphs: Annotated[int | None, typer.Option(help="Number of synthetic graphs.")] = None,
    graphs_per_class: Annotated[int | None, typer.Option(help="Number of synthetic graphs of each class.")] = None,
    max_bytes: Annotated[int | None, typer.Option(help="Bytes that the synthetic graphs may take.")] = None,
    num_images: Annotated[int | None, typer.Option(help="Number of synthetic images.")] = None,
    per_class: Annotated[
        int | None, typer.Option(help=f"Number of synthetic images of each class (default {IMAGES_DEFAULT}).")
    ] = None,
    method: Method = "auto",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write a safetensors file.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
    inductive: Annotated[bool | None, typer.Option(help="Condense the training subgraph only.")] = None,
    split: SplitColumn = 0,
    seed: Annotated[int, typer.Option(help="Seed of the condensation.")] = 0,
    device: Device = "cpu",
    checkpoint: Annotated[
        Path | None, typer.Option(help="Keep the state of long work here, and go on from it.")
    ] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Stop long work after so many seconds.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory the process may take for nodes, such as 4GB.")] = None,
    root: Root = None,
    evaluate: Annotated[bool, typer.Option(help="Train on the result and judge on the original.")] = True,
    models: Models = "",
    runs: Runs = 3,
    protocol: ProtocolName = "standard",
    controls: Controls = True,
    as_json: Json = False,
) -> None:
    """Condense a dataset, and judge the result beside its controls."""
    check_output(output, overwrite=overwrite, checkpoint=checkpoint)
    entry = graphcond.datasets.entry(name)
    dataset = Processes.current().after_first(lambda: graphcond.datasets.load(name, root))
    conditions: dict[str, Any] = {
        "method": method, "seed": seed, "device": device, "checkpoint": checkpoint, "max_seconds": max_seconds,
    }  # fmt: skip
    sizes: dict[str, Any] = {
        "num_nodes": num_nodes, "nodes_per_class": nodes_per_class,
        "num_graphs": num_graphs, "graphs_per_class": graphs_per_class, "max_bytes": max_bytes,
    }  # fmt: skip
    of_images: dict[str, Any] = {"num_images": num_images, "per_class": per_class}
    unsized = ratio is None and not any((sizes | of_images).values()) and METHODS[entry.task](method).sized
    with progress_bar("step") as progress:
        if entry.task == "images":
            _refuse(sizes, "images", of_images)
            of_images = {"per_class": IMAGES_DEFAULT} if unsized else of_images
            small = graphcond.condense_images(dataset, ratio, **of_images, progress=progress, **conditions)
        else:
            _refuse(of_images, entry.task, sizes)
            small = graphcond.condense(
                dataset,
                RATIO_DEFAULT if unsized else ratio,
                **sizes,
                ratio_of=ratio_of,  # type: ignore[arg-type]  # checked by condense
                inductive=entry.inductive if inductive is None else inductive,
                memory=memory,
                split=split,
                progress=progress,
                **conditions,
            )
    if Processes.current().rank:
        return  # the first process writes, judges and prints
    if output is not None:
        write_result(small, output, overwrite=overwrite, checkpoint=checkpoint)
    report = None
    if evaluate:
        with progress_bar() as progress:
            report = graphcond.evaluate(
                small, dataset, _names(models, entry), protocol=protocol, runs=runs, controls=controls,
                metric=entry.metric, device=device, progress=progress,
            )  # fmt: skip
    if as_json:
        print_json({"record": json.loads(small.record.to_json()), "report": report and report.to_dict()})
        return
    typer.echo(_summary(small))
    if output is not None:
        typer.echo(f"written to {output}")
    if report is not None:
        typer.echo(f"\n{report}")


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="A file that `graphcond condense -o` wrote.")],
    name: Name,
    models: Models = "",
    runs: Runs = 3,
    protocol: ProtocolName = "standard",
    controls: Controls = True,
    device: Device = "cpu",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Train on a condensed dataset and judge on the original, with controls beside it."""
    small = graphcond.load(file)
    entry = graphcond.datasets.entry(name)
    dataset = graphcond.datasets.load(name, root)
    with progress_bar() as progress:
        report = graphcond.evaluate(
            small, dataset, _names(models, entry), protocol=protocol, runs=runs, controls=controls,
            metric=entry.metric, device=device, progress=progress,
        )  # fmt: skip
    typer.echo(report.to_json() if as_json else str(report))


@app.command("bench")
def bench_(
    datasets: Annotated[list[str], typer.Argument(help="Datasets of `graphcond list`.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A file of JSON lines; what it has is not done again.")
    ],
    methods: Annotated[
        str, typer.Option(help="Methods, separated by commas, as of `condense`; `whole` is the original.")
    ] = "auto,random",
    sizes: Annotated[
        str, typer.Option(help="Such as 35 (nodes, graphs, images), 0.01 (ratio), 10/class, 10kB.")
    ] = "0.01",
    seeds: Annotated[int, typer.Option(help="Condensations of each kind.")] = 3,
    runs: Runs = 1,
    models: Models = "",
    protocol: ProtocolName = "standard",
    workers: Annotated[int, typer.Option(help="Condensations under way at a time.")] = 1,
    engine: Annotated[str, typer.Option(help="local, ray, or auto: Ray if it is installed.")] = "auto",
    threads: Annotated[int, typer.Option(help="Threads of each worker.")] = 1,
    device: Device = "cpu",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Compare methods on datasets, over sizes, seeds and models; stopped, it goes on when it is started again."""
    with progress_bar("condensation") as progress:
        report = bench(
            datasets, output, methods=names(methods), sizes=names(sizes), seeds=seeds, runs=runs,
            models=names(models) or None, protocol=protocol, root=root, device=device, workers=workers,
            engine=engine,  # type: ignore[arg-type]  # checked by bench
            threads=threads, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json(report.to_dict())
    else:
        typer.echo(str(report))
    if report.failures:
        raise SystemExit(1)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List datasets and methods."""
    entries = graphcond.datasets.list_datasets()
    methods, graph_methods = graphcond.list_methods(), graphcond.list_methods("graphs")
    image_methods = graphcond.list_methods("images")
    user_methods = recsys.list_methods()
    if as_json:
        datasets = [{"name": e.name, "description": e.description, "task": e.task, "metric": e.metric} for e in entries]
        print_json(
            {
                "datasets": datasets,
                "methods": methods,
                "graph_methods": graph_methods,
                "image_methods": image_methods,
                "interaction_methods": user_methods,
            }
        )
        return
    sizes = [
        (e.name, e.description, *(f"{n:,}" for n in (e.num_graphs, e.num_nodes, e.num_edges, e.num_classes)))
        for e in entries
        if e.image_shape is None
    ]
    typer.echo(render("datasets of graphs", ("name", "what", "graphs", "nodes", "edges", "classes"), sizes))
    pictures = [
        (e.name, e.description, f"{e.num_images:,}", " x ".join(map(str, e.image_shape)), f"{e.num_classes:,}")
        for e in entries
        if e.image_shape is not None
    ]
    typer.echo("\n" + render("datasets of images", ("name", "what", "images", "shape", "classes"), pictures))
    typer.echo("\n" + render("methods for nodes", ("name", "what"), list(methods.items())))
    typer.echo("\n" + render("methods for graphs", ("name", "what"), list(graph_methods.items())))
    typer.echo("\n" + render("methods for images", ("name", "what"), list(image_methods.items())))
    typer.echo("\n" + render("methods for interactions", ("name", "what"), list(user_methods.items())))


@app.command()
def info(
    file: Annotated[Path, typer.Argument(help="A file that `graphcond condense -o` wrote.")], as_json: Json = False
) -> None:
    """Print the record of a condensed dataset."""
    small = graphcond.load(file)
    if as_json:
        print_json(json.loads(small.record.to_json()))
        return
    with explained(file):
        typer.echo(_summary(small))
    typer.echo("\n" + record_table(small.record))
    for note in small.record.notes:
        typer.echo(f"note: {note}")


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A file that `graphcond condense -o` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write (.png, .svg, .pdf).")],
    name: Annotated[str | None, typer.Option("--dataset", help="The original; default: as recorded.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
    root: Root = None,
) -> None:
    """Draw the condensed graph beside its features among the original's, or the condensed images as a grid."""
    from graphcond.plotting import draw, draw_images

    check_output(output, overwrite=overwrite)
    small = graphcond.load(file)
    if small.has_images:
        draw_images(small, output, overwrite=overwrite)
        typer.echo(f"written to {output}")
        return
    known = {entry.name for entry in graphcond.datasets.list_datasets()}
    recorded = str(small.record.source.get("name", "")).lower().replace("_", "-")
    original = name or (recorded if recorded in known else None)
    dataset = graphcond.datasets.load(original, root) if original else None
    draw(small, output, dataset=dataset, overwrite=overwrite)
    typer.echo(f"written to {output}")


@app.command()
def demo(runs: Runs = 3, models: Models = "", as_json: Json = False) -> None:
    """Run the main job on the CiteSeer that is inside the package: condense, train, judge, compare."""
    condense("citeseer", ratio=0.009, runs=runs, models=models, as_json=as_json)


def _refuse(sizes: dict[str, Any], kind: str, instead: dict[str, Any]) -> None:
    for name, value in sizes.items():
        if value is not None:
            options = ", ".join(f"--{other.replace('_', '-')}" for other in ("ratio", *instead))
            raise ValueError(f"--{name.replace('_', '-')} makes no sense for {kind}; give one of {options}")


def _summary(small: graphcond.CondensedDataset) -> str:
    record = small.record
    source, spent = record.source, record.budget["spent"]
    size = f"{spent['bytes'] / 1000:,.{0 if spent['bytes'] >= 10_000 else 1}f} kB by {record.method} in"
    if small.has_images:
        return (
            f"{source['name']}: {source['num_images']:,} training images -> {spent['images']:,} images, {size} "
            f"{record.seconds:.2f} s"
        )
    before, after = f"{source['num_nodes']:,} nodes", f"{spent['nodes']:,} nodes"
    if small.has_graphs:
        before, after = f"{source['num_graphs']:,} training graphs, {before}", f"{spent['graphs']:,} graphs, {after}"
    return (
        f"{source['name']}: {before}, {source['num_edges']:,} edges -> {after}, {spent['edges']:,} edges, {size} "
        f"{record.seconds:.2f} s"
    )


def _names(text: str, entry: Entry) -> list[str]:
    return names(text) or [MODEL_DEFAULTS[entry.task]]


def main() -> None:
    """Run the command line; known errors become one sentence and an exit code."""
    handler = RichHandler(console=Console(stderr=True), show_time=False, show_path=False, show_level=False)
    if sys.__stderr__ is not None and not faulthandler.is_enabled():
        faulthandler.enable(sys.__stderr__)  # a mapped file that somebody cuts off ends the process: not without a word
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format="note: %(message)s")
    try:
        with joined():
            app()
    except INPUT_ERRORS as error:
        typer.echo(f"graphcond: {error}", err=True)
        raise SystemExit(2) from error
    except (OSError, ImportError) as error:
        typer.echo(f"graphcond: {error}", err=True)
        raise SystemExit(1) from error
    except KeyboardInterrupt as error:
        typer.echo("graphcond: interrupted", err=True)
        raise SystemExit(130) from error


if __name__ == "__main__":
    main()
