"""Implicit feedback, as the pipeline takes it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from graphcond.core.modality import Delivered, Modality, Requested
from recsys.data.bytes import bytes_of, matrix_bytes
from recsys.data.checks import check_split
from recsys.data.held_out import hold_out_users
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
    """

    split: Split
    user_ids: np.ndarray

    @property
    def name(self) -> str:
        """Name of the dataset."""
        return self.split.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noticed in the input."""
        return self.split.notes

    def fingerprint(self) -> str:
        """Return a SHA-256 over what is condensed."""
        return self.split.fingerprint()


def read_for(method: UserMethod, dataset: object, min_weight: float | None) -> Interactions:
    """Return a split as it is, and of any other interactions one with validation users held out."""
    if not isinstance(dataset, Split):
        log = read_interactions(dataset, min_weight=min_weight)
        # Only what works in steps looks at validation users.
        return Interactions(hold_out_users(log) if method.stepwise else whole(log), log.user_ids)
    if min_weight is not None:
        raise ValueError(f"min_weight={min_weight} makes no sense for a Split; give it to read_interactions before")
    check_split(dataset)
    return Interactions(dataset, dataset.user_ids)


@dataclass(frozen=True)
class Asked:
    """A size as it was asked for, in one way or two (:func:`recsys.size.check_size`)."""

    ratio: float | None = None
    users: int | None = None
    interactions: int | None = None


def _request(asked: Asked, task: Interactions, _: UserMethod) -> Requested:
    size = resolve_size(asked.ratio, asked.users, asked.interactions, len(task.user_ids), task.split.num_items)
    told = {
        "ratio": None if asked.ratio is None else float(asked.ratio),
        "users": None if asked.users is None else int(asked.users),
        "interactions": size.interactions,
    }
    budget = {"asked": {name: value for name, value in told.items() if value is not None}}
    return Requested(size, {"size": repr(size)}, budget)


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
            "or for a smaller share=.",
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
    methods=METHODS,
    request=_request,
    validation=_validation,
    source=_source,
    prepare=_prepare,
    deliver=_deliver,
)
