"""Interactions made up, at any size, in the likeness of real ones."""

import numpy as np
from scipy.sparse import csr_matrix

from graphcond.core.fields import is_whole
from graphcond.core.runtime.randomness import check_seed

SPREAD = 1.1  # of the logarithm of users' activity
FEWEST = 3  # interactions of a user, where there are enough
DECAY = 0.7  # popularity falls with this power of an item's rank
HEAD = 0.05  # share of the items among which popularity hardly differs
CONTRAST = 2.0  # of the logarithm of an item's share among a kind of taste
MIXING = 0.1  # concentration of a user's tastes: below 1, a few prevail
BLOCK = 2**22  # cells of users x items that are drawn together
ROUNDS = 8


def generate_interactions(
    num_users: int, num_items: int, num_interactions: int, *, factors: int = 8, seed: int = 0
) -> csr_matrix:
    r"""Return random implicit feedback in which there is something to learn.

    Activity is log-normal over users, popularity a power law over items. Taste has ``factors`` dimensions: with
    :math:`\theta_u` a user's shares of them and :math:`\varphi_k` each one's distribution over items, popular ones
    first, user :math:`u` draws items from :math:`\sum_k \theta_{uk} \varphi_k` without replacement.

    Args:
        num_users: Number of users.
        num_items: Number of items; some may have no interaction.
        num_interactions: Number of interactions, which is met exactly; each user has one at least.
        factors: Number of kinds of taste; 1 leaves nothing but popularity.
        seed: Same seed, same matrix.

    Returns:
        ``(num_users, num_items)`` float32 ones.

    >>> generate_interactions(100, 50, 1000).nnz
    1000
    """
    for name, value in (("num_users", num_users), ("num_items", num_items), ("factors", factors)):
        if not is_whole(value) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")
    if not num_users <= num_interactions <= num_users * num_items:
        raise ValueError(
            f"num_interactions must lie in [{num_users}, {num_users * num_items}], from one for each user to all "
            f"pairs, got {num_interactions}"
        )
    rng = np.random.default_rng(check_seed(seed))
    counts = _activity(rng, num_users, num_items, num_interactions)
    kinds = _kinds(rng, num_items, factors)
    size = max(1, BLOCK // num_items)
    parts = [_draw(rng, counts[start : start + size], kinds) for start in range(0, num_users, size)]
    starts = np.concatenate([[0], counts.cumsum()])
    ones = np.ones(num_interactions, np.float32)
    return csr_matrix((ones, np.concatenate(parts), starts), shape=(num_users, num_items))


def _activity(rng: np.random.Generator, num_users: int, num_items: int, total: int) -> np.ndarray:
    """Return each user's number of interactions; they add up to ``total``."""
    share = rng.lognormal(0, SPREAD, num_users)
    fewest = min(FEWEST, total // num_users)
    low, high = 0.0, num_items / share.min()
    for _ in range(100):
        middle = (low + high) / 2
        enough = np.clip(share * middle, fewest, num_items).sum() >= total
        low, high = (low, middle) if enough else (middle, high)
    exact = np.clip(share * high, fewest, num_items)
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    result: np.ndarray = counts
    return result


def _kinds(rng: np.random.Generator, num_items: int, factors: int) -> np.ndarray:
    """Return each kind of taste's distribution over items, ``(factors, num_items)``."""
    popularity = (1 + HEAD * num_items + rng.permutation(num_items)) ** -DECAY
    contrast = CONTRAST if factors > 1 else 0
    kinds = popularity * np.exp(contrast * rng.standard_normal((factors, num_items)))
    shares: np.ndarray = kinds / kinds.sum(axis=1, keepdims=True)
    return shares


def _draw(rng: np.random.Generator, counts: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Return the items of some users, ascending for each, int32."""
    factors, num_items = kinds.shape
    tastes = rng.dirichlet(np.full(factors, MIXING), len(counts))
    # One ladder of all kinds, each a step of 1: a single search finds the item of every draw.
    ladder = (np.cumsum(kinds, axis=1) + np.arange(factors)[:, None]).ravel()
    upto = np.cumsum(tastes, axis=1)
    pairs, lacking = np.empty(0, np.int64), counts
    for _ in range(ROUNDS):
        users = np.repeat(np.arange(len(counts)), lacking)
        kind = np.minimum((rng.random(len(users))[:, None] > upto[users]).sum(axis=1), factors - 1)
        item = np.searchsorted(ladder, kind + rng.random(len(users))) - kind * num_items
        pairs = np.union1d(pairs, users * num_items + np.clip(item, 0, num_items - 1))
        lacking = counts - np.bincount(pairs // num_items, minlength=len(counts))
    items: np.ndarray = _completed(rng, pairs, lacking, tastes, kinds) % num_items
    return items.astype(np.int32)


def _completed(
    rng: np.random.Generator, pairs: np.ndarray, lacking: np.ndarray, tastes: np.ndarray, kinds: np.ndarray
) -> np.ndarray:
    """Add what busy users still lack, by the same law: items arrive at exponential times, and the first ones count."""
    short = np.flatnonzero(lacking)
    if not len(short):
        return pairs
    num_items = kinds.shape[1]
    arrival = rng.standard_exponential((len(short), num_items)) / (tastes[short] @ kinds)
    users, items = np.divmod(pairs, num_items)
    row = np.searchsorted(short, users)
    had = short[np.minimum(row, len(short) - 1)] == users
    arrival[row[had], items[had]] = np.inf
    order = np.argsort(arrival, axis=1)[:, : lacking.max()]
    wanted = np.arange(order.shape[1]) < lacking[short][:, None]
    completed: np.ndarray = np.union1d(pairs, (short[:, None] * num_items + order)[wanted])
    return completed
