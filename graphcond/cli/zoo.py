"""The command ``graphcond zoo``."""

import dataclasses
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphcond import command_options as options
from graphcond.core.evaluation.tables import render, wrapped
from graphcond.core.runtime.files import check_target, replacing
from graphcond.terminal import PROGRAM, print_json

TITLE = "condensed sets that come with the package: test scores of models trained on them"
CONTROLS = ("random", "class_mean", "whole")
ENDING = "random: as many real items; class_mean: one item per class; whole: the original itself; -: not trained on"

if TYPE_CHECKING:
    from graphcond.zoo.shelf import ZooCard


def _names() -> list[str]:
    from graphcond.zoo import shelf

    return [card.name for card in shelf.list()]


def zoo(
    name: Annotated[
        str | None, typer.Argument(help="A set; without it, all are listed.", autocompletion=_names)
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Copy the set to this file.")] = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """List condensed sets that come with the package, show the card of one, copy it out."""
    from graphcond.zoo import shelf

    if name is None:
        if output is not None:
            raise ValueError("--output is for one set; name it, such as cora-7")
        cards = shelf.list()
        if as_json:
            print_json([_plain(card) for card in cards])
        else:
            typer.echo(_table(cards))
        return
    card = shelf.card(name)
    if output is not None:
        check_target(output, overwrite=overwrite, nbytes=card.file_bytes)
        card.check()
        with replacing(output, overwrite=overwrite) as temporary:
            shutil.copyfile(card.path, temporary)
    if as_json:
        print_json(_plain(card))
        return
    typer.echo(_shown(card))
    if output is not None:
        command = shlex.join([PROGRAM, "evaluate", str(output), card.dataset])
        typer.echo(f"\nwritten to {output}; evaluate it with: {command}")


def _plain(card: "ZooCard") -> dict[str, object]:
    return dataclasses.asdict(card) | {"path": str(card.path)}


def _table(cards: "list[ZooCard]") -> str:
    rows = [
        (
            card.name,
            card.metric,
            f"{card.file_bytes / 1000:,.1f}",
            card.scored(card.best),
            *(card.scored(card.row(control)) for control in CONTROLS),
        )
        for card in cards
    ]
    header = ("name", "metric", "kB", "score", *CONTROLS)
    table = render(TITLE, header, rows, spare=("kB", "metric", "random", "whole"))
    return "\n".join([table, *wrapped([ENDING])])


def _shown(card: "ZooCard") -> str:
    facts = {
        "original": f"{card.dataset}, {card.description}",
        "source": f"{card.source}, licence {card.licence}",
        "made by": card.made,
        "versions": ", ".join(f"{name} {version}" for name, version in card.versions.items()),
        "file": f"{card.file_bytes:,} bytes, SHA-256 {card.sha256}",
    }
    lines = [f"{name}: {value}" for name, value in facts.items()]
    notes = [f"note: {note}" for note in card.notes]
    return "\n".join([card.name, "", *lines, *notes, "", card.report])
