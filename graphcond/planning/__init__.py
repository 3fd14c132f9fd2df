"""What a condensation will take: time, memory and disk, estimated before anything runs."""

from typing import TYPE_CHECKING

from graphcond.core.lazy import lazy

if TYPE_CHECKING:
    from graphcond.planning.estimate import Plan, plan
else:
    __getattr__, __dir__ = lazy(__name__, __file__)

__all__ = ["Plan", "plan"]
