"""Whatever ``torch.set_default_dtype`` asked for, results are those of float32."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

import graphcond
import recsys
from graphcond.plotting import draw

METHODS = {
    "receptive_field": None, "bonsai": 6, "random_means": 6, "gecc": 6, "cgc": 6, "coarsen_heavy_edge": 6,
    "random_soft": 6, "herding": 6, "gcond(epochs=1, outer_steps=2, inner_steps=1)": 6,
}  # fmt: skip
QUICK = "standard(runs=1, epochs=2)"


@contextmanager
def by_default(dtype: torch.dtype) -> Iterator[None]:
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(usual)


@pytest.mark.parametrize("name", METHODS)
def test_nodes_are_condensed_to_the_same_bits(toy, name):
    usual = graphcond.condense(toy, size=METHODS[name], method=name)[0]
    with by_default(torch.float64):
        found = graphcond.condense(toy, size=METHODS[name], method=name)[0]
    for key, value in usual.to_dict().items():
        assert value.dtype == found[key].dtype
        assert torch.equal(value, found[key])


def test_nodes_are_evaluated_reported_and_drawn(toy, tmp_path):
    small = graphcond.condense(toy, method="receptive_field")
    usual = graphcond.evaluate(small, toy, protocol=QUICK, controls=False).rows[0].scores
    with by_default(torch.float64):
        assert graphcond.evaluate(small, toy, protocol=QUICK, controls=False).rows[0].scores == usual
        assert small.report(toy, evaluation=False)
        assert draw(small, tmp_path / "picture.png", dataset=toy).exists()
        assert graphcond.node_features(toy, "degrees").x.dtype == torch.float32


def test_images_and_interactions_are_condensed():
    images = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 2
    users = recsys.generate_interactions(60, 20, 500, seed=0)
    with by_default(torch.float64):
        assert graphcond.condense(images, size="1/class", method="dc(steps=1)")[0].x.dtype == torch.float32
        assert recsys.condense(users, users=3, method="random_users").user_items.shape[0] == 3
