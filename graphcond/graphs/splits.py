"""The split of graph sets that were published without one: seeded stratified folds."""

import torch
from torch import Tensor

from graphcond.core.runtime.randomness import seeded

FOLDS = 10


def stratified_folds(y: Tensor, seed: int = 0, folds: int = FOLDS) -> Tensor:
    """Return the fold of each graph: classes are spread evenly, and so is what is left over.

    Args:
        y: ``(num_graphs,)`` int64 labels; -1, unlabelled, counts as a class of its own.
        seed: Same seed, same folds; the caller's random state is left alone.
        folds: Number of folds.

    >>> torch.bincount(stratified_folds(torch.arange(40) % 2))
    tensor([4, 4, 4, 4, 4, 4, 4, 4, 4, 4])
    """
    with seeded(seed):
        order = torch.randperm(len(y))
    by_class = order[torch.sort(y[order], stable=True).indices]
    result = torch.empty_like(y)
    result[by_class] = torch.arange(len(y)) % folds  # dealt like cards, one class after the other
    return result


def fold_split(y: Tensor, fold: int, seed: int = 0) -> dict[str, Tensor]:
    """Return the graph numbers of a fold for testing, the next one for validation, and all others for training.

    Raises:
        ValueError: there is no such fold.
    """
    if not 0 <= fold < FOLDS:
        raise ValueError(f"split must be a fold in [0, {FOLDS - 1}] (the dataset has no split of its own), got {fold}")
    folds = stratified_folds(y, seed)
    test, val = folds == fold, folds == (fold + 1) % FOLDS
    masks = {"train": ~test & ~val, "valid": val, "test": test}
    return {name: mask.nonzero().flatten() for name, mask in masks.items()}
