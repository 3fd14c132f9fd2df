"""Selection by forgetting: the users whose interactions a small model finds hard to keep in mind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn
from torch.nn.functional import softplus

from graphcond.core.fields import require_positive
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.progress import Progress
from recsys.data.split import Split
from recsys.methods.base import SyntheticUsers, UserBudget, UserMethod
from recsys.methods.selection import candidates, generator, highest, real_users
from recsys.metrics.lists import inverse_propensities


class UnseenItems:
    """Draws, for each interaction, an item that its user has not interacted with: uniformly and without rejection.

    Args:
        train: ``(num_users, num_items)`` interactions in canonical form, of users that have not seen every item.
    """

    def __init__(self, train: csr_matrix) -> None:
        lengths = np.diff(train.indptr).astype(np.int64)
        users, start = (np.repeat(each, lengths) for each in (np.arange(len(lengths)), train.indptr[:-1]))
        offset = users * train.shape[1]
        # How many unseen items come before each seen one never falls along a row, so that all keys are ascending.
        unseen_before = train.indices - (np.arange(train.nnz) - start)
        self.keys, self.offset = torch.from_numpy(offset + unseen_before), torch.from_numpy(offset)
        self.start = torch.from_numpy(start.astype(np.int64))
        self.free = torch.from_numpy(np.repeat(train.shape[1] - lengths, lengths))

    def draw(self) -> Tensor:
        """Return item numbers, ``(num_interactions,)`` int64."""
        nth = (torch.rand(len(self.free), dtype=torch.float64) * self.free).long()
        seen_before = torch.searchsorted(self.keys, self.offset + nth, right=True) - self.start
        return nth + seen_before


class Factorization(nn.Module):
    """Matrix factorisation with item biases: the score of item i for user u is <p_u, q_i> + b_i."""

    def __init__(self, num_users: int, num_items: int, factors: int) -> None:
        super().__init__()
        self.users = nn.Parameter(0.1 * torch.randn(num_users, factors))
        self.items = nn.Parameter(0.1 * torch.randn(num_items, factors))
        self.biases = nn.Parameter(torch.zeros(num_items))

    def margins(self, users: Tensor, items: Tensor, others: Tensor) -> Tensor:
        """Return how far each item is ranked above the other one for a user, ``(n,)``."""
        difference = self.items.index_select(0, items) - self.items.index_select(0, others)
        biases = self.biases.index_select(0, items) - self.biases.index_select(0, others)
        return (self.users.index_select(0, users) * difference).sum(dim=1) + biases


@dataclass(frozen=True, kw_only=True)
class Forgetting(UserMethod):
    r"""The training users with the most forgotten interactions (SVP-CF: Sachdeva et al., WSDM 2022).

    A small matrix factorisation is trained to rank each interaction above an item the user has not seen (BPR). An
    interaction is forgotten in epoch :math:`t` when it was ranked above its sampled item in epoch :math:`t - 1` and is
    not in :math:`t`; a user's score is the mean number of times over its interactions.

    Args:
        factors: Of the matrix factorisation.
        epochs: Passes over the interactions.
        learning_rate: Of Adam.
        batch_size: Interactions in a step.
        propensity: Multiply the score of a user by the mean inverse propensity of its items (SVP-CF-Prop).

    Note:
        The authors' code counts every epoch in which the sampled item is ranked above, forgotten or never learned; what
        is counted here are the forgetting events of Toneva et al. (ICLR 2019), after which the method is named. Their
        propensity of a user is that of its own number of interactions, here it is the mean over its items. They take
        users until a share of the interactions is reached, here a number of users. Their factorisation has a perceptron
        beside the inner product, user biases, dropout, and steps of 1,024 interactions. A user that has seen every item
        has none to be compared with and scores zero.
    """

    name: ClassVar[str] = "forgetting"
    quick_settings: ClassVar[Mapping[str, Any]] = {"epochs": 4}
    factors: int = 10
    epochs: int = 50
    learning_rate: float = 0.01
    batch_size: int = 4096
    propensity: bool = False

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)
        if self.epochs < 2:
            raise ValueError(
                "epochs must be at least 2, to know a thing in one and have forgotten it in the next, got 1"
            )

    def condense(self, split: Split, size: UserBudget, run: RunContext = RunContext()) -> SyntheticUsers:
        """See :meth:`UserMethod.condense`."""
        users = candidates(split, size)
        rows = split.train[users]
        scores = self.scores(rows, run)
        if self.propensity:
            inverse = inverse_propensities(np.bincount(split.train.indices, minlength=split.num_items))
            scores = scores * row_means(rows, inverse[rows.indices])
        return real_users(split, users[highest(scores, size.users)], size, generator())

    def scores(self, rows: csr_matrix, run: RunContext = RunContext()) -> np.ndarray:
        """Return how often the interactions of each user are forgotten, on average, ``(num_users,)``."""
        comparable = np.flatnonzero(np.diff(rows.indptr) < rows.shape[1])
        scores = np.zeros(rows.shape[0])
        if len(comparable):
            scores[comparable] = row_means(rows[comparable], self.forgotten(rows[comparable], run).numpy())
        return scores

    def forgotten(self, train: csr_matrix, run: RunContext = RunContext()) -> Tensor:
        """Return how often each interaction is forgotten while the factorisation is trained, ``(nnz,)`` int64."""
        users = torch.from_numpy(np.repeat(np.arange(train.shape[0]), np.diff(train.indptr)))
        items = torch.from_numpy(train.indices.astype(np.int64))
        model, unseen = Factorization(train.shape[0], train.shape[1], self.factors), UnseenItems(train)
        optimizer = torch.optim.Adam(model.parameters(), lr=self.learning_rate)
        events = torch.zeros(train.nnz, dtype=torch.long)
        known = torch.zeros(train.nnz, dtype=torch.bool)
        for epoch in range(self.epochs):
            others, above = unseen.draw(), torch.zeros_like(known)
            for batch in torch.split(torch.randperm(train.nnz), self.batch_size):
                margins = model.margins(users[batch], items[batch], others[batch])
                above[batch] = margins.detach() > 0
                optimizer.zero_grad()
                loss = softplus(-margins).mean()  # -log sigmoid(margin)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            events += known & ~above
            known = above
            run.progress(Progress(epoch + 1, self.epochs, "forgetting"))
        return events


def row_means(rows: csr_matrix, values: np.ndarray) -> np.ndarray:
    """Return the mean of each row's values, ``(num_rows,)``; ``values`` has one for each entry, no row is empty."""
    lengths = np.diff(rows.indptr)
    return np.asarray(np.bincount(np.repeat(np.arange(len(lengths)), lengths), values, len(lengths)) / lengths)
