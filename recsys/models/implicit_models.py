"""The models of ``implicit``, which is an optional dependency, behind the one contract."""

import importlib
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from graphcond.core.fields import require_positive
from recsys.models.base import Recommender
from recsys.models.checks import checked_context, checked_interactions, not_fitted

_BM25 = {"K1": 1.2, "B": 0.75}  # the defaults of implicit's BM25Recommender


def implicit_module(name: str) -> Any:  # noqa: ANN401 (a module without types)
    """Return a module of ``implicit``.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return importlib.import_module(f"implicit.{name}")
    except ImportError as error:
        raise ImportError(
            'this model needs the package implicit, which is optional: pip install "graphcond[recsys]"'
        ) from error


@dataclass(kw_only=True, eq=False)
class ALS(Recommender):
    """Matrix factorisation with confidence weights by alternating least squares (Hu, Koren and Volinsky, ICDM 2008).

    A weight of ``w`` is a confidence of ``alpha w``: where most weights are small but not zero, as in a dense set of
    synthetic users, the model learns to recommend what it hardly believes in. Fit it on binary interactions.

    Args:
        factors: Width of the embeddings.
        regularization: L2 penalty on them.
        alpha: Confidence in an interaction.
        iterations: Alternations.
        seed: Of the initial embeddings.

    Note:
        Users are folded in exactly, by one least-squares solution each against the embeddings of the items
        (``implicit``'s ``recalculate_user``). Also the users that it was fitted on are: what counts is what is shown.
    """

    name: ClassVar[str] = "als"
    factors: int = 64
    regularization: float = 1.0
    alpha: float = 1.0
    iterations: int = 15
    seed: int = 0
    _model: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("seed",))

    def fit(self, user_items: csr_matrix) -> "ALS":
        """Factorise."""
        matrix = checked_interactions(user_items)
        make = implicit_module("cpu.als").AlternatingLeastSquares
        # Its own threads work on users; those of BLAS would get in their way, which it warns of.
        with threadpool_limits(1, "blas"):
            model = make(
                factors=self.factors,
                regularization=self.regularization,
                alpha=self.alpha,
                iterations=self.iterations,
                random_state=self.seed,
            )
            model.fit(matrix, show_progress=False)
        self._model = model
        return self

    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return the products of the folded-in users with the items."""
        if self._model is None:
            raise not_fitted(self.name)
        context = checked_context(context, len(self._model.item_factors))
        with threadpool_limits(1, "blas"):
            users = self._model.recalculate_user(np.arange(context.shape[0]), context)
        return np.asarray(users @ self._model.item_factors.T)


@dataclass(kw_only=True, eq=False)
class BPR(Recommender):
    """Matrix factorisation with a pairwise ranking loss (Rendle et al., UAI 2009); weights are not used.

    A user is an embedding that only training makes: users that the model was not fitted on cannot be folded in. It is
    evaluated on the users of its training, and a model of synthetic users serves no real ones.

    Args:
        factors: Width of the embeddings.
        learning_rate: Of stochastic gradient descent.
        regularization: L2 penalty on the embeddings.
        iterations: Passes.
        seed: Of the initial embeddings and of the order.
    """

    name: ClassVar[str] = "bpr"
    folds_in: ClassVar[bool] = False
    factors: int = 64
    learning_rate: float = 0.01
    regularization: float = 0.01
    iterations: int = 100
    seed: int = 0
    _model: Any = field(default=None, init=False, repr=False)
    _fitted: csr_matrix | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("seed",))

    def fit(self, user_items: csr_matrix) -> "BPR":
        """Descend, in one thread: with more the result would not be the same twice."""
        matrix = checked_interactions(user_items)
        model = implicit_module("cpu.bpr").BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.regularization,
            iterations=self.iterations,
            num_threads=1,
            random_state=self.seed,
        )
        model.fit(matrix, show_progress=False)
        self._model, self._fitted = model, matrix
        return self

    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return the scores of all users of the training, whose rows ``context`` has in the same order."""
        return self.scores_of(np.arange(context.shape[0]), context)

    def scores_of(self, users: np.ndarray, context: csr_matrix) -> np.ndarray:
        """Return the scores of users of the training by their numbers.

        Raises:
            ValueError: ``context`` lacks interactions that the model was fitted on with these users, so that they are
                others.
        """
        if self._fitted is None:
            raise not_fitted(self.name)
        context = checked_context(context, self._fitted.shape[1])
        if np.max(users, initial=-1) >= self._fitted.shape[0] or not _includes(context, self._fitted[users]):
            raise ValueError(
                "bpr cannot fold users in: the context must be of the users that it was fitted on, with all their "
                "interactions; for other users take a model with folds_in=True, such as ALS or EASE"
            )
        return np.asarray(self._model.user_factors[users] @ self._model.item_factors.T)


def _includes(context: csr_matrix, fitted: csr_matrix) -> bool:
    """Tell whether every interaction of ``fitted`` is in ``context``, row by row."""
    return bool((context != 0).multiply(fitted != 0).nnz == fitted.nnz)


@dataclass(kw_only=True, eq=False)
class ItemKNN(Recommender):
    """Each item votes for the items that are most like it.

    Args:
        neighbours: How many items each item is like, itself among them.
        kind: ``"cosine"`` of the items' columns, or their product after ``"bm25"`` weighting.
    """

    name: ClassVar[str] = "item_knn"
    neighbours: int = 20
    kind: Literal["cosine", "bm25"] = "cosine"
    _similarity: csr_matrix | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self)
        if self.kind not in ("cosine", "bm25"):
            raise ValueError(f"kind must be 'cosine' or 'bm25', got {self.kind!r}")

    def fit(self, user_items: csr_matrix) -> "ItemKNN":
        """Find the neighbours of each item."""
        matrix = checked_interactions(user_items)
        module = implicit_module("nearest_neighbours")
        columns = module.normalize(matrix.T) if self.kind == "cosine" else module.bm25_weight(matrix.T, **_BM25)
        model = module.ItemItemRecommender(K=self.neighbours)
        model.fit(csr_matrix(columns.T), show_progress=False)
        self._similarity = csr_matrix(model.similarity, dtype=np.float32)
        return self

    def scores(self, context: csr_matrix) -> np.ndarray:
        """Return the sum of the similarities of the shown items."""
        if self._similarity is None:
            raise not_fitted(self.name)
        return np.asarray((checked_context(context, self._similarity.shape[0]) @ self._similarity).toarray())
