"""Implicit feedback, as the pipeline takes it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse

from graphcond.core import size as core
from graphcond.core.modality import Delivered, Modality, Requested
from recsys.condensed import condensed_interactions
from recsys.data.bytes import bytes_of, matrix_bytes
from recsys.data.checks import check_split
from recsys.data.held_out import hold_out_users
from recsys.data.log import InteractionLog
from recsys.data.reading import read_interactions
from recsys.data.split import Split
from recsys.data.splitting import whole
from recsys.methods import METHODS
from recsys.methods.base import SyntheticUsers, UserMethod
from recsys.size import resolve_size


@dataclass(frozen=True, eq=False)
class Interactions:
    """What is condensed.

    Args:
        split: What to train on and to choose by.
        user_ids: Ids of all users that are known of, those held out included.
        log: The interactions that nobody split; users to choose by are held out for methods that choose.
    """

    split: Split
    user_ids: np.ndarray
    log: InteractionLog | None = None

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.split.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noticed in the input."""
        return self.split.notes

    def __repr__(self) -> str:
        return f"Interactions({self.name}, users={self.split.num_users}, items={self.split.num_items})"

    def fingerprint(self) -> str:
        """Return a SHA-256 over what is condensed."""
        return self.split.fingerprint()


def _read(dataset: object) -> Interactions:
    """Return a split as it is, and any other interactions with nothing held out."""
    if isinstance(dataset, Split):
        check_split(dataset)
        return Interactions(dataset, dataset.user_ids)
    log = read_interactions(dataset)
    return Interactions(whole(log), log.user_ids, log)


def _for_method(task: Interactions, method: UserMethod) -> Interactions:
    """Return the task with users held out to choose by, where nobody split it and the method chooses."""
    if task.log is None or not method.chooses_on_validation:
        return task
    return replace(task, split=hold_out_users(task.log))


def _request(asked: core.Size, task: Interactions, _: UserMethod) -> Requested:
    size = resolve_size(asked, len(task.user_ids), task.split.num_items)
    given: dict[str, Any] = {} if asked.kind == "everything" else {"size": str(asked)}
    if size.interactions is not None:
        given["interactions"] = size.interactions
    return Requested(size, {"size": repr(size)}, {"asked": given})


def _validation(task: Interactions) -> dict[str, str]:
    return {"validation users": "none" if task.split.val is None else task.split.val.fingerprint()}


def _source(task: Interactions) -> dict[str, Any]:
    split = task.split
    return {
        "name": split.name,
        "fingerprint": split.fingerprint(),
        "num_users": split.num_users,
        "num_items": split.num_items,
        "num_interactions": int(split.train.nnz),
        "bytes": bytes_of(split.num_users, split.train.nnz, weighted=False),
        "split": split.protocol,
        "synthetic_prefix": _unused_prefix(task.user_ids),
    }


def _prepare(task: Interactions, _: UserMethod, __: torch.device) -> Split:
    return task.split  # methods move what they need


def _deliver(result: SyntheticUsers, task: Interactions, _: Requested, __: UserMethod) -> Delivered:
    matrix, made = result.user_items, matrix_bytes(result.user_items)
    original = bytes_of(task.split.num_users, task.split.train.nnz, weighted=False)
    notes = result.notes
    if made > original:
        notes += (
            f"The condensed set takes {made:,} bytes, its original {original:,}; ask for fewer users or interactions, "
            "or for a smaller bytes_share=.",
        )
    spent = {"users": matrix.shape[0], "interactions": int(matrix.nnz), "bytes": made}
    return Delivered(matrix, spent, ({"weights": torch.from_numpy(matrix.data)},), notes)


def _unused_prefix(user_ids: np.ndarray) -> str:
    """Return what ids of synthetic users begin with, so that no real user has the same."""
    prefix = "syn_"
    while any(str(one).startswith(prefix) for one in user_ids):
        prefix = f"syn_{prefix}"
    return prefix


INTERACTIONS = Modality(
    name="interactions",
    task=Interactions,
    accepts=lambda dataset: issparse(dataset) or isinstance(dataset, Interactions | Split | InteractionLog),
    read=_read,
    methods=METHODS,
    sizes=frozenset({"count", "ratio", "everything"}),
    usual_size=core.Size.count(500),
    for_method=_for_method,
    request=_request,
    validation=_validation,
    source=_source,
    prepare=_prepare,
    deliver=_deliver,
    condensed=condensed_interactions,
)
