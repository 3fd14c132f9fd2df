"""Ways to condense interactions, looked up by name or passed as values."""

from graphcond.core.method import MethodTable
from graphcond.core.relabelled import Relabelled
from graphcond.synthetic.user_rows import GumbelRows, SoftmaxRows, TopKRows
from recsys.methods.auto import AutoUsers
from recsys.methods.base import UserBudget, UserMethod
from recsys.methods.distill_cf import DistillCF
from recsys.methods.forgetting import Forgetting
from recsys.methods.head_users import HeadUsers
from recsys.methods.k_means_users import KMeansUsers
from recsys.methods.random_users import RandomUsers
from recsys.methods.stratified_users import StratifiedUsers

METHODS = MethodTable(
    base=UserMethod,
    classes=(AutoUsers, DistillCF, Forgetting, HeadUsers, KMeansUsers, RandomUsers, StratifiedUsers),
    nested=(GumbelRows, SoftmaxRows, TopKRows),
    decorators={Relabelled: None},  # interactions have no labels
    of=" for interactions",
    example="a method for interactions such as DistillCF()",
)

__all__ = ["METHODS", "UserBudget"]
