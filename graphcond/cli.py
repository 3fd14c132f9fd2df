"""The command line: ``graphcond plan | condense | evaluate | bench | list | info | show | demo``.

Exit codes: 0 done, 1 the work failed, 2 the command or its input was wrong, 130 interrupted.
"""

import faulthandler
import inspect
import json
import logging
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from typer.models import OptionInfo

import graphcond
import recsys.cli
from graphcond.core.evaluation.tables import render
from graphcond.core.method_lines import method_lines
from graphcond.datasets.entries import Entry
from graphcond.planning.command import plan_command
from graphcond.terminal import (
    INTERRUPTED,
    PROGRAM,
    RATIO_DEFAULT,
    Commands,
    Device,
    Json,
    NoteHandler,
    check_output,
    command_line,
    go_on_from,
    in_command_words,
    interruptible,
    joined,
    names,
    print_ending,
    print_json,
    print_record,
    print_result,
    write_result,
)

if TYPE_CHECKING:
    from graphcond.core.evaluation.report import Report

INPUT_ERRORS = (ValueError, TypeError, FileNotFoundError, FileExistsError, IsADirectoryError)
IMAGES_DEFAULT = 10  # of each class: a hundredth of MNIST would be slow to make
SIZES = {
    "nodes": ("ratio", "num_nodes", "nodes_per_class"),
    "graphs": ("ratio", "num_graphs", "graphs_per_class", "max_bytes"),
    "images": ("ratio", "num_images", "per_class"),
}
"""By what the size of each kind of dataset is asked."""
OTHERS = {"nodes": ("ratio_of", "inductive", "split", "memory"), "graphs": ("split",), "images": ()}
"""What else each kind takes, and not all others do."""

METHOD_PACKAGES = ("graphcond.nodes.methods", "graphcond.graphs.methods", "graphcond.images.methods", "recsys.methods")

app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Condense datasets."
)
app.add_typer(recsys.cli.app, name="recsys")
app.command("plan")(plan_command)

Name = Annotated[str, typer.Argument(help="A dataset of `graphcond list`, or a folder of .npy files.")]
Root = Annotated[Path | None, typer.Option(help="Folder of raw data; else GRAPHCOND_DATA, else the cache.")]
Models = Annotated[
    str | None, typer.Option(help="Downstream models, separated by commas (default: gcn, gin, convnet).")
]
Method = Annotated[
    str, typer.Option(help="A method of `graphcond list`, with settings if wished: 'gcond(inner_steps=10)'.")
]
Runs = Annotated[int, typer.Option(help="Trainings of each condensed dataset.")]
ProtocolName = Annotated[str, typer.Option("--protocol", help="standard or published.")]
Controls = Annotated[bool, typer.Option(help="Print controls beside the result.")]
SplitColumn = Annotated[int | None, typer.Option("--split", help="Which split, where a dataset has several.")]


