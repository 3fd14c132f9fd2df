import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import Tensor

from graphcond.synthetic import transport
from graphcond.synthetic.transport import StructureTerms, inverse_root, sinkhorn


def weighted(count: int, seed: int = 0) -> Tensor:
    upper = torch.rand(count, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).triu(1)
    return upper + upper.T


def laplacian(adjacency: Tensor) -> np.ndarray:
    """Return the normalised Laplacian with self-loops and the ridge, by its formula."""
    looped = adjacency.numpy() + np.eye(len(adjacency))
    root = np.diag(looped.sum(axis=1) ** -0.5)
    return (1 + transport.RIDGE) * np.eye(len(looped)) - root @ looped @ root


def terms(block: Tensor, nodes: int, **fields: float) -> StructureTerms:
    torch.manual_seed(0)
    return StructureTerms(block, nodes, **({"iterations": 5, "transport": 0.5, "sparsity": 0.25} | fields)).double()


def by_formula(plan: Tensor, real: Tensor, made: Tensor) -> float:
    p, left, right = plan.numpy(), np.linalg.inv(laplacian(real)), np.linalg.inv(laplacian(made))
    root = sqrtm(right)
    shared = np.trace(sqrtm(root @ p.T @ left @ p @ root)).real
    return float(p.sum(axis=1) @ left.diagonal() + p.sum(axis=0) @ right.diagonal() - 2 * shared)


def test_the_distance_is_that_of_its_definition():
    for rows, nodes in ((7, 4), (3, 6)):
        both = terms(weighted(rows), nodes)
        plan = sinkhorn(both.plan.detach().exp(), 5)
        expected = by_formula(plan, weighted(rows), weighted(nodes, seed=1))
        assert float(both.distance(weighted(nodes, seed=1)).detach()) == pytest.approx(expected, rel=1e-6)
        assert expected > 0.01


def test_a_root_of_the_inverse():
    root = inverse_root(weighted(5))
    np.testing.assert_allclose((root.T @ root).numpy(), np.linalg.inv(laplacian(weighted(5))))


def test_sinkhorn_makes_a_plan():
    plan = sinkhorn(weighted(6)[:, :4] + 0.1, 60)
    torch.testing.assert_close(plan.sum(dim=1), torch.full((6,), 1 / 6, dtype=torch.float64))
    torch.testing.assert_close(plan.sum(dim=0), torch.full((4,), 1 / 4, dtype=torch.float64))


def test_a_graph_is_at_distance_zero_from_itself_along_the_identity():
    both = terms(weighted(5), 5)
    with torch.no_grad():
        both.plan.copy_(torch.where(torch.eye(5, dtype=torch.bool), 0.0, -60.0))
        assert float(both.distance(weighted(5))) == pytest.approx(0, abs=1e-8)
        order = torch.tensor([3, 0, 4, 1, 2])  # and from itself in another order, along the permutation
        both.plan.copy_(both.plan[:, order])
        assert float(both.distance(weighted(5)[order][:, order])) == pytest.approx(0, abs=1e-8)
        assert float(both.distance(weighted(5, seed=2))) > 0.001


def test_the_distance_has_the_gradient_of_its_differences():
    both = terms(weighted(6), 4)
    logits = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).requires_grad_()

    def distance(values: Tensor) -> Tensor:
        adjacency = torch.sigmoid((values + values.T) / 2)
        return both.distance(adjacency * (1 - torch.eye(4, dtype=torch.float64)))

    assert torch.autograd.gradcheck(distance, (logits,))
    # With more synthetic than real nodes some singular values are 0; the gradient stays finite.
    distance_of = terms(weighted(2), 4).distance(weighted(4).requires_grad_())
    distance_of.backward()


def test_gradient_is_finite_where_the_plan_is_nearly_uniform():
    both = terms(weighted(8), 5)
    with torch.no_grad():
        both.plan.zero_()
    adjacency = weighted(5).requires_grad_()
    both.distance(adjacency).backward()
    assert torch.isfinite(adjacency.grad).all()
    assert torch.isfinite(both.plan.grad).all()


def test_descent_lowers_the_distance():
    both = terms(weighted(12), 4)
    logits = torch.zeros(4, 4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([logits, both.plan], lr=0.05)
    values = []
    for _ in range(60):
        scores = (logits + logits.T) / 2
        loss = both.distance(torch.sigmoid(scores) * (1 - torch.eye(4, dtype=torch.float64)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(float(loss.detach()))
    assert 0 < values[-1] < 0.8 * values[0]


def test_both_terms_are_added_and_the_distance_only_while_the_plan_moves():
    both, adjacency = terms(weighted(6), 4), weighted(4)
    distance = float(both.distance(adjacency).detach())
    assert float(both(adjacency).detach()) == pytest.approx(0.5 * distance + 0.25 * float(adjacency.mean()))
    both.plan.requires_grad_(False)
    assert float(both(adjacency)) == pytest.approx(0.25 * float(adjacency.mean()))
