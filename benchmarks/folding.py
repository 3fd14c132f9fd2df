"""Folded training: node updates and the time of an epoch, beside a plain one. Rows are written by mining.py."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GINConv

import graphcond
from graphcond.core.runtime.randomness import seeded
from graphcond.graphs.blocks import Block, blocks, convolve, leaves, update_count
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.task import GraphSet

BATCH, WIDTH, DEPTH = 2048, 64, 3  # graphs of a mini-batch, columns and layers of the network
NETWORKS: dict[str, dict[str, bool]] = {  # what is folded by which settings; the first is not
    f"plain, batches of {BATCH}": {},
    "folded (default)": {},
    "folded (degrees=False, edges=False)": {"degrees": False, "edges": False},
}


class Network(nn.Module):
    """GIN on codes of categories: the sum of an embedding of each column, three layers, sum pooling, one linear map."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        sizes = (x.amax(dim=0) + 1).tolist()
        self.first = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        self.table = nn.EmbeddingBag(sum(sizes), WIDTH, mode="sum")
        self.convs = nn.ModuleList(
            GINConv(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))) for _ in range(DEPTH)
        )
        self.head = nn.Linear(WIDTH, 2)

    def plain(self, graphs: GraphSet) -> Tensor:
        """Return the logits of graphs."""
        x = self.table(graphs.x + self.first)
        for i, conv in enumerate(self.convs):
            x = conv(x, graphs.edge_index)
            x = x.relu() if i < DEPTH - 1 else x
        return self.head(x.new_zeros(len(graphs), WIDTH).index_add(0, graphs.graph, x))

    def folded(self, data: Data, layers: list[Block]) -> Tensor:
        """Return the logits of the same graphs, folded."""
        x = self.table(data.x[leaves(data)] + self.first)
        for i, (conv, block) in enumerate(zip(self.convs, layers, strict=True)):
            x = convolve(conv, x, block)
            x = x.relu() if i < DEPTH - 1 else x
        tree, graph = data.pool_index
        rows = x[tree - data.level_ptr[-2]] * data.pool_weight.unsqueeze(1)
        return self.head(x.new_zeros(len(data.y), WIDTH).index_add(0, graph, rows))


def folding(root: Path | None, repeats: int) -> list[dict]:
    """Return node updates and the time of a full-batch epoch, forward and backward, plain and folded."""
    task = read_graphs(graphcond.datasets.load("ogbg-molhiv", root))
    with seeded(0):
        network = Network(task.train.x)
    batches = [task.train.take(part) for part in torch.arange(len(task.train)).split(BATCH)]

    def loss(logits: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, y, reduction="sum") / len(task.train)

    def plain() -> None:
        for batch in batches:
            loss(network.plain(batch), batch.y).backward()

    expected, seconds = _epochs(network, plain, repeats)
    updates = DEPTH * task.train.num_nodes
    (unfolded, _), *folded = NETWORKS.items()
    rows = [{"kind": "folding", "network": unfolded, "updates": updates, "seconds": seconds}]
    for network_name, options in folded:
        start = time.perf_counter()
        data = graphcond.WLFold(depth=DEPTH, **options).condense(task, None).items[0]
        preparing = time.perf_counter() - start
        layers = blocks(data)
        found, seconds = _epochs(network, lambda d=data, b=layers: loss(network.folded(d, b), d.y).backward(), repeats)
        difference = float((found - expected).norm() / expected.norm())
        rows.append({"kind": "folding", "network": network_name, "updates": update_count(data),
                     "seconds": seconds, "preparing": preparing, "gradient_difference": difference})  # fmt: skip
    return rows


def _epochs(network: Network, epoch: Callable[[], None], repeats: int) -> tuple[Tensor, float]:
    """Return the gradient of an epoch and the median of its times."""
    times = []
    for _ in range(repeats):
        network.zero_grad()
        start = time.perf_counter()
        epoch()
        times.append(time.perf_counter() - start)
    return torch.cat([value.grad.flatten() for value in network.parameters()]), statistics.median(times)
