"""README and docs say only what the rows carry, and name only commands that there are."""

import argparse
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import graphcond
from graphcond.cli import app

ROOT = Path(graphcond.__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"
DOCS = (page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)
PAGES = [ROOT / "README.md", *sorted(DOCS)]
FENCE = re.compile(r"^[ >]*```(?:bash|sh|shell|console)\n(.*?)^[ >]*```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`((?:\w+=\S+ )*(?:python \w+/|graphcond |\./run |torchrun )[^`]*)`")
KNOWN = ("python", "graphcond", "torchrun", "pip", "conda", "./run")

pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks come with the repository only")


@pytest.fixture(autouse=True)
def _import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_generated_parts_are_what_the_rows_say(page: Path) -> None:
    import pages

    assert pages.rendered(page.read_text()) == page.read_text(), "run: python benchmarks/pages.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_and_tables_stand_on_rows(page: Path) -> None:
    import claims

    assert list(claims.problems(page.read_text())) == []


AUTO, CONTROL = "results: cora / 35 / auto / gcn", "results: cora / 35 / random / gcn"


@pytest.mark.parametrize(
    ("planted", "problem"),
    [
        ("`auto` beats everything on Cora.", "'beats' without a claim"),
        (f"`auto` is below random nodes. <!-- claim: {AUTO} below {CONTROL} -->", "the rows do not carry"),
        (f"Random nodes beat `auto`. <!-- claim: {CONTROL} below {AUTO} -->", "'beat' without a claim"),
        (f"`auto` beats random nodes. <!-- claim: {AUTO} above results: cora / 36 / random / gcn -->", "has no row"),
        ("On Cora `auto` is at least as good.\n\nAnother sentence.", "'at least as' without a claim"),
        (f"It beats random nodes. It is better than all. <!-- claim: {AUTO} above {CONTROL} -->", "'beats' without"),
        ("Whole: 82.2 (published: 12.3).", "published.jsonl has no 12.3"),
        ("| trained on | Cora |\n|---|---|\n| auto | 99.9 |\n", "a number in a table"),
        ("`auto` beats random nodes. <!-- claim: cora auto is above random -->", "a claim is written"),
    ],
)
def test_a_planted_falsehood_is_found(planted: str, problem: str) -> None:
    import claims

    readme = (ROOT / "README.md").read_text()
    assert any(problem in found for found in claims.problems(f"{readme}\n\n{planted}\n"))


def test_what_is_carried_passes() -> None:
    import claims

    good = f"`auto` beats random nodes, by far. <!-- claim: {AUTO} above {CONTROL} -->\n\nNext.\n"
    assert list(claims.problems(good)) == []


def commands(page: Path) -> list[list[str]]:
    """Return the commands of a page as a shell reads them: their words, variables put in."""
    text = page.read_text()
    inline = (" ".join(command.split()) for command in INLINE.findall(FENCE.sub("", text)))
    script = "\n".join([*FENCE.findall(text), *inline])
    names = "\n".join(f"{name}() {{ printf '%s\\0' {name} \"$@\"; printf '\\n'; }}" for name in KNOWN)
    for_torchrun = re.sub(r"^(\w+=\S+ )+(?=python|graphcond)", "", script, flags=re.MULTILINE)
    done = subprocess.run(
        ["bash", "-c", f"PATH=/nowhere\n{names}\n{for_torchrun}"], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.stderr == ""
    return [line.split("\0")[:-1] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in commands(page):
        if words[0] == "torchrun" and "-m" in words:
            words = words[words.index("-m") + 1 :]
        if words[0] == "./run":
            assert words[1] in ("demo", "test", "docs", "setup", "exec"), shlex.join(words)
        if words[0] == "graphcond":
            parse_ours(words[1:])
        elif words[0] == "python":
            parse_script(words[1:], monkeypatch)


def parse_ours(words: list[str]) -> None:
    command = typer.main.get_command(app)
    context = command.make_context("graphcond", list(words))
    while hasattr(command, "resolve_command"):
        _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None, shlex.join(words)
        context = command.make_context("graphcond", words, parent=context)


class ParsedError(Exception):
    """The arguments were understood."""


def parse_script(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / words[0]
    assert path.is_file(), shlex.join(words)
    if path.parent != BENCHMARKS:
        return
    parse = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, *given: object, **more: object) -> None:
        parse(parser, *given, **more)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    monkeypatch.setattr(sys, "argv", words)
    module = importlib.import_module(path.stem)
    with pytest.raises(ParsedError):
        module.main()
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize(
    "planted",
    [
        "<!-- generated: readme --> \n| auto | 99.9 |\n\n`auto` beats everything.\n<!-- /generated -->",
        f"Random nodes beat `auto`. <!-- claim: {AUTO} level {AUTO} -->",
        f"`auto` is above it. <!-- claim: {AUTO} above results: fashion / 0 / class_mean / gcn -->",
        f"It is above it and beats it. <!-- claim: {AUTO} above {CONTROL} -->",
        f"`auto` is not above random nodes. <!-- claim: {AUTO} above {CONTROL} -->",
        f"(It beats the whole everywhere.) It is above random nodes. <!-- claim: {AUTO} above {CONTROL} -->",
        f"**Beats everything.** It is above random nodes. <!-- claim: {AUTO} above {CONTROL} -->",
        "trained on | Cora\n---|---\nauto | 99.9",
        "  | auto | 99.9 |\n",
        "> | auto | 99.9 |\n",
        "| auto | `99.9` |\n",
        "| auto | 2041 |\n",
        "| auto | beats everything |\n",
        "<table><tr><td>99.9</td></tr></table>",
        "Whole: 82.2 (Published: 12.3).",
        "Whole: 82.2, published: **12.3**.",
        "Whole: 82.2, published as 12.3.",
        "Whole: 82.2, published: 79.8 / 12.3.",
        "It takes more *than* all others.",
        "It is more&nbsp;than all others.",
        "It outperforms everything, and nothing is superior.",
    ],
)
def test_falsehoods_in_disguise_are_found(planted: str) -> None:
    import claims

    assert list(claims.problems(f"# Page\n\nText.\n\n{planted}\n"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_in_code_exist(page: Path) -> None:
    """``graphcond.evaluation.compare`` and the like, wherever they stand in code."""
    for name in set(re.findall(r"`((?:graphcond|recsys)(?:\.\w+)+)", FENCE.sub("", page.read_text()))):
        found: object = None
        parts = name.split(".")
        for i in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:i]))
            except ModuleNotFoundError:
                continue
            for part in parts[i:]:
                found = getattr(found, part)
            break
        assert found is not None, name
