"""The contract of a method: a split and a size in, synthetic users out."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from scipy.sparse import csr_matrix

from graphcond.core.members import Members
from graphcond.core.method import Method
from graphcond.core.run_context import RunContext
from recsys.data.split import Split


@dataclass(frozen=True)
class UserBudget:
    """How large the condensed set shall be.

    Args:
        users: Number of synthetic users.
        interactions: Number of binary interactions, of all synthetic users together; ``None``: as the method likes.
    """

    users: int
    interactions: int | None = None


@dataclass(frozen=True, eq=False)
class SyntheticUsers:
    """What a method gives back.

    Args:
        user_items: ``(num_synthetic, num_items)`` interactions, float32, without explicit zeros.
        choices: What was chosen on validation data, with scores, for the record.
        members: Which real users stand behind each synthetic one, from methods that know.
        notes: What the user should know of the result, one sentence each.
    """

    user_items: csr_matrix
    choices: dict[str, Any] = field(default_factory=dict)
    members: Members | None = None
    notes: tuple[str, ...] = ()


class UserMethod(Method):
    """A way to condense interactions."""

    on_device: ClassVar[bool] = False  # a sparse matrix of SciPy; a method moves what it needs

    @abstractmethod
    def condense(self, split: Split, size: UserBudget, run: RunContext = RunContext()) -> SyntheticUsers:
        """Return synthetic users over the items of ``split``.

        Args:
            split: The interactions; only ``train`` and (for choosing) ``val`` may be read.
            size: The size that is asked for.
            run: Progress callback, time limit, checkpoint.
        """
