"""What README and the pages of docs/ print can be run, and the files that they link to are there."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphcond
import recsys
from graphcond.evaluation import evaluations

ROOT = Path(graphcond.__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]
FENCE = re.compile(r"^```(?:\{code-cell\} )?python\n(.*?)^```", re.DOTALL | re.MULTILINE)
NOTEBOOK = "jupytext:"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
EPOCHS = 3
ELSEWHERE = ("targets.md",)  # pages whose snippets have tests of their own

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="docs come with the repository only")


def pages_with_code() -> Iterator[Any]:
    """Yield pages of snippets; tutorials, which are run when the site is built, are slow."""
    for page in PAGES:
        text = page.read_text("utf-8")
        if FENCE.search(text) and page.name not in ELSEWHERE:
            marks = [pytest.mark.slow] if NOTEBOOK in text else []
            yield pytest.param(page, marks=marks, id=str(page.relative_to(ROOT)))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let named protocols train for a few epochs: that snippets run is asked, not what they reach."""
    for evaluation in evaluations.OWN.values():
        for name, known in evaluation.protocols.known.items():
            less = {field: EPOCHS for field in ("epochs", "steps") if hasattr(known, field)}
            monkeypatch.setitem(evaluation.protocols.known, name, replace(known, runs=min(known.runs, 2), **less))


def interactions(folder: Path) -> None:
    """Write the file that pages speak of."""
    made = recsys.generate_interactions(300, 60, 4_000, seed=0).tocoo()
    rows = "\n".join(f"{user},{item}" for user, item in np.stack([made.row, made.col], axis=1))
    (folder / "interactions.csv").write_text(f"user_id,item_id\n{rows}\n")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("page", list(pages_with_code()))
@pytest.mark.usefixtures("short")
def test_snippets_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page.read_text("utf-8")
    if "implicit" in text:
        pytest.importorskip("implicit")
    interactions(tmp_path)
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {"__name__": "__main__"}
    for code in FENCE.findall(text):
        exec(compile(code, str(page), "exec"), space)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    links = [
        link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link and not link.startswith("mailto:")
    ]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").split()) < 900


def test_every_page_is_in_the_site() -> None:
    listed: set[Path] = {ROOT / "docs" / "index.md"}
    for page in PAGES[1:]:
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            names = [line.strip() for line in tree.splitlines() if line.strip() and not line.startswith(":")]
            listed |= {(page.parent / f"{name}.md").resolve() for name in names}
    assert {page.resolve() for page in PAGES[1:]} == listed
