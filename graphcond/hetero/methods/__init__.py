"""The methods for heterogeneous graphs: one file per paper or idea, looked up by name or passed as values."""

from functools import partial

from graphcond.core.method import MethodTable
from graphcond.core.relabelled import Labeller, Relabelled
from graphcond.hetero.methods.auto import HeteroAuto
from graphcond.hetero.methods.base import HeteroMethod
from graphcond.hetero.methods.class_mean import HeteroClassMean
from graphcond.hetero.methods.freehgc import FreeHGC
from graphcond.hetero.methods.herding import HeteroHerding
from graphcond.hetero.methods.hgcond import HGCond
from graphcond.hetero.methods.k_center import HeteroKCenter
from graphcond.hetero.methods.random import HeteroRandom
from graphcond.hetero.methods.random_soft import HeteroRandomSoft
from graphcond.hetero.methods.relabelling import relabel

METHODS = MethodTable(
    base=HeteroMethod,
    classes=(
        FreeHGC,
        HeteroAuto,
        HeteroClassMean,
        HeteroHerding,
        HeteroKCenter,
        HeteroRandom,
        HeteroRandomSoft,
        HGCond,
    ),
    variants={
        "auto_x": (
            partial(HeteroAuto, structure=False),
            "The default without structure: features of all meta-paths side by side, for MLPs.",
        ),
    },
    decorators={Relabelled: Labeller(relabel)},
    of=" for heterogeneous graphs",
    example="a method for heterogeneous graphs such as HeteroAuto()",
)  # fmt: skip
