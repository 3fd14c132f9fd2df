"""What a report shows of condensed heterogeneous graphs."""

import dataclasses
import importlib.util
import re
import shutil

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData

import graphcond
from graphcond.core.reporting.figures import ClassNames, Figure
from graphcond.core.reporting.overview import page
from graphcond.hetero.illustration import HETERO_ILLUSTRATION
from graphcond.hetero.metapaths import blocks, concatenated
from graphcond.hetero.places import blocks_of, graph_of, hops_of, map_of, typed_links
from graphcond.html_report import illustration_of

altair = pytest.importorskip("altair", reason="reports need Altair: pip install 'graphcond[report]'")
vl_convert = pytest.importorskip("vl_convert", reason="reports need vl-convert-python: pip install 'graphcond[report]'")
NO_NAMES = ClassNames()
NASTY = '<script>window.hacked = 1</script>"'


@pytest.fixture(scope="module")
def task(make_hetero_task):
    return make_hetero_task()


@pytest.mark.parametrize("hops", [0, 1, 2, 3])
def test_blocks_of_some_nodes_are_those_of_all(task, hops):
    rows = torch.tensor([5, 0, 17])
    all_of_them, some = blocks(task.graph, hops), blocks_of(task.graph, rows, hops)
    assert list(some) == list(all_of_them)
    for path, block in some.items():
        torch.testing.assert_close(block, all_of_them[path][rows])


def test_a_condensed_graph_is_propagated_over_its_own_edges(task, make_small_hetero):
    data = make_small_hetero(task)[0]
    own = graph_of(data, "paper")
    relation = ("author", "writes", "paper")
    matrix = torch.zeros(6, 3)
    matrix[data[relation].edge_index[1], data[relation].edge_index[0]] = data[relation].edge_weight
    mean = matrix / matrix.sum(dim=1, keepdim=True).clamp(min=1e-12)
    torch.testing.assert_close(blocks_of(own, torch.arange(6))[relation,], mean @ data["author"].x)


def test_features_of_real_nodes_lie_where_these_do(task, make_small_hetero):
    small = make_small_hetero(task, structure=False)
    placed = map_of(task.graph, small[0])
    assert placed.hops == 2
    np.testing.assert_allclose(placed.small, placed.places[small.members.index], atol=1e-4)


def test_a_graph_that_is_the_whole_original_lies_on_it(task):
    data, graph = HeteroData(), task.graph
    for name, x in graph.x.items():
        data[name].x = x
    data["paper"].y = graph.y
    for relation, edges in graph.edges.items():
        data[relation].edge_index, data[relation].edge_weight = edges, graph.weights[relation]
    placed = map_of(graph, data)
    np.testing.assert_allclose(placed.small, placed.places, atol=1e-4)


def test_relations_that_are_not_there_bring_nothing(task, make_small_hetero):
    data = make_small_hetero(task)[0].clone()
    del data["venue", "of", "paper"]
    assert np.isfinite(map_of(task.graph, data).small).all()


@pytest.mark.parametrize("hops", [0, 1, 3])
def test_the_length_of_meta_paths_shows_in_the_width(task, make_small_hetero, hops):
    data = make_small_hetero(task, structure=False)[0].clone()
    data["paper"].x = concatenated(blocks(task.graph, hops))[:6]
    assert hops_of(task.graph, data) == hops
    data["paper"].x = torch.ones(6, 7)
    assert hops_of(task.graph, data) is map_of(task.graph, data) is None


def test_links_are_those_of_the_graph(task, make_small_hetero):
    data = make_small_hetero(task, per_class=5)[0]
    drawn = typed_links(data, "paper", np.ones(15))
    assert [drawn.called(i) for i in range(8)] == [*(f"author {i}" for i in range(8))]
    names = {frozenset((drawn.called(a), drawn.called(b))) for a, b in drawn.links.ends}
    ends = {
        frozenset((f"{source} {a}", f"{target} {b}"))
        for source, kind, target in data.edge_types
        for a, b in data[source, kind, target].edge_index.T.tolist()
    }
    assert names == ends
    assert drawn.total == len(drawn.kinds) == data.num_nodes


def test_of_large_graphs_some_nodes_are_drawn():
    generator = torch.Generator().manual_seed(0)
    data = HeteroData()
    data["a"].x, data["b"].x = torch.ones(400, 1), torch.ones(500, 1)
    data["a"].y = torch.zeros(400, dtype=torch.int64)
    ends = torch.stack(
        [torch.randint(500, (900,), generator=generator), torch.randint(400, (900,), generator=generator)]
    )
    data["b", "to", "a"].edge_index, data["b", "to", "a"].edge_weight = ends, torch.rand(900, generator=generator)
    sizes = np.arange(400.0)
    drawn = typed_links(data, "a", sizes)
    own = drawn.numbers[drawn.kinds.numpy() == 0]
    assert (len(drawn.kinds), drawn.total) == (200, 900)
    assert own.tolist() == list(range(300, 400))


def drawn_page(small, task, names=NO_NAMES):
    sections = HETERO_ILLUSTRATION.sections(small, task, names)
    return page(small.record, small.described(), small.nbytes, 10_000, HETERO_ILLUSTRATION.counted, None, sections)


@pytest.fixture(params=[True, False], ids=["structure", "features"])
def small(request, task, make_small_hetero):
    return make_small_hetero(task, structure=request.param)


