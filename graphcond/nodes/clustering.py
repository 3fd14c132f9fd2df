"""k-means within a class, in a space small enough that distances are cheap."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from sklearn import config_context
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from graphcond.nodes.points import Points

Coordinates = np.ndarray[Any, np.dtype[np.float32]]
DISTANCE_DIMENSIONS = 32
MAX_ITERATIONS = 25
SAMPLE = 5000  # points among which centres are looked for; all are then given to the nearest
SAMPLE_PER_CLUSTER = 100


def cluster(points: Points, count: int, seed: int) -> Tensor:
    """Return the cluster of each point, ``(num_points,)`` int64 in ``[0, count)``, none of them empty.

    Distances are taken between the leading principal components; the points themselves are left to the caller.

    Args:
        points: What is clustered.
        count: Number of clusters, at most ``num_points``.
        seed: Of all that is drawn.
    """
    if count == 1:
        return torch.zeros(len(points), dtype=torch.long, device=points.device)
    if count == len(points):
        return torch.arange(count, device=points.device)
    draws = torch.Generator().manual_seed(seed)
    sample = points
    if len(points) > (limit := max(SAMPLE, SAMPLE_PER_CLUSTER * count)):
        sample = points.take(torch.randperm(len(points), generator=draws)[:limit].to(points.device))
    center = sample.mean()
    basis = _leading_directions(sample, center, draws) if min(sample.shape) > DISTANCE_DIMENSIONS else None

    def seen(rows: Points) -> Coordinates:
        shown = rows.dense() - center if basis is None else rows.centred(center).times(basis)
        return shown.cpu().numpy()

    with config_context(assume_finite=True, skip_parameter_validation=True):
        shown = seen(sample)
        # One draw for each centre, as Arthur and Vassilvitskii (2007) have it; scikit-learn's own several take longer
        # than all that follows and end no lower. Single precision would be turned into double at each step.
        centers, _ = kmeans_plusplus(shown.astype(np.float64), count, random_state=seed, n_local_trials=1)
        means = KMeans(count, init=centers.astype(shown.dtype), n_init=1, max_iter=MAX_ITERATIONS).fit(shown)
    if sample is points:
        labels = means.labels_
    else:
        parts = torch.split(torch.arange(len(points), device=points.device), SAMPLE)
        labels = np.concatenate([means.predict(seen(points.take(part))) for part in parts])
    return without_empty(torch.as_tensor(labels, dtype=torch.long, device=points.device), count)


def _leading_directions(points: Points, center: Tensor, draws: torch.Generator) -> Tensor:
    """Return an orthonormal basis of about the leading principal components, ``(num_features, DISTANCE_DIMENSIONS)``.

    Two rounds of subspace iteration (Halko, Martinsson and Tropp, 2011), as :func:`torch.pca_lowrank` has it but for
    the generator, which there is the one that all threads share; distances do not need the components one by one.
    """
    products = points.centred(center)
    found = torch.randn(len(center), DISTANCE_DIMENSIONS, generator=draws, dtype=center.dtype).to(center.device)
    for _ in range(2):
        found = torch.linalg.qr(products.transposed_times(products.times(found))).Q
    return found


@contextmanager
def duplicates_allowed() -> Iterator[None]:
    """Leave out scikit-learn's warning of duplicate points: :func:`without_empty` deals with them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def without_empty(labels: Tensor, count: int) -> Tensor:
    """Return the clusters of points, none of them empty: the largest lends each that duplicates left empty a point."""
    sizes = torch.bincount(labels, minlength=count)
    for empty in (sizes == 0).nonzero().flatten().tolist():
        largest = int(sizes.argmax())
        labels[int((labels == largest).nonzero()[0])] = empty
        sizes = torch.bincount(labels, minlength=count)
    return labels
