"""Closed frequent itemsets: which items occur together in many transactions."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, issparse

from graphcond.core.fields import is_whole

Numbers: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint64]  # 64 members of a set each

PAIR_WORDS = 1 << 18  # of the pairwise tests done at once: two megabytes
NUMPY_COUNTS = np.lib.NumpyVersion(np.__version__) >= "2.0.0"  # np.bitwise_count is there
BYTE_ONES = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)


@dataclass(frozen=True)
class Itemset:
    """Items that occur together.

    Args:
        items: Column numbers, ascending.
        support: Total weight of the transactions that contain all of them.
    """

    items: tuple[int, ...]
    support: int


def closed_itemsets(
    transactions: csr_matrix | csr_array,
    threshold: int,
    weights: NDArray[np.integer] | None = None,
    limit: int | None = None,
) -> list[Itemset]:
    """Return all closed itemsets whose support reaches a threshold (LCM: Uno et al., FIMI 2004).

    An itemset is closed if every larger one has a smaller support. The closed sets form a tree in which the parent of
    each is found from it alone, so a traversal meets each of them once and need not remember them: a child is the
    closure of its parent and one more item ``j``, kept only if the closure adds no item before ``j``.

    Args:
        transactions: ``(num_transactions, num_items)``; an item is in a transaction where the entry is not zero.
        threshold: Smallest support, at least 1.
        weights: ``(num_transactions,)`` positive integers, how often each transaction counts; default 1.
        limit: Largest number of itemsets that is acceptable; default any.

    Returns:
        The non-empty ones, the largest support first, then the fewest items, then by the items.

    Raises:
        TypeError: ``transactions`` is not sparse.
        ValueError: an argument makes no sense, or there are more itemsets than ``limit``.

    Note:
        The paper keeps lists of transactions. Here the transactions of an item are the bits of a row of words, and
        equal transactions are first merged into one that weighs as much.

    Example:
        >>> transactions = csr_array([[1, 1, 0], [1, 1, 1], [0, 0, 1]])
        >>> for found in closed_itemsets(transactions, threshold=1):
        ...     print(found.items, found.support)
        (2,) 2
        (0, 1) 2
        (0, 1, 2) 1
    """
    _check("threshold", threshold, "for a share of the transactions, multiply by their total weight")
    if limit is not None:
        _check("limit", limit, "for any number of itemsets leave it out")
    entries = _entries(transactions)
    counted = _counted(weights, entries.shape[0])
    supports = entries.T @ counted
    items = np.flatnonzero(supports >= threshold)
    if not len(items):
        return []
    items = items[np.argsort(supports[items], kind="stable")]  # the rarest first: their subtrees are the smallest
    found: list[Itemset] = []
    for members, support in _walk(*_merged(entries[:, items], counted), threshold):
        if len(found) == limit:
            raise ValueError(f"more itemsets than limit={limit} reach threshold={threshold}; raise the threshold")
        found.append(Itemset(tuple(np.sort(items[members]).tolist()), support))
    return sorted(found, key=lambda itemset: (-itemset.support, len(itemset.items), itemset.items))


def _check(name: str, value: int, remedy: str) -> None:
    if not is_whole(value) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}; {remedy}")


def _entries(transactions: csr_matrix | csr_array) -> csr_array:
    """Return a copy with a one where an item is in a transaction and nothing elsewhere."""
    if not issparse(transactions):
        kind = type(transactions).__name__
        raise TypeError(f"transactions must be a SciPy sparse matrix, got {kind}; wrap it in scipy.sparse.csr_array")
    if transactions.ndim != 2:
        raise ValueError(f"transactions must have rows and columns, got shape {transactions.shape}; reshape it")
    entries = csr_array(transactions, copy=True)
    entries.sum_duplicates()
    entries.eliminate_zeros()
    entries.data = np.ones(entries.nnz, dtype=np.int64)
    return entries


def _counted(weights: NDArray[np.integer] | None, num_transactions: int) -> Numbers:
    if weights is None:
        return np.ones(num_transactions, dtype=np.int64)
    given = np.asarray(weights)
    if given.shape != (num_transactions,):
        raise ValueError(f"weights must have shape ({num_transactions},), one per transaction, got {given.shape}")
    if given.dtype.kind not in "iu":
        raise ValueError(f"weights must be integers, got {given.dtype}; convert them with weights.astype(int)")
    if len(wrong := np.flatnonzero(given <= 0)):
        raise ValueError(
            f"weights must be positive, got {given[wrong[0]]} for transaction {wrong[0]}; leave out what does not count"
        )
    if (total := sum(given.tolist())) > np.iinfo(np.int64).max:
        raise ValueError(f"weights must sum to less than 2**63, got {total}; divide them by a common factor")
    return given.astype(np.int64)


def _packed(members: csr_array) -> Words:
    """Return the rows of a zero-one matrix ``(n, m)`` as sets of bits, ``(n, ceil(m / 64))``."""
    num_rows, num_columns = members.shape
    words = np.zeros((num_rows, -(-num_columns // 64)), dtype=np.uint64)
    columns = members.indices.astype(np.uint64)
    rows = np.repeat(np.arange(num_rows), np.diff(members.indptr))
    places = rows * words.shape[1] + members.indices // 64
    np.bitwise_or.at(words.reshape(-1), places, np.uint64(1) << columns % np.uint64(64))
    return words


def _merged(entries: csr_array, weights: Numbers) -> tuple[Words, Numbers]:
    """Return the transactions of each item, equal transactions merged, and their weights, the heaviest first."""
    rows = _packed(entries)
    order = np.lexsort(rows.T)
    rows = rows[order]
    starts = np.flatnonzero(np.append(True, (rows[1:] != rows[:-1]).any(axis=1)))
    weights = np.add.reduceat(weights[order], starts)
    heaviest = np.argsort(-weights, kind="stable")
    return _packed(csr_array(entries[order[starts[heaviest]]].T)), weights[heaviest]


class _Scale(NamedTuple):
    """Weighs sets of transactions: their weights in binary, one count of ones for each power of two.

    Heavy transactions come first, so a high power concerns few words; the others are left out.
    """

    words: Numbers  # which words of a set
    masks: Words  # which transactions have this power in their weight
    powers: Numbers

    @classmethod
    def of(cls, weights: Numbers) -> "_Scale":
        """Return the scale for whole sets."""
        powers = np.arange(int(weights.max()).bit_length())
        masks = _packed(csr_array(weights >> powers[:, None] & 1))
        used, words = np.nonzero(masks)
        return cls(words, masks[used, words], np.int64(1) << used)

    def at(self, words: Numbers) -> "_Scale":
        """Return the scale for sets of which only these words are kept, ascending."""
        places = np.full(self.words.max() + 1, -1)
        places[words] = np.arange(len(words))
        kept = places[self.words] >= 0
        return _Scale(places[self.words[kept]], self.masks[kept], self.powers[kept])

    def weigh(self, sets: Words) -> Numbers:
        """Return the total weight of each row."""
        weight: Numbers = _ones(sets.take(self.words, axis=1) & self.masks) @ self.powers
        return weight


def _ones(words: Words) -> NDArray[np.uint8]:
    """Return how many bits of each word are set."""
    ones: NDArray[np.uint8]
    if NUMPY_COUNTS:
        ones = np.bitwise_count(words)
    else:
        ones = BYTE_ONES[words.view(np.uint8).reshape(*words.shape, 8)].sum(axis=-1, dtype=np.uint8)
    return ones


class _Node(NamedTuple):
    """A closed set.

    Args:
        members: Its items.
        words: The words in which it has transactions, ascending.
        within: Its transactions in these words.
        last: The item that led to it.
        others: Items that were frequent one step above, ascending, without its own.
    """

    members: Numbers
    words: Numbers
    within: Words
    last: int
    others: Numbers


def _walk(tidsets: Words, weights: Numbers, threshold: int) -> Iterator[tuple[Numbers, int]]:
    """Yield the items and the support of every closed set with items.

    Args:
        tidsets: ``(num_items, num_words)``, the transactions of each item.
        weights: ``(num_transactions,)``, all positive, the largest first.
        threshold: Smallest support.
    """
    scale = _Scale.of(weights)
    everything = _packed(csr_array(np.ones((1, len(weights)))))[0]
    shared = (tidsets == everything).all(axis=1)
    root = _Node(np.flatnonzero(shared), np.arange(len(everything)), everything, -1, np.flatnonzero(~shared))
    if len(root.members):
        yield root.members, int(weights.sum())
    waiting = [root]
    while waiting:
        for child, support in _children(waiting.pop(), tidsets, scale, threshold):
            yield child.members, support
            if len(child.others) and child.others[-1] > child.last:
                waiting.append(child)


def _children(node: _Node, tidsets: Words, scale: _Scale, threshold: int) -> Iterator[tuple[_Node, int]]:
    """Yield the closed sets one step below, each with its support."""
    sets = tidsets[node.others[:, None], node.words] & node.within
    supports = scale.at(node.words).weigh(sets)
    frequent = supports >= threshold
    others, sets, supports = node.others[frequent], sets[frequent], supports[frequent]
    later = np.flatnonzero(others > node.last)
    step = max(1, PAIR_WORDS // max(1, sets.size))
    for start in range(0, len(later), step):
        added = later[start : start + step]
        # [j, i]: wherever the j-th added is, other i is too.
        implied: NDArray[np.bool_] = ((sets[added, None] & ~sets) == 0).all(axis=2)
        earlier = np.arange(len(others)) < added[:, None]
        for row in np.flatnonzero(~(implied & earlier).any(axis=1)):
            j, joins = added[row], implied[row]
            words = np.flatnonzero(sets[j])
            members = np.concatenate([node.members, others[joins]])
            yield _Node(members, node.words[words], sets[j, words], int(others[j]), others[~joins]), int(supports[j])


def subsets(closed: list[Itemset], limit: int | None = None) -> list[Itemset]:
    """Return all frequent itemsets for the closed ones: their subsets, with the support of their closure.

    Args:
        closed: What :func:`closed_itemsets` returns.
        limit: Largest number of itemsets that is acceptable; default any.

    Raises:
        ValueError: there are more than ``limit``.

    >>> [(each.items, each.support) for each in subsets([Itemset((1,), 3), Itemset((1, 2), 2)])]
    [((1,), 3), ((2,), 2), ((1, 2), 2)]
    """
    supports: dict[tuple[int, ...], int] = {}
    for itemset in closed:  # the largest support first, which is that of the closure
        for size in range(1, len(itemset.items) + 1):
            for part in combinations(itemset.items, size):
                supports.setdefault(part, itemset.support)
                if limit is not None and len(supports) > limit:
                    raise ValueError(f"there are more than limit={limit} frequent itemsets; raise the threshold, or "
                                     "take the closed ones only")  # fmt: skip
    found = [Itemset(items, support) for items, support in supports.items()]
    return sorted(found, key=lambda each: (-each.support, len(each.items), each.items))
