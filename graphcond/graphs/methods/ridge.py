"""Real graphs on which a ridge regression learns best to classify all training graphs."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from graphcond.core.run_context import RunContext
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.methods.selection import Dressed, color_space, real_graphs
from graphcond.graphs.storage.packing import packed_bytes
from graphcond.graphs.task import GraphSet, GraphTask

CONSTANT = 0.3  # the feature of the intercept, beside points of mean squared length 1
PER_GRAPH = 3  # bytes of a graph beside its nodes and edges
SHARES = 4  # graphs of a class that its share of the bytes has to hold: one that is larger is not drawn at first


@dataclass(frozen=True, kw_only=True)
class RidgeGraphs(GraphMethod):
    r"""Training graphs chosen by bilevel optimisation with a ridge regression (Borsos et al., NeurIPS 2020).

    .. math:: \min_S \sum_i c_i \lVert W_S^\top x_i - y_i \rVert^2, \qquad
              W_S = \arg\min_W \sum_{i \in S} \lVert W^\top x_i - y_i \rVert^2 + \lambda |S| \lVert W \rVert^2

    over all training graphs :math:`i`, each class weighing the same, where :math:`x_i` are the leading principal
    components of the graph's colour counts. The set starts with random graphs, equally many of each class under a size
    in bytes; then one of them is exchanged for another of its class whenever the loss falls and the bytes allow.

    Args:
        depth: Rounds of refinement behind the colours.
        width: Principal components.
        penalty: The penalty :math:`\lambda`, where points have the mean squared length 1.
        trials: Exchanges that are tried.

    Note:
        The paper adds points one after another and weighs them; here their number is given and they weigh the same, so
        that the result trains in any loop.
    """

    name: ClassVar[str] = "ridge"
    keeps_weights: ClassVar[bool] = True
    depth: int = 2
    width: int = 64
    penalty: float = 0.01
    trials: int = 3000

    def __post_init__(self) -> None:
        """Check the fields."""
        for name in ("depth", "width", "trials"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")
        if not self.penalty > 0:
            raise ValueError(f"penalty must be positive, got {self.penalty!r}")

    def condense(self, task: GraphTask, budget: GraphBudget, run: RunContext = RunContext()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        return real_graphs(task, self.choose(task, budget))

    def choose(self, task: GraphTask, budget: GraphBudget, dressed: Dressed | None = None) -> Tensor:
        """Return the numbers of the training graphs that are chosen, class by class.

        Args:
            task: The task.
            budget: How many graphs, or bytes.
            dressed: Makes the items whose bytes count of graph numbers; by default the graphs as they are.

        Raises:
            ValueError: a class has fewer graphs than are asked for, or the bytes are too few for one of each class.
        """
        cost, y = estimated_bytes(task.train), task.train.y.numpy()
        points = _scaled(color_space(task.train, self.depth, self.width).double().numpy())
        if budget.max_bytes is None:
            allocation = budget.allocate_within(task.class_counts, "to choose from")
            chosen = _prefixes(torch.randperm(len(y)).numpy(), y, allocation)
            return torch.from_numpy(self._exchanged(points, y, chosen, cost, float("inf")))
        dressed = dressed or (lambda graphs: task.train.take(graphs).data())
        order, limit = torch.randperm(len(y)).numpy(), float(budget.max_bytes)
        first = _within(order, y, cost, limit)
        cost = cost * (packed_bytes(dressed(torch.from_numpy(first))) / cost[first].sum())
        while True:
            chosen = _within(order, y, cost, limit)
            smallest = limit < cost[chosen].sum()
            result = torch.from_numpy(chosen if smallest else self._exchanged(points, y, chosen, cost, limit))
            if (size := packed_bytes(dressed(result))) <= budget.max_bytes:
                return result
            if smallest:
                raise ValueError(
                    f"{budget.size.argument} is too little for one graph of each class, which take {size} bytes"
                )
            limit *= 0.95 * budget.max_bytes / size  # the bytes were estimated

    def _exchanged(
        self, points: np.ndarray, y: np.ndarray, chosen: np.ndarray, cost: np.ndarray, limit: float
    ) -> np.ndarray:
        """Return the graphs after all exchanges that lower the loss, sorted by class."""
        draw = np.random.default_rng(int(torch.randint(2**31 - 1, ())))
        classes = int(y.max()) + 1
        rows = [np.flatnonzero(y == label) for label in range(classes)]
        targets = np.eye(classes)[y] - 1 / classes
        shares = (1 / np.bincount(y))[y, None] / classes
        gram, product = (shares * points).T @ points, (shares * points).T @ targets
        chosen, spent = chosen.copy(), cost[chosen].sum()
        taken = np.zeros(len(y), dtype=bool)
        taken[chosen] = True
        ridge = self.penalty * len(chosen) * np.eye(points.shape[1])
        inner, outer = points[chosen].T @ points[chosen] + ridge, points[chosen].T @ targets[chosen]
        best = _loss(inner, outer, gram, product)
        for _ in range(self.trials):
            place = draw.integers(len(chosen))
            old = chosen[place]
            new = rows[y[old]][draw.integers(len(rows[y[old]]))]
            if taken[new] or spent - cost[old] + cost[new] > limit:
                continue
            # The targets of a class are the same: only points change.
            changed = inner - np.outer(points[old], points[old]) + np.outer(points[new], points[new])
            moved = outer + np.outer(points[new] - points[old], targets[old])
            loss = _loss(changed, moved, gram, product)
            if loss < best:
                best, inner, outer = loss, changed, moved
                spent += cost[new] - cost[old]
                taken[old], taken[new], chosen[place] = False, True, new
        return chosen[np.argsort(y[chosen], kind="stable")]


def estimated_bytes(graphs: GraphSet) -> np.ndarray:
    """Return about how many bytes each graph takes in a file, ``(num_graphs,)``."""
    width = 1 if int(graphs.sizes.max()) <= 256 else 2
    edge = width if graphs.edge_attr is None else width + 0.5  # both ways are written once
    total: np.ndarray = PER_GRAPH + graphs.sizes.numpy() + edge * graphs.edge_ptr.diff().numpy()
    return total


def _scaled(points: np.ndarray) -> np.ndarray:
    points = points / max(float(np.sqrt((points**2).sum(axis=1).mean())), 1e-12)
    return np.hstack([points, np.full((len(points), 1), CONSTANT)]).astype(np.float64)


def _loss(inner: np.ndarray, outer: np.ndarray, gram: np.ndarray, product: np.ndarray) -> float:
    """Return the squared error over all training graphs, but for a constant."""
    weights = np.linalg.solve(inner, outer)
    return float((weights * (gram @ weights - 2 * product)).sum())


def _prefixes(order: np.ndarray, y: np.ndarray, allocation: list[int]) -> np.ndarray:
    """Return the first graphs of each class in some order."""
    return np.concatenate([order[y[order] == label][:count] for label, count in enumerate(allocation)])


def _within(order: np.ndarray, y: np.ndarray, cost: np.ndarray, limit: float) -> np.ndarray:
    """Return the first graphs in an order, equally many of each class, within some bytes; or the smallest of each."""
    classes = range(int(y.max()) + 1)
    fits = cost <= limit / (SHARES * len(classes))
    for label in classes:
        fits[y == label] |= cost[y == label] == cost[y == label].min()
    order = order[fits[order]]
    counts = np.bincount(y[order])
    each = max(1, int(limit / sum(cost[fits & (y == label)].mean() for label in classes)))
    while each:
        chosen = _prefixes(order, y, [min(each, count) for count in counts.tolist()])
        if cost[chosen].sum() <= limit:
            return chosen
        each -= 1
    return _prefixes(np.argsort(cost, kind="stable"), y, [1] * len(counts))
