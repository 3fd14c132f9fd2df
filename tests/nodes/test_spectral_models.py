"""Learned filters, beside their definitions with dense matrices."""

import math

import pytest
import torch
from torch import nn
from torch_geometric.utils import to_dense_adj

from graphcond.nodes.evaluation.models import MODELS
from graphcond.nodes.evaluation.spectral_models import GPRGNN, ORDER, BernNet
from graphcond.nodes.task import Graph


def graph():
    generator = torch.Generator().manual_seed(0)
    upper = (torch.rand(12, 12, generator=generator) < 0.3).triu(diagonal=1)
    edges = (upper | upper.T).nonzero().T.contiguous()
    weight = 0.5 + (edges.sum(dim=0) % 4)
    return Graph(torch.randn(12, 4, generator=generator), edges, weight, torch.zeros(12, dtype=torch.int64))


@pytest.mark.parametrize("training", [True, False])
def test_bernnet_is_the_sum_of_bernstein_polynomials(training):
    given, network = graph(), BernNet(nn.Identity()).double()
    network.theta.data.copy_(torch.randn(ORDER + 1, generator=torch.Generator().manual_seed(1)))
    view = MODELS["bernnet"].view(given, training=training)
    dense = to_dense_adj(given.edge_index, edge_attr=given.edge_weight, max_num_nodes=12)[0].double()
    scale = dense.sum(dim=0).rsqrt()
    scale[scale.isinf()] = 0
    laplacian = torch.eye(12, dtype=torch.float64) - scale[:, None] * dense * scale
    expected = sum(
        network.theta[k].relu() * math.comb(ORDER, k) / 2**ORDER
        * torch.linalg.matrix_power(2 * torch.eye(12).double() - laplacian, ORDER - k)
        @ torch.linalg.matrix_power(laplacian, k) @ given.x.double()
        for k in range(ORDER + 1)
    )  # fmt: skip
    found = network(view.x.double(), view.edge_index.to_dense().double())
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_gprgnn_is_a_sum_over_hops(training):
    given, network = graph(), GPRGNN(nn.Identity())
    view = MODELS["gprgnn"].view(given, training=training)
    dense = to_dense_adj(given.edge_index, edge_attr=given.edge_weight, max_num_nodes=12)[0] + torch.eye(12)
    scale = dense.sum(dim=0).rsqrt()
    hop = scale[:, None] * dense * scale
    expected = sum(network.weight[k] * torch.linalg.matrix_power(hop, k) @ given.x for k in range(ORDER + 1))
    torch.testing.assert_close(network(view.x, view.edge_index, view.edge_weight), expected, atol=1e-5, rtol=1e-5)
    assert float(network.weight.detach().sum()) == pytest.approx(1)
