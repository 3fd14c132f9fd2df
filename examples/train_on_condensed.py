"""A plain PyG training loop, fed by a condensed graph and evaluated on the original.

python examples/train_on_condensed.py [DATASET]        # default: citeseer, which needs no download
"""

import sys

import torch
import torch.nn.functional as F
from torch_geometric.nn import GCN

import graphcond


def main(name: str = "citeseer") -> float:
    """Train a GCN on a hundredth of the nodes; return its test accuracy on the original graph."""
    dataset = graphcond.datasets.load(name)
    original = dataset[0]
    small = graphcond.condense(dataset, ratio=0.01)[0]

    torch.manual_seed(0)
    model = GCN(dataset.num_features, 256, 2, dataset.num_classes, dropout=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    for _ in range(200):
        model.train()
        optimizer.zero_grad()
        F.cross_entropy(model(small.x, small.edge_index), small.y).backward()
        optimizer.step()

    model.eval()
    with torch.no_grad():
        correct = model(original.x, original.edge_index).argmax(dim=1) == original.y
    accuracy = correct[original.test_mask].float().mean().item()
    print(f"{name}: trained on {small.num_nodes} nodes, tested on {original.num_nodes}: {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main(*sys.argv[1:])
