"""A synthetic graph: free features, and edges that are learned from them or none."""

import torch
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Synthetic


class SyntheticGraph(Synthetic):
    """Nodes with learned features and, unless there is no ``structure``, a learned dense adjacency.

    Args:
        x: ``(n, num_features)`` initial features.
        y: ``(n,)`` int64 labels, or ``(n, outputs)`` other targets, fixed.
        hops: Hops of propagation before the surrogate's first weight.
        structure: Maps features to a dense adjacency; ``None`` for nodes that have only self-loops.
        last_hop: Whether the surrogate propagates once more before its last weight.
        strata: ``(n,)`` int64 what stands for classes where targets are none.
    """

    y: Tensor
    strata: Tensor | None

    def __init__(
        self, x: Tensor, y: Tensor, hops: int, structure: nn.Module | None, last_hop: bool,
        strata: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.x = nn.Parameter(x.clone())
        self.register_buffer("y", y)
        self.register_buffer("strata", strata, persistent=False)
        self.structure = structure
        self.hops = hops
        self.last_hop = last_hop

    def adjacency(self) -> Tensor | None:
        """Return the dense adjacency without self-loops, ``(n, n)``, or ``None`` where there are no edges."""
        adjacency: Tensor | None = None if self.structure is None else self.structure(self.x)
        return adjacency

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        adjacency = self.adjacency()
        if adjacency is None:
            return Batch(self.x, self.y, strata=self.strata)
        operator = normalize(adjacency)
        x: Tensor = self.x
        for _ in range(self.hops):
            x = operator @ x
        return Batch(x, self.y, operator if self.last_hop else None, strata=self.strata)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        parts = {"features": [self.x]}
        if self.structure is not None:
            parts["structure"] = list(self.structure.parameters())
        return parts


def normalize(adjacency: Tensor) -> Tensor:
    r"""Return :math:`D^{-1/2} (A + I) D^{-1/2}` of a dense adjacency, differentiable."""
    looped = adjacency + torch.eye(len(adjacency), dtype=adjacency.dtype, device=adjacency.device)
    scale = looped.sum(dim=1).rsqrt()
    return scale.unsqueeze(1) * looped * scale
