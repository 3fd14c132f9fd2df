"""Implicit feedback: the import package in which its condensation will live.

Nothing is public yet; :mod:`graphcond` has what works today.
"""

__all__: list[str] = []
