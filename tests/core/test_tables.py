"""Tables on a terminal and in a notebook."""

from collections.abc import Callable

import pytest
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond.core.evaluation.tables import line_width, render, wrapped
from graphcond.core.html import table

HEADER = ("trained on", "model", "nodes", "kB", "plain")
ROWS = [("auto", "gcn", "35", "203", "82.5 ± 0.8"), ("random_propagated", "sage", "2,708", "15,713", "79.7 ± 0.8")]
NASTY = "<script>alert(1)</script>"


def test_columns_are_left_out_before_rows_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = render("scores", HEADER, ROWS, spare=("kB", "nodes"))
    assert "Not shown" not in wide
    header = next(line for line in wide.splitlines() if "model" in line)
    width = max(map(len, wide.splitlines())) + 1  # with the space at the end
    monkeypatch.setenv("COLUMNS", str(width))
    assert render("scores", HEADER, ROWS, spare=("kB", "nodes")) == wide  # it fits to the very character
    monkeypatch.setenv("COLUMNS", str(width - 1))
    narrow = render("scores", HEADER, ROWS, spare=("kB", "nodes"))
    assert "kB" in header
    assert "kB" not in next(line for line in narrow.splitlines() if "model" in line)
    assert "nodes" in narrow
    assert " ".join(narrow.split()).endswith("shows more): kB.")
    assert sum("random_propagated" in line for line in narrow.splitlines()) == 1
    monkeypatch.setenv("COLUMNS", "45")
    least = render("scores", HEADER, ROWS, spare=("kB", "nodes"))
    assert max(map(len, least.splitlines())) <= 45
    assert "nodes, kB." in " ".join(least.split())


def test_the_width_is_that_of_the_terminal_or_else_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "123")
    assert line_width() == 123
    monkeypatch.setenv("COLUMNS", "7")
    assert line_width() == 40
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr("os.get_terminal_size", lambda *_: (_ for _ in ()).throw(OSError("no terminal")))
    assert (line_width(), line_width(140)) == (80, 140)


def test_sentences_go_on_in_the_next_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert wrapped(["auto / gcn, plain: above random, herding, class_mean", "short"]) == [
        "auto / gcn, plain: above random,\n  herding, class_mean", "short",
    ]  # fmt: skip


@pytest.mark.parametrize("models", [["gcn"], ["gcn", "sage"]])
def test_a_printed_report_fits_and_tells_why_a_row_has_no_score(toy: Data, models: list[str]) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    report = graphcond.evaluate(small, toy, models, protocol="standard(runs=2, epochs=2)", controls=["herding"])
    rows = [row if row.data != "herding" else _without_scores(row) for row in report.rows]
    text = str(type(report)(tuple(rows), "toy", report.protocol, report.metric))
    assert max(map(len, text.splitlines())) <= 80
    assert "herding / gcn: not possible: class 0 has 3 nodes" in text
    assert sum("herding" in line and "not possible" not in line for line in text.splitlines()) >= len(models)


def _without_scores(row: graphcond.Row) -> graphcond.Row:
    from dataclasses import replace

    return replace(row, scores=(), val_scores=(), items=None, note="not possible: class 0 has 3 nodes")


def test_texts_in_html_are_escaped() -> None:
    found = table((NASTY,), [(NASTY,)], caption=NASTY)
    assert NASTY not in found
    assert found.count("&lt;script&gt;") == 3


def test_a_notebook_shows_small_escaped_tables(toy: Data, make_toy: Callable[..., Data]) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    small.record.source["name"] = NASTY
    report = graphcond.evaluate(small, toy, protocol="standard(runs=2, epochs=2)", controls=["herding"])
    named = type(report)(report.rows, NASTY, report.protocol, report.metric)
    split = recsys.random_split(recsys.generate_interactions(60, 30, 600), val=0.1, test=0.1)
    users = recsys.condense(split, users=4, method="random_users")
    users.record.source["name"] = NASTY
    for one, words in (
        (small, ("60 nodes", "6 nodes", "random, seed 0")),
        (named, ("herding", f"{100 * report.best.mean:.1f}")),
        (split, ("60 users", "30 items", "hidden interactions", "split: random")),
        (users, ("60 users", "4 users", "random_users, seed 0")),
    ):
        html = one._repr_html_()
        assert NASTY not in html
        assert html.count("<table>") == html.count("</table>") == 1
        for word in words:
            assert word in html


def test_a_record_of_ones_own_is_shown_as_far_as_it_goes(toy: Data) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    for name in ("num_nodes", "name"):
        del small.record.source[name]
    assert "graphs=1, nodes=6" in small._repr_html_()
