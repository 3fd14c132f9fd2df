"""Methods written as text: whatever a method's ``repr`` shows can be typed, and nothing else is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

import graphcond
import recsys
from graphcond.core.settings import built, by_name, canonical
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.images.methods import METHODS as IMAGE_METHODS
from graphcond.nodes.methods import METHODS as NODE_METHODS
from graphcond.terminal import names
from recsys.methods import METHODS
from recsys.methods import METHODS as USER_METHODS

KINDS = (
    (NODE_METHODS, NODE_METHODS.resolve), (GRAPH_METHODS, GRAPH_METHODS.resolve),
    (IMAGE_METHODS, IMAGE_METHODS.resolve), (USER_METHODS, METHODS.resolve),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "resolve"),
    [(name, make, resolve) for known, resolve in KINDS for name, make in known.items()],
)
def test_every_method_and_all_its_settings_can_be_typed(name, make, resolve):
    method = make()
    text = f"{name}({repr(method).partition('(')[2]}"
    assert resolve(text) == method
    assert resolve(canonical(text)) == method
    assert resolve(f"{name}()") == method
    assert names(f"{text}, {text},whole") == [text, text, "whole"]


@pytest.mark.parametrize(
    ("resolve", "text", "expected"),
    [
        (NODE_METHODS.resolve, "gcond(inner_steps=10)", graphcond.GCond(inner_steps=10)),
        (NODE_METHODS.resolve, "gcond(structure=NoEdges())", graphcond.GCond(structure=graphcond.NoEdges())),
        (NODE_METHODS.resolve, "gcond_x(epochs=5)",
         graphcond.GCond(structure=graphcond.NoEdges(), features_rate=1e-5, epochs=5)),
        (NODE_METHODS.resolve, " auto( depth = 3, penalty=2 ) ", graphcond.Auto(depth=3, penalty=2)),
        (NODE_METHODS.resolve,
         "geom(experts=ExpertPlan(number=2, training=Training(momentum=0.5)), surrogate=GCNSurrogate(hidden=8))",
         graphcond.GEOM(experts=graphcond.ExpertPlan(number=2, training=graphcond.Training(momentum=0.5)),
                        surrogate=graphcond.GCNSurrogate(hidden=8))),
        (GRAPH_METHODS.resolve, "histograms(bins=8)", graphcond.Histograms(bins=8)),
        (GRAPH_METHODS.resolve, "mirage(threshold=[0.1, 0.2])", graphcond.Mirage(threshold=(0.1, 0.2))),
        (GRAPH_METHODS.resolve, "mirage(bins=None, closed=True)", graphcond.Mirage()),
        (IMAGE_METHODS.resolve, "dm(operations=('crop',), architecture=ConvNet(width=8))",
         graphcond.DM(operations=("crop",), architecture=graphcond.ConvNet(width=8))),
        (IMAGE_METHODS.resolve, "dm(parameterization=MultiFormation())",
        graphcond.DM(parameterization=graphcond.MultiFormation())),
        (METHODS.resolve, "distill_cf(steps=7, hidden=0.5)", recsys.DistillCF(steps=7, hidden=0.5)),
    ],
)  # fmt: skip
def test_what_a_text_stands_for(resolve, text, expected):
    assert resolve(text) == expected


NODE, GRAPH, IMAGE, USER = (resolve for _, resolve in KINDS)


@pytest.mark.parametrize(
    ("resolve", "text", "message"),
    [
        (NODE, "gcond(inner_step=10)", "there is no setting 'inner_step' of gcond; did you mean 'inner_steps'?"),
        (NODE, "gconf(epochs=1)", "there is no method 'gconf'; did you mean 'gcond'?"),
        (NODE, "histogram(bins=8)", "there is no method 'histogram'; did you mean"),
        (GRAPH, "histogram(bins=8)", "there is no method 'histogram' for graphs; did you mean 'histograms'?"),
        (GRAPH, "histograms(bins=1)", "bins must be a whole number, 2 or more, got 1"),
        (GRAPH, "histograms(bins='8')", "bins of histograms must be a whole number or None, got '8'"),
        (GRAPH, "random(bins=8)", "random has no settings, got bins; write random"),
        (NODE, "gcond(10)", "the settings of gcond are given by their names, such as gcond(structure=...)"),
        (NODE, "gcond(**{'epochs': 1})", "the settings of gcond are given by their names"),
        (NODE, "gcond(epochs=1, epochs=2)", "epochs of gcond is given twice; give it once"),
        (NODE, "gcond(epochs=1.5)", "epochs of gcond must be a whole number, got 1.5"),
        (NODE, "gcond(epochs=True)", "epochs of gcond must be a whole number, got True"),
        (NODE, "gcond(epochs=1 + 1)", "epochs of gcond must be a whole number, got 1 + 1"),
        (NODE, "gcond(epochs=many)", "epochs of gcond must be a whole number, got many"),
        (NODE, "gcond(epochs=0)", "epochs must be positive, got 0"),
        (NODE, "gcond(distance='cosine')", "distance of gcond must be one of 'columns', 'squared', 'normalized'"),
        (NODE, "gcond(structure=NoEdge())",
         "there is no value 'NoEdge' for structure of gcond; did you mean 'NoEdges'?"),
        (NODE, "gcond(structure='none')",
         "structure of gcond must be EdgePatterns(...) or GraphonEdges(...) or LearnedEdges(...) or NoEdges(...), got "
         "'none'"),
        (NODE, "gcond(surrogate=NoEdges())",
        "surrogate of gcond must be GCNSurrogate(...) or PropagatedMLP(...) or SGCSurrogate(...), got NoEdges()"),
        (NODE, "gcond(structure=LearnedEdges(threshold=2))", "threshold must be in [0, 1), got 2"),
        (NODE, "gcond(structure=LearnedEdges(thresh=2))", "there is no setting 'thresh' of LearnedEdges; did you"),
        (NODE, "gcond(epochs=1", "method 'gcond(epochs=1' cannot be read; write a name, or name(setting=value, ...)"),
        (NODE, "gcond(epochs=1).condense()", "method 'gcond(epochs=1).condense()' cannot be read"),
        (NODE, "graphcond.GCond(epochs=1)", "method 'graphcond.GCond(epochs=1)' cannot be read"),
        (NODE, "(" * 500, "cannot be read"),
        (IMAGE, "dm(operations='crop')", "operations of dm must be a tuple, each one of 'color', 'crop'"),
        (IMAGE, "dm(step=5)", "there is no setting 'step' of dm; did you mean 'steps'?"),
        (USER, "distill_cf(step=5)", "there is no setting 'step' of distill_cf; did you mean 'steps'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(resolve, text, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        resolve(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_is_run(tmp_path: Path):
    target = tmp_path / "run"
    for attack in (f"__import__('pathlib').Path({str(target)!r}).touch()", f"open({str(target)!r}, 'w')"):
        for text in (f"gcond(epochs={attack})", f"mirage(threshold=({attack}, 1))", attack):
            for _, resolve in KINDS:
                with pytest.raises((ValueError, TypeError)):
                    resolve(text)
    assert not target.exists()


def test_annotations_of_all_kinds():
    @dataclass
    class Inner:
        size: int = 1

    @dataclass
    class Outer:
        inner: Inner | None = None
        share: float = 0.5
        kind: Literal["a", "b"] = "a"
        parts: tuple[int | str, ...] = ()
        on: bool = False

    known, classes = {"outer": Outer}, by_name((Inner,))
    text = "outer(inner=Inner(size=-2), share=1, kind='b', parts=(1, 'c'), on=True)"
    assert built(text, known, classes, "thing") == Outer(Inner(-2), 1, "b", (1, "c"), True)
    for wrong in ("inner=3", "share='1'", "kind='c'", "parts=(1.5,)", "on=1", "parts=1", "share=Inner()"):
        with pytest.raises(TypeError, match="of outer must be"):
            built(f"outer({wrong})", known, classes, "thing")


def test_a_text_is_as_good_as_an_object(toy):
    text = graphcond.condense(toy, size=6, method="herding(depth=1)")
    value = graphcond.condense(toy, size=6, method=graphcond.Herding(depth=1))
    assert text[0].x.equal(value[0].x)
    assert text.record.settings == value.record.settings


@pytest.mark.parametrize(
    ("text", "sized"),
    [("wl_fold", False), ("wl_fold(depth=1)", False), ("mirage(threshold=0.9)", False), ("mirage(depth=1)", True)],
)
def test_whether_a_size_is_needed_is_known(text, sized):
    assert GRAPH_METHODS.resolve(text).sized is sized
