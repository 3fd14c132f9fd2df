"""Condense handwritten digits to a few images of each class, and train a network of your own on them.

python examples/condense_images.py [NAME [ROOT]]      # images of `graphcond list`; default: inside scikit-learn
"""

import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import graphcond
from graphcond import DM, ConvNet


def main(name: str = "digit-images", root: str | None = None, steps: int = 1000) -> float:
    """Return the accuracy on test images of a network that was trained on ten images of each class."""
    dataset = graphcond.datasets.load(name, root)
    small = graphcond.condense(dataset, size="10/class", method=DM(architecture=ConvNet(width=32), steps=steps))
    print(small)

    x, y = small.images()  # normalised; an ordinary pair of tensors
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), 128), nn.ReLU(), nn.Linear(128, small.num_classes))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    for _ in range(100):
        for images, labels in DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(images), labels).backward()
            optimizer.step()

    images, labels = (torch.as_tensor(part) for part in dataset.test)
    scale = small[0].mean.view(-1, 1, 1), small[0].std.view(-1, 1, 1)
    images = images / 255 if images.dtype == torch.uint8 else images  # as the condensed ones: bytes in [0, 1]
    with torch.no_grad():
        accuracy = float((network((images - scale[0]) / scale[1]).argmax(dim=1) == labels).float().mean())
    print(f"{100 * accuracy:.1f} % of {len(labels):,} test images, trained on {len(y)}")
    return accuracy


if __name__ == "__main__":
    main(*sys.argv[1:])
