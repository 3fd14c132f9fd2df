"""Condense a set of graphs of your own, and train a PyG network on the result in an ordinary loop."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GINConv
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
    """Two layers; the readout counts roots of computation trees as often as they stand for."""

    def __init__(self) -> None:
        super().__init__()
        self.first = GINConv(nn.Sequential(nn.Linear(KINDS, 32), nn.ReLU(), nn.Linear(32, 32)))
        self.second = GINConv(nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)))
        self.head = nn.Linear(32, 2)

    def forward(self, data: Data) -> Tensor:
        """Return logits, ``(num_graphs, 2)``."""
        h = self.first(data.x, data.edge_index).relu()
        h = self.second(h, data.edge_index).relu()
        return self.head(graphcond.pool(h, data, "mean"))


def main() -> float:
    """Condense 400 graphs to ten of each class and return the test accuracy of a GIN trained on them."""
    torch.manual_seed(0)
    graphs = [make_graph(i % 2) for i in range(600)]
    split = {"train": range(400), "valid": range(400, 500), "test": range(500, 600)}
    method = graphcond.Histograms(depth=2)  # trees as deep as the network below
    small = graphcond.condense(graphs, graphs_per_class=10, method=method, split=split)
    print(small)
    model = GIN()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(100):
        for batch in DataLoader(small, batch_size=10, shuffle=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(batch), batch.y_soft).backward()
            optimizer.step()
    test = next(iter(DataLoader(graphs[500:], batch_size=100)))
    accuracy = float((model(test).argmax(dim=1) == test.y).float().mean())
    print(f"test accuracy {accuracy:.2f}")
    return accuracy


if __name__ == "__main__":
    main()
