"""A method's synthetic data with a teacher's labels."""

from dataclasses import replace

import pytest
import torch

import graphcond
import recsys
from graphcond import DC, GCond, ImageDataset, Relabelled
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.images.methods import METHODS as IMAGE_METHODS
from graphcond.images.methods import relabelling
from graphcond.images.teacher import Teaching
from graphcond.nodes.methods import METHODS as NODE_METHODS
from recsys.methods import METHODS as USER_METHODS


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Teaching(architecture=graphcond.ConvNet(width=4, depth=1), min_steps=20)
    monkeypatch.setattr(relabelling, "TEACHING", quick)


def images() -> ImageDataset:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(3).repeat_interleave(12)
    x = torch.rand(len(y), 1, 6, 6, generator=generator)
    x[torch.arange(len(y)), 0, 2 * y, :] += 2
    return ImageDataset((x, y), val=(x[::3], y[::3]), name="bars")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("relabelled(method=dc(steps=7), temperature=4, crops=2)", Relabelled(DC(steps=7), temperature=4, crops=2)),
        ("relabelled(method=dc)", Relabelled("dc")),
        ("relabelled(method='dc')", Relabelled(DC())),
        ("relabelled(method=relabelled(method=dsa))", Relabelled(Relabelled("dsa"))),
    ],
)
def test_a_text_makes_it(text, value):
    assert IMAGE_METHODS.resolve(text) == IMAGE_METHODS.resolve(value)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (Relabelled("dsa"), "relabelled(dsa)"),
        (Relabelled(GCond()), "relabelled(gcond)"),
        (Relabelled(Relabelled("random")), "relabelled(relabelled(random))"),
    ],
)
def test_its_name_says_what_is_relabelled(method, name):
    table = NODE_METHODS if "gcond" in name else IMAGE_METHODS
    assert table.name_of(table.resolve(method)) == name


def test_it_is_run_as_the_method_that_it_changes():
    dc, random = IMAGE_METHODS.resolve(Relabelled("dc")), IMAGE_METHODS.resolve(Relabelled("random"))
    assert (dc.resumable, random.resumable) == (True, False)
    soft, gcond = NODE_METHODS.resolve(Relabelled("random_soft")), NODE_METHODS.resolve(Relabelled("gcond"))
    assert (soft.reads_sparse, gcond.reads_sparse) == (True, False)
    assert soft.targets == NODE_METHODS.resolve("random_soft").targets
    assert not GRAPH_METHODS.resolve(Relabelled("wl_fold")).sized
    assert [GRAPH_METHODS.resolve(Relabelled(name)).on_device for name in ("doscond", "random")] == [True, False]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = random.nothing


@pytest.mark.parametrize(
    ("table", "method", "error", "sentence"),
    [
        (NODE_METHODS, Relabelled("gcond", crops=2), ValueError, "crops=2 is for images; leave it out"),
        (GRAPH_METHODS, "relabelled(method=random, crops=1)", ValueError, "crops=1 is for images"),
        (
            USER_METHODS,
            Relabelled("auto"),
            ValueError,
            "'relabelled' is for what has labels, and there are none for in",
        ),
        (USER_METHODS, "relabelled(method=auto)", ValueError, "is for what has labels"),
        (NODE_METHODS, Relabelled("gconf"), ValueError, "there is no method 'gconf'; did you mean 'gcond'"),
        (NODE_METHODS, Relabelled(DC()), TypeError, "method must be a name or a method object such as Auto"),
        (NODE_METHODS, Relabelled, TypeError, r"got the class Relabelled; write Relabelled\(\)"),
        (NODE_METHODS, Relabelled("krr_st"), ValueError, "'krr_st' reads no labels"),
    ],
)
def test_what_cannot_be_relabelled_is_refused(table, method, error, sentence):
    with pytest.raises(error, match=sentence):
        table.resolve(method)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: Relabelled(3), TypeError, "method must be a method's name or value, got 3"),
        (lambda: Relabelled("dc", temperature=0), ValueError, "temperature must be positive, got 0"),
        (lambda: Relabelled("dc", crops=-1), ValueError, "crops must be at least 0, got -1"),
        (lambda: Relabelled("dc", crops=1.5), TypeError, "crops must be a whole number, got 1.5"),
        (lambda: Relabelled("dc").resumable, TypeError, "a modality's table has to resolve it"),
    ],
)
def test_settings_are_checked(make, error, sentence):
    with pytest.raises(error, match=sentence):
        make()


