"""The split of datasets that were published without one."""

import torch
from torch import Tensor
from torch_geometric.utils import index_to_mask

from graphcond.core.runtime.randomness import seeded


def balanced_split(y: Tensor, seed: int, *, train_per_class: int = 20, val_per_class: int = 30) -> dict[str, Tensor]:
    """Draw the split of Shchur et al., "Pitfalls of Graph Neural Network Evaluation" (2018).

    Args:
        y: Labels, ``(num_nodes,)`` int64.
        seed: Same seed, same split; the caller's random state is left alone.
        train_per_class: Training nodes of each class.
        val_per_class: Validation nodes of each class; all others are test nodes.

    Returns:
        ``train_mask``, ``val_mask`` and ``test_mask``, each ``(num_nodes,)`` bool.

    Raises:
        ValueError: a class has no node left for testing.

    >>> masks = balanced_split(torch.arange(200) % 2, seed=0)
    >>> [int(mask.sum()) for mask in masks.values()]
    [40, 60, 100]
    """
    with seeded(seed):
        order = torch.randperm(len(y))
    labelled = train_per_class + val_per_class
    parts: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
    for label in range(int(y.max()) + 1):
        nodes = order[y[order] == label]
        if len(nodes) <= labelled:
            raise ValueError(f"class {label} has {len(nodes)} nodes; the split needs more than {labelled}")
        for part, drawn in zip(parts, nodes.tensor_split([train_per_class, labelled]), strict=True):
            part.append(drawn)
    names = ("train_mask", "val_mask", "test_mask")
    return {name: index_to_mask(torch.cat(part), size=len(y)) for name, part in zip(names, parts, strict=True)}
