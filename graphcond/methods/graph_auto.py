"""The default for graphs: bags of trees of several kinds, the one that rehearses best."""

import contextlib
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from graphcond.core.progress import Progress, ProgressCallback
from graphcond.core.run import Run
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.task import GraphTask
from graphcond.methods.bag_rehearsal import BagRehearsal
from graphcond.methods.bags import Condensed, Draws, TooFewBytesError
from graphcond.methods.graph_base import GraphMethod, SyntheticGraphs
from graphcond.methods.histograms import Histograms

FINALISTS = 3
FURTHER = 4  # trainings of each finalist, besides the first


@dataclass(frozen=True, kw_only=True)
class AutoGraphs(GraphMethod):
    """The default: mean histograms or single graphs with a teacher's labels, as rehearsals on validation graphs decide.

    A condensed set is made in several ways: as :class:`Histograms` of groups, and of single training graphs that are
    drawn more than once. A small network is trained on each; groups and the two best draws are trained on again from
    other initial weights, and the best draw is taken if its mean look at the validation graphs is better by more than a
    standard error. Without validation graphs it is the groups.

    Args:
        bags: What is tried first, and how all are made.
        draws: How often single graphs are drawn.

    Note:
        No published method. Random subsets of a set differ by more than most condensers gain; choosing among them costs
        a second each.
    """

    name: ClassVar[str] = "auto"
    bags: Histograms = field(default_factory=Histograms)
    draws: int = 5

    def __post_init__(self) -> None:
        """Check the fields."""
        if not isinstance(self.bags, Histograms):
            raise TypeError(f"bags must be Histograms(), got {self.bags!r}")
        if isinstance(self.draws, bool) or not isinstance(self.draws, int) or self.draws < 1:
            raise ValueError(f"draws must be a positive integer, got {self.draws!r}")

    def condense(self, task: GraphTask, budget: GraphBudget | None, run: Run = Run()) -> SyntheticGraphs:
        """See :meth:`GraphMethod.condense`."""
        assert budget is not None
        if not len(task.val):
            return self.bags.condense(task, budget, run)
        plan, choices = self.bags.planned(task)
        made = [plan.condense(self.bags.grouping(plan), budget, self.bags.trees)]
        for _ in range(self.draws):
            with contextlib.suppress(TooFewBytesError):  # single graphs may not fit where means do
                made.append(plan.condense(Draws(plan), budget, self.bags.trees, like=made[-1]))
        contest = _Contest(made, BagRehearsal(task, choices["depth"]), run.progress)
        best = contest.winner()
        rehearsals = [round(contest.mean(candidate), 4) for candidate in range(len(made))]
        choices |= {"drawn": best > 0, "trees": made[best].trees, "rehearsals": rehearsals}
        return SyntheticGraphs(made[best].items, choices, made[best].members)


class _Contest:
    """Candidates and what their rehearsals gave so far."""

    def __init__(self, candidates: list[Condensed], rehearsal: BagRehearsal, progress: ProgressCallback) -> None:
        self._candidates, self._rehearsal, self._progress = candidates, rehearsal, progress
        self._scores: list[list[float]] = [[] for _ in candidates]
        self._total = len(candidates) + FURTHER * min(FINALISTS, len(candidates))

    def winner(self) -> int:
        """Return which candidate is taken: the first, unless another is better by a standard error."""
        everyone = range(len(self._candidates))
        self._try_out(everyone)
        finalists = [0, *sorted(everyone[1:], key=self.mean, reverse=True)[: FINALISTS - 1]]
        self._try_out(FURTHER * finalists)
        best = max(finalists, key=self.mean)
        return best if self.mean(best) > self.mean(0) + self._error(best, 0) else 0

    def mean(self, candidate: int) -> float:
        """Return the mean score of a candidate's rehearsals."""
        return statistics.mean(self._scores[candidate])

    def _try_out(self, candidates: Iterable[int]) -> None:
        for candidate in candidates:
            self._progress(Progress(sum(map(len, self._scores)), self._total, "rehearsals"))
            self._scores[candidate].append(self._rehearsal.score(self._candidates[candidate].items))

    def _error(self, one: int, other: int) -> float:
        """Return the standard error of the difference of two means."""
        found = [self._scores[i] for i in (one, other)]
        return math.sqrt(sum(statistics.variance(scores) / len(scores) for scores in found))