def test_interactions_are_refused_before_any_work():
    with pytest.raises(ValueError, match="is for what has labels"):
        recsys.condense(recsys.generate_interactions(60, 20, 500), users=5, method="relabelled(method=auto)")


def test_only_labels_are_new():
    small_network = "architecture=ConvNet(width=4, depth=1)"
    for method in ("random", "kip(steps=3, validations=1)", f"idc(steps=2, validations=1, {small_network})"):
        plain = graphcond.condense(images(), size="2/class", method=method)
        small = graphcond.condense(images(), size="2/class", method=Relabelled(method))
        for name, value in plain[0].to_dict().items():
            if name not in ("y_soft", "target"):
                assert torch.equal(value, small[0][name]), name
        assert "target" not in small[0]
        assert small[0].y_soft.sum(dim=1).allclose(torch.ones(6))
        assert small.nbytes == small.record.spent["bytes"]
        assert small.record.settings["method"] == repr(IMAGE_METHODS.resolve(method))


def test_a_higher_temperature_says_less_of_the_class():
    sure, unsure = (
        graphcond.condense(images(), size="1/class", method=Relabelled("random", temperature=t))[0].y_soft
        for t in (1.0, 3.0)
    )
    torch.testing.assert_close(unsure.log().diff(dim=1) * 3, sure.log().diff(dim=1), rtol=1e-3, atol=1e-3)


def test_labels_of_crops_count():
    small, plain = (graphcond.condense(images(), size="1/class", method=Relabelled("random", crops=c)) for c in (2, 0))
    x, y = small.images()
    assert x.shape == (9, 1, 6, 6)
    assert y.shape == (9, 3)
    assert torch.equal(x[:3], plain.images()[0])
    assert torch.equal(y[:3], plain.images()[1])
    assert small.nbytes == plain.nbytes + 6 * (4 * 2 + 3 * 4)


def test_relabelled_random_graphs_are_random_soft(make_graphs):
    graphs = make_graphs(30)
    soft, relabelled = (
        graphcond.condense(graphs, size=6, method=method) for method in ("random_soft", Relabelled("random"))
    )
    for one, other in zip(soft, relabelled, strict=True):
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.y_soft, other.y_soft)


def test_bytes_cannot_be_kept(make_graphs):
    with pytest.raises(ValueError, match=r"whose labels come on top.*ask for a number of graphs"):
        graphcond.condense(make_graphs(30), size="2kB", method=Relabelled("random"))


def test_numbers_have_no_temperature(make_graphs):
    graphs = make_graphs(30)
    for i, graph in enumerate(graphs):
        graph.y = torch.tensor([[len(graph.x) + 0.25 * (i % 2)]])
    cold, hot = (graphcond.condense(graphs, size=6, method=Relabelled("random", temperature=t)) for t in (1.0, 9.0))
    assert all(torch.equal(one.y_soft, other.y_soft) for one, other in zip(cold, hot, strict=True))


def test_the_settings_of_both_mark_a_checkpoint(tmp_path):
    run = graphcond.Run(checkpoint=tmp_path / "state.safetensors", progress=False)
    method = Relabelled(DC(steps=2, validations=1, architecture=graphcond.ConvNet(width=4, depth=1)))
    graphcond.condense(images(), size="1/class", method=method, run=run)
    for other in (replace(method, temperature=2.0), replace(method, method=replace(method.method, steps=3))):
        with pytest.raises(ValueError, match="method"):
            graphcond.condense(images(), size="1/class", method=other, run=run)
