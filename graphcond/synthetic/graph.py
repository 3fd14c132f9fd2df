"""A synthetic graph: free features, and edges that are learned from them or none."""

import torch
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Synthetic


class SyntheticGraph(Synthetic):
    """Nodes with learned features and, unless there is no ``structure``, a learned dense adjacency.

    A structure may give several adjacencies of the same nodes. A surrogate then sees as many graphs, one after the
    other: each node with as many embeddings.

    Args:
        x: ``(n, num_features)`` initial features.
        y: ``(n,)`` int64 labels, or ``(n, outputs)`` other targets, fixed.
        hops: Hops of propagation before the surrogate's first weight.
        structure: Maps features to a dense adjacency, ``(n, n)``, or to several, ``(B, n, n)``; ``None`` for nodes
            that have only self-loops.
        last_hop: Whether the surrogate propagates once more before its last weight.
        strata: ``(n,)`` int64 what stands for classes where targets are none.
        terms: Maps a dense adjacency, of several their mean, to what is added to the objective; its parameters move
            with those of the structure. ``None``: nothing is.
        every_hop: Whether a batch has the features after each hop side by side, from none on, and the adjacency
            itself; without edges these are all the same, and it has them once.
        size: What the features of the result are multiplied by, which are ``x`` otherwise.
    """

    y: Tensor
    strata: Tensor | None

    def __init__(
        self, x: Tensor, y: Tensor, hops: int, structure: nn.Module | None, last_hop: bool,
        strata: Tensor | None = None, terms: nn.Module | None = None, *, every_hop: bool = False, size: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.x = nn.Parameter(x.clone())
        self.register_buffer("y", y)
        self.register_buffer("strata", strata, persistent=False)
        self.structure = structure
        self.hops = hops
        self.last_hop = last_hop
        self.terms = terms
        self._seen: Tensor | None = None
        self.every_hop = every_hop
        self.size = size

    def features(self) -> Tensor:
        """Return the features of the result, without gradients."""
        return self.size * self.x.detach()

    def adjacency(self) -> Tensor | None:
        """Return the dense adjacency without self-loops, ``(n, n)``, or ``None`` where there are no edges.

        Of several adjacencies it is the mean.
        """
        adjacency = self._adjacencies()
        return None if adjacency is None else _mean(adjacency)

    def _adjacencies(self) -> Tensor | None:
        adjacency: Tensor | None = None if self.structure is None else self.structure(self.x)
        return adjacency

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        self._seen = adjacency = self._adjacencies()
        if adjacency is None:
            return Batch(self.x, self.y, strata=self.strata)
        operator = normalize(adjacency)
        hops: list[Tensor] = [self.x]
        for _ in range(self.hops):
            hops.append(operator @ hops[-1])
        if self.every_hop:
            return Batch(torch.cat(hops, dim=-1), self.y, adjacency, strata=self.strata)
        x = hops[-1]
        if operator.dim() == 2:
            return Batch(x, self.y, operator if self.last_hop else None, strata=self.strata)
        x = x.expand(len(operator), *self.x.shape).flatten(0, 1)
        y = self.y.repeat(len(operator), *[1] * (self.y.dim() - 1))
        strata = None if self.strata is None else self.strata.repeat(len(operator))
        blocks = torch.block_diag(*operator) if self.last_hop else None  # type: ignore[no-untyped-call]
        return Batch(x, y, blocks, strata=strata)

    def penalty(self) -> Tensor | None:
        """See :class:`graphcond.core.matching.recipe.Synthetic`; it is that of the last batch."""
        if self.terms is None or self._seen is None:
            return None
        penalty: Tensor = self.terms(_mean(self._seen))
        return penalty

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        parts = {"features": [self.x]}
        if self.structure is not None:
            terms = () if self.terms is None else self.terms.parameters()
            parts["structure"] = [*self.structure.parameters(), *terms]
        return parts


def _mean(adjacency: Tensor) -> Tensor:
    """Return the mean of several adjacencies, ``(n, n)``, or the one that there is."""
    return adjacency.mean(dim=0) if adjacency.dim() > 2 else adjacency


def normalize(adjacency: Tensor) -> Tensor:
    r"""Return :math:`D^{-1/2} (A + I) D^{-1/2}` of a dense adjacency, or of each of several, differentiable."""
    looped = adjacency + torch.eye(adjacency.size(-1), dtype=adjacency.dtype, device=adjacency.device)
    scale = looped.sum(dim=-1).rsqrt()
    return scale.unsqueeze(-1) * looped * scale.unsqueeze(-2)
