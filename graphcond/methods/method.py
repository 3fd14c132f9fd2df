"""What all methods have in common, whatever they condense."""

from abc import ABC
from typing import ClassVar


class Method(ABC):
    """A way to condense a dataset.

    A method is a frozen keyword-only dataclass: a field per hyper-parameter, checked at construction, so that its
    ``repr`` is the experiment record. It is called under a seeded random state and never reads ``task.test``.
    """

    name: ClassVar[str]
    stepwise: ClassVar[bool] = False
    """Whether it works in steps, between which it can be stopped and resumed."""

    @property
    def sized(self) -> bool:
        """Whether it needs to be told a size; a method that does not may be told one all the same, or refuse it."""
        return True

    @property
    def label(self) -> str:
        """The name that ``condense(method=...)`` takes for the method in this variant."""
        return self.name
