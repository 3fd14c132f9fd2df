"""Dataset condensation: a large training set in, a tiny synthetic one that trains nearly as well out.

>>> import graphcond
>>> digits = graphcond.datasets.load("digits")
>>> small = graphcond.condense(digits, ratio=0.02)
>>> report = graphcond.evaluate(small, digits, runs=1, controls=False)
>>> report.best.mean > 0.8
True
"""

from graphcond.core import openmp  # noqa: F401 (before all that imports torch)

# isort: split
from graphcond import datasets
from graphcond.api import condense, condense_images
from graphcond.condensed import CondensedDataset, Members, load
from graphcond.core.checkpoint import Checkpoint
from graphcond.core.experts import ExpertPlan
from graphcond.core.progress import Progress
from graphcond.core.replay import Window
from graphcond.core.training import Training
from graphcond.evaluation import PROTOCOLS, GraphProtocol, Protocol, Report, Row, evaluate
from graphcond.graphs.pooling import pool
from graphcond.images.augmentation import Augmentation
from graphcond.images.dataset import ImageDataset
from graphcond.methods import (
    GCDM,
    GCSNTK,
    GEOM,
    SFGC,
    Auto,
    AutoGraphs,
    ClassMean,
    Curriculum,
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
    RidgeGraphs,
    WLFold,
    list_methods,
)
from graphcond.methods.cafe import CAFE
from graphcond.methods.dc import DC
from graphcond.methods.dd import DD
from graphcond.methods.dm import DM
from graphcond.methods.frepo import FRePO
from graphcond.methods.idc import IDC
from graphcond.methods.idm import IDM
from graphcond.methods.image_forms import Formations, Hallucinations, Memory, Stored
from graphcond.methods.kip import KIP
from graphcond.methods.mtt import MTT
from graphcond.methods.refinement import Refinement
from graphcond.methods.rfad import RFAD
from graphcond.nodes.relay import GCN, SGC
from graphcond.planning import Plan, plan
from graphcond.record import Record
from graphcond.surrogates.convnet import ConvNet, Perceptron

__all__ = [
    "CAFE",
    "DC",
    "DD",
    "DM",
    "GCDM",
    "GCN",
    "GCSNTK",
    "GEOM",
    "IDC",
    "IDM",
    "KIP",
    "MTT",
    "PROTOCOLS",
    "RFAD",
    "SFGC",
    "SGC",
    "Augmentation",
    "Auto",
    "AutoGraphs",
    "Checkpoint",
    "ClassMean",
    "CondensedDataset",
    "ConvNet",
    "Curriculum",
    "DosCond",
    "DosCondGraphs",
    "ExpertPlan",
    "FRePO",
    "Formations",
    "GCond",
    "GraphProtocol",
    "Hallucinations",
    "Herding",
    "Histograms",
    "ImageDataset",
    "KCenter",
    "LearnedEdges",
    "Members",
    "Memory",
    "Mirage",
    "NoEdges",
    "Perceptron",
    "Plan",
    "Progress",
    "Protocol",
    "Random",
    "RandomPropagated",
    "RandomSoft",
    "Record",
    "Refinement",
    "Report",
    "RidgeGraphs",
    "Row",
    "Stored",
    "Training",
    "WLFold",
    "Window",
    "condense",
    "condense_images",
    "datasets",
    "evaluate",
    "list_methods",
    "load",
    "plan",
    "pool",
]
