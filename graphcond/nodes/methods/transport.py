"""What DeepCGC learns: a space, prototypes in it, and the cells of nodes, by optimal transport to the prototypes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.recipe import Synthetic
from graphcond.core.matching.surrogate import Weights
from graphcond.core.runtime.contents import FLOATS, INT64, require
from graphcond.nodes.clustering import without_empty
from graphcond.nodes.points import group_means
from graphcond.nodes.propagated_features import cosines
from graphcond.synthetic.flow import AdditiveFlow

ITERATIONS = 3  # of Sinkhorn's scaling


def transported(scores: Tensor, regularization: float) -> Tensor:
    r"""Return the prototype that gets most of each row in an optimal transport, ``(n,)`` int64, none left without rows.

    Rows and prototypes have equal masses; :math:`e^{S / \varepsilon}` is scaled to them in turn (Cuturi, 2013).

    Args:
        scores: :math:`S`, ``(n, count)``.
        regularization: :math:`\varepsilon`.
    """
    plan = scores.double() / regularization
    for _ in range(ITERATIONS):
        plan = plan - plan.logsumexp(dim=0, keepdim=True)
        plan = plan - plan.logsumexp(dim=1, keepdim=True)
    return without_empty(plan.argmax(dim=1), scores.size(1))


class LearnedSpace(Synthetic):
    """The images of nodes, training nodes first, under an invertible network.

    Args:
        flow: The network.
        rows: ``(n, num_features)``.
        labels: ``(num_train,)`` int64 the classes of the training nodes, or their strata.
        weight_decay: L2 penalty of the network, as Adam has it.
    """

    rows: Tensor
    labels: Tensor

    def __init__(self, flow: AdditiveFlow, rows: Tensor, labels: Tensor, weight_decay: float) -> None:
        super().__init__()
        self.flow = flow
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("labels", labels, persistent=False)
        self._weight_decay = weight_decay

    def batch(self) -> Batch:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        places = torch.arange(len(self.labels), device=self.labels.device)
        return Batch(self.flow(self.rows), self.labels, rows=places)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        return {"flow": list(self.flow.parameters())}

    def penalty(self) -> Tensor | None:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        squares = torch.stack([parameter.square().sum() for parameter in self.flow.parameters()])
        return self._weight_decay / 2 * squares.sum()


@dataclass
class Prototypes:
    """A sampler: the means of cells, and cells by transport to these; see :mod:`core.matching.weight_samplers`.

    Args:
        groups: For each class, which rows belong to it.
        counts: Cells of each class.
        cells: ``(n,)`` int64 the cell of each row, numbered class by class.
        prototypes: ``(sum(counts), width)``.
        due: Returns whether cells are assigned anew before a step.
        regularization: Of the transport.
    """

    groups: Sequence[Tensor]
    counts: Sequence[int]
    cells: Tensor
    prototypes: Tensor
    due: Callable[[int], bool]
    regularization: float = field(kw_only=True)

    def draw(self, step: int) -> Weights:
        """Return the prototypes and the cell of each row."""
        return self.prototypes, self.cells

    def key(self) -> int | None:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        return None

    def learn(self, step: int, synthetic: Callable[[], Batch]) -> None:
        """Move the prototypes to the means of their cells, and assign rows to them where the next step asks for it."""
        images = synthetic().x
        self.prototypes = group_means(images, self.cells, sum(self.counts))
        if self.due(step + 1):
            self.cells = self.cells.clone()
            first = 0
            for group, count in zip(self.groups, self.counts, strict=True):
                scores = cosines(images[group], self.prototypes[first : first + count])
                self.cells[group] = first + transported(scores, self.regularization)
                first += count

    def state(self) -> dict[str, Tensor]:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        return {"prototypes": self.prototypes, "cells": self.cells}

    def restore(self, state: dict[str, Tensor]) -> None:
        """See :class:`graphcond.core.matching.weight_samplers.Sampler`."""
        self.prototypes = require("prototypes", state["prototypes"], FLOATS, self.prototypes.shape)
        self.cells = require("cells", state["cells"], INT64, self.cells.shape, 0, sum(self.counts))


@dataclass(frozen=True, kw_only=True)
class CellLearning:
    """The objective: training nodes lie near their prototypes, masked nodes where they lay, and cells far apart.

    Args:
        temperature: Of the cosines with the prototypes.
        consistency: What the divergence of masked nodes weighs.
        separation: What the cosines between cells weigh.
        masked: The share of features that are masked.
    """

    temperature: float
    consistency: float
    separation: float
    masked: float
    adds = False

    def observe(self, surrogate: AdditiveFlow, weights: Weights, real: Batch) -> tuple[Tensor, Tensor]:
        """Return the rows of nodes, and how they are shared among the prototypes."""
        with torch.no_grad():
            return real.x, cosines(surrogate(real.x), weights[0]).softmax(dim=1)

    def loss(
        self, surrogate: AdditiveFlow, weights: Weights, statistic: tuple[Tensor, Tensor], synthetic: Batch
    ) -> Tensor:
        """Return the sum of the three terms."""
        prototypes, cells = weights
        near = F.cross_entropy(cosines(synthetic.own(synthetic.x), prototypes) / self.temperature, synthetic.own(cells))
        rows, shares = statistic
        kept = torch.rand(rows.size(1)).to(rows.device) >= self.masked
        found = cosines(surrogate(rows * kept), prototypes).log_softmax(dim=1)
        moved = F.kl_div(found, shares, reduction="sum") / shares.numel()
        means = group_means(synthetic.x, cells, len(prototypes))
        apart = (cosines(means, means) - torch.eye(len(means)).to(means)).square().mean()
        return near + self.consistency * moved + self.separation * apart
