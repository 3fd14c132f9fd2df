"""The commands ``graphcond evaluate``, ``graphcond report``, ``graphcond bench`` and ``graphcond demo``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from graphcond import command_options as options
from graphcond.terminal import check_output, command_line, interruptible, names, print_json, summary

DEMO = "citeseer"
DEMO_RATIO = 0.009


def evaluate(
    file: options.File,
    name: options.Name,
    models: options.Models = None,
    runs: options.Runs = None,
    protocol: options.UsualProtocolText = None,
    controls: options.Controls = True,
    seed: Annotated[int, typer.Option(help="First seed of the trainings.")] = 0,
    device: options.Device = "cpu",
    root: options.Root = None,
    as_json: options.Json = False,
) -> None:
    """Train on a condensed dataset and evaluate on the original, with controls beside it."""
    import graphcond

    dataset = graphcond.datasets.load(name, root)
    report = _evaluated(graphcond.load(file), dataset, models, protocol, runs, controls, seed, device)
    typer.echo(report.to_json() if as_json else str(report))


def report(
    file: options.File,
    name: options.Name,
    output: options.Page,
    models: options.Models = None,
    runs: options.Runs = None,
    protocol: options.UsualProtocolText = None,
    controls: options.Controls = True,
    scores: options.Scores = True,
    overwrite: options.Overwrite = False,
    device: options.Device = "cpu",
    root: options.Root = None,
) -> None:
    """Write a page of HTML on a condensed dataset: how it was made, costs, scores beside controls, pictures."""
    import graphcond
    from graphcond.core.runtime.memory import bytes_in_words
    from graphcond.html_report import check_installed

    check_output(output, overwrite=overwrite, inputs=(file,))
    for asked, value in (("models", models), ("runs", runs), ("protocol", protocol)):
        if value is not None and not scores:
            raise ValueError(f"--{asked} is for scores; leave --no-scores out")
    small, dataset = graphcond.load(file), graphcond.datasets.load(name, root)
    check_installed(small.modality)  # before anything is trained
    evaluation: Any = False
    if scores:
        evaluation = _evaluated(small, dataset, models, protocol, runs, controls, 0, device)
    small.report(dataset, output, evaluation=evaluation, overwrite=overwrite)
    typer.echo(f"written to {output} ({bytes_in_words(output.stat().st_size)}); open it in a browser")


def bench(
    datasets: Annotated[
        list[str], typer.Argument(help="Datasets of `graphcond list`.", autocompletion=options.dataset_names)
    ],
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
    runs: options.Runs = None,
    models: options.Models = None,
    protocol: options.ProtocolText = "standard(runs=1)",
    workers: Annotated[int, typer.Option(help="Condensations under way at a time.")] = 1,
    engine: Annotated[str, typer.Option(help="local, ray, or auto: Ray if it is installed.")] = "auto",
    threads: Annotated[int, typer.Option(help="Threads of each worker.")] = 1,
    device: options.Device = "cpu",
    root: options.Root = None,
    as_json: options.Json = False,
) -> None:
    """Compare methods on datasets, over sizes, seeds and models; stopped, it goes on when it is started again."""
    from graphcond.evaluation import Workers
    from graphcond.evaluation import bench as run_bench

    with interruptible(lambda: f"go on with: {command_line()}"):
        report = run_bench(
            datasets,
            output,
            methods=names(methods),
            sizes=names(sizes),
            seeds=seeds,
            models=_named(models),
            protocol=_with_runs(protocol, runs),
            workers=Workers(
                engine=engine,  # type: ignore[arg-type]  # checked there
                number=workers, threads=threads, device=device, root=root,
            ),
        )  # fmt: skip
    if as_json:
        print_json(report.to_dict())
    else:
        typer.echo(str(report))
    if report.failures:
        raise SystemExit(1)


def demo(runs: options.Runs = None, models: options.Models = None, as_json: options.Json = False) -> None:
    """Run the main job on the CiteSeer that is inside the package: condense, train, evaluate, compare."""
    import json

    import graphcond

    dataset = graphcond.datasets.load(DEMO)
    small = graphcond.condense(dataset, DEMO_RATIO)
    report = graphcond.evaluate(small, dataset, _named(models), protocol=_with_runs("standard", runs))
    if as_json:
        print_json({"record": json.loads(small.record.to_json()), "report": report.to_dict()})
        return
    typer.echo(f"{summary(small)}\n\n{report}")


def _evaluated(
    small: Any,  # noqa: ANN401
    dataset: object, models: str | None, protocol: str | None, runs: int | None, controls: bool, seed: int,
    device: str,
) -> Any:  # noqa: ANN401 (of any modality)  # fmt: skip
    import graphcond
    from graphcond.evaluation.evaluations import evaluation_of

    if protocol is None and runs is not None:
        protocol = evaluation_of(small.modality).usual_protocol([small.record])
    chosen = None if protocol is None else _with_runs(protocol, runs)
    return graphcond.evaluate(
        small, dataset, _named(models), protocol=chosen, controls=controls, seed=seed, device=device
    )


def _named(models: str | None) -> list[str] | None:
    return None if models is None else names(models)


def _with_runs(protocol: str, runs: int | None) -> str:
    from graphcond.core.settings import with_settings

    return protocol if runs is None else with_settings(protocol, "protocol", runs=runs)
