"""Mini-batches from a condensed dataset through PyG's loaders."""

import torch
import torch.nn.functional as F
from torch_geometric.loader import DataLoader, RandomNodeLoader
from torch_geometric.nn import GCN

import graphcond


def main() -> float:
    """Train on random parts of the condensed graph; return the test accuracy on the original."""
    dataset = graphcond.datasets.load("digits")
    original = dataset[0]
    small = graphcond.condense(dataset, size="10/class")
    whole = next(iter(DataLoader(small)))  # the dataset itself is a list of one graph
    print(f"one graph of {whole.num_nodes} nodes, in parts of about {whole.num_nodes // 4}")

    torch.manual_seed(0)
    model = GCN(dataset.num_features, 64, 2, dataset.num_classes)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        for part in RandomNodeLoader(small[0], num_parts=4, shuffle=True):
            optimizer.zero_grad()
            losses = F.cross_entropy(model(part.x, part.edge_index), part.y, reduction="none")
            (losses * part.node_weight).mean().backward()
            optimizer.step()

    model.eval()
    with torch.no_grad():
        correct = model(original.x, original.edge_index).argmax(dim=1) == original.y
    accuracy = correct[original.test_mask].float().mean().item()
    print(f"test accuracy on the original: {accuracy:.1%}")
    return accuracy


if __name__ == "__main__":
    main()
