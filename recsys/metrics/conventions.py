"""What libraries and papers mean by the same names: a convention says how a metric is computed and averaged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from graphcond.core.names import named
from recsys.metrics import lists
from recsys.metrics.auc import GroupedAUC, PooledAUC, ScoreMeasure
from recsys.metrics.lists import Lists


@dataclass(frozen=True)
class ListMeasure:
    """A metric of lists.

    Args:
        of: Each user's value.
        weight: How much each user counts in the mean; ``None``: all alike. With the denominator of the metric as the
            weight, the mean is the *micro* average: all numerators over all denominators.
    """

    of: Callable[[Lists], np.ndarray]
    weight: Callable[[Lists], np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Convention:
    """Names of metrics and what they stand for. Only users with targets count; values are fractions, not percents.

    Whatever a library does with equal scores, the lists are those of
    :func:`~recsys.metrics.ranking.top_items`: the lower item number first.

    Args:
        name: Of the convention.
        at_k: Metrics of lists, reported as ``name@k``.
        whole: Metrics of scores, reported under their names.
    """

    name: str
    at_k: Mapping[str, ListMeasure]
    whole: Mapping[str, ScoreMeasure] = field(default_factory=dict)


DISTILL_CF = Convention(
    "distill_cf",
    at_k=MappingProxyType(
        {
            "hr": ListMeasure(lists.capped_recall),
            "ndcg": ListMeasure(lists.ndcg),
            "psp": ListMeasure(lists.psp),
        }
    ),
    whole=MappingProxyType({"auc": PooledAUC()}),
)
"""The metrics of the code of Distill-CF and the infinite autoencoder (Sachdeva et al., NeurIPS 2022).

Note:
    ``hr`` is a recall that is capped, where the paper's text divides by the number of targets. In ``auc`` equal scores
    count half; the code leaves them to the order in which a sort happens to put them.
"""

IMPLICIT = Convention(
    "implicit",
    at_k=MappingProxyType(
        {
            "precision": ListMeasure(lists.capped_recall, weight=lambda lists: lists.reachable),
            "map": ListMeasure(lists.average_precision),
            "ndcg": ListMeasure(lists.ndcg),
            "auc": ListMeasure(lists.limited_auc),
        }
    ),
)
"""The metrics of ``implicit.evaluation.ranking_metrics_at_k``; ``precision`` is a micro average.

Note:
    Of equal scores, ``implicit``'s factor models keep the lower item at the end of a list but put the higher one first
    within it, and where too few items are left they fill up with items that the user was shown: values agree where
    scores differ and items suffice.
"""

RECBOLE = Convention(
    "recbole",
    at_k=MappingProxyType(
        {
            "recall": ListMeasure(lists.recall),
            "hit": ListMeasure(lists.hit),
            "ndcg": ListMeasure(lists.ndcg),
            "precision": ListMeasure(lists.precision),
            "mrr": ListMeasure(lists.reciprocal_rank),
            "map": ListMeasure(lists.average_precision),
        }
    ),
    whole=MappingProxyType({"gauc": GroupedAUC()}),
)
"""The metrics of RecBole under full ranking."""

CONVENTIONS = {convention.name: convention for convention in (DISTILL_CF, IMPLICIT, RECBOLE)}


def resolve_convention(convention: object) -> Convention:
    """Return the convention of a name, the given convention itself, or one of a user's own metrics of lists.

    Args:
        convention: A name of :data:`CONVENTIONS`, a :class:`Convention`, or a mapping of names to functions that take
            :class:`~recsys.metrics.lists.Lists` and return each user's value.

    Raises:
        TypeError: it is none of these.
        ValueError: there is no convention of that name; the message names the nearest.
    """
    if isinstance(convention, Convention):
        return convention
    if not isinstance(convention, Mapping):
        return named(convention, CONVENTIONS, "metric convention")
    wrong = [name for name, measure in convention.items() if not (isinstance(name, str) and callable(measure))]
    if wrong or not convention:
        raise TypeError(
            "convention must be a name, a Convention or a mapping of names to functions of recsys.Lists, got "
            f"{dict(convention)!r}"
        )
    return Convention("own", {name: ListMeasure(measure) for name, measure in convention.items()})
