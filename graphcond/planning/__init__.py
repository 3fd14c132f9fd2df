"""What a condensation will take: time, memory and disk, told before anything runs."""

from graphcond.planning.estimate import Plan, plan

__all__ = ["Plan", "plan"]
