"""The command line ``graphcond``: ``plan``, ``condense``, ``evaluate``, ``report``, ``zoo`` and others.

Exit codes: 0 done, 1 the work failed, 2 the command or its input was wrong, 130 interrupted.

Here and in the files of the commands, what imports torch is imported by the function that needs it: help comes at once.
"""

import faulthandler
import inspect
import logging
import sys
from typing import Annotated, get_args

import typer
from typer.models import OptionInfo

import recsys.cli
from graphcond.cli.condense import condense, info, plan, show
from graphcond.cli.evaluate import bench, demo, evaluate, report
from graphcond.cli.list import list_
from graphcond.cli.zoo import zoo
from graphcond.terminal import INTERRUPTED, PROGRAM, Commands, NoteHandler, command_line, in_command_words, joined

INPUT_ERRORS = (ValueError, TypeError, FileNotFoundError, FileExistsError, IsADirectoryError)

app = typer.Typer(
    cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},  # of all commands below
)  # fmt: skip
for command in (plan, condense, evaluate, report, bench, list_, info, show, zoo, demo):
    app.command(command.__name__.strip("_"))(command)
app.add_typer(recsys.cli.app, name="recsys")


def _print_version(wanted: bool) -> None:
    if wanted:
        from graphcond.core.version import __version__

        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def _everywhere(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Condense datasets."""


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
