"""What there is to say of the sizes of features: networks for heterogeneous graphs read them as they are."""

from collections.abc import Mapping

import torch
from torch import Tensor

from graphcond.hetero.checks import holder

MOST = 0.999  # of the variance of a type's features, in a single column
FAR = 1000.0  # squared length of the mean features of a type over their variance
APART = 1000.0  # lengths of rows of two types, one over the other
REMEDY = "standardise features first, for example by scikit-learn's StandardScaler"


def scale_notes(x: Mapping[str, Tensor]) -> list[str]:
    """Return a sentence for features on which networks train badly because of their sizes.

    Args:
        x: By node type, ``(nodes, features)``.
    """
    notes, lengths = [], {}
    for name, value in x.items():
        variances, means = torch.var_mean(value, dim=0, correction=0)
        variance, offset = float(variances.sum()), float(means.square().sum())
        lengths[name] = (variance + offset) ** 0.5
        if variance > 0 and len(variances) > 1 and float(variances.max()) > MOST * variance:
            column = int(variances.argmax())
            notes.append(
                f"Column {column} of {holder(name)}.x has {float(variances.max()) / variance:.2%} of the variance of "
                f"all its columns, so that networks learn little from the others; {REMEDY}."
            )
        elif variance > 0 and offset > FAR * variance:
            notes.append(
                f"The rows of {holder(name)}.x differ by less than a thirtieth of their mean, so that networks can "
                f"hardly tell them apart; {REMEDY}."
            )
    return [*notes, *_between(lengths)]


def _between(lengths: Mapping[str, float]) -> list[str]:
    some = {name: length for name, length in lengths.items() if length > 0}
    if not some:
        return []
    small, large = min(some, key=some.__getitem__), max(some, key=some.__getitem__)
    if some[large] <= APART * some[small]:
        return []
    return [
        f"Rows of {holder(large)}.x are {some[large] / some[small]:,.0f} times as long as those of {holder(small)}.x, "
        f"so that networks learn little from the latter; {REMEDY}."
    ]
