"""Dataset condensation: a large training set in, a tiny synthetic one that trains nearly as well out.

>>> import graphcond
>>> digits = graphcond.datasets.load("digits")
>>> small = graphcond.condense(digits, ratio=0.02)
>>> report = graphcond.evaluate(small, digits, protocol="standard(runs=1)", controls=False)
>>> report.best.mean > 0.8
True
"""

from typing import TYPE_CHECKING

from graphcond.core.lazy import lazy
from graphcond.core.runtime import openmp  # noqa: F401 (before all that imports torch)

if TYPE_CHECKING:
    from graphcond import datasets, zoo
    from graphcond.api import condense, from_hub, list_methods, load, node_features, read
    from graphcond.condensed import CondensedDataset
    from graphcond.core.matching.experts import ExpertPlan
    from graphcond.core.matching.replay import Window
    from graphcond.core.matching.training import Training
    from graphcond.core.members import Members
    from graphcond.core.record import Record
    from graphcond.core.relabelled import Relabelled
    from graphcond.core.run import Run
    from graphcond.core.runtime.checkpoint import Checkpoint
    from graphcond.core.runtime.progress import Progress
    from graphcond.core.size import Size
    from graphcond.core.version import __version__
    from graphcond.evaluation import PROTOCOLS, GraphProtocol, Protocol, Report, Row, evaluate
    from graphcond.graphs.methods.auto import AutoGraphs
    from graphcond.graphs.methods.doscond import DosCondGraphs
    from graphcond.graphs.methods.histograms import Histograms
    from graphcond.graphs.methods.kidd import KiDD
    from graphcond.graphs.methods.mirage import Mirage
    from graphcond.graphs.methods.pruned import PrunedGraphs
    from graphcond.graphs.methods.ridge import RidgeGraphs
    from graphcond.graphs.methods.wl_fold import WLFold
    from graphcond.graphs.pooling import pool
    from graphcond.hetero.features import NeighbourMeans, RelationDegrees, RelationFactors
    from graphcond.hetero.metapath_features import metapath_features
    from graphcond.hetero.methods.auto import HeteroAuto
    from graphcond.hetero.methods.freehgc import FreeHGC
    from graphcond.hetero.methods.hgcond import HGCond
    from graphcond.images.augmentation import Augmentation
    from graphcond.images.dataset import ImageDataset
    from graphcond.images.methods.cafe import CAFE
    from graphcond.images.methods.dc import DC
    from graphcond.images.methods.dd import DD
    from graphcond.images.methods.dm import DM
    from graphcond.images.methods.frepo import FRePO
    from graphcond.images.methods.generators import FixedGenerator
    from graphcond.images.methods.idc import IDC
    from graphcond.images.methods.idm import IDM
    from graphcond.images.methods.kip import KIP
    from graphcond.images.methods.krr_st import KRRSTImages
    from graphcond.images.methods.latent_codes import LatentCodes
    from graphcond.images.methods.latents import Latents
    from graphcond.images.methods.mtt import MTT
    from graphcond.images.methods.parameterizations import Hallucinators, MultiFormation, Pixels, SharedBases
    from graphcond.images.methods.pruned import PrunedImages
    from graphcond.images.methods.rded import RDED
    from graphcond.images.methods.rfad import RFAD
    from graphcond.images.methods.sre2l import SRe2L
    from graphcond.images.methods.trained_generator import TrainedGenerator
    from graphcond.images.teacher import Teaching
    from graphcond.listing import list_datasets, list_models
    from graphcond.nodes.methods.auto import Auto
    from graphcond.nodes.methods.bonsai import Bonsai
    from graphcond.nodes.methods.cgc import CGC
    from graphcond.nodes.methods.class_mean import ClassMean
    from graphcond.nodes.methods.coarsening import Coarsening
    from graphcond.nodes.methods.deepcgc import DeepCGC
    from graphcond.nodes.methods.doscond import DosCond
    from graphcond.nodes.methods.gc_sntk import GCSNTK
    from graphcond.nodes.methods.gcdm import GCDM
    from graphcond.nodes.methods.gcond import GCond
    from graphcond.nodes.methods.gdem import GDEM
    from graphcond.nodes.methods.gecc import GECC
    from graphcond.nodes.methods.geom import GEOM, Curriculum
    from graphcond.nodes.methods.herding import Herding
    from graphcond.nodes.methods.k_center import KCenter
    from graphcond.nodes.methods.kernel_refinement import Refinement
    from graphcond.nodes.methods.krr_st import KRRST
    from graphcond.nodes.methods.msgc import MSGC
    from graphcond.nodes.methods.node_kernels import SNTK, WideGCN
    from graphcond.nodes.methods.pruned import Pruned
    from graphcond.nodes.methods.random import Random, RandomPropagated
    from graphcond.nodes.methods.random_means import RandomMeans
    from graphcond.nodes.methods.random_soft import RandomSoft
    from graphcond.nodes.methods.receptive_field import ReceptiveField
    from graphcond.nodes.methods.sfgc import SFGC
    from graphcond.nodes.methods.sgdd import SGDD
    from graphcond.nodes.methods.simgc import SimGC
    from graphcond.nodes.methods.structures import EdgePatterns, GraphonEdges, LearnedEdges, NoEdges
    from graphcond.nodes.structural_features import (
        Degrees,
        EdgeFactorization,
        EdgeMeans,
        Eigenvectors,
        RandomProjections,
    )
    from graphcond.nodes.surrogate_models import GCNSurrogate, PropagatedMLP, SGCSurrogate
    from graphcond.planning import Plan, plan
    from graphcond.surrogates.convnet import ConvNet, Perceptron
