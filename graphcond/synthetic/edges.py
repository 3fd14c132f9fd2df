r"""Edges as a function of node features (GCond: Jin et al., ICLR 2022).

.. math:: A'_{ij} = \sigma\big((\mathrm{MLP}[x_i; x_j] + \mathrm{MLP}[x_j; x_i]) / 2\big), \qquad A'_{ii} = 0

Its scores of all ordered pairs of nodes are a linear layer, batch normalisation over the pairs, and a linear unit.

.. math:: s_{ij} = v^\top \mathrm{relu}\big(\mathrm{norm}(W h_{ij})\big), \qquad h_{ij} = \mathrm{relu}(l_i + r_j)

There are ``n`` squared pairs, and with every intermediate result written to memory and read again most of a step's time
would go there. So pairs pass through in blocks of rows that stay in the processor's cache, forwards and backwards; only
:math:`W h` is kept, and :math:`h` made again.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

BLOCK_BYTES = {"cpu": 2**20}  # about what a core has to itself
OTHER_DEVICES = 2**28


class PairwiseEdges(nn.Module):
    r"""A three-layer MLP with batch normalisation on all ordered pairs of nodes.

    The first layer is linear in the pair, :math:`W [x_i; x_j] = W_1 x_i + W_2 x_j`, and over all pairs the mean and the
    variance of :math:`u_i + v_j` are the sums of those of :math:`u` and :math:`v`: layer and normalisation cost ``n``
    rows instead of ``n`` squared pairs, and are the same to rounding.

    Args:
        num_features: Features of a node.
        hidden: Hidden units.

    Note:
        The published code never leaves training mode, so pairs are always normalised by their own statistics; here
        there is no other mode.
    """

    def __init__(self, num_features: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(2 * num_features, hidden, bias=False)  # normalisation would take a bias away
        self.second = nn.Linear(hidden, hidden, bias=False)
        self.last = nn.Linear(hidden, 1)
        self.first_norm = nn.BatchNorm1d(hidden, track_running_stats=False)
        self.second_norm = nn.BatchNorm1d(hidden, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the dense symmetric adjacency of nodes with features ``x``, ``(n, n)`` in [0, 1], zero diagonal."""
        count = x.size(0)
        if count == 1:
            return x.new_zeros(1, 1)
        left, right = first_layer(x, self.first, self.first_norm)
        norm = self.second_norm
        scores = pair_scores(
            left, right, self.second.weight, norm.weight, norm.bias, self.last.weight.squeeze(0), norm.eps
        )
        scores = scores + self.last.bias
        return symmetric(scores)


def symmetric(scores: Tensor) -> Tensor:
    """Return the symmetric adjacency of the scores of all ordered pairs, ``(n, n)`` in [0, 1], zero diagonal."""
    adjacency = torch.sigmoid((scores + scores.T) / 2)
    adjacency = (adjacency + adjacency.T) / 2  # the sigmoid is not the same to the last bit everywhere
    return adjacency * (1 - torch.eye(len(scores), dtype=scores.dtype, device=scores.device))


