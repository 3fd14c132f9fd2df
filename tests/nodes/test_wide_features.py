"""Wide and nearly empty features are kept sparse, whatever they come in, and change nothing but the memory."""

import numpy as np
import pytest
import scipy.sparse
import torch

import graphcond
from graphcond.nodes import quick_validation, sparse
from graphcond.nodes.methods import METHODS as NODE_METHODS
from graphcond.nodes.propagated_features import PropagatedFeatures
from graphcond.nodes.reading import read_nodes

QUICK = {name: f"{name}(epochs=1, outer_steps=1, inner_steps=1)" for name in ("gcond", "gcond_x")}
QUICK |= {name: f"{name}(steps=2)" for name in ("doscond", "doscond_x", "gc_sntk")}
QUICK |= {name: f"{name}(epochs=1, outer_steps=2)" for name in ("gcdm", "gcdm_x")}


@pytest.fixture
def wide(make_toy):
    """A graph of 60 nodes with 400 features, two in a hundred of which are not zero."""
    data = make_toy()
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, 400, generator=generator) * (torch.rand(60, 400, generator=generator) < 0.02)
    x[torch.arange(60), data.y] = 1.0
    data.x = x
    return data


@pytest.fixture
def always(monkeypatch):
    """Keep features sparse from one number on."""
    monkeypatch.setattr(sparse, "WIDE", 0)


def forms(x):
    """Return features in every form in which users hold them."""
    ones = torch.ones(len(x))
    matrix = scipy.sparse.csr_matrix(x.numpy())
    twice = scipy.sparse.coo_matrix(
        (np.concatenate([matrix.data / 2, matrix.data / 2, [0.0]]), [np.append(np.tile(part, 2), 0) for part in (
            np.repeat(np.arange(60), np.diff(matrix.indptr)), matrix.indices)]), shape=x.shape,
    )  # fmt: skip
    assert len(ones) == 60
    return {
        "dense": x, "double": x.double(), "coo": x.to_sparse(), "uncoalesced": torch.sparse_coo_tensor(
            np.stack([twice.row, twice.col]), torch.from_numpy(twice.data).float(), x.shape, check_invariants=True),
        "csr": sparse.compressed_rows(x), "scipy csr": matrix, "scipy csc": matrix.tocsc(), "scipy coo": twice,
        "scipy array": scipy.sparse.coo_array(matrix),
    }  # fmt: skip


FORMS = ["dense", "double", "coo", "uncoalesced", "csr", "scipy csr", "scipy csc", "scipy coo", "scipy array"]


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("form", FORMS)
def test_all_parameterizations_agree(wide, form, monkeypatch):
    x = wide.x
    wide.x = given = forms(x)[form]
    assert torch.equal(read_nodes(wide).train.graph.x, x)  # too small to be kept sparse
    monkeypatch.setattr(sparse, "WIDE", 0)
    task = read_nodes(wide)
    assert task.train.graph.x.layout == torch.sparse_csr
    assert torch.equal(task.dense().train.graph.x, x)
    assert task.dense().val.graph is task.dense().train.graph or task.dense().val.graph is not None
    assert wide.x is given
    wide.x = x
    assert task.fingerprint() == read_nodes(wide).fingerprint()


def test_features_that_are_not_nearly_empty_stay_dense(toy, always):
    assert read_nodes(toy).train.graph.x.layout == torch.strided
    toy.x = toy.x.to_sparse()
    assert read_nodes(toy).train.graph.x.layout == torch.strided


def test_values_are_checked(wide, always):
    for value in (float("nan"), float("inf")):
        wide.x[3, 5] = value
        with pytest.raises(ValueError, match=r"^data.x must be finite"):
            read_nodes(wide)
    wide.x = scipy.sparse.csr_matrix(np.eye(60) * 1j)
    with pytest.raises(TypeError, match=r"^data.x must "):
        read_nodes(wide)


@pytest.mark.parametrize("depth", [0, 2])
def test_propagated_features_are_the_same(wide, always, depth):
    split = read_nodes(wide).train
    plain, view = PropagatedFeatures(split.graph.dense(), depth), PropagatedFeatures(split.graph, depth)
    nodes, labels = split.nodes, split.labels
    for hops in range(4):
        torch.testing.assert_close(view.rows_at(nodes[:3], hops), plain.rows_at(nodes[:3], hops))
        torch.testing.assert_close(view.rows_at(nodes, hops), plain.rows_at(nodes, hops))
        torch.testing.assert_close(view.row_norms(hops), plain.row_norms(hops))
    for mine, other in zip(view.rows_by_hop(nodes, 3), plain.rows_by_hop(nodes, 3), strict=True):
        torch.testing.assert_close(mine, other)
    torch.testing.assert_close(view.space, plain.space)
    torch.testing.assert_close(view.class_sums(nodes, labels, 3), plain.class_sums(nodes, labels, 3))


@pytest.mark.parametrize("name", sorted(set(NODE_METHODS) - {"geom", "sfgc"}))
@pytest.mark.parametrize("inductive", [False, True])
def test_methods_give_the_same(wide, name, inductive, monkeypatch):
    monkeypatch.setattr(quick_validation, "STEPS", 20)
    method = QUICK.get(name, name)
    size = 6 if NODE_METHODS.resolve(method).sized else None
    expected = graphcond.condense(graphcond.read(wide, inductive=inductive), size=size, method=method)
    monkeypatch.setattr(sparse, "WIDE", 0)
    small = graphcond.condense(graphcond.read(wide, inductive=inductive), size=size, method=method)
    for key, value in expected[0]:
        torch.testing.assert_close(small[0][key], value, rtol=1e-3, atol=1e-4)
    if not NODE_METHODS.resolve(method).reads_sparse:
        assert torch.equal(small[0].x, expected[0].x)
    report = graphcond.evaluate(small, wide, ["mlp"], protocol="standard(runs=1)", controls=False)
    assert report.best.mean >= 0


def test_features_that_are_nearly_empty_are_never_dense(make_toy):
    """Sixty nodes with a hundred million features would take 24 GB."""
    data = make_toy()
    data.x = scipy.sparse.random_array((60, 100_000_000), density=1e-8, rng=0, dtype=np.float32, format="csr")
    graph = read_nodes(data).train.graph
    assert graph.x.layout == torch.sparse_csr
    assert graph.induced(torch.arange(5)).x.values().numel() < 60
    assert sparse.ColumnBlocks(graph.x)[5:40].shape == (60, 35)
