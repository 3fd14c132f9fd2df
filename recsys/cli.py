"""The commands for implicit feedback: ``graphcond recsys condense | evaluate | report | audit | info | export``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import recsys
from graphcond.command_options import (
    CheckpointFile,
    Controls,
    Device,
    Json,
    MaxSeconds,
    Output,
    Overwrite,
    Page,
    Scores,
    Seed,
)
from graphcond.terminal import (
    check_output,
    deliver,
    go_on_from,
    interruptible,
    names,
    print_json,
    print_record,
    summary,
)

if TYPE_CHECKING:
    from recsys.data.split import Split

SPLITS = ("random", "leave_one_out", "temporal", "strong", "whole")
USERS_DEFAULT = 500

app = typer.Typer(no_args_is_help=True, help="Implicit feedback: condense users, train recommenders on them.")

Source = Annotated[Path, typer.Argument(help="A csv, tsv, parquet or .inter file, or the folder of an archive.")]
File = Annotated[Path, typer.Argument(help="A file that `graphcond recsys condense -o` wrote.")]
SplitName = Annotated[
    str | None,
    typer.Option(
        "--split", help=f"How a file is split: {', '.join(SPLITS)} (default {SPLITS[0]}; whole: no test part)."
    ),
]
SplitSeed = Annotated[int, typer.Option(help="Seed of the split.")]
Columns = Annotated[
    str | None,
    typer.Option(help="Columns of a file by name or place (from 0): user=...,item=...,weight=...,time=..."),
]
MinWeight = Annotated[float | None, typer.Option(help="Only interactions of at least this weight count.")]
Models = Annotated[str, typer.Option(help="infinite_ae, ease, als, item_knn, bpr, popularity, separated by commas.")]
Convention = Annotated[str, typer.Option(help="What metrics mean: distill_cf, implicit, recbole.")]


@app.command()
def condense(
    source: Source,
    users: Annotated[
        int | None, typer.Option(help=f"Number of synthetic users (default {USERS_DEFAULT} or all).")
    ] = None,
    ratio: Annotated[float | None, typer.Option(help="Synthetic users / users.")] = None,
    interactions: Annotated[int | None, typer.Option(help="Number of binary interactions of all of them.")] = None,
    method: Annotated[
        str, typer.Option(help="A method of `graphcond list`, with settings if wished: 'distill_cf(steps=100)'.")
    ] = "distill_cf",
    output: Output = None,
    overwrite: Overwrite = False,
    min_weight: MinWeight = None,
    columns: Columns = None,
    split: SplitName = None,
    split_seed: SplitSeed = 0,
    seed: Seed = 0,
    device: Device = "cpu",
    checkpoint: CheckpointFile = None,
    max_seconds: MaxSeconds = None,
    as_json: Json = False,
) -> None:
    """Condense the training part of interactions."""
    from graphcond.core.run import Run

    check_output(output, overwrite=overwrite, checkpoint=checkpoint, inputs=(source,))
    run = Run(checkpoint=checkpoint, max_seconds=max_seconds)
    whole = _read(source, split, split_seed, min_weight, columns)
    if users is None and ratio is None and interactions is None:
        users = min(USERS_DEFAULT, whole.train.shape[0])
    with interruptible(lambda: go_on_from(checkpoint)):
        small = recsys.condense(
            whole, ratio, users=users, interactions=interactions, method=method, seed=seed, device=device, run=run
        )
    made = {"--min-weight": min_weight, "--columns": columns, "--split": split, "--split-seed": split_seed or None}
    same = [word for name, value in made.items() if value is not None for word in (name, str(value))]
    deliver(
        small,
        output,
        overwrite=overwrite,
        checkpoint=checkpoint,
        as_json=as_json,
        evaluate=["recsys", "evaluate", str(output), str(source), *same],
    )


@app.command()
def evaluate(
    file: File,
    source: Source,
    models: Models = "infinite_ae",
    controls: Controls = True,
    convention: Convention = "distill_cf",
    min_weight: MinWeight = None,
    columns: Columns = None,
    split: SplitName = None,
    split_seed: SplitSeed = 0,
    as_json: Json = False,
) -> None:
    """Train recommenders on condensed users and evaluate them on the original's test part, split as for condensing."""
    small, whole = recsys.load(file), _read(source, split, split_seed, min_weight, columns)
    report = recsys.evaluate(small, whole, names(models), controls=controls, convention=convention)
    typer.echo(report.to_json() if as_json else str(report))


