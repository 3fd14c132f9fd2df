"""The recommenders that a table trains, each with its settings chosen on validation data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.sparse import csr_matrix

from graphcond.core.names import named
from recsys.data.split import Holdout
from recsys.models.base import Recommender
from recsys.models.implicit_models import BPR, implicit_module
from recsys.models.own import maker_of
from recsys.models.popularity import Popularity
from recsys.models.tuning import tuned_als, tuned_ease, tuned_infinite_ae, tuned_item_knn

Choice = dict[str, Any]


@dataclass(frozen=True)
class Consumer:
    """What trains on a set of users.

    Args:
        fit: Returns the fitted model and the settings that were chosen, from the users to train on, the validation
            users, and a seed.
        folds_in: Whether the model serves users that it was not fitted on.
        needs: The module of ``implicit`` that it is, if so.
        weighs: Whether it uses weights.
    """

    fit: Callable[[csr_matrix, Holdout, int], tuple[Recommender, Choice]]
    folds_in: bool = True
    needs: str | None = None
    weighs: bool = True


def _infinite_ae(train: csr_matrix, val: Holdout, seed: int) -> tuple[Recommender, Choice]:
    found = tuned_infinite_ae(train, val)
    return found.model, {"ridge": found.choice}


def _ease(train: csr_matrix, val: Holdout, seed: int) -> tuple[Recommender, Choice]:
    found = tuned_ease(train, val)
    return found.model, {"ridge": found.choice}


def _als(train: csr_matrix, val: Holdout, seed: int) -> tuple[Recommender, Choice]:
    found = tuned_als(train, val, seed=seed)
    return found.model, dict(found.choice)


def _item_knn(train: csr_matrix, val: Holdout, seed: int) -> tuple[Recommender, Choice]:
    found = tuned_item_knn(train, val)
    return found.model, dict(found.choice)


def _bpr(train: csr_matrix, val: Holdout, seed: int) -> tuple[Recommender, Choice]:
    return BPR(seed=seed).fit(train), {}


def _popularity(train: csr_matrix, val: Holdout, seed: int) -> tuple[Recommender, Choice]:
    return Popularity().fit(train), {}


CONSUMERS = {
    "infinite_ae": Consumer(_infinite_ae),
    "ease": Consumer(_ease),
    "als": Consumer(_als, needs="cpu.als"),
    "item_knn": Consumer(_item_knn, needs="nearest_neighbours"),
    "bpr": Consumer(_bpr, folds_in=False, needs="cpu.bpr"),
    "popularity": Consumer(_popularity, weighs=False),
}


def resolve_consumers(models: Sequence[object]) -> dict[str, Consumer]:
    """Return the consumers of some names, or of a user's own recommenders, each once, by their names.

    It checks that what they need is there.

    Raises:
        TypeError: one is neither a name nor a recommender.
        ValueError: there is no consumer of a name, or two have the same.
        ImportError: one needs ``implicit``, which is not installed.
    """
    consumers: dict[str, Consumer] = {}
    for model in models:
        if isinstance(model, str):
            consumers[model] = resolve_consumer(model)
            continue
        name, consumer = _own(model)
        if name in consumers:
            raise ValueError(f"models must have different names, got several {name}; evaluate one after the other")
        consumers[name] = consumer
    for consumer in consumers.values():
        if consumer.needs is not None:
            implicit_module(consumer.needs)
    return consumers


def _own(model: object) -> tuple[str, Consumer]:
    name, make = maker_of(model)

    def fit(train: csr_matrix, val: Holdout, seed: int) -> tuple[Recommender, Choice]:
        return make().fit(train), {}

    return name, Consumer(fit)


def resolve_consumer(name: str) -> Consumer:
    """Return the consumer of a name.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    return named(name, CONSUMERS, "model")
