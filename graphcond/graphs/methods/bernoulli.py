r"""Graphs whose edges are independent Bernoulli variables (DosCond: Jin et al., KDD 2022).

An edge is there with probability :math:`\sigma(\Theta_{ij})`. What a surrogate sees is a
relaxed sample (the binary concrete distribution: Maddison et al., ICLR 2017) with noise :math:`\epsilon` uniform in (0,
1), one draw per pair,

.. math:: A_{ij} = \sigma\Big(\frac{\Theta_{ij} + \log \epsilon_{ij} - \log(1 - \epsilon_{ij})}{\tau}\Big)

which becomes a sample of 0 or 1 as :math:`\tau` falls; the graph that is kept has the edges with
:math:`\sigma(\Theta_{ij}) > 1/2`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from graphcond.core.fields import require_positive
from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.matching.recipe import Synthetic
from graphcond.graphs.features import Features
from graphcond.graphs.task import GraphSet
from graphcond.synthetic.graph import normalize

CERTAINTY = 5.0  # log-odds with which initial graphs have their edges, and lack the others
EPSILON = 1e-6  # how near noise may come to 0 and 1


@dataclass(frozen=True, kw_only=True)
class EdgeSampling:
    """How samples of edges are relaxed, and held sparse.

    Args:
        temperature: The lowest temperature; the first draw is made at 1.
        annealing: Draws over which the temperature falls to it, geometrically.
        sparsity: Weight of what the mean probability of an edge exceeds the initial density by.
    """

    temperature: float = 0.01
    annealing: int = 200
    sparsity: float = 0.1

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("sparsity",))

    def temperature_at(self, draw: int) -> float:
        """Return the temperature of a draw, counted from 0."""
        return float(max(self.temperature, self.temperature ** (draw / self.annealing)))


class BernoulliGraphs(Synthetic):
    """Graphs with learned features and learned probabilities of edges, of sizes of their own.

    Args:
        rows: ``(n, N, columns)`` initial features, as real ones are; what is beyond a graph's size does not matter.
        adjacency: ``(n, N, N)`` initial edges, zeros and ones.
        sizes: ``(n,)`` int64 how many of the ``N`` places of each graph are nodes.
        y: ``(n,)`` int64 classes, or targets as the original has them; fixed.
        strata: ``(n,)`` int64 what stands for classes where targets are none.
        features: How features become numbers.
        edge_sampling: How edges are sampled.
        mean: Whether a graph's readout is the mean of its nodes, or their sum.
    """

    y: Tensor
    strata: Tensor | None
    nodes: Tensor
    pairs: Tensor
    draws: Tensor

    def __init__(
        self,
        rows: Tensor,
        adjacency: Tensor,
        sizes: Tensor,
        y: Tensor,
        strata: Tensor | None = None,
        *,
        features: Features,
        edge_sampling: EdgeSampling,
        mean: bool = True,
    ) -> None:
        super().__init__()
        count, places = rows.shape[:2]
        nodes = torch.arange(places, device=sizes.device) < sizes.unsqueeze(1)
        pairs = nodes.unsqueeze(1) & nodes.unsqueeze(2) & ~torch.eye(places, dtype=torch.bool, device=sizes.device)
        self.x = nn.Parameter(features.start(rows.flatten(0, 1)).view(count, places, -1).clone())
        self.logits = nn.Parameter(CERTAINTY * (2 * adjacency - 1))
        self.register_buffer("y", y)
        self.register_buffer("strata", strata)
        self.register_buffer("nodes", nodes, persistent=False)
        self.register_buffer("pairs", pairs, persistent=False)
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))
        self.features = features
        self.edge_sampling = edge_sampling
        self.mean = mean
        self.density = float(_mean(adjacency, pairs))

    def batch(self) -> GraphBatch:
        """Return the graphs with a fresh draw of their edges; see :class:`graphcond.core.matching.recipe.Synthetic`."""
        temperature = self.edge_sampling.temperature_at(int(self.draws))
        self.draws += 1
        adjacency = torch.sigmoid((self._odds() + self._noise()) / temperature) * self.pairs
        return self._seen(adjacency, self.features.numbers(self.x.flatten(0, 1)))

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.core.matching.recipe.Synthetic`."""
        return {"features": [self.x], "structure": [self.logits]}

    def penalty(self) -> Tensor:
        r"""Return :math:`\beta \max(0, \overline{\sigma(\Theta)} - \text{initial density})`, over pairs of nodes."""
        excess = _mean(self._odds().sigmoid(), self.pairs) - self.density
        return self.edge_sampling.sparsity * excess.relu()

    @torch.no_grad()
    def decided(self) -> GraphBatch:
        """Return the graphs as a surrogate sees them when all is decided: what is kept."""
        numbers = self.features.encode(self.features.decode(self.x.flatten(0, 1)))
        return self._seen(self._edges().to(numbers), numbers)

    @torch.no_grad()
    def graphs(self) -> list[tuple[Tensor, Tensor]]:
        """Return features, as real ones are, and edges, ``(2, num_edges)`` in both directions, of each graph."""
        edges = self._edges()
        found = []
        for i, size in enumerate(self.nodes.sum(dim=1).tolist()):
            x = self.features.decode(self.x[i, :size])
            found.append((x.clone(), edges[i, :size, :size].nonzero().T.contiguous()))
        return found

    def _odds(self) -> Tensor:
        return (self.logits + self.logits.transpose(1, 2)) / 2

    def _edges(self) -> Tensor:
        return (self._odds() > 0) & self.pairs

    def _noise(self) -> Tensor:
        """Return logistic noise, the same for both directions of a pair; drawn on the CPU, so that devices agree."""
        upper = torch.rand(self.logits.shape).to(self.logits).triu(diagonal=1)
        return (upper + upper.transpose(1, 2)).logit(eps=EPSILON)

    def _seen(self, adjacency: Tensor, x: Tensor) -> GraphBatch:
        count, places = self.nodes.shape
        share = self.nodes.to(x)
        if self.mean:
            share = share / share.sum(dim=1, keepdim=True)
        ptr = places * torch.arange(count + 1, device=x.device)
        x = x * self.nodes.view(-1, 1)
        operators = torch.vmap(normalize)(adjacency)
        return GraphBatch(x, self.y, adj=operators, ptr=ptr, share=share.flatten(), strata=self.strata)


def _mean(values: Tensor, pairs: Tensor) -> Tensor:
    """Return the mean of ``values`` over pairs of nodes; 0 where no graph has two."""
    return (values * pairs).sum() / pairs.sum().clamp(min=1)


def learned_items(graphs: BernoulliGraphs, real: GraphSet) -> list[Data]:
    """Return learned graphs as PyG ``Data``; where real ones have edge features, with the row most frequent there."""
    items = []
    row = None if real.edge_attr is None else _commonest(real.edge_attr)
    for (x, edge_index), label in zip(graphs.graphs(), graphs.y, strict=True):
        item = Data(x=x, edge_index=edge_index, y=label.unsqueeze(0))
        if row is not None:
            item.edge_attr = row.repeat(edge_index.size(1), 1)
        items.append(item)
    return items


def _commonest(rows: Tensor) -> Tensor:
    """Return the most frequent row; zeros where there is none."""
    if not len(rows):
        return rows.new_zeros(rows.size(1))
    found, counts = torch.unique(rows, dim=0, return_counts=True)
    commonest: Tensor = found[counts.argmax()]
    return commonest
