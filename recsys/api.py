"""The one call: interactions in, a few synthetic users over the same items out."""

from pathlib import Path

import torch

from graphcond.core import pipeline
from graphcond.core.method import Method
from graphcond.core.run_conditions import Conditions
from graphcond.core.runtime.checkpoint import Checkpoint
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.progress import ProgressCallback, shows_progress
from graphcond.core.runtime.randomness import check_seed
from recsys.condensed import CondensedInteractions
from recsys.methods import METHODS
from recsys.modality import INTERACTIONS, Asked, read_for
from recsys.size import check_size


@shows_progress("step")
def condense(
    dataset: object,
    ratio: float | None = None,
    *,
    users: int | None = None,
    interactions: int | None = None,
    method: str | Method = "distill_cf",
    min_weight: float | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback | bool | None = None,
    checkpoint: str | Path | Checkpoint | None = None,
    max_seconds: float | None = None,
) -> CondensedInteractions:
    """Condense implicit feedback into a few synthetic users on which recommenders train nearly as well.

    Every interaction counts alike: weights serve to leave some out (``min_weight``), then they are 1.

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
        min_weight: Only interactions of at least this weight count, such as 4 of ratings from 1 to 5.
        seed: Same input, same seed, same machine: same bits. The caller's random state is left alone.
        device: Where to compute, such as ``"cuda"``. The result is on the CPU.
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            while long work runs.
        checkpoint: A file in which a method that works in steps keeps its state; the same call with the same file goes
            on from there, to the same bits as without the interruption.
        max_seconds: A method that works in steps stops after so many seconds since the call and gives the best that it
            has found; the record's ``stopped`` says where.

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
    seed = check_seed(seed)
    check_size(ratio, users, interactions)
    resolved = METHODS.resolve(method)
    conditions = Conditions(seed, resolve_device(device), progress, checkpoint, max_seconds)
    conditions.check(resolved)
    task = read_for(resolved, dataset, min_weight)
    made = pipeline.condense(INTERACTIONS, task, Asked(ratio, users, interactions), resolved, conditions)
    return CondensedInteractions(made.items, task.split.item_ids, made.record, made.members)


def list_methods() -> dict[str, str]:
    """Return the name of every method, and the first line of its description."""
    return METHODS.lines()
