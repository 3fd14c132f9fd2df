"""Herding: greedy selection whose running mean follows the class mean."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphcond.core.run_context import RunContext
from graphcond.core.selection import herd
from graphcond.core.targets import EVERY, Targets
from graphcond.hetero.methods.base import HeteroMethod, SyntheticHetero
from graphcond.hetero.methods.selection import PathSpace, pick_per_class
from graphcond.hetero.task import HeteroTask


@dataclass(frozen=True, kw_only=True)
class HeteroHerding(PathSpace, HeteroMethod):
    """Training nodes whose mean follows the class mean along meta-paths (Welling, ICML 2009), and nodes around them.

    HGC-Herd (2512.09947) selects its labelled nodes so. Distances are taken in the features that meta-paths bring,
    each type's in their leading principal components; nodes keep their own features and the relations among them.

    Args:
        hops: Relations of a meta-path at most.
    """

    name: ClassVar[str] = "herding"
    targets: ClassVar[tuple[type[Targets], ...]] = EVERY

    def condense(self, task: HeteroTask, allocation: Tensor, run: RunContext = RunContext()) -> SyntheticHetero:
        """See :meth:`HeteroMethod.condense`."""
        return pick_per_class(task, allocation, self.hops, herd)
