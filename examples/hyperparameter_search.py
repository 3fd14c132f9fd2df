"""Search hyper-parameters on the condensed graph, and compare the ranking with the one on the whole graph.

Every setting is scored on the validation nodes of the original, in both searches; the test nodes are not touched.
"""

import itertools
import time
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch_geometric.data import Data
from torch_geometric.nn import GCN

import graphcond

GRID = list(itertools.product((16, 64, 256), (0.0, 0.5, 0.8), (0.01, 0.001)))  # hidden, dropout, learning rate


def validation_accuracy(data: Data, original: Data, setting: Sequence[float], epochs: int) -> float:
    """Train a GCN with one setting on ``data`` and return its accuracy on the original's validation nodes."""
    hidden, dropout, learning_rate = setting
    torch.manual_seed(0)
    model = GCN(original.num_features, int(hidden), 2, int(original.y.max()) + 1, dropout=dropout)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=5e-4)
    for _ in range(epochs):
        model.train()
        optimizer.zero_grad()
        logits = model(data.x, data.edge_index)[data.train_mask]
        F.cross_entropy(logits, data.y[data.train_mask]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        correct = model(original.x, original.edge_index).argmax(dim=1) == original.y
    return correct[original.val_mask].float().mean().item()


def main(epochs: int = 100, grid: Sequence[Sequence[float]] = GRID) -> float:
    """Search twice; return the rank correlation of the two searches."""
    dataset = graphcond.datasets.load("digits")
    original = dataset[0]
    small = graphcond.condense(dataset, size="5/class")[0]
    scores = {}
    for name, data in (("condensed", small), ("whole", original)):
        start = time.perf_counter()
        scores[name] = [validation_accuracy(data, original, setting, epochs) for setting in grid]
        print(f"{name}: {len(grid)} settings in {time.perf_counter() - start:.1f} s")
    correlation = float(spearmanr(scores["condensed"], scores["whole"]).statistic)
    chosen = max(range(len(grid)), key=scores["condensed"].__getitem__)
    lost = max(scores["whole"]) - scores["whole"][chosen]
    print(f"rank correlation {correlation:.2f}; the setting chosen on the condensed graph is {lost:.1%} off the best")
    return correlation


if __name__ == "__main__":
    main()
