"""The kernel of infinitely wide GCNs: against explicit Kronecker products, finite networks and its own limits."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.sparse import compressed_rows
from graphcond.surrogates import structured_width
from graphcond.surrogates.infinite_width import InfiniteWidth
from graphcond.surrogates.structured_width import StructuredWidth

KERNELS = [
    StructuredWidth(),
    StructuredWidth(depth=1, bias_variance=0.0),
    StructuredWidth(depth=3, weight_variance=1.3, bias_variance=0.2),
    StructuredWidth(hops_per_layer=2, bias_variance=0.3),
    StructuredWidth(hops_per_layer=0, depth=2),
    StructuredWidth(hops_per_layer=2, layers_per_hop=2, depth=3),
    StructuredWidth(layers_per_hop=2, depth=4, bias_variance=0.0, late_slope=True),
]
each_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=str)
NODES, ROWS = 9, torch.tensor([7, 0, 4, 5])


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def operator(seed: int = 0, share: float = 0.25) -> Tensor:
    """Weights of neighbours, not symmetric, some of them negative, every node its own neighbour."""
    weights = random(NODES, NODES, seed=seed)
    chance = torch.rand(NODES, NODES, generator=torch.Generator().manual_seed(seed + 1))
    return torch.where(chance < share, weights, 0.0) + torch.eye(NODES, dtype=torch.float64)


def graph(adj: Tensor, rows: Tensor | None = ROWS, seed: int = 3) -> Batch:
    x = random(NODES, 5, seed=seed)
    return Batch(x, random(NODES if rows is None else len(rows), 2), compressed_rows(adj), rows)


def points(count: int = 4, seed: int = 8) -> Batch:
    return Batch(random(count, 5, seed=seed), random(count, 2))


def kronecker(kernel: StructuredWidth, x: Tensor, a: Tensor, y: Tensor, b: Tensor) -> Tensor:
    """The whole kernel among all nodes of two graphs, a covariance being one long vector, as published."""
    w, bias = kernel.weight_variance, kernel.bias_variance

    def gathered(layer: int, covariance: Tensor, left: Tensor, right: Tensor) -> Tensor:
        product = torch.kron(left, right)
        flat = covariance.flatten()
        for _ in range(0 if layer % kernel.layers_per_hop else kernel.hops_per_layer):
            flat = product @ flat
        return flat.view(len(left), len(right))

    def recursion(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[list[Tensor], Tensor]:
        """Covariances layer by layer, and the tangent kernel; variances come from the same among one side."""
        (u, p), (v, q) = left, right
        own = left is right
        mine, theirs = ([], []) if own else (recursion(left, left)[0], recursion(right, right)[0])
        covariances, product = [], u @ v.T / u.size(1)
        tangent = torch.zeros_like(product)
        for layer in range(kernel.depth):
            covariance = w * gathered(layer, product, p, q) + bias
            tangent = covariance + w * gathered(layer, tangent, p, q)
            covariances.append(covariance)
            lefts, rights = (covariance, covariance) if own else (mine[layer], theirs[layer])
            lengths = torch.outer(lefts.diagonal(), rights.diagonal()).sqrt()
            angle = torch.acos((covariance / lengths).clamp(-1, 1))
            product = lengths * (angle.sin() + (math.pi - angle) * angle.cos()) / (2 * math.pi)
            if kernel.late_slope:
                angle = torch.acos((2 * product / lengths).clamp(-1, 1))
            tangent = tangent * (math.pi - angle) / (2 * math.pi)
        return covariances, w * product + bias + w * tangent

    left = (x, a)
    return recursion(left, left if y is x else (y, b))[1]


def naive(kernel: StructuredWidth, left: Batch, right: Batch) -> Tensor:
    operators = [torch.eye(len(each.x), dtype=torch.float64) if each.adj is None else each.adj.to_dense()
                 for each in (left, right)]  # fmt: skip
    whole = kronecker(kernel, left.x, operators[0], right.x, operators[1])
    return right.own(left.own(whole).T).T


@each_kernel
def test_equals_explicit_kronecker_products(kernel):
    real, made = graph(operator()), points()
    torch.testing.assert_close(kernel.cross((), real, made), naive(kernel, real, made), rtol=1e-10, atol=1e-10)
    other = graph(operator(5), torch.tensor([1, 2]), seed=6)
    torch.testing.assert_close(kernel.cross((), real, other), naive(kernel, real, other), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(kernel.cross((), made, real), kernel.cross((), real, made).T, rtol=1e-12, atol=1e-12)


@each_kernel
def test_the_gram_matrix_of_nodes_equals_explicit_kronecker_products(kernel):
    real = graph(operator())
    # A row's angle with itself is 0 in exact arithmetic only, and the arc cosine takes the root of what it is off by.
    torch.testing.assert_close(kernel.gram((), real), naive(kernel, real, real), rtol=1e-7, atol=1e-7)
    apart = ~torch.eye(len(ROWS), dtype=torch.bool)
    torch.testing.assert_close(kernel.gram((), real)[apart], kernel.cross((), real, real)[apart], rtol=1e-12, atol=0)
    assert torch.linalg.eigvalsh(kernel.gram((), real)).min() > -1e-9


@pytest.mark.parametrize("fields", [{}, {"depth": 1}, {"depth": 3, "weight_variance": 1.3, "bias_variance": 0.2}])
def test_without_edges_it_is_the_kernel_of_rows(fields):
    plain, structured = InfiniteWidth(**{"depth": 2} | fields), StructuredWidth(**fields)
    left, right = points(5), points(3, seed=9)
    torch.testing.assert_close(structured.gram((), left), plain.gram((), left), rtol=1e-13, atol=0)
    torch.testing.assert_close(structured.cross((), left, right), plain.cross((), left, right), rtol=1e-13, atol=0)
    loops = Batch(left.x, left.y, compressed_rows(torch.eye(5, dtype=torch.float64)))
    torch.testing.assert_close(structured.cross((), loops, right), plain.cross((), left, right), rtol=1e-13, atol=0)
    some = Batch(left.x, left.y[:2], rows=torch.tensor([3, 1]))
    torch.testing.assert_close(structured.gram((), some), plain.gram((), left)[[3, 1]][:, [3, 1]], rtol=1e-13, atol=0)
    torch.testing.assert_close(structured.cross((), some, right), plain.cross((), left, right)[[3, 1]])


def test_images_are_flattened():
    kernel, x = StructuredWidth(), random(3, 6)
    flat, square = (Batch(each, random(3, 2)) for each in (x, x.view(3, 2, 3)))
    torch.testing.assert_close(kernel.cross((), square, flat), kernel.cross((), flat, flat))


def finite_network(kernel: StructuredWidth, x: Tensor, adj: Tensor, width: int, networks: int) -> Tensor:
    """The mean empirical tangent kernel of GCNs of that width: operators before hidden layers, biases after."""
    generator = torch.Generator().manual_seed(0)
    sizes = [x.size(1), *[width] * kernel.depth, 1]
    total = torch.zeros(len(x), len(x))
    for _ in range(networks):
        parameters = [torch.randn(shape, generator=generator).requires_grad_()
                      for layer in itertools.pairwise(sizes) for shape in (layer, layer[1:])]  # fmt: skip
        hidden = x
        for i in range(0, len(parameters), 2):
            if i:
                hidden = hidden.relu()
            hidden = math.sqrt(kernel.weight_variance / hidden.size(1)) * hidden @ parameters[i]
            if i < 2 * kernel.depth and i // 2 % kernel.layers_per_hop == 0:
                hidden = torch.linalg.matrix_power(adj, kernel.hops_per_layer) @ hidden
            hidden = hidden + math.sqrt(kernel.bias_variance) * parameters[i + 1]
        rows = [torch.autograd.grad(output, parameters, retain_graph=True) for output in hidden[:, 0]]
        flat = torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
        total += flat @ flat.T / networks
    return total


@pytest.mark.parametrize("fields", [{}, {"hops_per_layer": 2}, {"layers_per_hop": 2}], ids=str)
def test_equals_a_wide_graph_convolutional_network(fields):
    kernel = StructuredWidth(**fields, weight_variance=1.5, bias_variance=0.3)
    adj = (operator() / 2)[:5, :5]
    batch = Batch(random(5, 3), random(5, 1), compressed_rows(adj))
    found = finite_network(kernel, batch.x.float(), adj.float(), width=400, networks=40).double()
    expected = kernel.gram((), batch)
    assert (found - expected).norm() < 0.02 * expected.norm()


@each_kernel
def test_gradients_by_finite_differences(kernel):
    real, x = kernel.seen(graph(operator())), points().x.requires_grad_()

    def both(x: Tensor) -> tuple[Tensor, Tensor]:
        made = Batch(x, x)
        return kernel.cross((), real, made), kernel.gram((), made)

    assert torch.autograd.gradcheck(both, x)


@each_kernel
def test_what_was_worked_out_once_is_used(kernel, monkeypatch):
    real, made = graph(operator()), points()
    seen = kernel.seen(real)
    assert kernel.seen(seen) is seen
    expected = kernel.cross((), real, made)
    monkeypatch.setattr(StructuredWidth, "_around", None)
    assert torch.equal(kernel.cross((), seen, made), expected)


@each_kernel
def test_some_nodes_are_seen_as_among_all(kernel):
    seen, made = kernel.seen(graph(operator())), points()
    picks = torch.tensor([2, 0])
    part = seen.take(picks)
    torch.testing.assert_close(kernel.cross((), part, made), kernel.cross((), seen, made)[picks], rtol=1e-12, atol=0)
    assert torch.equal(part.y, seen.y[picks])
    shards = torch.cat([kernel.cross((), shard, made) for shard in seen.shards(3)])
    torch.testing.assert_close(shards, kernel.cross((), seen, made), rtol=1e-12, atol=0)


@each_kernel
def test_blocks_of_nodes_do_not_matter(kernel, monkeypatch):
    real, made = graph(operator()), points()
    expected = kernel.cross((), real, made)
    monkeypatch.setattr(structured_width, "BLOCK", 1)
    torch.testing.assert_close(kernel.cross((), real, made), expected, rtol=1e-12, atol=1e-12)


def test_no_more_than_the_neighbourhood_is_kept():
    chain = torch.eye(NODES, dtype=torch.float64) + torch.eye(NODES, dtype=torch.float64).roll(1, dims=1)
    seen = StructuredWidth(depth=3).seen(graph(chain, torch.tensor([2])))
    assert [len(values) for values in seen.variances] == [3, 2, 1]
    assert len(seen.x) == 3
    # What is farther away than the hops go does not count.
    far, near = (graph(chain, torch.tensor([2])) for _ in range(2))
    far.x[6:] += 1
    kernel = StructuredWidth(depth=3)
    assert torch.equal(kernel.cross((), far, points()), kernel.cross((), near, points()))
    near.x[5] += 1
    assert not torch.equal(kernel.cross((), far, points()), kernel.cross((), near, points()))


def test_node_numbers_do_not_matter():
    kernel, real = StructuredWidth(), graph(operator())
    order = torch.randperm(NODES, generator=torch.Generator().manual_seed(0))
    adj = real.adj.to_dense()[order][:, order]
    other = Batch(real.x[order], real.y, compressed_rows(adj), order.argsort()[ROWS])
    torch.testing.assert_close(kernel.cross((), other, points()), kernel.cross((), real, points()))


def test_single_precision_costs_its_own_rounding_only():
    real, made = graph(operator()), points()
    single = [Batch(each.x.float(), each.y.float(), None if each.adj is None else each.adj.to(torch.float32), each.rows)
              for each in (real, made)]  # fmt: skip
    kernel = StructuredWidth()
    found = kernel.cross((), *single)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), kernel.cross((), real, made), rtol=1e-4, atol=1e-4)
    assert kernel.gram((), single[0]).dtype == torch.float64
    torch.testing.assert_close(kernel.gram((), single[0]), kernel.gram((), real), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bias", [0.0, 0.01])
def test_values_and_gradients_are_finite_for_nodes_without_features_or_neighbours(bias):
    adj = operator()
    adj[4] = 0
    kernel, real = StructuredWidth(bias_variance=bias), graph(adj)
    real.x[7] = 0
    x = torch.zeros(3, 5, dtype=torch.float64)
    x[0] = real.x[0]
    x.requires_grad_()
    made = Batch(x, x)
    value = kernel.cross((), real, made).sum() + kernel.gram((), made).sum()
    (gradient,) = torch.autograd.grad(value, x)
    assert value.isfinite()
    assert gradient.isfinite().all()


def test_kernel_ridge_regression_takes_nodes():
    kernel, real, made = StructuredWidth(), graph(operator()), points()
    prediction = KernelRidge(ridge=0.1).predict(kernel, (), kernel.seen(real), made)
    gram, cross = kernel.gram((), made), kernel.cross((), real, made)
    penalty = 0.1 * gram.trace() / len(gram) * torch.eye(len(gram), dtype=torch.float64)
    torch.testing.assert_close(prediction, cross @ torch.linalg.solve(gram + penalty, made.y))


@pytest.mark.parametrize(
    "adj", [operator(), compressed_rows(operator()[:4])], ids=["dense", "rectangular"]
)  # fmt: skip
def test_an_unusable_operator_is_refused(adj):
    batch = Batch(random(NODES, 5), random(NODES, 2), adj)
    with pytest.raises(ValueError, match=r"adj must be a sparse CSR matrix of shape \(9, 9\), as x has 9 rows, got "):
        StructuredWidth().cross((), batch, points())


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"depth": 0}, ValueError, "depth must be positive, got 0"),
        ({"layers_per_hop": 0}, ValueError, "layers_per_hop must be positive, got 0"),
        ({"late_slope": 1}, TypeError, "late_slope must be True or False, got 1"),
        ({"hops_per_layer": -1}, ValueError, "hops_per_layer must be at least 0, got -1"),
        ({"hops_per_layer": 1.5}, TypeError, "hops_per_layer must be a whole number"),
        ({"weight_variance": 0.0}, ValueError, "weight_variance must be positive"),
        ({"bias_variance": -0.1}, ValueError, "bias_variance must be at least 0, got -0.1"),
    ],
)
def test_settings_are_checked(fields, error, message):
    with pytest.raises(error, match=message):
        StructuredWidth(**fields)
