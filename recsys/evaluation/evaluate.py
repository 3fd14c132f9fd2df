"""Train recommenders on condensed users, test them on real ones, with controls beside it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphcond.core.evaluation.evaluation import Asked
from graphcond.core.evaluation.evaluation import evaluate as evaluate_task
from graphcond.core.run import Run, check_run
from graphcond.core.runtime.precision import in_float32
from graphcond.core.runtime.processes import alone
from graphcond.core.runtime.progress import resolve_progress, shows_progress
from graphcond.core.runtime.randomness import check_seed
from graphcond.core.words import PROGRESS, SEED, answers
from recsys.condensed import CondensedInteractions
from recsys.data.split import Split
from recsys.evaluation.fit import read_task
from recsys.evaluation.protocol import UserProtocol
from recsys.evaluation.report import UserReport
from recsys.evaluation.value import USER_EVALUATION
from recsys.metrics.conventions import Convention
from recsys.metrics.lists import Lists

WORDS = dict.fromkeys(("runs", "protocol"), "graphcond.evaluate(condensed, split, protocol='standard(runs=...)')")


@answers(SEED | PROGRESS | WORDS)
@shows_progress("training")
@alone()
@in_float32()
def evaluate(
    condensed: CondensedInteractions | csr_matrix | Sequence[CondensedInteractions],
    split: Split,
    models: Sequence[object] = ("infinite_ae",),
    *,
    ks: Sequence[int] | None = None,
    convention: str | Convention | Mapping[str, Callable[[Lists], np.ndarray]] = "distill_cf",
    controls: bool | Sequence[str] = True,
    seed: int = 0,
    run: Run = Run(),
) -> UserReport:
    """Train recommenders on condensed users and evaluate them on the test part of the original.

    Every row has two columns: *plain* fits on ones wherever a set has an interaction, *own* on the weights that it
    stores, on the same sets. Where all weights are 1, where a model does not use them (popularity), and of all real
    users, there is one.

    Every model's settings are chosen on the validation part, for each set of users anew. Real users are folded in: the
    model is shown what the test part shows of them. Beside the result stand popularity, as many real users chosen at
    random, by strata of activity, by activity, by k-means and by forgetting events, and all users.

    Args:
        condensed: What :func:`recsys.condense` returns, several of them (of different seeds) that count as one row, or
            a matrix of users of your own making; ``split.train`` itself counts as the control ``whole``.
        split: The original, with a validation and a test part, as it was condensed.
        models: Recommenders: ``infinite_ae``, ``ease``, ``als``, ``item_knn``, ``bpr``, ``popularity``. ``als``,
            ``item_knn`` and ``bpr`` are those of ``implicit``. ``bpr`` cannot fold users in, so that only all users
            can train it. Or your own: an object with ``fit(user_items)`` and ``recommend(userid, user_items, N=...)``,
            as ``implicit`` has it, of which copies are fitted as they are, or a function that makes one.
        ks: Lengths of the lists; ``None``: 10 and 100, where there are that many items.
        convention: What metrics mean: ``"distill_cf"`` (HR, NDCG, PSP, AUC), ``"implicit"`` or ``"recbole"``, a
            :class:`recsys.Convention`, or your own metrics of :class:`recsys.Lists`, such as
            ``{"first": lambda lists: lists.hits[:, 0]}``.
        controls: ``True`` for all of them, ``False`` for none, or their names.
        seed: Of the models that draw; the controls of several condensations have the seeds 0, 1, ...
        run: Its ``progress``, see :class:`graphcond.Run`.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value, or users that were not condensed from this split.
        ImportError: a model needs ``implicit``, which is not installed.
    """
    progress = resolve_progress(check_run(run, only=("progress",), of="evaluate").progress)
    read_task(split)
    protocol = UserProtocol(convention=convention, ks=ks)  # type: ignore[arg-type]  # any sequence, checked with the items
    seed, where = check_seed(seed), torch.device("cpu")
    asked = Asked.of(USER_EVALUATION, models, protocol, controls, seed=seed, device=where)
    report: UserReport = evaluate_task(asked, condensed, split, progress)
    return report
