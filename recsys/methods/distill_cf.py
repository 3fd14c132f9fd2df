"""Distill-CF: synthetic users from which an infinitely wide autoencoder learns what real users like."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphcond.core.fields import is_number, is_whole, require_positive
from graphcond.core.matching import driver
from graphcond.core.matching.objectives.kernel_ridge import Error, KernelRidge
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Weightless
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.randomness import seeded
from graphcond.surrogates.infinite_width import InfiniteWidth
from graphcond.synthetic.user_rows import CutRows, GumbelRows, RowDecoder, SoftmaxRows, TopKRows, UserRows
from recsys.data.batches import UserBatches, users_with_targets
from recsys.data.bytes import bytes_of
from recsys.data.split import Split
from recsys.methods.base import SyntheticUsers, UserBudget, UserMethod
from recsys.methods.multinomial import Multinomial
from recsys.methods.squares import HiddenSquares
from recsys.methods.starts import initial_logits, log_of_clusters
from recsys.methods.validation import METRICS, USERS, Metric, UserValidation

Loss = Literal["squares", "likelihood", "reconstruction", "summed_reconstruction"]
LOSSES = get_args(Loss)
WHOLE = ("reconstruction", "summed_reconstruction")  # losses whose input is the target
MANY = 10  # interactions of a user
FEW_USERS = 20
HIDDEN = (0.2, 0.5)
SCALE = 1.5
RIDGE_USERS = 1000
LENGTH = 1.5  # of the mean real row
SHARE = 0.05  # of the items
PUBLISHED_VALIDATIONS = tuple(sorted({*range(25, 201, 25), *range(40, 500, 40)}))
BYTES_SHARE = 0.2  # of the original's bytes
FEW_KEPT = 10  # interactions of a user: with fewer, more bytes are taken, at most the original's
CUT_AFTER = 3 / 4  # of the steps
STILL_RISING = (
    "Validation NDCG@10 was highest at the last of {steps} steps and may still rise; more are taken by "
    "method=DistillCF(steps=...)."
)


class Settings(NamedTuple):
    """Settings of :class:`DistillCF` for certain interactions and a size, as explained there.

    ``length`` is the mean number of interactions of a real user, ``kept`` how many weighted ones a synthetic one keeps,
    ``clusters`` whether the start are means of clusters.
    """

    loss: str
    hidden: float
    scale: float
    ridge: float
    length: float
    kept: int
    clusters: bool


@dataclass(frozen=True, kw_only=True)
class DistillCF(UserMethod):
    r"""Distill-CF (Sachdeva et al., "Infinite Recommendation Networks: A Data-Centric Approach", NeurIPS 2022).

    Synthetic users :math:`X` are moved by gradient descent until an infinitely wide autoencoder that is fitted on them
    in closed form (:class:`recsys.models.infinite_ae.InfiniteAE`) predicts what real users like:

    .. math:: \min_\theta \; \mathbb E_u\, \ell\big(K(c_u, X) (K(X, X) + \lambda\, \bar k I)^{-1} X,\; t_u\big),
              \qquad X = X(\theta)

    Note:
        - ``DistillCF.preset("published")`` is the published run, with the settings of its code for MovieLens-1M. What
          remains different: validations and the result see the draws of one noise, where the published code draws anew
          for each; it stops 150 steps after the best, we take all; of its draws the first counts twice; users without
          validation interactions, at which it fails, do not count, and pairs that repeat count once. Without
          validation data the ridge is ``ridge``.
        - The paper reconstructs a user's whole row from the same row, which rewards repeating the input, and measures
          the likelihood of a softmax; that is ``loss="summed_reconstruction"``, and with the mean over a user's items
          ``"reconstruction"``. By default we hide a part of the row and ask for it. ``loss="likelihood"`` does so by
          the softmax; ``loss="squares"`` by squared errors (:class:`HiddenSquares`), as the autoencoder itself, which
          ranks better where users have many interactions, and worse where they have one or two, where rows are binary,
          and where synthetic users are very few.
        - The paper samples rows by adding up Gumbel-softmax draws; by default we leave out the noise
          (:class:`SoftmaxRows`), hundreds of times cheaper; ``rows=GumbelRows()`` is the paper's.
        - The paper's users are dense: 500 of MovieLens-1M hold twice as many numbers as the set has interactions. Here
          each keeps its largest interactions only, as many as a share of the original's bytes holds. All items are
          learned for three quarters of the steps, and from then on those that are kept, through the cut
          (:class:`CutRows`) and at a tenth of the learning rate. Validation always sees what is kept.
        - The paper starts from random real users. Where the median user has fewer than ten interactions, weighted users
          start from the means of as many k-means clusters, and are cut from the first step on: a random user of such
          data knows one or two items.
        - Its regulariser on the number of interactions (``regularization``) is left out by default: the rows' sum is
          fixed but for what is clipped.
        - The published code changes :math:`\lambda` during training to the best of its last validation (``ridges``);
          by default it is fixed, and validations try a few around it (:data:`recsys.methods.validation.RIDGES`).
        - The published code takes all users in every step; by default we take 1,000 of them.

    Args:
        rows: How logits become interactions, before the cut; ``None``: :class:`TopKRows` where binary interactions are
            asked for, else :class:`SoftmaxRows`. For squares these add up to 1.5 times a mean real row: with much more,
            smaller predictions are a surer gain than better ones. For likelihoods they add up to a twentieth of the
            items, or to a mean cluster where clusters are the start.
        loss: ``"squares"``, ``"likelihood"``, ``"reconstruction"`` or ``"summed_reconstruction"``; ``None``: squares
            for twenty or more weighted users where the median user has ten interactions or more, else the likelihood.
        hidden: Chance of an interaction to be hidden, for losses that hide; ``None``: one of the median user's
            interactions, in [0.2, 0.5].
        scale: What predictions are multiplied by before the softmax, for losses that have one; ``None``: the smaller
            the share of items that users have, the smaller predictions are, so that it is ``1.5 / sqrt(density)``.
        ridge: :math:`\lambda`, relative to the mean diagonal of the kernel; ``None``: ``sqrt(users / 1000)``.
        bytes_share: Bytes of the result over those of the original's binary interactions, at most, where users are
            weighted: the number of interactions that each keeps, at least one; ``None``: a fifth, or as much as ten
            interactions a user take, but never more than the original.
        depth: Hidden layers of the network.
        steps: Steps of Adam.
        learning_rate: Of the logits.
        batch_users: Real users in a step; ``None``: all.
        regularization: What is added to the loss for each interaction of a synthetic user, over the mean number of a
            real user's.
        negligible: Weights of the result below so much of the mean weight are left out.
        validations: Number of validations; the best step is kept.
        validation_steps: The steps after which users are validated, beside the last; ``None``: as ``validations`` says.
        validation_users: Validation users that are scored, at most; ``None``: all.
        metric: Of validations: ``"ndcg@10"`` or ``"hr@100"``.
        ridges: :math:`\lambda` is the best of these for the start, then for the users of the last validation; ``None``:
            it is ``ridge``.
    """

    name: ClassVar[str] = "distill_cf"
    quick_settings: ClassVar[Mapping[str, Any]] = {"steps": 3, "validations": 1, "batch_users": 50}
    resumable: ClassVar[bool] = True
    chooses_on_validation: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "published": {
            "rows": GumbelRows(draws=200, temperature=10.0), "loss": "summed_reconstruction", "scale": 1.0,
            "bytes_share": 1e9, "steps": 500, "learning_rate": 0.04, "batch_users": None, "regularization": 1e-3,
            "negligible": 0.0, "validation_steps": PUBLISHED_VALIDATIONS, "validation_users": None, "metric": "hr@100",
            "ridges": (1e-5, 1e-3, 0.1, 1.0, 5.0, 50.0),
        },
    }  # fmt: skip

    rows: RowDecoder | None = None
    loss: Loss | None = None
    hidden: float | None = None
    scale: float | None = None
    ridge: float | None = None
    bytes_share: float | None = None
    depth: int = 1
    steps: int = 200
    learning_rate: float = 0.02
    batch_users: int | None = 1000
    regularization: float = 0.0
    negligible: float = 0.2
    validations: int = 12
    validation_steps: tuple[int, ...] | None = None
    validation_users: int | None = USERS
    metric: Metric = "ndcg@10"
    ridges: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("regularization", "negligible"))
        if self.rows is not None and not isinstance(self.rows, SoftmaxRows | GumbelRows | TopKRows):
            raise TypeError(f"rows must be SoftmaxRows(), GumbelRows() or TopKRows(), got {self.rows!r}")
        if self.loss not in (None, *LOSSES):
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, or None, got {self.loss!r}")
        if self.hidden is not None and not self.hidden < 1:
            raise ValueError(f"hidden must be below 1, got {self.hidden!r}: something has to be shown")
        if self.metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {self.metric!r}")
        steps, ridges = self.validation_steps, self.ridges
        if steps is not None and not (steps and all(is_whole(step) and step > 0 for step in steps)):
            raise ValueError(f"validation_steps must be positive whole numbers, or None, got {steps!r}")
        if ridges is not None and not (ridges and all(is_number(one) and 0 < one < math.inf for one in ridges)):
            raise ValueError(f"ridges must be positive and finite numbers, or None, got {ridges!r}")

    def condense(self, split: Split, size: UserBudget, run: RunContext = RunContext()) -> SyntheticUsers:
        """See :class:`UserMethod`."""
        settings = self.settings_for(split, size)
        recipe = self.recipe(split, size, settings, run.device)
        outcome, users = driver.run(recipe, run), recipe.synthetic
        scores = outcome.scores
        rising = outcome.complete and len(scores) > 1 and max(scores, key=scores.__getitem__) == outcome.steps
        choices = outcome.choices() | {"still_rising": rising, "rows": repr(users.rows)} | settings._asdict()
        notes = (STILL_RISING.format(steps=self.steps),) if rising else ()
        if users.ridge is not None:
            choices["ridge"] = float(users.ridge)
        return SyntheticUsers(as_matrix(users, self.negligible), choices, notes=notes)

    def recipe(self, split: Split, size: UserBudget, settings: "Settings", device: torch.device) -> Recipe[UserRows]:
        """Return what the method consists of, for interactions, a size and its settings."""
        users, cut = self.start(split, size, settings)
        users = users.to(device)
        kernel = InfiniteWidth(depth=self.depth)
        error: Error = HiddenSquares()
        if settings.loss != "squares":
            whole, summed = settings.loss in WHOLE, settings.loss == "summed_reconstruction"
            error = Multinomial(scale=settings.scale, hide_context=not whole, summed=summed)
        return Recipe(
            synthetic=users,
            surrogate=kernel,
            sampler=Weightless(),
            objective=KernelRidge(
                ridge=settings.ridge if users.ridge is None else users.ridge.item,
                error=error,
                counted=users_with_targets,
            ),
            source=UserBatches(split.train, self.batch_users, settings.hidden, device),
            schedule=Schedule(rates={"users": self.learning_rate}, rate_drops=() if cut is None else (cut,)),
            steps=self.steps,
            validation=self.validation(split, kernel, users, settings.ridge),
        )

    def validation(self, split: Split, kernel: InfiniteWidth, users: UserRows, ridge: float) -> Validation | None:
        """Return how the step that is kept is chosen; where the ridge is chosen too, set it for the start."""
        if split.val is None or not split.val.targets.nnz:
            return None

        score = UserValidation(
            split.val, kernel, users.interactions, ridge, ridges=self.ridges, metric=self.metric,
            most=self.validation_users, chosen=None if users.ridge is None else users.ridge.fill_,
        )  # fmt: skip
        if users.ridge is not None:
            users.ridge.fill_(score.best(lambda: users.logits)[1])
        return Validation(score=score, times=self.validations, at=self.validation_steps)

    def start(self, split: Split, size: UserBudget, settings: "Settings") -> tuple[UserRows, int | None]:
        """Return the synthetic users before the first step, and the step from which on they learn through the cut only.

        It is ``None`` where they do so from the first step on, or are not cut.
        """
        rows = self.rows_for(split, size, settings)
        whole = rows.rows if isinstance(rows, CutRows) and not settings.clusters else None
        cut = round(CUT_AFTER * self.steps)
        logits = log_of_clusters(split, size.users) if settings.clusters else initial_logits(split, size.users)
        users = UserRows(
            logits,
            rows,
            whole,
            cut,
            cost=self.regularization / settings.length,
            ridge=None if self.ridges is None else settings.ridge,
        )
        return users, None if whole is None else cut

    def settings_for(self, split: Split, size: UserBudget) -> "Settings":
        """Return the settings that depend on the interactions and the size, where they are not given."""
        lengths = np.diff(split.train.indptr)
        lengths = lengths[lengths > 0]
        median, mean = float(np.median(lengths)), float(lengths.mean())
        ones = size.interactions is not None or isinstance(self.rows, TopKRows)
        squares = median >= MANY and size.users >= FEW_USERS and not ones
        loss = self.loss or ("squares" if squares else "likelihood")
        clusters = median < MANY and not ones and self.rows is None and size.users < len(lengths)
        hidden = float(np.clip(1 / median, *HIDDEN)) if self.hidden is None else self.hidden
        return Settings(
            loss=loss,
            hidden=0.0 if loss in WHOLE else hidden,
            scale=SCALE / math.sqrt(mean / split.num_items) if self.scale is None else self.scale,
            ridge=math.sqrt(size.users / RIDGE_USERS) if self.ridge is None else self.ridge,
            length=mean,
            kept=kept_interactions(split, size.users, self.bytes_share),
            clusters=clusters,
        )

    def rows_for(self, split: Split, size: UserBudget, settings: "Settings") -> RowDecoder:
        """Return how logits become interactions, for interactions, a size and its settings."""
        if size.interactions is not None:
            if not (self.rows is None or isinstance(self.rows, TopKRows)):
                raise ValueError(
                    f"interactions={size.interactions} asks for binary users, but rows={self.rows!r} makes weighted "
                    "ones; leave rows out or pass TopKRows()"
                )
            temperature = TopKRows().temperature if self.rows is None else self.rows.temperature
            each, longer = divmod(size.interactions, size.users)
            return TopKRows(interactions=each, longer=longer, temperature=temperature)
        if isinstance(self.rows, TopKRows):
            return self.rows
        total = LENGTH * settings.length if settings.loss == "squares" else SHARE * split.num_items
        if settings.clusters:
            total = settings.length  # what clusters have on average, small ones more and large ones less
        whole = self.rows if isinstance(self.rows, SoftmaxRows | GumbelRows) else SoftmaxRows(interactions=total)
        return whole if settings.kept >= split.num_items else CutRows(rows=whole, kept=settings.kept)


def kept_interactions(split: Split, users: int, share: float | None) -> int:
    """Return how many weighted interactions each synthetic user keeps, see :class:`DistillCF`."""
    original = bytes_of(split.num_users, split.train.nnz, weighted=False)
    each = bytes_of(users, users, weighted=True) - bytes_of(users, 0, weighted=True)

    def within(part: float) -> int:
        space = part * original - bytes_of(users, 0, weighted=True)
        return int(np.clip(space // each, 1, split.num_items))

    if share is not None:
        return within(share)
    return max(within(BYTES_SHARE), min(within(1.0), FEW_KEPT))


@torch.no_grad()
def as_matrix(users: UserRows, negligible: float) -> csr_matrix:
    """Return synthetic users as a sparse matrix without the weights that hardly count."""
    with seeded(0):  # rows that are drawn are those that the validation saw
        rows = users.interactions().cpu()
    return csr_matrix(torch.where(rows >= negligible * rows.mean(), rows, 0.0).numpy())
