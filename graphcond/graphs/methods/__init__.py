"""The methods for sets of graphs: one file per paper or idea, looked up by name or passed as values."""

from graphcond.core.matching.training import Training
from graphcond.core.method import MethodTable
from graphcond.core.relabelled import Labeller, Relabelled
from graphcond.graphs.methods.auto import AutoGraphs
from graphcond.graphs.methods.base import GraphMethod
from graphcond.graphs.methods.doscond import DosCondGraphs
from graphcond.graphs.methods.histograms import Histograms
from graphcond.graphs.methods.kidd import KiDD
from graphcond.graphs.methods.mirage import Mirage
from graphcond.graphs.methods.pruned import PrunedGraphs
from graphcond.graphs.methods.relabelling import check_budget, relabel
from graphcond.graphs.methods.ridge import RidgeGraphs
from graphcond.graphs.methods.selection import HerdingGraphs, KCenterGraphs, RandomGraphs, RandomSoftGraphs
from graphcond.graphs.methods.wl_fold import WLFold

METHODS = MethodTable(
    base=GraphMethod,
    classes=(
        AutoGraphs, DosCondGraphs, HerdingGraphs, Histograms, KCenterGraphs, KiDD, Mirage, PrunedGraphs, RandomGraphs,
        RandomSoftGraphs, RidgeGraphs, WLFold,
    ),
    nested=(Training,),
    decorators={Relabelled: Labeller(relabel, check=check_budget)},
    of=" for graphs",
    example="a method for graphs such as Mirage()",
)  # fmt: skip
