"""Real graphs on which a ridge regression learns best what all training graphs are."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from graphcond.core.run_context import RunContext
from graphcond.core.targets import EVERY, Targets
from graphcond.graphs.budget import GraphBudget, estimated_bytes
from graphcond.graphs.methods.base import GraphMethod, SyntheticGraphs
from graphcond.graphs.methods.selection import Dressed, color_space, real_graphs
from graphcond.graphs.storage.packing import packed_bytes
from graphcond.graphs.task import GraphTask

CONSTANT = 0.3  # the feature of the intercept, beside points of mean squared length 1
DIGITS = 9  # of shares: those of classes are 1
SHARES = 4  # graphs of a class that its share of the bytes has to hold: one that is larger is not drawn at first


@dataclass(frozen=True, kw_only=True)
class RidgeGraphs(GraphMethod):
    r"""Training graphs chosen by bilevel optimisation with a ridge regression (Borsos et al., NeurIPS 2020).

    .. math:: \min_S \sum_i c_i \lVert W_S^\top x_i - y_i \rVert^2, \qquad
              W_S = \arg\min_W \sum_{i \in S} \lVert W^\top x_i - y_i \rVert^2 + \lambda |S| \lVert W \rVert^2

    over all training graphs :math:`i`, each class weighing the same, where :math:`x_i` are the leading principal
    components of the graph's colour counts. The set starts with random graphs, equally many of each class under a size
    in bytes; then one of them is exchanged for another of its class whenever the loss falls and the bytes allow. Of
    labels and numbers all graphs weigh the same, and strata, which have their share of graphs, stand for classes.

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
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY
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
        fit = Fit.of(task, _scaled(color_space(task.train, self.depth, self.width).double().numpy()))
        if budget.max_bytes is None:
            allocation = budget.allocate_within(task.class_counts, "to choose from")
            chosen = _prefixes(torch.randperm(len(y)).numpy(), y, allocation)
            return torch.from_numpy(self._exchanged(fit, y, chosen, cost, float("inf")))
        dressed = dressed or (lambda graphs: task.train.take(graphs).data())
        order, limit = torch.randperm(len(y)).numpy(), float(budget.max_bytes)
        first = _within(order, y, cost, limit, fit.shares)
        cost = cost * (packed_bytes(dressed(torch.from_numpy(first))) / cost[first].sum())
        while True:
            chosen = _within(order, y, cost, limit, fit.shares)
            smallest = limit < cost[chosen].sum()
            result = torch.from_numpy(chosen if smallest else self._exchanged(fit, y, chosen, cost, limit))
            if (size := packed_bytes(dressed(result))) <= budget.max_bytes:
                return result
            if smallest:
                raise ValueError(
                    f"{budget.size.argument} is too little for one graph of each class, which take {size} bytes"
                )
            limit *= 0.95 * budget.max_bytes / size  # the bytes were estimated

    def _exchanged(self, fit: "Fit", y: np.ndarray, chosen: np.ndarray, cost: np.ndarray, limit: float) -> np.ndarray:
        """Return the graphs after all exchanges that lower the loss, sorted by class."""
        draw = np.random.default_rng(int(torch.randint(2**31 - 1, ())))
        rows = [np.flatnonzero(y == label) for label in range(int(y.max()) + 1)]
        points, targets = fit.points, fit.targets
        chosen, spent = chosen.copy(), cost[chosen].sum()
        taken = np.zeros(len(y), dtype=bool)
        taken[chosen] = True
        ridge = self.penalty * len(chosen) * np.eye(points.shape[1])
        inner, outer = points[chosen].T @ points[chosen] + ridge, points[chosen].T @ targets[chosen]
        best = fit.loss(inner, outer)
        for _ in range(self.trials):
            place = draw.integers(len(chosen))
            old = chosen[place]
            new = rows[y[old]][draw.integers(len(rows[y[old]]))]
            if taken[new] or spent - cost[old] + cost[new] > limit:
                continue
            changed = inner - np.outer(points[old], points[old]) + np.outer(points[new], points[new])
            moved = outer + np.outer(points[new] - points[old], targets[old])
            moved += np.outer(points[new], targets[new] - targets[old])  # those of a class are the same
            loss = fit.loss(changed, moved)
            if loss < best:
                best, inner, outer = loss, changed, moved
                spent += cost[new] - cost[old]
                taken[old], taken[new], chosen[place] = False, True, new
        return chosen[np.argsort(y[chosen], kind="stable")]


@dataclass(frozen=True, eq=False)
class Fit:
    """A ridge regression that is judged on all training graphs.

    Args:
        points: ``(num_graphs, width)``.
        targets: ``(num_graphs, outputs)``.
        gram: ``(width, width)`` of all points, by what graphs weigh.
        product: ``(width, outputs)`` of points and targets.
        shares: ``(num_classes,)`` what the graphs of each class weigh together, on average 1.
    """

    points: np.ndarray
    targets: np.ndarray
    gram: np.ndarray
    product: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, task: GraphTask, points: np.ndarray) -> "Fit":
        """Return the regression of a task."""
        learned = task.train.learned
        targets = task.targets.centred(learned, torch.float64).nan_to_num(0.0).numpy()
        weights = task.targets.weights(learned).numpy()
        weighted, shares = weights[:, None] * points, task.num_classes * np.bincount(task.train.y.numpy(), weights)
        return cls(points, targets, weighted.T @ points, weighted.T @ targets, shares.round(DIGITS))

    def loss(self, inner: np.ndarray, outer: np.ndarray) -> float:
        """Return the squared error over all training graphs, but for a constant."""
        weights = np.linalg.solve(inner, outer)
        return float((weights * (self.gram @ weights - 2 * self.product)).sum())


def _scaled(points: np.ndarray) -> np.ndarray:
    points = points / max(float(np.sqrt((points**2).sum(axis=1).mean())), 1e-12)
    return np.hstack([points, np.full((len(points), 1), CONSTANT)]).astype(np.float64)


def _prefixes(order: np.ndarray, y: np.ndarray, allocation: list[int]) -> np.ndarray:
    """Return the first graphs of each class in some order."""
    return np.concatenate([order[y[order] == label][:count] for label, count in enumerate(allocation)])


def _within(order: np.ndarray, y: np.ndarray, cost: np.ndarray, limit: float, shares: np.ndarray) -> np.ndarray:
    """Return the first graphs in an order, of each class by its share, within some bytes; or the smallest of each."""
    classes = range(int(y.max()) + 1)
    fits = cost <= limit / (SHARES * len(classes))
    for label in classes:
        fits[y == label] |= cost[y == label] == cost[y == label].min()
    order = order[fits[order]]
    counts = np.bincount(y[order])
    each = max(1, int(limit / sum(shares[label] * cost[fits & (y == label)].mean() for label in classes)))
    while each:
        wanted = np.maximum(1, (each * shares).round().astype(int))
        chosen = _prefixes(order, y, np.minimum(wanted, counts).tolist())
        if cost[chosen].sum() <= limit:
            return chosen
        each -= 1
    return _prefixes(np.argsort(cost, kind="stable"), y, [1] * len(counts))