def test_the_page(small, task):
    assert illustration_of("hetero") is HETERO_ILLUSTRATION
    made = drawn_page(small, task)
    text = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", made.html, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    assert "The paper nodes" in text
    assert re.search("nodes 6 of 60: 10\u00d7 fewer", text)
    assert "Small dots are original paper nodes" in text
    structure, dash = bool(small[0].edge_types), "\u2013"
    assert f"paper (labelled) 60 6 6 {small[0]['paper'].x.size(1)} " in text
    assert (f"author 30 {3 if structure else 0} 4 {4 if structure else dash}") in text
    count = small[0]["author", "writes", "paper"].edge_index.size(1) if structure else 0
    assert f"author → paper (writes) {task.graph.edges['author', 'writes', 'paper'].size(1)} {count} " in text
    assert ("The condensed set has no structure" in text) != structure
    assert "stands for" in made.html
    assert not re.search(r"""(src|href)=["']https?:""", made.html)


def without_edges(small, task):
    return small.thresholded(99.0), task


def without_members(small, task):
    return graphcond.CondensedDataset([small[0]], small.record), task


def without_weights(small, task):
    data = small[0]
    del data["paper"].node_weight
    return graphcond.CondensedDataset([data], small.record, small.members), task


def of_numbers(small, task):
    data, y = small[0], torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    data["paper"].y = y[:6]
    numbered = task.with_graphs(lambda graph: dataclasses.replace(graph, targets=y))
    return graphcond.CondensedDataset([data], small.record, small.members), numbered


def of_many_types(small, task):
    data = small[0]
    for i in range(14):
        data[f"kind {i}"].x = torch.ones(2, 1)
    return graphcond.CondensedDataset([data], small.record, small.members), task


def of_one_type(small, task):
    data, ring = HeteroData(), torch.stack([torch.arange(6), torch.arange(6).roll(1)])
    data["paper"].update(dict(small[0]["paper"]))
    data["paper", "next", "paper"].edge_index, data["paper", "next", "paper"].edge_weight = ring, torch.ones(6)
    return graphcond.CondensedDataset([data], small.record, small.members), task


@pytest.mark.parametrize(
    "change", [without_edges, without_members, without_weights, of_numbers, of_many_types, of_one_type]
)
def test_pages_of_special_sets(task, make_small_hetero, change):
    small, task = change(make_small_hetero(task), task)
    sections = HETERO_ILLUSTRATION.sections(small, task, ClassNames())
    figures = [part for section in sections for part in section.parts if isinstance(part, Figure)]
    assert [figure.title for figure in figures[:2]] == ["Map", "How they are linked"]
    for figure in figures:
        assert vl_convert.vegalite_to_svg(figure.chart).startswith("<svg")


def test_the_schema_has_types_and_what_joins_them(task, make_small_hetero):
    small = make_small_hetero(task)
    chart = HETERO_ILLUSTRATION.sections(small, task, ClassNames())[1].parts[0].chart
    points, links = chart["datasets"]["points"], chart["datasets"]["links"]
    data, edges = small[0], task.graph.edges
    assert [(row["told0"], row["told1"], row["told2"]) for row in points] == [
        ("author", "30", "3"), ("paper", "60", "6"), ("venue", "3", "1")
    ]  # fmt: skip
    writes, of = ("author", "writes", "paper"), ("venue", "of", "paper")
    assert [(row["told0"], row["told1"], row["told2"]) for row in links] == [
        ("author and paper", str(2 * edges[writes].size(1)), str(2 * data[writes].edge_index.size(1))),
        ("paper and venue", str(2 * edges[of].size(1)), str(2 * data[of].edge_index.size(1))),
    ]


def test_names_are_escaped(task, make_small_hetero):
    relations = {("paper", NASTY, NASTY): torch.tensor([[0], [0]]), (NASTY, NASTY, "paper"): torch.tensor([[0], [0]])}
    x = {"paper": task.graph.x["paper"], NASTY: torch.ones(3, 2)}
    weights = dict.fromkeys(relations, torch.ones(1))
    named = task.with_graphs(lambda graph: dataclasses.replace(graph, x=x, edges=relations, weights=weights))
    html = drawn_page(make_small_hetero(named), named, ClassNames((NASTY, "b", "c"))).html
    assert "<script>window.hacked" not in html


def test_a_page_in_a_browser(small, task, tmp_path):
    """No console message, no request, and every chart has marks."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if importlib.util.find_spec("playwright") is None or program is None:
        pytest.skip("reports are not looked at in a browser: playwright or chromium is not installed")
    from playwright.sync_api import sync_playwright

    path = drawn_page(small, task).save(tmp_path / "report.html")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        view = browser.new_page()
        said, asked = [], []
        view.on("console", lambda message: said.append(message.text))
        view.on("pageerror", lambda error: said.append(str(error)))
        view.on("request", lambda request: asked.append(request.url))
        view.goto(path.as_uri())
        view.wait_for_selector(".chart svg")
        view.wait_for_timeout(500)
        counts = view.evaluate(
            "[...document.querySelectorAll('.chart')].map((one) => one.querySelectorAll('svg path').length)"
        )
        browser.close()
    assert said == []
    assert asked == [path.as_uri()]
    assert len(counts) == 4
    assert min(counts) > 3
