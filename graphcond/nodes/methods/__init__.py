"""The methods for graphs with labelled nodes: one file per paper or idea, looked up by name or passed as values."""

from functools import partial

from graphcond.core.matching.experts import ExpertPlan
from graphcond.core.matching.replay import Window
from graphcond.core.matching.training import Training
from graphcond.core.method import MethodTable
from graphcond.core.relabelled import Labeller, Relabelled
from graphcond.nodes.methods.auto import Auto
from graphcond.nodes.methods.base import NodeMethod
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
from graphcond.nodes.methods.relabelling import relabel
from graphcond.nodes.methods.sfgc import SFGC
from graphcond.nodes.methods.sgdd import SGDD
from graphcond.nodes.methods.simgc import SimGC
from graphcond.nodes.methods.structures import EdgePatterns, GraphonEdges, LearnedEdges, NoEdges
from graphcond.nodes.surrogate_models import GCNSurrogate, PropagatedMLP, SGCSurrogate

METHODS = MethodTable(
    base=NodeMethod,
    classes=(
        Auto, Bonsai, CGC, ClassMean, Coarsening, DeepCGC, DosCond, GCDM, GCond, GCSNTK, GDEM, GECC, GEOM, Herding,
        KCenter, KRRST, MSGC, Pruned, Random, RandomMeans, RandomPropagated, RandomSoft, ReceptiveField, SFGC, SGDD,
        SimGC,
    ),
    variants={
        "cgc_x": (partial(CGC, threshold=None), "CGC without edges (CGC-X: Gao et al., WWW 2025)."),
        "coarsen_heavy_edge": (
            partial(Coarsening, kind="heavy_edge"),
            "Coarse graph of the pairs of heavy edge matchings, to train on in place of the original (Loukas, JMLR "
            "2019).",
        ),
        "deepcgc_x": (partial(DeepCGC, threshold=None), "DeepCGC without edges (DeepCGC-X: Gao et al., TKDE 2026)."),
        "doscond_x": (partial(DosCond, structure=NoEdges()), "DosCond without edges."),
        "gcdm_x": (partial(GCDM, structure=NoEdges()), "GCDM without edges."),
        "gcond_x": (partial(GCond, structure=NoEdges(), features_rate=1e-5), "GCond without edges, at a smaller rate."),
        "simgc_x": (partial(SimGC, structure=NoEdges()), "SimGC without edges (after SimGC: Xiao et al., ECML 2024)."),
    },
    nested=(
        Curriculum, EdgePatterns, ExpertPlan, GCNSurrogate, GraphonEdges, LearnedEdges, NoEdges, PropagatedMLP,
        Refinement, SGCSurrogate, SNTK, Training, WideGCN, Window,
    ),
    decorators={Relabelled: Labeller(relabel)},
    example="a method object such as Auto()",
)  # fmt: skip
