"""Condense a set of graphs of your own, and train a PyG network on the result in an ordinary loop."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv, global_mean_pool
from torch_geometric.utils import to_undirected

import graphcond

KINDS = 3  # of nodes


def make_graph(label: int) -> Data:
    """Return a ring of nodes of random kinds; in rings of class 1, neighbours tend to be of one kind."""
    size = int(torch.randint(8, 16, ()))
    kinds = torch.randint(KINDS, (size,))
    if label:
        kinds = kinds.repeat_interleave(2)[:size]
    ring = torch.stack([torch.arange(size), torch.arange(size).roll(-1)])
    return Data(x=nn.functional.one_hot(kinds, KINDS).float(), edge_index=to_undirected(ring), y=torch.tensor([label]))


class GIN(nn.Module):
    """Two layers and a readout, as for any set of graphs."""

    def __init__(self) -> None:
        super().__init__()
        self.first = GINConv(nn.Sequential(nn.Linear(KINDS, 32), nn.ReLU(), nn.Linear(32, 32)))
        self.second = GINConv(nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)))
        self.head = nn.Linear(32, 2)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        """Return logits, ``(num_graphs, 2)``."""
        h = self.first(x, edge_index).relu()
        h = self.second(h, edge_index).relu()
        return self.head(global_mean_pool(h, batch))


def main() -> float:
    """Condense 400 graphs to forty of each class and return the test accuracy of a GIN trained on them."""
    torch.manual_seed(0)
    graphs = [make_graph(i % 2) for i in range(600)]
    split = {"train": range(400), "valid": range(400, 500), "test": range(500, 600)}
    small = graphcond.condense(graphcond.read(graphs, split=split), size="40/class")
    print(small)
    model = GIN()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(100):
        for batch in DataLoader(small, batch_size=10, shuffle=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(batch.x, batch.edge_index, batch.batch), batch.y).backward()
            optimizer.step()
    test = next(iter(DataLoader(graphs[500:], batch_size=100)))
    accuracy = float((model(test.x, test.edge_index, test.batch).argmax(dim=1) == test.y).float().mean())
    print(f"test accuracy {accuracy:.2f}")
    return accuracy


if __name__ == "__main__":
    main()