@app.command()
def report(
    file: File,
    source: Source,
    output: Page,
    models: Models = "infinite_ae",
    controls: Controls = True,
    convention: Convention = "distill_cf",
    scores: Scores = True,
    overwrite: Overwrite = False,
    min_weight: MinWeight = None,
    columns: Columns = None,
    split: SplitName = None,
    split_seed: SplitSeed = 0,
) -> None:
    """Write a page of HTML on condensed users: how they were made, costs, scores beside controls, pictures."""
    from graphcond.core.reporting.page import check_libraries
    from graphcond.core.runtime.memory import bytes_in_words

    check_output(output, overwrite=overwrite, inputs=(file, source))
    check_libraries()  # what is not installed is told before anything is trained
    small, whole = recsys.load(file), _read(source, split, split_seed, min_weight, columns)
    evaluation: Any = False
    if scores:
        evaluation = recsys.evaluate(small, whole, names(models), controls=controls, convention=convention)
    small.report(whole, output, evaluation=evaluation, overwrite=overwrite)
    typer.echo(f"written to {output} ({bytes_in_words(output.stat().st_size)}); open it in a browser")


@app.command()
def audit(
    source: Source,
    min_weight: MinWeight = None,
    columns: Columns = None,
    split: SplitName = None,
    split_seed: SplitSeed = 0,
) -> None:
    """Print what is in a split, and what is wrong with it: leaks, duplicates, cold items, users without tests."""
    typer.echo(str(recsys.audit(_read(source, split, split_seed, min_weight, columns))))


@app.command()
def info(file: File, as_json: Json = False) -> None:
    """Print the record of condensed interactions."""
    small = recsys.load(file)
    record = json.loads(small.record.to_json())
    if as_json:
        print_json(record)
        return
    from graphcond.core.runtime.contents import explained

    with explained(file):
        described = summary(small)
    print_record(small.record, described)


@app.command()
def export(
    file: File,
    output: Annotated[Path, typer.Argument(help="The file to write: .csv, .tsv, .parquet or RecBole's .inter.")],
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
) -> None:
    """Write condensed interactions as a table that other libraries read."""
    check_output(output, overwrite=overwrite, inputs=(file,))
    typer.echo(f"written to {recsys.load(file).export(output, overwrite=overwrite)}")


def _read(source: Path, split: str | None, seed: int, min_weight: float | None, columns: str | None) -> "Split":
    if split not in (None, *SPLITS):
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    if source.is_dir():
        for name, value in (("split", split), ("min-weight", min_weight), ("columns", columns)):
            if value is not None:
                raise ValueError(f"--{name}={value} makes no sense for an archive, which comes split; leave it out")
        return recsys.read_archive(source)
    log = recsys.read_interactions(
        source, columns=None if columns is None else _columns(columns), min_weight=min_weight
    )
    split = SPLITS[0] if split is None else split
    if split == "whole":
        from recsys.data.held_out import hold_out_users

        return hold_out_users(log)
    if split == "temporal":
        return recsys.temporal_split(log)
    makers: dict[str, Any] = {
        "random": recsys.random_split, "leave_one_out": recsys.leave_one_out, "strong": recsys.strong_split,
    }  # fmt: skip
    made: Split = makers[split](log, seed=seed)
    return made


def _columns(text: str) -> dict[str, str | int]:
    """Return what ``--columns user=userId,item=movieId`` says."""
    pairs = [part.partition("=") for part in names(text)]
    if not pairs or not all(role.strip() and name.strip() for role, _, name in pairs):
        raise ValueError(f"--columns must be such as user=userId,item=movieId, got {text!r}")
    return {role.strip(): name.strip() for role, _, name in pairs}
