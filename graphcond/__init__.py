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
from graphcond.core.checkpoint import Checkpoint
from graphcond.core.progress import Progress
from graphcond.evaluation import PROTOCOLS, GraphProtocol, Protocol, Report, Row, evaluate
from graphcond.graphs.pooling import pool
from graphcond.methods import (
    GCDM,
    Auto,
    ClassMean,
    DosCond,
    DosCondGraphs,
    GCond,
    Herding,
    Histograms,
    KCenter,
    LearnedEdges,
    Mirage,
    NoEdges,
    Random,
    RandomPropagated,
    RandomSoft,
    WLFold,
    list_methods,
)
from graphcond.nodes.relay import GCN, SGC
from graphcond.record import Record

__all__ = [
    "GCDM",
    "GCN",
    "PROTOCOLS",
    "SGC",
    "Auto",
    "Checkpoint",
    "ClassMean",
    "CondensedDataset",
    "DosCond",
    "DosCondGraphs",
    "GCond",
    "GraphProtocol",
    "Herding",
    "Histograms",
    "KCenter",
    "LearnedEdges",
    "Members",
    "Mirage",
    "NoEdges",
    "Progress",
    "Protocol",
    "Random",
    "RandomPropagated",
    "RandomSoft",
    "Record",
    "Report",
    "Row",
    "WLFold",
    "condense",
    "datasets",
    "evaluate",
    "list_methods",
    "load",
    "pool",
]
