"""One bar of accuracy per method that learns its nodes: far above random nodes (63 %) after a few seconds on Cora.

One training of one condensation spreads by two to three points, so bars lie that far below the usual score.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch_geometric.transforms import NormalizeFeatures

import graphcond
from graphcond import GCDM, DosCond, GCond, NoEdges
from graphcond.nodes.methods.base import NodeMethod


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "bar"),
    [
        (GCond(epochs=30), 0.74),
        (GCond(epochs=15, structure=NoEdges()), 0.73),
        (DosCond(steps=900, structure=NoEdges()), 0.71),
        (GCDM(epochs=40), 0.72),
    ],
    ids=["gcond", "gcond_x", "doscond_x", "gcdm"],
)
def test_cora_with_35_nodes(real_data: Callable[[str], Path], method: NodeMethod, bar: float) -> None:
    data = NormalizeFeatures()(graphcond.datasets.load("cora", real_data("Planetoid/Cora"))[0])
    small = graphcond.condense(data, size=35, method=method)
    assert graphcond.evaluate(small, data, protocol="standard(runs=1)", controls=False).best.mean > bar