@app.command()
def condense(
    name: Name,
    ratio: Annotated[
        float | None,
        typer.Option(help="Nodes out / all nodes, graphs or images out / training ones (default 0.01)."),
    ] = None,
    num_nodes: Annotated[int | None, typer.Option(help="Number of synthetic nodes.")] = None,
    nodes_per_class: Annotated[int | None, typer.Option(help="Number of synthetic nodes of each class.")] = None,
    ratio_of: Annotated[str | None, typer.Option(help="What the ratio counts against: nodes (default), train.")] = None,
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
    split: SplitColumn = None,
    seed: Annotated[int, typer.Option(help="Seed of the condensation.")] = 0,
    device: Device = "cpu",
    checkpoint: Annotated[
        Path | None, typer.Option(help="Keep the state of long work here, and go on from it.")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(help="Stop after so many seconds, and give the best so far.")
    ] = None,
    memory: Annotated[str | None, typer.Option(help="Memory the process may take for nodes, such as 4GB.")] = None,
    root: Root = None,
    evaluate: Annotated[bool, typer.Option(help="Train on the result and judge on the original.")] = True,
    models: Models = None,
    runs: Runs = 3,
    protocol: ProtocolName = "standard",
    controls: Controls = True,
    as_json: Json = False,
) -> None:
    """Condense a dataset, and judge the result beside its controls."""
    from graphcond.core.runtime.processes import Processes
    from graphcond.evaluation.bench import check_judging

    check_output(output, overwrite=overwrite, checkpoint=checkpoint)
    entry = graphcond.datasets.entry(name)
    given = {
        "ratio": ratio, "num_nodes": num_nodes, "nodes_per_class": nodes_per_class, "num_graphs": num_graphs,
        "graphs_per_class": graphs_per_class, "max_bytes": max_bytes, "num_images": num_images, "per_class": per_class,
        "ratio_of": ratio_of, "inductive": inductive, "split": split, "memory": memory,
    }  # fmt: skip
    asked = _asked({name: value for name, value in given.items() if value is not None}, entry, method)
    judging: dict[str, Any] = {
        "models": _names(models, entry), "protocol": protocol, "runs": runs, "controls": controls, "device": device,
    }  # fmt: skip
    if evaluate:
        check_judging(entry.task, judging["models"], protocol, runs)
    dataset = Processes.current().after_first(lambda: graphcond.datasets.load(name, root))
    make = graphcond.condense_images if entry.task == "images" else graphcond.condense
    with interruptible(lambda: go_on_from(checkpoint)):
        small = make(
            dataset, **asked, method=method, seed=seed, device=device, checkpoint=checkpoint, max_seconds=max_seconds,
        )  # fmt: skip
    if Processes.current().rank:
        return  # the first process writes, judges and prints
    if output is not None:
        write_result(small, output, overwrite=overwrite, checkpoint=checkpoint)
    with interruptible(lambda: _judge_later(output, name)):
        report = _report(small, dataset, entry, judging) if evaluate else None
    if as_json:
        print_json({"record": json.loads(small.record.to_json()), "report": report and report.to_dict()})
        return
    print_result(_summary(small), output, report)
    print_ending(small.record, checkpoint, () if output is None or overwrite else ("--overwrite",))


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="A file that `graphcond condense -o` wrote.")],
    name: Name,
    models: Models = None,
    runs: Runs = 3,
    protocol: ProtocolName = "standard",
    controls: Controls = True,
    device: Device = "cpu",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Train on a condensed dataset and judge on the original, with controls beside it."""
    from graphcond.evaluation.bench import check_judging

    small = graphcond.load(file)
    entry = graphcond.datasets.entry(name)
    judging: dict[str, Any] = {
        "models": _names(models, entry), "protocol": protocol, "runs": runs, "controls": controls, "device": device,
    }  # fmt: skip
    check_judging(entry.task, judging["models"], protocol, runs)
    report = _report(small, graphcond.datasets.load(name, root), entry, judging)
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
    models: Models = None,
    protocol: ProtocolName = "standard",
    workers: Annotated[int, typer.Option(help="Condensations under way at a time.")] = 1,
    engine: Annotated[str, typer.Option(help="local, ray, or auto: Ray if it is installed.")] = "auto",
    threads: Annotated[int, typer.Option(help="Threads of each worker.")] = 1,
    device: Device = "cpu",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Compare methods on datasets, over sizes, seeds and models; stopped, it goes on when it is started again."""
    from graphcond.evaluation import bench

    with interruptible(lambda: f"go on with: {command_line()}"):
        report = bench(
            datasets, output, methods=names(methods), sizes=names(sizes), seeds=seeds, runs=runs,
            models=None if models is None else names(models), protocol=protocol, root=root, device=device,
            engine=engine,  # type: ignore[arg-type]  # checked by bench
            workers=workers, threads=threads,
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
    methods, graph_methods, image_methods, user_methods = (method_lines(package) for package in METHOD_PACKAGES)
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
    from graphcond.core.runtime.contents import explained

    with explained(file):
        summary = _summary(small)
    print_record(small.record, summary)


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
    if small.modality == "images":
        draw_images(small, output, overwrite=overwrite)
        typer.echo(f"written to {output}")
        return
    known = {entry.name for entry in graphcond.datasets.list_datasets()}
    recorded = str(small.record.source.get("name", "")).lower().replace("_", "-")
    original = recorded if name is None and recorded in known else name
    dataset = None if original is None else graphcond.datasets.load(original, root)
    draw(small, output, dataset=dataset, overwrite=overwrite)
    typer.echo(f"written to {output}")


@app.command()
def demo(runs: Runs = 3, models: Models = None, as_json: Json = False) -> None:
    """Run the main job on the CiteSeer that is inside the package: condense, train, judge, compare."""
    condense("citeseer", ratio=0.009, runs=runs, models=models, as_json=as_json)


def _asked(given: dict[str, Any], entry: Entry, method: str) -> dict[str, Any]:
    """Return what was given of what a kind of dataset takes, and a size where none was.

    Raises:
        ValueError: something was given that such a dataset does not take.
    """
    from graphcond.evaluation.bench import METHODS

    sizes, others = SIZES[entry.task], OTHERS[entry.task]
    for name, value in given.items():
        if name not in (*sizes, *others):
            apart = any(name in names for names in OTHERS.values())
            options = ", ".join(f"--{size.replace('_', '-')}" for size in sizes)
            remedy = "leave it out" if apart else f"give one of {options}"
            option = name.replace("_", "-")
            shown = f"--{option}={value}" if not isinstance(value, bool) else f"--{'' if value else 'no-'}{option}"
            raise ValueError(f"{shown} makes no sense for {entry.task}; {remedy}")
    if not any(name in given for name in sizes) and METHODS[entry.task](method).sized:
        given = given | ({"per_class": IMAGES_DEFAULT} if entry.task == "images" else {"ratio": RATIO_DEFAULT})
    return {"inductive": entry.inductive} | given if entry.task == "nodes" else given


def _report(small: "graphcond.CondensedDataset", dataset: object, entry: Entry, judging: dict[str, Any]) -> "Report":
    return graphcond.evaluate(small, dataset, metric=entry.metric, **judging)


def _judge_later(output: Path | None, name: str) -> str:
    if output is None:
        return f"nothing was kept, --output FILE would; start again with: {command_line()}"
    return f"the result is in {output}; judge it with: {shlex.join([PROGRAM, 'evaluate', str(output), str(name)])}"


def _summary(small: "graphcond.CondensedDataset") -> str:
    record = small.record
    source, spent = record.source, record.budget["spent"]
    size = f"{spent['bytes'] / 1000:,.{0 if spent['bytes'] >= 10_000 else 1}f} kB by {record.method} in"
    if small.modality == "images":
        return (
            f"{source['name']}: {source['num_images']:,} training images -> {spent['images']:,} images, {size} "
            f"{record.seconds:.2f} s"
        )
    before, after = f"{source['num_nodes']:,} nodes", f"{spent['nodes']:,} nodes"
    if small.modality == "graphs":
        before, after = f"{source['num_graphs']:,} training graphs, {before}", f"{spent['graphs']:,} graphs, {after}"
    return (
        f"{source['name']}: {before}, {source['num_edges']:,} edges -> {after}, {spent['edges']:,} edges, {size} "
        f"{record.seconds:.2f} s"
    )


def _names(text: str | None, entry: Entry) -> list[str]:
    from graphcond.evaluation.bench import MODEL_DEFAULTS

    return [MODEL_DEFAULTS[entry.task]] if text is None else names(text)


def _options(commands: typer.Typer = app) -> set[str]:
    """Return the names of the options of all commands, as Python has them."""
    found: set[str] = set()
    for command in commands.registered_commands:
        if command.callback is None:
            continue
        for name, parameter in inspect.signature(command.callback).parameters.items():
            for made in get_args(parameter.annotation)[1:]:
                if isinstance(made, OptionInfo):  # its words come first, where it is not called as in Python
                    called = [word for word in (made.default, *(made.param_decls or ())) if str(word).startswith("--")]
                    found |= {name} if not called or f"--{name.replace('_', '-')}" in called else set()
    for group in commands.registered_groups:
        found |= set() if group.typer_instance is None else _options(group.typer_instance)
    return found


def main() -> None:
    """Run the command line; known errors become one sentence and an exit code."""
    if sys.__stderr__ is not None and not faulthandler.is_enabled():
        faulthandler.enable(sys.__stderr__)  # a mapped file that somebody cuts off ends the process: not without a word
    logging.basicConfig(level=logging.WARNING, handlers=[NoteHandler()], format="note: %(message)s")
    try:
        with joined():
            app()
    except INPUT_ERRORS as error:
        typer.echo(f"{PROGRAM}: {in_command_words(str(error), _options())}", err=True)
        raise SystemExit(2) from error
    except (OSError, ImportError) as error:
        typer.echo(f"{PROGRAM}: {error}", err=True)
        raise SystemExit(1) from error
    except KeyboardInterrupt as error:  # before or after the command itself
        typer.echo(f"{PROGRAM}: interrupted; start again with: {command_line()}", err=True)
        raise SystemExit(INTERRUPTED) from error


if __name__ == "__main__":
    main()
