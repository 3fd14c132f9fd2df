"""Features of nodes that have none, made from the edges: each way is a value with a name, so that it can be repeated.

What is made depends on the graph and on the value only, not on random states; memory grows with the edges and with the
nodes times the columns, never with the nodes squared.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.fields import require_positive
from graphcond.core.ranges import unusable_rows
from graphcond.core.settings import built
from graphcond.nodes import checks
from graphcond.nodes.edges import blocks, induced
from graphcond.nodes.spectral import leading_eigenvectors, mutual_information, normalized, projected_signs
from graphcond.nodes.task import Graph
from graphcond.pyg.adjacency import with_edges, with_weights

BINS = 16  # of degrees, each twice as wide as the one before; the last is open


@dataclass(frozen=True)
class EdgeFeatures:
    """What a dataset says of its edges.

    Args:
        edge_index: ``(2, num_edges)`` int64, as given: an edge may be there twice.
        values: ``(num_edges, columns)`` float32.
        num_nodes: Of the graph.
    """

    edge_index: Tensor
    values: Tensor
    num_nodes: int

    def among(self, nodes: Tensor) -> "EdgeFeatures":
        """Return those of the edges among some nodes, renumbered in their order; all of them for all nodes."""
        if len(nodes) == self.num_nodes:
            return self
        numbers = torch.arange(len(self.values), device=nodes.device)
        edge_index, kept = induced(self.edge_index, numbers, nodes, self.num_nodes)
        return EdgeFeatures(edge_index, self.values[kept], len(nodes))


class StructuralFeatures(Protocol):
    """A way to make features. Its ``repr`` is no text of settings: see :func:`features_text`."""

    name: ClassVar[str]
    inductive: ClassVar[bool]
    """Whether a column means the same on another graph."""

    def make(self, graph: Graph, edges: EdgeFeatures | None) -> Tensor:
        """Return ``(num_nodes, columns)`` float32 on the CPU."""
        ...


@dataclass(frozen=True, kw_only=True)
class Degrees:
    """The logarithm of 1 + the weighted degree, and its bin as one column for each power of two.

    Of a directed graph, those of the incoming edges, then those of the outgoing.
    """

    name: ClassVar[str] = "degrees"
    inductive: ClassVar[bool] = True

    def make(self, graph: Graph, edges: EdgeFeatures | None) -> Tensor:
        """See :class:`StructuralFeatures`."""
        columns = [_binned(_degrees(graph, 1))]
        if not graph.undirected:
            columns.append(_binned(_degrees(graph, 0)))
        return torch.cat(columns, dim=1)


@dataclass(frozen=True, kw_only=True)
class EdgeMeans:
    """The mean of the incoming edges' features (``data.edge_attr``), and the logarithm of 1 + the weighted in-degree.

    Nodes without incoming edges have zeros. So OGB's example code makes features for ogbn-proteins (Hu et al., NeurIPS
    2020), without the degree.
    """

    name: ClassVar[str] = "edge_means"
    inductive: ClassVar[bool] = True

    def make(self, graph: Graph, edges: EdgeFeatures | None) -> Tensor:
        """See :class:`StructuralFeatures`."""
        if edges is None:
            raise ValueError("features='edge_means' needs data.edge_attr, which is missing; ask for 'degrees'")
        totals = torch.zeros(edges.values.size(1), graph.num_nodes, dtype=torch.float64)
        counts = torch.zeros(graph.num_nodes, dtype=torch.int64)
        for _, target, numbers in blocks(edges.edge_index.cpu(), torch.arange(len(edges.values))):
            values = edges.values[int(numbers[0]) : int(numbers[-1]) + 1].cpu().double()
            counts += torch.bincount(target, minlength=graph.num_nodes)
            for total, column in zip(totals, values.T, strict=True):  # counting is many times as fast as adding rows
                total += torch.bincount(target, column.contiguous(), minlength=graph.num_nodes)
        means = totals.T / counts.clamp(min=1).unsqueeze(1)
        return torch.cat([means, torch.log1p(_degrees(graph, 1)).unsqueeze(1)], dim=1).float()


@dataclass(frozen=True, kw_only=True)
class Eigenvectors:
    r"""The leading eigenvectors of :math:`D^{-1/2} (A + I) D^{-1/2}`, times their eigenvalues; rows have unit length.

    Rows are scaled as spectral clustering does it (Ng, Jordan, Weiss, NeurIPS 2001). Edges of a directed graph count in
    both directions. The sign of an eigenvector is fixed; where an eigenvalue is there several times, as 1 is in a graph
    of several parts, its eigenvectors depend on SciPy's rounding.

    Args:
        columns: How many; of a graph with fewer nodes, as many as there are nodes.
    """

    name: ClassVar[str] = "eigenvectors"
    inductive: ClassVar[bool] = False
    columns: int = 64

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def make(self, graph: Graph, edges: EdgeFeatures | None) -> Tensor:
        """See :class:`StructuralFeatures`."""
        return leading_eigenvectors(normalized(graph), self.columns)


@dataclass(frozen=True, kw_only=True)
class EdgeFactorization:
    r"""The leading eigenvectors of the edges' positive pointwise mutual information, times their eigenvalues.

    An edge of weight :math:`w_{ij}` has :math:`\max(0, \log(w_{ij} \sum_{kl} w_{kl} / (d_i d_j)))`. DeepWalk, LINE and
    the like factorise such a matrix (Levy and Goldberg, NeurIPS 2014; Qiu et al., WSDM 2018); this is the one of single
    steps, which has as many entries as there are edges (as in ProNE, Zhang et al., IJCAI 2019, whose smoothing is left
    to the network that is trained). Rows have unit length; edges of a directed graph count in both directions.

    Args:
        columns: How many; of a graph with fewer nodes, as many as there are nodes.
    """

    name: ClassVar[str] = "edge_factorization"
    inductive: ClassVar[bool] = False
    columns: int = 128

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def make(self, graph: Graph, edges: EdgeFeatures | None) -> Tensor:
        """See :class:`StructuralFeatures`."""
        return leading_eigenvectors(mutual_information(graph), self.columns)


@dataclass(frozen=True, kw_only=True)
class RandomProjections:
    r"""Random signs of the nodes after some hops, :math:`(D^{-1} A)^{hops} D^{-1} R`; rows have unit length.

    Each node has ``columns`` random signs, the same at every call, and :math:`A` has self-loops. These are the features
    of FastRP (Chen et al., CIKM 2019) with its degrees' exponent at -1 and the last hop only. Edges of a directed graph
    count in both directions.

    Args:
        columns: How many.
        hops: How far a node sees.
    """

    name: ClassVar[str] = "random_projections"
    inductive: ClassVar[bool] = False
    columns: int = 256
    hops: int = 3

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)

    def make(self, graph: Graph, edges: EdgeFeatures | None) -> Tensor:
        """See :class:`StructuralFeatures`."""
        return projected_signs(graph, self.columns, self.hops)


KINDS: dict[str, Callable[..., StructuralFeatures]] = {
    one.name: one for one in (Degrees, EdgeMeans, Eigenvectors, EdgeFactorization, RandomProjections)
}
INDUCTIVE = tuple(one.name for one in (Degrees, EdgeMeans))


def resolve_features(features: object) -> StructuralFeatures:
    """Return what makes features: that of a text such as ``"eigenvectors(columns=32)"``, or a value of this module.

    Raises:
        TypeError: neither; or a setting has the wrong type.
        ValueError: there is nothing of that name, or no such setting; the message names the nearest.

    >>> resolve_features("eigenvectors(columns=32)")
    Eigenvectors(columns=32)
    """
    if isinstance(features, Degrees | EdgeMeans | Eigenvectors | EdgeFactorization | RandomProjections):
        return features
    if not isinstance(features, str):
        raise TypeError(
            "features must be a text such as 'eigenvectors(columns=64)' or a value such as Eigenvectors(columns=64), "
            f"got {type(features).__name__}"
        )
    return built(features, KINDS, {}, "features")


def features_text(features: StructuralFeatures) -> str:
    """Return a text of which :func:`resolve_features` makes the same, with all settings, for the record.

    >>> features_text(Eigenvectors(columns=32))
    'eigenvectors(columns=32)'
    """
    settings = ", ".join(f"{one.name}={getattr(features, one.name)!r}" for one in fields(features))  # type: ignore[arg-type]
    return f"{features.name}({settings})" if settings else features.name


def node_features(data: Data, features: object = "eigenvectors(columns=64)") -> Data:
    """Return a copy of a graph whose ``x`` is made from its edges, in place of any that it has.

    Args:
        data: See :func:`graphcond.node_features`.
        features: Likewise.

    Raises:
        TypeError: an argument or a tensor of the wrong type.
        ValueError: an argument or a tensor with an unusable value, or a graph without edges.

    >>> import torch
    >>> path = Data(edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), num_nodes=3)
    >>> node_features(path, "eigenvectors(columns=2)").x.shape
    torch.Size([3, 2])
    """
    made = resolve_features(features)
    if not isinstance(data, Data):
        raise TypeError(f"data must be a torch_geometric.data.Data, got {type(data).__name__}; pass dataset[0]")
    (read,) = with_weights([with_edges(data)], [])
    num_nodes = count_nodes(read)
    edge_index, edge_weight, undirected = checks.check_edges(read, num_nodes, [])
    numbers = torch.arange(num_nodes, device=edge_index.device)
    graph = Graph(numbers.unsqueeze(1), edge_index, edge_weight, numbers, undirected)
    result = copy.copy(data)
    require_edges(graph)
    edges = edge_features(read, num_nodes) if isinstance(made, EdgeMeans) else None
    result.x = made_features(graph, edges, made)
    return result


def count_nodes(data: Data) -> int:
    """Return the number of nodes of a graph that may have no features.

    PyG would guess it from the edges, and miss isolated nodes, where masks and labels tell it.
    """
    if "num_nodes" not in data:
        for name in ("train_mask", "y"):
            value = data.get(name)
            if isinstance(value, Tensor) and value.dim() > 0:
                return value.size(0)
    return int(data.num_nodes or 0)


def edge_features(data: Data, num_nodes: int) -> EdgeFeatures | None:
    """Return the features of a graph's edges, ``None`` where there are none; the edges have been checked.

    Raises:
        TypeError: they are no tensor of real numbers.
        ValueError: they are not one row for each edge, or some are not finite, or too large.
    """
    values, edge_index = data.get("edge_attr"), data.edge_index
    if values is None:
        return None
    if not isinstance(values, Tensor) or values.is_complex() or values.layout != torch.strided:
        kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise TypeError(f"data.edge_attr must be a dense tensor of real numbers, got {kind}; convert or delete it")
    if values.dim() not in (1, 2) or values.size(0) != edge_index.size(1):
        shape = tuple(values.shape)
        raise ValueError(
            f"data.edge_attr must have the shape (num_edges, columns), num_edges={edge_index.size(1)}, got {shape}; "
            "reshape or delete it"
        )
    if not values.numel():
        return None
    rows = values.detach().to(torch.float32).reshape(len(values), -1)
    if (found := unusable_rows(rows, values)) is not None:
        bad, what, remedy = found
        raise ValueError(f"data.edge_attr must be finite, but {len(bad)} rows hold {what}; {remedy}")
    return EdgeFeatures(edge_index.long(), rows, num_nodes)


def made_features(graph: Graph, edges: EdgeFeatures | None, features: StructuralFeatures) -> Tensor:
    """Return the features of a graph, ``(num_nodes, columns)`` float32, on the device of its edges."""
    return features.make(graph.to(torch.device("cpu")), edges).to(graph.edge_index.device)


def require_edges(graph: Graph, why: str = "") -> None:
    """Raise if a graph has no edges that features could be made from.

    Args:
        graph: The graph.
        why: What else there is to say.

    Raises:
        ValueError: it has none, or their weights are all 0.
    """
    if not bool((graph.edge_weight > 0).any()):
        raise ValueError(
            f"data.x is missing, and there are no edges of a weight above 0 to make features from{why}; pass features "
            "of the nodes as data.x"
        )


def _degrees(graph: Graph, end: int) -> Tensor:
    """Return the sums of the weights of the edges that begin (0) or end (1) at each node, ``(num_nodes,)`` float64."""
    totals = torch.zeros(graph.num_nodes, dtype=torch.float64)
    for *ends, weight in blocks(graph.edge_index, graph.edge_weight):
        totals.index_add_(0, ends[end], weight.double())
    return totals


def _binned(degrees: Tensor) -> Tensor:
    logarithm = torch.log1p(degrees)
    bins = torch.log2(1 + degrees).floor().long().clamp(max=BINS - 1)
    return torch.cat([logarithm.unsqueeze(1), torch.nn.functional.one_hot(bins, BINS)], dim=1).float()
