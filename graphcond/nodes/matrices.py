"""The matrices of a graph that products are made of, each built when it is first needed."""

from functools import cached_property

from torch import Tensor

from graphcond.nodes.propagation import normalized_adjacency
from graphcond.nodes.sparse import is_sparse, maybe_sparse, transposed
from graphcond.nodes.task import Graph


class Matrices:
    """The normalised adjacency and the features of a graph, and their transposes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def adjacency(self) -> Tensor:
        """The normalised adjacency, sparse CSR."""
        return normalized_adjacency(self.graph)

    @cached_property
    def transposed_adjacency(self) -> Tensor:
        """The transpose of the normalised adjacency, sparse CSR."""
        return self.adjacency if self.graph.undirected else transposed(self.adjacency)

    @cached_property
    def features(self) -> Tensor:
        """The features, sparse CSR if most of them are zero."""
        return maybe_sparse(self.graph.x)

    @cached_property
    def transposed_features(self) -> Tensor:
        """The transpose of the features, sparse CSR if they are."""
        return transposed(self.features) if self.is_sparse else self.features.t()

    @property
    def is_sparse(self) -> bool:
        """Whether products with the features are sparse."""
        return is_sparse(self.features)