def first_layer(x: Tensor, linear: nn.Linear, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Return what both nodes of a pair add to a linear layer of all ordered pairs, normalised over them.

    Args:
        x: ``(n, num_features)``.
        linear: Of the two nodes' features side by side, without bias.
        norm: The normalisation.

    Returns:
        What the first and the second of a pair add, each ``(n, hidden)``.
    """
    own, other = linear.weight.chunk(2, dim=1)
    u, v = F.linear(x, own), F.linear(x, other)
    u, v = u - u.mean(dim=0), v - v.mean(dim=0)
    scale = norm.weight / (u.square().mean(dim=0) + v.square().mean(dim=0) + norm.eps).sqrt()
    return u * scale, v * scale + norm.bias


def pair_scores(
    left: Tensor, right: Tensor, weight: Tensor, gain: Tensor, shift: Tensor, last: Tensor, eps: float
) -> Tensor:
    """Return the score of every ordered pair, ``(n, n)``.

    Args:
        left: What the first of a pair adds to the first layer, ``(n, hidden)``.
        right: What the second one adds, ``(n, hidden)``.
        weight: Of the layer, ``(hidden, hidden)``.
        gain: Of the normalisation, ``(hidden,)``.
        shift: Of the normalisation, ``(hidden,)``.
        last: Of the unit, ``(hidden,)``.
        eps: Added to the variance.
    """
    out: Tensor = _PairScores.apply(left, right, weight, gain, shift, last, eps)  # type: ignore[no-untyped-call]
    return out


class _PairScores(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 (torch gives it no type that knows what was saved)
        left: Tensor,
        right: Tensor,
        weight: Tensor,
        gain: Tensor,
        shift: Tensor,
        last: Tensor,
        eps: float,
    ) -> Tensor:
        count, hidden = left.shape
        layer = left.new_empty(count * count, hidden)
        blocks = _blocks(left)
        sums, squares = torch.zeros_like(gain), torch.zeros_like(gain)
        center = _first(left[:1], right).mean(dim=0) @ weight.T  # near the mean: no difference of large squares
        for rows, pairs in blocks:
            torch.mm(_first(left[rows], right), weight.T, out=layer[pairs])
            off = layer[pairs] - center
            sums += off.sum(dim=0)
            squares += off.square_().sum(dim=0)
        mean = sums / count**2
        inverse = ((squares / count**2 - mean.square()).clamp(min=0) + eps).rsqrt()
        mean = mean + center
        scale = gain * inverse
        offset = shift - mean * scale
        scores = left.new_empty(count * count)
        for _, pairs in blocks:
            torch.mv(torch.addcmul(offset, layer[pairs], scale).relu_(), last, out=scores[pairs])
        ctx.save_for_backward(left, right, weight, gain, shift, last, layer, mean, inverse)
        return scores.view(count, count)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        left, right, weight, gain, shift, last, layer, mean, inverse = ctx.saved_tensors
        count, hidden = left.shape
        gradient = gradient.reshape(-1)
        scale = gain * inverse
        offset = shift - mean * scale
        blocks = _blocks(left)
        active, seen = torch.zeros_like(mean), torch.zeros_like(mean)  # sums of gradients, and times the layer
        for _, pairs in blocks:
            on = _active(layer[pairs], scale, offset)
            active += on.T @ gradient[pairs]
            seen += on.mul_(layer[pairs]).T @ gradient[pairs]
        seen = (seen - mean * active) * inverse  # times the normalised layer
        to_gain, to_shift = last * seen, last * active
        to_last = gain * seen + shift * active
        slope = scale * inverse * to_gain / count**2
        constant = scale * to_shift / count**2 - slope * mean
        to_left, to_right, to_weight = torch.empty_like(left), torch.zeros_like(right), torch.zeros_like(weight)
        learned = ctx.needs_input_grad[2]
        for rows, pairs in blocks:
            back = _active(layer[pairs], scale, offset).mul_(scale * last).mul_(gradient[pairs].unsqueeze(1))
            back.sub_(constant).addcmul_(layer[pairs], slope, value=-1)
            first = _first(left[rows], right)
            if learned:
                to_weight.addmm_(back.T, first)
            through = (back @ weight).mul_(first.gt_(0)).view(-1, count, hidden)
            torch.sum(through, dim=1, out=to_left[rows])
            to_right += through.sum(dim=0)
        return to_left, to_right, to_weight if learned else None, to_gain, to_shift, to_last, None


def _blocks(left: Tensor) -> list[tuple[slice, slice]]:
    """Return blocks of nodes, and of the pairs that these are the first of."""
    count, hidden = left.shape
    limit = BLOCK_BYTES.get(left.device.type, OTHER_DEVICES)
    size = max(1, limit // (count * hidden * left.element_size()))
    starts = range(0, count, size)
    return [(slice(a, min(a + size, count)), slice(a * count, min(a + size, count) * count)) for a in starts]


def _first(left: Tensor, right: Tensor) -> Tensor:
    """Return the first layer of the pairs of some nodes with all, ``(pairs, hidden)``."""
    return (left.unsqueeze(1) + right).relu_().flatten(0, 1)


def _active(layer: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    """Return 1 where the normalised layer is positive, else 0."""
    return torch.addcmul(offset, layer, scale).gt_(0)
