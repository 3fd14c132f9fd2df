"""Distribution matching: the embeddings of both sets of data shall agree in a surrogate's layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.statistic import Statistic, class_counts, class_sums
from graphcond.core.matching.surrogate import Surrogate, Weights

Kernel = Literal["linear", "quadratic"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DistributionMatching:
    r"""Maximum mean discrepancy between the embeddings of each class (DM: Zhao and Bilen, WACV 2023).

    .. math:: \sum_l \sum_c w_c \, \mathrm{MMD}_k^2(\phi_l(\mathcal T_c), \phi_l(\mathcal S_c))

    With the linear kernel :math:`\langle a, b \rangle` that is the squared distance of the class means,
    :math:`\|\mu_c - \mu'_c\|^2`; with the quadratic one, :math:`(\langle a, b \rangle + 1)^2 / 2`, that of the means
    plus half that of the second moments. Both depend on real data through sums only, so they add over shards.

    Args:
        layers: Which of the surrogate's layers (0: the features, -1: the logits); ``None``: all.
        kernel: ``"linear"`` or ``"quadratic"``.
        class_weight: ``(num_classes,)`` the weights :math:`w_c`; ``None``: ones.
        layer_weight: The weight of each of ``layers``; ``None``: ones.
        cross_entropy: Weight of the surrogate's mean cross-entropy on the synthetic data, which is added: where the
            surrogate was trained on real data, it holds each class in its place (IDM: Zhao et al., CVPR 2023).
    """

    adds: ClassVar[bool] = True
    layers: Sequence[int] | None = None
    kernel: Kernel = "linear"
    class_weight: Tensor | None = None
    layer_weight: Sequence[float] | None = None
    cross_entropy: float = 0.0

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.kernel not in ("linear", "quadratic"):
            raise ValueError(f"kernel must be 'linear' or 'quadratic', got {self.kernel!r}")
        weight = self.layer_weight
        if weight is not None and (self.layers is None or len(weight) != len(self.layers)):
            raise ValueError(f"layer_weight must have one number for each of layers, got {weight} for {self.layers}")

    @torch.no_grad()
    def observe(self, surrogate: Surrogate, weights: Weights, real: Batch) -> Statistic:
        """Return the sums of the embeddings (and of their products) over each class."""
        return self._moments(surrogate, weights, real)

    def loss(self, surrogate: Surrogate, weights: Weights, statistic: Statistic, synthetic: Batch) -> Tensor:
        """Return the weighted discrepancy."""
        mine = self._moments(surrogate, weights, synthetic)
        weight = statistic.class_weight(mine, self.class_weight)
        gaps = [(real - made).flatten(1).square().sum(dim=1) * (0.5 if real.dim() == 3 else 1.0)
                for real, made in zip(statistic.means(), mine.means(), strict=True)]  # fmt: skip
        if self.layer_weight is not None:
            shares = [*self.layer_weight] * (len(gaps) // len(self.layer_weight))  # those of second moments again
            gaps = [share * gap for share, gap in zip(shares, gaps, strict=True)]
        loss = (weight * torch.stack(gaps).sum(dim=0)).sum()
        if self.cross_entropy:
            outputs = surrogate.layers(weights, synthetic)[-1]
            loss = loss + self.cross_entropy * surrogate.targets.loss(outputs, synthetic.y)
        return loss

    def _moments(self, surrogate: Surrogate, weights: Weights, batch: Batch) -> Statistic:
        every = [layer.flatten(1) for layer in surrogate.layers(weights, batch)]
        chosen = every if self.layers is None else [every[i] for i in self.layers]
        number = surrogate.num_classes
        sums = [class_sums(layer, batch.classes, number) for layer in chosen]
        if self.kernel == "quadratic":
            masks = F.one_hot(batch.classes, number).to(chosen[0].dtype)
            sums += [torch.einsum("nc,ni,nj->cij", masks, layer, layer) for layer in chosen]
        return Statistic(tuple(sums), class_counts(batch.classes, number, chosen[0]))
