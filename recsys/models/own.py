"""A user's own recommender in the manner of ``implicit``, asked as ours are."""

import copy
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from recsys.models.base import Recommender
from recsys.models.checks import checked_context, not_fitted


class Own(Recommender):
    """A model with ``fit(user_items)`` and ``recommend(userid, user_items, N=...)``.

    Args:
        model: The model; a copy of it is fitted.

    Raises:
        TypeError: it has no such methods.
    """

    name: ClassVar[str] = "own"

    def __init__(self, model: Any) -> None:  # noqa: ANN401 (whatever the user has)
        lacking = [method for method in ("fit", "recommend") if not callable(getattr(model, method, None))]
        if lacking:
            raise TypeError(
                f"a recommender must have fit(user_items) and recommend(userid, user_items, N=...), but "
                f"{type(model).__name__} has no {' and no '.join(lacking)}; pass one in the manner of implicit's, or a "
                "function that makes one"
            )
        self._model = copy.deepcopy(model)
        self._num_items: int | None = None

    def fit(self, user_items: csr_matrix) -> "Own":
        """Fit the model; what it returns is not used, since models of ``implicit`` return nothing."""
        self._model.fit(user_items)
        self._num_items = user_items.shape[1]
        return self

    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return the scores that the model's lists of all items tell; what it leaves out is below all others.

        Raises:
            ValueError: the model cannot take in other users than it was fitted on, or returns no lists.
        """
        if self._num_items is None:
            raise not_fitted(type(self._model).__name__)
        rows = checked_context(context, self._num_items)
        try:
            items, values = self._model.recommend(np.arange(rows.shape[0]), rows, **self._options())
        except NotImplementedError as error:
            raise ValueError(f"{type(self._model).__name__} cannot take in users that it was not fitted on") from error
        items, values = np.asarray(items), np.asarray(values, np.float32)
        if items.shape != values.shape or items.ndim != 2 or len(items) != rows.shape[0]:
            raise ValueError(
                f"recommend() of {type(self._model).__name__} must return items and scores of the shape "
                f"({rows.shape[0]}, N), got {items.shape} and {values.shape}"
            )
        scores = np.full((rows.shape[0], self._num_items), -np.inf, np.float32)
        listed = (items >= 0) & np.isfinite(values)
        scores[np.nonzero(listed)[0], items[listed]] = values[listed]
        return scores

    def _options(self) -> dict[str, Any]:
        """Return what ``recommend`` is called with, of what it takes: all items, of users as they are shown."""
        wanted = {"N": self._num_items, "filter_already_liked_items": False, "recalculate_user": True}
        taken = inspect.signature(self._model.recommend).parameters
        if any(one.kind is one.VAR_KEYWORD for one in taken.values()):
            return wanted
        return {name: value for name, value in wanted.items() if name in taken}


def maker_of(model: object) -> tuple[str, Callable[[], Recommender]]:
    """Return the name of a user's recommender, and what makes a new one that is not fitted yet.

    Args:
        model: An object with ``fit`` and ``recommend``, or a class or function that makes one.

    Raises:
        TypeError: it is neither.
    """
    factory = model if isinstance(model, type) or not hasattr(model, "fit") else None
    if factory is not None and not callable(factory):
        raise TypeError(f"models must be names, recommenders or functions that make one, got {model!r}")

    def make() -> Recommender:
        made = model if factory is None else factory()
        return copy.deepcopy(made) if isinstance(made, Recommender) else Own(made)

    first = make()
    name = type(first._model).__name__ if isinstance(first, Own) else first.name
    return name, make
