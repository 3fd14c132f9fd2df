"""The HTML report: in a browser, at two widths, light and dark; and what it says."""

import dataclasses
import importlib.util
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

import graphcond
import recsys
from graphcond import cli, html_report
from graphcond.core.record import Record

pytest.importorskip("altair", reason="reports need Altair: pip install 'graphcond[report]'")
pytest.importorskip("vl_convert", reason="reports need vl-convert-python: pip install 'graphcond[report]'")
NASTY = '<script>window.hacked = 1</script><img src=x onerror="window.hacked=2">"\'</title>'
WIDE, NARROW = 1400, 400
MOST_BYTES = 2_000_000
DRAWN = """() => [...document.querySelectorAll(".chart")].map((chart) => {
  const svg = chart.querySelector("svg");
  const box = svg ? svg.getBoundingClientRect() : {width: 0, height: 0};
  const marks = svg ? svg.querySelectorAll(".mark-symbol path, .mark-rect path, .mark-line path").length : 0;
  return {title: chart.getAttribute("aria-label"), width: box.width, height: box.height, marks};
})"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("reports are not looked at in a browser: playwright is not installed")
    if program is None:
        pytest.skip("reports are not looked at in a browser: there is no chromium (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


def several_targets(kind: str, toy: Data) -> Data:
    """Return a graph whose nodes have three labels or two numbers each, some missing."""
    generator = torch.Generator().manual_seed(1)
    toy = toy.clone()
    columns = toy.x @ torch.randn(toy.x.size(1), 3, generator=generator)
    toy.y = (columns > 0).float() if kind == "labels" else columns[:, :2]
    toy.y[0, 0] = torch.nan
    return toy


def own_edges(toy: Data) -> tuple[Any, Any]:
    return graphcond.condense(toy, size=20, method="random"), toy


def clusters(toy: Data) -> tuple[Any, Any]:
    return graphcond.condense(toy, size=6, method="class_mean"), toy


def labels(toy: Data) -> tuple[Any, Any]:
    data = several_targets("labels", toy)
    return graphcond.condense(data, size=6, method="random"), data


def numbers(toy: Data) -> tuple[Any, Any]:
    data = several_targets("numbers", toy)
    return graphcond.condense(data, size=6, method="random"), data


def graphs(make_graphs: Callable[..., list[Data]], method: str, **options: Any) -> tuple[Any, Any]:
    items = graphcond.read(make_graphs(60, **options), split=0)
    return graphcond.condense(items, size=6, method=method), items


def regression(make_graphs: Callable[..., list[Data]]) -> tuple[Any, Any]:
    items = make_graphs(60, features="numbers")
    for item in items:
        item.y = item.x.sum(dim=0, keepdim=True)[:, :1].clone()
    task = graphcond.read(items, split=0)
    return graphcond.condense(task, size=6, method="random"), task


def images() -> tuple[Any, Any]:
    digits = graphcond.datasets.load("digit-images")
    return graphcond.condense(digits, size="2/class", method="class_mean"), digits


def users() -> tuple[Any, Any]:
    split = recsys.random_split(recsys.generate_interactions(120, 40, 1500), val=0.1, test=0.1)
    return recsys.condense(split, users=6, method="k_means_users"), split


def hetero(method: str) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(0)
    data, y = HeteroData(), torch.arange(60) % 3
    data["paper"].x, data["paper"].y = torch.randn(3, 8, generator=generator)[y] + 0.1 * torch.arange(8), y
    data["venue"].num_nodes = 6
    venues = torch.stack([torch.arange(60), y + 3 * (torch.arange(60) % 2)])
    data["paper", "in", "venue"].edge_index, data["venue", "has", "paper"].edge_index = venues, venues.flip(0)
    for name, part in zip(("train_mask", "val_mask", "test_mask"), torch.arange(60).chunk(3), strict=True):
        data["paper"][name] = torch.zeros(60, dtype=torch.bool)
        data["paper"][name][part] = True
    return graphcond.condense(data, size=6, method=method), data


CASES: dict[str, Callable[[Data, Callable[..., list[Data]]], tuple[Any, Any]]] = {
    "edges": lambda toy, _: own_edges(toy),
    "clusters": lambda toy, _: clusters(toy),
    "labels": lambda toy, _: labels(toy),
    "numbers": lambda toy, _: numbers(toy),
    "relations": lambda *_: hetero("auto"),
    "meta-paths": lambda *_: hetero("auto_x"),
    "graphs": lambda _, make: graphs(make, "random", features="one_hot"),
    "trees": lambda _, make: graphs(make, "histograms"),
    "shared trees": lambda _, make: (graphcond.condense(task := graphcond.read(make(60)), method="wl_fold"), task),
    "graphs with numbers": lambda _, make: regression(make),
    "images": lambda *_: images(),
    "users": lambda *_: users(),
}
EVALUATED: dict[str, dict[str, Any]] = {
    "edges": {"models": ["gcn", "mlp"], "protocol": "standard(runs=2, epochs=3)", "controls": ["random", "whole"]},
    "relations": {"models": ["sage"], "protocol": "standard(runs=2, epochs=3)", "controls": ["random", "whole"]},
    "graphs with numbers": {"protocol": "standard(runs=2, steps=4)", "controls": ["random", "size"]},
    "images": {"models": ["mlp"], "protocol": "standard(runs=2, epochs=2)", "controls": ["random"]},
    "users": {"models": ["ease", "popularity"], "controls": ["random_users", "whole"]},
}
"""What is evaluated; the others have no scores."""


@pytest.mark.parametrize("case", CASES)
def test_a_report_is_drawn_at_both_widths_light_and_dark(
    case: str, toy: Data, make_graphs: Callable[..., list[Data]], browser: Any, tmp_path: Path
) -> None:
    small, original = CASES[case](toy, make_graphs)
    asked = EVALUATED.get(case, {"evaluation": False})
    path = tmp_path / "report.html"
    small.report(original, path, **asked)
    assert path.stat().st_size < MOST_BYTES
    page = browser.new_page(viewport={"width": WIDE, "height": 900}, color_scheme="light")
    said: list[str] = []
    asked_for: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked_for.append(request.url))
    page.goto(path.as_uri())
    colours = []
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("document.documentElement.dataset.drawn !== undefined")
            page.wait_for_function(
                "(width) => [...document.querySelectorAll('.chart svg')].every("
                "(svg) => svg.getBoundingClientRect().right <= width)",
                arg=width,
            )
            found = page.evaluate(DRAWN)
            assert found
            for chart in found:
                assert chart["width"] > 60, chart
                assert chart["height"] > 60, chart
                assert chart["marks"], chart
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] == colours[2] != colours[1] == colours[3]
    assert said == []
    assert asked_for == [path.as_uri()]
    if "models" in asked:
        assert "beside every control" in page.inner_text("body")
    page.close()


def test_texts_of_strangers_are_shown_and_not_run(toy: Data, browser: Any, tmp_path: Path) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    record = small.record
    values = {name: getattr(record, name) for name in record.__dataclass_fields__}
    values["source"] = record.source | {"name": NASTY}
    small.record = Record(**values | {"notes": (NASTY,), "settings": {NASTY: NASTY}, "choices": {"a": {"b": NASTY}}})
    toy.classes = [NASTY, "b", "c"]
    evaluation = graphcond.evaluate(small, toy, protocol="standard(runs=1, epochs=2)", controls=False)
    evaluation = type(evaluation)(evaluation.rows, NASTY, evaluation.protocol, evaluation.metric)
    path = tmp_path / "report.html"
    page = small.report(toy, path, evaluation=evaluation)
    assert NASTY not in page.html
    tab = browser.new_page()
    said: list[str] = []
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(path.as_uri())
    tab.wait_for_function("document.documentElement.dataset.drawn !== undefined")
    assert tab.inner_text("h1").startswith(NASTY)
    dots = tab.query_selector_all(".mark-symbol path")
    dots[-1].hover(force=True)
    assert tab.evaluate("window.hacked === undefined")
    assert tab.title().startswith(NASTY)
    assert said == []
    tab.close()


def test_hovering_tells_what_is_behind_a_node(toy: Data, browser: Any, tmp_path: Path) -> None:
    small = graphcond.condense(toy, size=3, method="class_mean")
    path = tmp_path / "report.html"
    small.report(toy, path, evaluation=False)
    tab = browser.new_page(viewport={"width": WIDE, "height": 900})
    tab.goto(path.as_uri())
    tab.wait_for_function("document.documentElement.dataset.drawn !== undefined")
    tab.query_selector_all('.chart[aria-label="How they are linked"] .mark-symbol path')[0].hover(force=True)
    tab.wait_for_selector("#vg-tooltip-element.visible")
    told = tab.inner_text("#vg-tooltip-element")
    count = len(small.members.of(0))
    assert re.search(rf"stands for\s+{count} original nodes", told)
    assert f"{count} \u00d7 class 0" in told  # class means are of one class each
    tab.close()


def test_nothing_is_trained_where_an_evaluation_is_given(toy: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    evaluation = graphcond.evaluate(small, toy, protocol="standard(runs=2, epochs=2)", controls=["herding"])

    def never(*_: object, **__: object) -> None:
        raise AssertionError("something is trained")

    monkeypatch.setattr(html_report, "evaluate", never)
    page = small.report(toy, evaluation=evaluation)
    assert f"{100 * evaluation.best.mean:.1f}" in page.html
    assert "herding" in page.html
    assert "iframe" in page._repr_html_()
    assert "Accuracy" not in small.report(toy, evaluation=False).html
    with pytest.raises(AssertionError, match="something is trained"):
        small.report(toy)


def test_a_file_is_not_replaced_unasked_and_that_is_told_before_anything_is_trained(
    toy: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    path = tmp_path / "report.html"
    path.write_text("mine")
    monkeypatch.setattr(html_report, "evaluate", lambda *_, **__: pytest.fail("something is trained"))
    with pytest.raises(FileExistsError, match="overwrite=True"):
        small.report(toy, path)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        small.report(toy, evaluation=False).save(path)
    assert path.read_text() == "mine"
    small.report(toy, path, evaluation=False, overwrite=True)
    assert path.read_text().startswith("<!DOCTYPE html>")


def test_wrong_arguments_are_one_sentence(toy: Data, make_toy: Callable[..., Data]) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    with pytest.raises(TypeError, match=r"evaluation must be what graphcond.evaluate returns, .* got 3"):
        small.report(toy, evaluation=3)
    with pytest.raises(TypeError, match="path must be the name of a file, got 3"):
        small.report(toy, 3, evaluation=False)
    with pytest.raises(ValueError, match="leave evaluation= out"):
        small.report(toy, evaluation=False, models=["gcn"])
    with pytest.raises(ValueError, match="dataset is not what was condensed"):
        small.report(make_toy(seed=1), evaluation=False)


@pytest.mark.parametrize("module", ["altair", "vl_convert"])
def test_without_the_library_a_sentence_says_what_to_install(
    module: str, toy: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    from graphcond.core.reporting.page import library

    small = graphcond.condense(toy, size=6, method="random")
    monkeypatch.setattr(html_report, "evaluate", lambda *_, **__: pytest.fail("something is trained"))
    monkeypatch.setitem(sys.modules, module, None)
    library.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'graphcond\[report\]'"):
        small.report(toy)


def test_large_originals_are_sampled(make_toy: Callable[..., Data]) -> None:
    toy = make_toy(3000)
    small = graphcond.condense(toy, size=30, method="random")
    html = small.report(toy, evaluation=False).html
    assert "2,000 of 3,000 original nodes are drawn" in html


def test_the_command_writes_a_report(tmp_path: Path, run: Callable[..., tuple[int, str, str]]) -> None:
    digits = graphcond.datasets.load("digits")
    file, path = tmp_path / "small.safetensors", tmp_path / "report.html"
    graphcond.condense(digits, size=10, method="random").save(file)

    code, out, err = run("report", file, "digits", "-o", path, "--no-scores")
    assert (code, err) == (0, "")
    assert re.fullmatch(rf"written to {re.escape(str(path))} \([\d.]+ MB\); open it in a browser\n", out)
    assert "digits, condensed by random" in path.read_text()
    assert run("report", file, "digits", "-o", path, "--no-scores")[0] == 2  # it exists
    code, _, err = run("report", file, "digits", "-o", file, "--no-scores", "--overwrite")
    assert (code, err) == (2, f"graphcond: {file} is what is read; give the output another name\n")
    code, _, err = run("report", file, "digits", "-o", path, "--no-scores", "--models", "gcn", "--overwrite")
    assert (code, err) == (2, "graphcond: --models is for scores; leave --no-scores out\n")
    quick = ("--protocol", "standard(runs=1, epochs=2)", "--no-controls", "--overwrite")
    code, _, err = run("report", file, "digits", "-o", path, *quick)
    assert (code, err) == (0, "")
    assert "gcn, beside every control" in path.read_text()


def test_the_command_for_users_writes_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, file, path = tmp_path / "log.csv", tmp_path / "small.safetensors", tmp_path / "report.html"
    matrix = recsys.generate_interactions(60, 30, 600)
    recsys.write_interactions((matrix, np.arange(60), np.arange(30)), source)
    commands = [
        ("condense", source, "--users", 5, "--method", "random_users", "-o", file),
        ("report", file, source, "-o", path, "--models", "ease", "--no-controls"),
    ]
    for command in commands:
        monkeypatch.setattr(sys, "argv", ["graphcond", "recsys", *map(str, command)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert not end.value.code
    assert "open it in a browser" in capsys.readouterr().out
    html = path.read_text()
    assert "nearest real user" in html
    assert "ease, beside every control" in html


def test_targets_of_each_kind_are_told_in_words() -> None:
    from graphcond.core.reporting.colours import ClassColouring, NumberColouring
    from graphcond.core.reporting.figures import ClassNames

    y: Tensor = torch.tensor([0, 0, 1, -1])
    colouring = ClassColouring.of(y, ClassNames(("cat",)))
    assert colouring.told(y) == ["cat", "cat", "class 1", "no label"]
    assert colouring.groups(y) == ["cat", "cat", "class 1", "no label"]
    assert colouring.summary(y) == "2 \u00d7 cat, 1 \u00d7 no label, 1 \u00d7 class 1"
    several = NumberColouring.of(torch.tensor([[1.0, 0.0, 1.0], [torch.nan, 0.0, 0.0]]))
    assert several.told(torch.tensor([[1.0, 0.0, 1.0], [torch.nan, 0.0, 0.0]])) == ["labels 0, 2", "none holds"]
    assert several.told(torch.tensor([[1.5, torch.nan], [torch.nan, torch.nan], [0, 1]])) == [
        "1.5, ?", "no label", "label 1",
    ]  # fmt: skip
    assert several.what == "share of its 3 labels that hold"


def test_classes_of_one_name_are_told_apart() -> None:
    from types import SimpleNamespace

    from graphcond.core.reporting.figures import LONGEST, ClassNames

    names = ClassNames.of(SimpleNamespace(classes=["a", "a", "", "other classes", "z" * 100, "b"]))
    told = [names(i) for i in range(6)]
    assert told[:4] == ["a (class 0)", "a (class 1)", "(class 2)", "other classes (class 3)"]
    assert told[4:] == [f"{'z' * (LONGEST - 1)}\u2026", "b"]


def test_an_evaluation_of_something_else_is_refused(toy: Data, make_toy: Callable[..., Data]) -> None:
    def evaluated(small: Any, dataset: Data) -> Any:
        return graphcond.evaluate(small, dataset, protocol="standard(runs=1, epochs=2)", controls=False)

    other = make_toy(seed=1)
    small, larger = (graphcond.condense(toy, size=size, method="random") for size in (6, 9))
    means = graphcond.condense(toy, size=3, method="class_mean")
    foreign = graphcond.condense(other, size=6, method="random")
    split = recsys.random_split(recsys.generate_interactions(60, 30, 600), val=0.1, test=0.1)
    few = recsys.condense(split, users=5, method="random_users")
    users = recsys.evaluate(few, split, ["popularity"], controls=False)
    for evaluation in (evaluated(larger, toy), evaluated(means, toy), evaluated(foreign, other), users):
        with pytest.raises(ValueError, match="evaluation is of another condensation"):
            small.report(toy, evaluation=evaluation)
    with pytest.raises(ValueError, match="evaluation is of another condensation"):
        few.report(split, evaluation=evaluated(small, toy))
    again = graphcond.condense(toy, size=6, method="random", seed=1)
    assert "Accuracy" in small.report(toy, evaluation=evaluated([small, again], toy)).html


def test_without_scores_the_reasons_are_told(toy: Data, browser: Any, tmp_path: Path) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    evaluation = graphcond.evaluate(
        small, toy, models=["gcn", "mlp"], protocol="standard(runs=1, epochs=2)", controls=["herding"]
    )
    rows = tuple(dataclasses.replace(row, scores=(), val_scores=(), items=None, note="<b>") for row in evaluation.rows)
    path = tmp_path / "report.html"
    small.report(toy, path, evaluation=dataclasses.replace(evaluation, rows=rows))
    tab = browser.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(path.as_uri())
    tab.wait_for_function("document.documentElement.dataset.drawn !== undefined")
    assert "herding: <b>" in tab.inner_text("body")
    assert said == []
    tab.close()


def test_scores_do_not_cover_what_they_stand_beside(toy: Data, browser: Any, tmp_path: Path) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    path = tmp_path / "report.html"
    small.report(toy, path, protocol="standard(runs=2, epochs=3)", controls=["herding", "class_mean"])
    tab = browser.new_page(viewport={"width": NARROW, "height": 900})
    tab.goto(path.as_uri())
    tab.wait_for_function("document.documentElement.dataset.drawn !== undefined")
    marks, texts, edge = tab.evaluate("""() => {
      const svg = document.querySelector('.chart[aria-label="gcn, beside every control"] svg');
      const boxes = (marks) => [...svg.querySelectorAll(marks)].map((one) => one.getBoundingClientRect());
      return [boxes(".mark-symbol path").map((b) => b.right), boxes(".mark-text.role-mark text").map((b) => b.left),
              Math.max(...boxes(".mark-text.role-mark text").map((b) => b.right)) - svg.getBoundingClientRect().right];
    }""")
    assert len(texts) == 3
    assert max(marks) < min(texts)
    assert edge < 1
    tab.close()


def test_what_became_larger_is_told_to_be_more() -> None:
    from graphcond.core.reporting.overview import _times

    assert _times(300, 10, "fewer") == ": 30\u00d7 fewer"
    assert _times(48, 48, "fewer") == ", about as many"
    assert _times(1000, 1010, "less") == ", about the same"
    assert _times(26, 175, "less") == ": 6.7\u00d7 more"


def test_of_many_classes_the_most_frequent_have_a_colour() -> None:
    from graphcond.core.reporting.colours import COLOURS, ClassColouring
    from graphcond.core.reporting.figures import ClassNames

    y = torch.repeat_interleave(torch.arange(40), torch.arange(1, 41))
    colouring = ClassColouring.of(y, ClassNames())
    assert colouring.shown == tuple(range(31, 40))
    assert colouring.groups(torch.tensor([0, 39])) == ["other classes", "class 39"]
    assert len(colouring.legend) == len(COLOURS)
