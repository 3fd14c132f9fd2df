"""A door for tables: rows of features and their classes in, a few synthetic rows out, in the manner of scikit-learn.

>>> from sklearn.datasets import load_wine
>>> from sklearn.linear_model import LogisticRegression
>>> from graphcond.sampler import Condenser
>>> X, y = load_wine(return_X_y=True)
>>> X = (X - X.mean(axis=0)) / X.std(axis=0)
>>> X_small, y_small = Condenser(size="2/class", random_state=0).fit_resample(X, y)
>>> X_small.shape, LogisticRegression().fit(X_small, y_small).score(X, y) > 0.9
((6, 13), True)
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_X_y
from torch_geometric.data import Data
from torch_geometric.data.data import BaseData
from torch_geometric.utils import index_to_mask

from graphcond.api import condense, read
from graphcond.core.method import Method
from graphcond.core.runtime.randomness import MAX_SEED
from graphcond.core.size import Size
from graphcond.images.splits import MOST_HELD_OUT, hold_out
from graphcond.nodes.methods import METHODS

HELD_OUT = 0.1  # of the rows, of each class, by which methods choose


class Condenser(BaseEstimator):  # type: ignore[misc]
    """Condenses rows of features with classes, as imbalanced-learn's samplers resample them.

    It has ``fit_resample``, takes part in ``imblearn.pipeline.Pipeline``, which resamples for training only, and in
    grid searches over it; imbalanced-learn need not be installed. A row is condensed as a node without edges, by any
    method for nodes. Scale features before: methods measure distances.

    What ``auto``, the default, makes trains linear models, networks and nearest neighbours best; forests prefer real
    rows, ``method="herding"``.

    Args:
        size: What :func:`graphcond.condense` takes as ``size``: a number of rows, a ratio, ``"10/class"``; ``None``
            for methods that take none.
        method: A method for nodes (:func:`graphcond.list_methods`), by its name, perhaps with settings, or an object.
        random_state: A whole number for the same rows every time, a NumPy ``RandomState`` to draw it from, or ``None``.
        device: Where to compute, such as ``"cuda"``.

    Attributes:
        record_: How the rows were made, after :meth:`fit_resample`.
        sample_weight_: ``(n,)`` how much each row counts, with mean 1: what estimators take as ``sample_weight``.
        y_soft_: ``(n, classes)`` probabilities of the classes, in the order of ``classes_``; ``None``: the method makes
            none.
        classes_: The classes.
        n_features_in_: Number of features.
        feature_names_in_: Names of the columns of a frame, where they are texts.
    """

    def __init__(
        self,
        size: int | float | str | Size | None = "10/class",
        method: str | Method = "auto",
        random_state: "int | np.random.RandomState | None" = None,
        device: str = "cpu",
    ) -> None:
        self.size = size
        self.method = method
        self.random_state = random_state
        self.device = device

    def fit(self, X: Any, y: Any) -> "Condenser":  # noqa: ANN401 (arrays, frames, lists)
        """Check the values, as pipelines that end with a sampler want it; nothing is condensed.

        Raises:
            ValueError: values that cannot be used; the message says which.
        """
        self._checked(X, y)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:  # noqa: ANN401 (arrays, frames, lists)
        """Return a few rows and their classes that train nearly as well.

        Args:
            X: ``(rows, features)`` numbers: an array, a frame, lists.
            y: ``(rows,)`` classes: numbers or texts.

        Returns:
            ``(n, features)`` float32 and ``(n,)`` of the type of ``y``; a frame and a series where those were
            given.

        Raises:
            TypeError: ``X`` is a graph.
            ValueError: values that cannot be used; the message says which.
        """
        self._check_size()
        rows, codes = self._checked(X, y)
        seed = self._seed()
        task = replace(read(_without_edges(rows, codes)), notes=(), name="rows")
        small = condense(task, size=self.size, method=self.method, seed=seed, device=self.device)
        data = small[0]
        if data.y.is_floating_point():
            raise ValueError(
                f"method={self.method!r} reads no classes and gives numbers in their place; use another one"
            )
        self.record_ = small.record
        learned, soft = data.train_mask, data.get("y_soft")
        self.sample_weight_ = data.node_weight[learned].numpy()
        self.y_soft_ = None if soft is None else soft[learned].numpy()
        return _like(X, data.x[learned].numpy()), _like(y, self.classes_[data.y[learned].numpy()])

    def _checked(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: ANN401 (arrays, frames, lists)
        """Return rows and the numbers of their classes, and remember what they are."""
        if isinstance(X, BaseData):
            raise TypeError(f"X must hold rows of features, got {type(X).__name__}; graphs are for graphcond.condense")
        rows, labels = check_X_y(X, y, dtype=np.float32)
        try:
            check_classification_targets(labels)
            classes, codes = np.unique(labels, return_inverse=True)
        except TypeError as error:  # values of several types have no order
            raise ValueError(f"y must hold classes of one type, all numbers or all texts ({error})") from error
        if len(classes) < 2:
            raise ValueError(f"y must hold at least two classes, got {len(classes)} class: {classes[0]!r}")
        self.classes_, self.n_features_in_ = classes, rows.shape[1]
        self.__dict__.pop("feature_names_in_", None)
        if isinstance(X, pd.DataFrame) and all(isinstance(name, str) for name in X.columns):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return np.require(rows, requirements="W"), codes  # torch warns of arrays that cannot be written to

    def _check_size(self) -> None:
        """Raise if there is a size, perhaps that of the default, and the method takes none."""
        sized = METHODS.resolve(self.method).sized
        if not sized and self.size is not None and Size.parse(self.size).kind != "everything":
            raise ValueError(f"method={self.method!r} takes no size, got size={self.size!r}; pass size=None")

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(MAX_SEED, dtype=np.int64))


def _without_edges(rows: np.ndarray, codes: np.ndarray) -> Data:
    """Return rows as nodes without edges, some of each class held out to choose by."""
    y = torch.from_numpy(codes.astype(np.int64))
    kept, held = hold_out(y, HELD_OUT, most=MOST_HELD_OUT)
    return Data(
        x=torch.from_numpy(rows),
        edge_index=torch.empty(2, 0, dtype=torch.int64),
        y=y,
        train_mask=index_to_mask(kept, size=len(y)),
        val_mask=index_to_mask(held, size=len(y)),
    )


def _like(given: Any, values: np.ndarray) -> Any:  # noqa: ANN401 (whatever the user has)
    """Return values in the container of what was given."""
    if isinstance(given, pd.DataFrame):
        return pd.DataFrame(values, columns=given.columns)
    return pd.Series(values, name=given.name, dtype=given.dtype) if isinstance(given, pd.Series) else values
