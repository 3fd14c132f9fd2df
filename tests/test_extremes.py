"""Data out of the usual range: every method works on them, or one sentence says what is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond.core.matching.experts import ExpertPlan
from graphcond.core.matching.training import Training
from recsys.models.checks import checked_interactions

PLAN = ExpertPlan(number=1, checkpoints=14, interval=1, training=Training(momentum=0.9))
METHODS: dict[str, Any] = {
    "auto": "auto",
    "gcond": graphcond.GCond(epochs=1, outer_steps=2, inner_steps=1),
    "gcdm": graphcond.GCDM(epochs=1, outer_steps=2),
    "sfgc": graphcond.SFGC(steps=2, experts=PLAN),
    "geom": graphcond.GEOM(steps=2, experts=PLAN),
    "gc_sntk": graphcond.GCSNTK(steps=2),
    "herding": "herding",
    "k_center": "k_center",
    "random_soft": "random_soft",
}
CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "large": lambda x: 1e12 * x,
    "small": lambda x: 1e-30 * x,
    "constant": torch.ones_like,
    "zero": torch.zeros_like,
    "half precision": lambda x: (1e3 * x).half(),
    "outlier": lambda x: x.index_put((torch.tensor(3), torch.tensor(2)), torch.tensor(1e10)),
}
USERS = recsys.read_interactions(recsys.generate_interactions(60, 20, 500, seed=0)).user_items()
SPLIT = recsys.random_split(USERS)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", METHODS)
def test_unusual_features_are_condensed(toy, name, change):
    toy.x = CHANGES[change](toy.x)
    small = graphcond.condense(toy, size=6, method=METHODS[name])
    assert all(bool(torch.isfinite(value).all()) for value in small[0].to_dict().values())


@pytest.mark.parametrize("value", [1e30, -1e30, 1e300])
def test_features_that_overflow_are_reported_from_nan(toy, make_graphs, value):
    toy.x = toy.x.double()
    toy.x[3, 2] = value
    with pytest.raises(ValueError, match=r"data\.x must be finite, but 1 rows hold numbers beyond 1e\+15.*row 3"):
        graphcond.condense(toy, size=6)
    graphs = make_graphs()
    for graph in graphs:
        graph.x = graph.x.double() * value
    with pytest.raises(ValueError, match=r"rows hold numbers beyond 1e\+15, whose squares overflow .*; scale them"):
        graphcond.condense(graphs, size="1/class", method="random")
    x = torch.rand(8, 1, 4, 4, dtype=torch.float64)
    x[5] = value
    with pytest.raises(ValueError, match=r"1 of them hold numbers beyond 1e\+15.*image 5.*scale"):
        graphcond.condense((x, torch.arange(8) % 2), size="1/class", method="random")


def test_edge_weights_that_overflow_are_refused(toy):
    toy.edge_weight = torch.ones(toy.num_edges)
    toy.edge_weight[7] = 1e30
    with pytest.raises(ValueError, match=r"data\.edge_weight reaches 1e\+30"):
        graphcond.condense(toy, size=6)


def weighted(weight: float) -> sp.csr_matrix:
    return sp.csr_matrix((np.full(USERS.nnz, weight), USERS.indices, USERS.indptr), shape=USERS.shape)


@pytest.mark.parametrize(("weight", "words"), [(1e300, "too large for float32"), (1e-300, "no interactions")])
def test_weights_of_interactions_that_float32_cannot_hold_are_refused(weight, words):
    with pytest.raises(ValueError, match=words):
        recsys.condense(weighted(weight), users=3, method="random_users")


@pytest.mark.parametrize("weight", [1e30, 1e300])
@pytest.mark.parametrize("model", ["infinite_ae", "ease", "popularity"])
def test_users_of_ones_own_with_weights_that_overflow_are_refused(weight, model):
    with pytest.raises(ValueError, match=r"user_items reaches 1e\+300?, but squares of weights beyond"):
        recsys.evaluate(weighted(weight)[:10], SPLIT, (model,), controls=False)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
def test_a_model_takes_sparse_matrices_of_any_format(form):
    assert not (checked_interactions(USERS[:10].asformat(form)) != USERS[:10]).nnz
    with pytest.raises(ValueError, match="squares of weights beyond"):
        checked_interactions(weighted(1e30)[:10].asformat(form))


def test_large_weights_of_interactions_count_as_ones():
    one, other = (recsys.condense(weighted(weight), users=3, seed=1) for weight in (1.0, 1e30))
    assert not (one.user_items != other.user_items).nnz


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_an_evaluation_refuses_condensed_data_that_are_not_finite(toy, make_graphs, value):
    def spoilt(small: graphcond.CondensedDataset) -> graphcond.CondensedDataset:
        small._data.x.flatten()[0] = value
        return small

    nodes = spoilt(graphcond.condense(toy, size=6, method="random"))
    with pytest.raises(ValueError, match="x of the condensed data holds NaN or infinity; condense again"):
        graphcond.evaluate(nodes, toy, controls=False)
    items = make_graphs()
    if items[0].x.is_floating_point():
        graphs = spoilt(graphcond.condense(items, size="1/class", method="random"))
        with pytest.raises(ValueError, match="x of the condensed data holds NaN or infinity"):
            graphcond.evaluate(graphs, items, controls=False)
    users = recsys.condense(SPLIT, users=5, method="random_users")
    users.user_items.data[0] = value
    with pytest.raises(ValueError, match="user_items must hold finite weights"):
        recsys.evaluate(users, SPLIT, controls=False)


@pytest.mark.parametrize("name", ["y_soft", "std"])
def test_an_evaluation_refuses_condensed_images_whose_labels_or_scale_are_not_finite(name):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(24, 1, 8, 8, generator=generator), torch.arange(24) % 2
    small = graphcond.condense((x, y), size="1/class", method="random")
    data: Data = small[0]
    data.y_soft = torch.eye(2)
    data[name] = torch.full_like(data[name], torch.nan)
    dataset = graphcond.ImageDataset((x, y), test=(x[:6], y[:6]))
    with pytest.raises(ValueError, match=f"{name} of the condensed data holds NaN or infinity"):
        graphcond.evaluate(data, dataset, controls=False)