else:
    __getattr__, __dir__ = lazy(__name__, __file__)

__all__ = [
    "CAFE",
    "CGC",
    "DC",
    "DD",
    "DM",
    "GCDM",
    "GCSNTK",
    "GDEM",
    "GECC",
    "GEOM",
    "IDC",
    "IDM",
    "KIP",
    "KRRST",
    "MSGC",
    "MTT",
    "PROTOCOLS",
    "RDED",
    "RFAD",
    "SFGC",
    "SGDD",
    "SNTK",
    "Augmentation",
    "Auto",
    "AutoGraphs",
    "Bonsai",
    "Checkpoint",
    "ClassMean",
    "Coarsening",
    "CondensedDataset",
    "ConvNet",
    "Curriculum",
    "DeepCGC",
    "Degrees",
    "DosCond",
    "DosCondGraphs",
    "EdgeFactorization",
    "EdgeMeans",
    "EdgePatterns",
    "Eigenvectors",
    "ExpertPlan",
    "FRePO",
    "FixedGenerator",
    "FreeHGC",
    "GCNSurrogate",
    "GCond",
    "GraphProtocol",
    "GraphonEdges",
    "HGCond",
    "Hallucinators",
    "Herding",
    "HeteroAuto",
    "Histograms",
    "ImageDataset",
    "KCenter",
    "KRRSTImages",
    "KiDD",
    "LatentCodes",
    "Latents",
    "LearnedEdges",
    "Members",
    "Mirage",
    "MultiFormation",
    "NeighbourMeans",
    "NoEdges",
    "Perceptron",
    "Pixels",
    "Plan",
    "Progress",
    "PropagatedMLP",
    "Protocol",
    "Pruned",
    "PrunedGraphs",
    "PrunedImages",
    "Random",
    "RandomMeans",
    "RandomProjections",
    "RandomPropagated",
    "RandomSoft",
    "ReceptiveField",
    "Record",
    "Refinement",
    "Relabelled",
    "RelationDegrees",
    "RelationFactors",
    "Report",
    "RidgeGraphs",
    "Row",
    "Run",
    "SGCSurrogate",
    "SRe2L",
    "SharedBases",
    "SimGC",
    "Size",
    "Teaching",
    "TrainedGenerator",
    "Training",
    "WLFold",
    "WideGCN",
    "Window",
    "__version__",
    "condense",
    "datasets",
    "evaluate",
    "from_hub",
    "list_datasets",
    "list_methods",
    "list_models",
    "load",
    "metapath_features",
    "node_features",
    "plan",
    "pool",
    "read",
    "zoo",
]
