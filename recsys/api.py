"""The one call: interactions in, a few synthetic users over the same items out."""

import torch

from graphcond.core import pipeline
from graphcond.core.method import Method
from graphcond.core.run import Run
from graphcond.core.runtime.precision import in_float32
from graphcond.core.runtime.progress import shows_progress
from graphcond.core.words import LIMITS, PROGRESS, SEED, SIZES, answers
from recsys.condensed import CondensedInteractions
from recsys.modality import INTERACTIONS
from recsys.size import user_size

COUNTS = (
    "size",
    "num_users",
    "n_users",
    *(word for word, form in SIZES.items() if form == "size={}" and word != "users"),
)
RATIOS = (word for word, form in SIZES.items() if form == "ratio={}")
WORDS = SEED | PROGRESS | LIMITS | dict.fromkeys(COUNTS, "users={}") | dict.fromkeys(RATIOS, "ratio={}")
WORDS["min_weight"] = "recsys.read_interactions(dataset, min_weight={}) in place of the dataset"
WORDS["split"] = "recsys.condense(split) with a recsys.Split, such as recsys.random_split(dataset)"


@answers(WORDS)
@shows_progress("step")
@in_float32()
def condense(
    dataset: object,
    ratio: float | None = None,
    *,
    users: int | None = None,
    interactions: int | None = None,
    method: str | Method = "distill_cf",
    seed: int = 0,
    device: str | torch.device = "cpu",
    run: Run = Run(),
) -> CondensedInteractions:
    """Condense implicit feedback into a few synthetic users on which recommenders train nearly as well.

    Every interaction counts alike: weights serve to leave some out (``recsys.read_interactions(..., min_weight=4)``),
    then they are 1.

    Args:
        dataset: A SciPy sparse matrix (users x items), a pandas frame with ``user_id`` and ``item_id`` (and perhaps
            ``weight`` and ``datetime``), a tuple of arrays ``(users, items[, weights])``, the path of a ``.csv``,
            ``.tsv``, ``.parquet`` or ``.inter`` file, or a :class:`recsys.Split`, whose validation part is what choices
            are made by. Of all others a tenth of the users (at most 1,000) is held out for that, where the method
            makes any. It is not changed.
        ratio: Synthetic users / users, in (0, 1]; of a split, those that are trained on.
        users: Number of synthetic users.
        interactions: Number of interactions of all synthetic users together, each of weight 1; methods that keep real
            users give all they have where these have fewer. Without it, synthetic users of ``distill_cf`` have weights,
            and there may be more of them than real interactions (``record.budget["spent"]``).
        method: A method's name (:func:`recsys.list_methods`), perhaps with settings, such as
            ``"distill_cf(depth=2)"``, or object, such as ``DistillCF(depth=2)``.
        seed: Same input, same seed, same machine: same bits. The caller's random state is left alone.
        device: Where to compute, such as ``"cuda"``. The result is on the CPU.
        run: Progress, checkpoint and time limit, see :class:`graphcond.Run`.

    Returns:
        Synthetic users with ids of their own over the original's items, and the record of how they were made.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value; the message names it and the remedy.

    >>> import recsys
    >>> real = recsys.generate_interactions(300, 60, 4000, seed=0)
    >>> small = recsys.condense(real, users=10, interactions=200)
    >>> small.user_items.shape, small.num_interactions, small.binary
    ((10, 60), 200, True)
    """
    size = user_size(ratio, users, interactions)
    made: CondensedInteractions = pipeline.condense(
        INTERACTIONS, dataset, ratio=None, size=size, method=method, seed=seed, device=device, run=run
    )
    return made


def list_methods() -> dict[str, str]:
    """Return the name of every method, and the first line of its description."""
    return INTERACTIONS.methods.lines()
