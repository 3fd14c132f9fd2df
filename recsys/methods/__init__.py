"""Ways to condense interactions, looked up by name or passed as values."""

from graphcond.core.settings import built, by_name
from graphcond.synthetic.rows import GumbelRows, SoftmaxRows, TopKRows
from recsys.methods.base import Size, SyntheticUsers, UserMethod
from recsys.methods.distill_cf import DistillCF
from recsys.methods.forgetting import Forgetting
from recsys.methods.head_users import HeadUsers
from recsys.methods.k_means_users import KMeansUsers
from recsys.methods.random_users import RandomUsers
from recsys.methods.stratified_users import StratifiedUsers

CLASSES: tuple[type[UserMethod], ...] = (
    DistillCF, Forgetting, HeadUsers, KMeansUsers, RandomUsers, StratifiedUsers,
)  # fmt: skip
DEFAULT = DistillCF
VALUES = by_name((GumbelRows, SoftmaxRows, TopKRows))
"""What may be written as a setting of a method, such as ``distill_cf(rows=TopKRows())``."""
METHODS: dict[str, type[UserMethod]] = {"auto": DEFAULT, **{method.name: method for method in CLASSES}}


def list_methods() -> dict[str, str]:
    """Return the name of every method, and the first line of its description."""
    lines = {method.name: (method.__doc__ or "").strip().splitlines()[0] for method in CLASSES}
    return dict(sorted((lines | {"auto": f"The default: {DEFAULT.name}."}).items()))


def resolve_method(method: object) -> UserMethod:
    """Return the method of a text such as ``"distill_cf(steps=100)"``, or the given method itself.

    Raises:
        ValueError: there is no such method for interactions; the message names the nearest.
        TypeError: neither a name nor a method for interactions.
    """
    if isinstance(method, UserMethod):
        return method
    if not isinstance(method, str):
        raise TypeError(
            f"method must be a name or a method for interactions such as DistillCF(), got {type(method).__name__}"
        )
    return built(method, METHODS, VALUES, "method", " for interactions")


__all__ = [
    "METHODS",
    "DistillCF",
    "Forgetting",
    "HeadUsers",
    "KMeansUsers",
    "RandomUsers",
    "Size",
    "StratifiedUsers",
    "SyntheticUsers",
    "UserMethod",
    "list_methods",
    "resolve_method",
]
