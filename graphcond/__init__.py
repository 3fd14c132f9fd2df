"""Dataset condensation: a large training set in, a tiny synthetic one that trains nearly as well out.

>>> import graphcond
>>> digits = graphcond.datasets.load("digits")
>>> small = graphcond.condense(digits, ratio=0.02)
>>> report = graphcond.evaluate(small, digits, runs=1, controls=False)
>>> report.best.mean > 0.8
True
"""

from graphcond import datasets
from graphcond.api import condense
from graphcond.condensed import CondensedDataset, Members, load
from graphcond.core.progress import Progress
from graphcond.evaluation import PROTOCOLS, Protocol, Report, Row, evaluate
from graphcond.methods import (
    Auto,
    ClassMean,
    Herding,
    KCenter,
    Random,
    RandomPropagated,
    RandomSoft,
    list_methods,
)
from graphcond.record import Record

__all__ = [
    "PROTOCOLS",
    "Auto",
    "ClassMean",
    "CondensedDataset",
    "Herding",
    "KCenter",
    "Members",
    "Progress",
    "Protocol",
    "Random",
    "RandomPropagated",
    "RandomSoft",
    "Record",
    "Report",
    "Row",
    "condense",
    "datasets",
    "evaluate",
    "list_methods",
    "load",
]
