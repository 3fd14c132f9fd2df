"""Where the logits of synthetic users start: at real users, or at clusters of them."""

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor

from recsys.data.split import Split
from recsys.methods.k_means_users import user_directions
from recsys.methods.selection import binary

NOISE = 0.1  # of the logits of real users that serve more than once
DIRECTIONS = 32  # in which clusters of users are distinguished
TRACE = 1e-3  # of an interaction: what an item is started with that a cluster does not have


def initial_logits(split: Split, users: int) -> Tensor:
    """Return the rows of randomly chosen real users, 0 and 1, as the published code takes them for logits.

    Where there are fewer real users, they serve more than once: noise tells them apart.
    """
    available = split.num_users
    turns = -(-users // available)
    chosen = torch.cat([torch.randperm(available) for _ in range(turns)])[:users]
    logits = torch.from_numpy((split.train[chosen.numpy()].toarray() > 0).astype(np.float32))
    again = torch.arange(users) >= available
    return logits + again.unsqueeze(1) * NOISE * torch.randn(logits.shape)


def log_of_clusters(split: Split, users: int) -> Tensor:
    """Return logits whose softmax is, but for a trace of all items, the mean user of each cluster."""
    rows = binary(split.train[np.flatnonzero(np.diff(split.train.indptr))])
    seed = int(torch.randint(2**31, ()))
    points = user_directions(rows, DIRECTIONS, seed)
    cluster = MiniBatchKMeans(users, n_init=3, random_state=seed).fit(points).labels_
    sizes = np.bincount(cluster, minlength=users)
    ones = np.ones(len(cluster), np.float32)
    sums = csr_matrix((ones, (cluster, np.arange(len(cluster)))), shape=(users, len(cluster))) @ rows
    return torch.from_numpy(sums.toarray() / np.maximum(sizes, 1)[:, None].astype(np.float32) + TRACE).log()
