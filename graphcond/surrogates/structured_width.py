"""Graph convolutional networks of infinite width: kernels between nodes that see the nodes around them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from graphcond.core.fields import require_positive
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.surrogate import Weights
from graphcond.core.sparse import take_rows
from graphcond.surrogates.infinite_width import arc_cosine

Hops = tuple[Tensor, ...]
BLOCK = 64  # labelled nodes whose neighbours' covariances are held at a time


@dataclass(frozen=True, eq=False)
class Neighbourhood(Batch):
    """Labelled nodes with all that :class:`StructuredWidth` has to know of the nodes around them, and nothing else.

    Args:
        x: ``(n, num_features)`` of the nodes that the first hidden layer sees, after its hops.
        y: ``(m,)`` or ``(m, outputs)`` of the labelled nodes.
        hops: For each hidden layer but the first, the operators before it: sparse CSR, each with the rows that the next
            one has as columns, the last with the ``m`` labelled nodes; none where nodes see themselves only.
        variances: For each hidden layer, those of what goes into it, one for each of its nodes; float64 with operators.
    """

    hops: tuple[Hops, ...] = field(kw_only=True)
    variances: tuple[Tensor, ...] = field(kw_only=True)

    def take(self, picks: Tensor) -> "Neighbourhood":
        """Return some of the labelled nodes, with no more around them than they need."""
        hops, nodes = _cropped(self.hops, picks)
        variances = tuple(values[rows] for values, rows in zip(self.variances, nodes, strict=True))
        strata = None if self.strata is None else self.strata[picks]
        return Neighbourhood(self.x[nodes[0]], self.y[picks], strata=strata, hops=hops, variances=variances)


@dataclass(frozen=True, kw_only=True)
class StructuredWidth:
    r"""The neural tangent kernel of an infinitely wide GCN, that of GC-SNTK (Wang et al., WWW 2024) among them.

    Before hidden layers, nodes take the weighted sum of their neighbours. With operators :math:`A, A'` of the two
    sides, :math:`\Sigma_1 = w^2 A X {X'}^\top {A'}^\top / m + \beta^2 = \Theta_1` and the arc-cosine kernels
    :math:`\kappa_1, \kappa_0` of :func:`arc_cosine`, going from layer :math:`l` to the next does

    .. math:: \Sigma_{l+1} = w^2 A\, \kappa_1(\Sigma_l)\, {A'}^\top + \beta^2, \qquad
              \Theta_{l+1} = \Sigma_{l+1} + w^2 A \big(\Theta_l \odot \kappa_0(\Sigma_l)\big) {A'}^\top

    and the readout the same without operators; so do the layers in between where nodes take sums before every second
    layer only, or more rarely. A batch's ``adj`` is the operator among the rows of its ``x``, ``(n,
    n)`` sparse CSR, and ``rows`` says which of them are labelled; without ``adj`` nodes see themselves only, as in
    :class:`graphcond.surrogates.infinite_width.InfiniteWidth`.

    A real batch that is used again and again is to be passed through :meth:`seen` once. A use then costs two
    products with a sparse matrix for each layer and hop: the number of edges around labelled nodes, times the synthetic
    nodes.

    Note:
        - The published code multiplies by the Kronecker product :math:`A \otimes A'`, one entry for each pair of edges.
        - The kernel of :math:`K` aggregations, each with :math:`L` layers after it, is the one with
          ``depth=K * L, layers_per_hop=L, weight_variance=2, bias_variance=0``, times half the number of features.
        - Biases are not propagated, as in ``GCNConv``; there, there are none.

    Args:
        hops_per_layer: Hops before each hidden layer, or each of those that have any.
        layers_per_hop: Hidden layers from one that has hops before it to the next.
        depth: Hidden layers.
        weight_variance: :math:`w^2` of every layer.
        bias_variance: :math:`\beta^2` of every layer.
        late_slope: Take :math:`\kappa_0` of what a layer gives, :math:`2 \kappa_1(\Sigma_l)`, instead of
            :math:`\Sigma_l`, as the published code does.
    """

    hops_per_layer: int = 1
    layers_per_hop: int = 1
    depth: int = 2
    weight_variance: float = 2.0
    bias_variance: float = 0.01
    late_slope: bool = False

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("hops_per_layer", "bias_variance"))

    def gram(self, weights: Weights, batch: Batch) -> Tensor:
        """Return the kernel among the labelled rows of a batch, ``(m, m)`` float64."""
        if batch.adj is None and not isinstance(batch, Neighbourhood):
            batch = Batch(batch.own(batch.x).double(), batch.y)
        around = self.seen(batch)
        hops = tuple(tuple(operator.double() for operator in layer) for layer in around.hops)
        around = replace(around, x=around.x.double(), hops=hops)
        covariance = self._covariance(around, around)
        # Rounding must not give a row an angle with itself.
        same = torch.eye(len(covariance), dtype=torch.bool, device=covariance.device)
        return self._kernel(around, around, torch.where(same, around.variances[0].to(covariance), covariance))

    def cross(self, weights: Weights, left: Batch, right: Batch) -> Tensor:
        """Return the kernel between the labelled rows of two batches, ``(m_left, m_right)``."""
        mine, theirs = self.seen(left), self.seen(right)
        return self._kernel(mine, theirs, self._covariance(mine, theirs))

    def seen(self, batch: Batch) -> Neighbourhood:
        """Return a batch with what does not depend on the other side, worked out once.

        Variances of deeper layers take the covariances among all nodes that the first hidden layer sees around
        ``BLOCK`` labelled nodes at a time.

        Raises:
            ValueError: the operator is not a square sparse CSR matrix over the rows of ``x``.
        """
        if isinstance(batch, Neighbourhood):
            return batch
        if batch.adj is None:
            x = batch.own(batch.x).flatten(1)
            variances = tuple(self._variances_without_hops(x))
            return Neighbourhood(x, batch.y, strata=batch.strata, hops=((),) * (self.depth - 1), variances=variances)
        return self._around(batch, batch.adj)

    @torch.no_grad()
    def _around(self, batch: Batch, adj: Tensor) -> Neighbourhood:
        count = len(batch.x)
        if adj.layout != torch.sparse_csr or adj.shape != (count, count):
            raise ValueError(
                f"adj must be a sparse CSR matrix of shape ({count}, {count}), as x has {count} rows, got "
                f"{tuple(adj.shape)} of layout {adj.layout}; make it of all nodes and name the labelled ones by rows"
            )
        rows = torch.arange(count, device=batch.x.device) if batch.rows is None else batch.rows
        layers = [[adj] * (0 if layer % self.layers_per_hop else self.hops_per_layer) for layer in range(self.depth)]
        (first, *hops), (outermost, *seen) = _cropped(layers, rows)
        x = _propagated(first, batch.x.flatten(1)[outermost])
        variances = tuple(x.new_empty(len(nodes), dtype=torch.float64) for nodes in seen)
        for start in range(0, len(rows), BLOCK):
            block = torch.arange(start, min(start + BLOCK, len(rows)), device=rows.device)
            operators, nodes = _cropped(hops, block)
            found = self._variances(x[nodes[0]].double(), operators)
            for values, mine, own in zip(variances, nodes, found, strict=True):
                values[mine] = own
        return Neighbourhood(x, batch.y, strata=batch.strata, hops=tuple(hops), variances=variances)

    def _variances(self, x: Tensor, hops: Sequence[Hops]) -> Iterator[Tensor]:
        """Yield the variances of what goes into each hidden layer, by way of all covariances among the nodes."""
        covariance = self._affine(x @ x.T / x.size(1))
        yield covariance.diagonal()
        for layer in hops:
            value, _ = arc_cosine(covariance, covariance.diagonal(), covariance.diagonal())
            operators = tuple(operator.double() for operator in layer)
            covariance = self._affine(_propagated(operators, _propagated(operators, value).T))
            yield covariance.diagonal()

    def _variances_without_hops(self, x: Tensor) -> Iterator[Tensor]:
        variance = self._affine(x.square().sum(dim=1) / x.size(1))
        for _ in range(self.depth):
            yield variance
            variance = self._affine(variance / 2)

    def _covariance(self, left: Neighbourhood, right: Neighbourhood) -> Tensor:
        return self._affine(left.x @ right.x.T / left.x.size(1))

    def _kernel(self, left: Neighbourhood, right: Neighbourhood, covariance: Tensor) -> Tensor:
        tangent = covariance
        nothing: Sequence[Hops] = ((),)  # before the readout
        layers = zip((*left.hops, *nothing), (*right.hops, *nothing), left.variances, right.variances, strict=True)
        for mine, theirs, variance, other in layers:
            variance, other = variance.to(covariance), other.to(covariance)
            value, slope = arc_cosine(covariance, variance, other)
            if self.late_slope:
                _, slope = arc_cosine(2 * value, variance, other)
            value, tangent = (
                _propagated(theirs, _propagated(mine, part).T).T for part in (value, tangent * slope)
            )  # fmt: skip
            covariance = self._affine(value)
            tangent = covariance + self.weight_variance * tangent
        return tangent

    def _affine(self, value: Tensor) -> Tensor:
        return self.weight_variance * value + self.bias_variance


def _propagated(operators: Sequence[Tensor], values: Tensor) -> Tensor:
    for operator in operators:
        values = operator @ values
    return values


def _cropped(layers: Sequence[Sequence[Tensor]], rows: Tensor) -> tuple[tuple[Hops, ...], list[Tensor]]:
    """Return operators with only what some rows of the last one need, and the nodes between all."""
    cropped, nodes = [], [rows]
    for operators in reversed(layers):
        mine = []
        for operator in reversed(operators):
            part, rows = take_rows(operator, rows)
            mine.append(part)
        cropped.append(tuple(mine[::-1]))
        nodes.append(rows)
    return tuple(cropped[::-1]), nodes[::-1]
