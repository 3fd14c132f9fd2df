"""The methods for graphs with labelled nodes: one file per paper or idea, looked up by name or passed as values."""

from functools import partial

from graphcond.core.matching.experts import ExpertPlan
from graphcond.core.matching.replay import Window
from graphcond.core.matching.training import Training
from graphcond.core.method import MethodTable
from graphcond.core.relabelled import Labeller, Relabelled
from graphcond.nodes.methods.auto import Auto
from graphcond.nodes.methods.base import NodeMethod
from graphcond.nodes.methods.class_mean import ClassMean
from graphcond.nodes.methods.doscond import DosCond
from graphcond.nodes.methods.gc_sntk import GCSNTK
from graphcond.nodes.methods.gcdm import GCDM
from graphcond.nodes.methods.gcond import GCond
from graphcond.nodes.methods.geom import GEOM, Curriculum
from graphcond.nodes.methods.herding import Herding
from graphcond.nodes.methods.k_center import KCenter
from graphcond.nodes.methods.kernel_refinement import Refinement
from graphcond.nodes.methods.krr_st import KRRST
from graphcond.nodes.methods.node_kernels import SNTK, WideGCN
from graphcond.nodes.methods.pruned import Pruned
from graphcond.nodes.methods.random import Random, RandomPropagated
from graphcond.nodes.methods.random_soft import RandomSoft
from graphcond.nodes.methods.relabelling import relabel
from graphcond.nodes.methods.sfgc import SFGC
from graphcond.nodes.methods.structures import LearnedEdges, NoEdges
from graphcond.nodes.surrogate_models import GCNSurrogate, SGCSurrogate

METHODS = MethodTable(
    base=NodeMethod,
    classes=(
        Auto, ClassMean, DosCond, GCDM, GCSNTK, GCond, GEOM, Herding, KCenter, KRRST, Pruned, Random, RandomPropagated,
        RandomSoft, SFGC,
    ),
    variants={
        "doscond_x": (partial(DosCond, structure=NoEdges()), "DosCond without edges."),
        "gcdm_x": (partial(GCDM, structure=NoEdges()), "GCDM without edges."),
        "gcond_x": (partial(GCond, structure=NoEdges(), features_rate=1e-5), "GCond without edges, at a smaller rate."),
    },
    nested=(
        Curriculum, ExpertPlan, GCNSurrogate, LearnedEdges, NoEdges, Refinement, SGCSurrogate, SNTK, Training, WideGCN,
        Window,
    ),
    decorators={Relabelled: Labeller(relabel)},
    example="a method object such as Auto()",
)  # fmt: skip
