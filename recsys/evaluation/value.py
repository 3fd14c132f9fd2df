"""How condensed users are evaluated: what the evaluation of interactions has of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphcond.core.evaluation.candidates import Candidate, Extent, Given
from graphcond.core.evaluation.columns import Column
from graphcond.core.evaluation.controls import WHOLE, Control, OneTraining, Selection, Whole
from graphcond.core.evaluation.evaluation import Evaluation
from graphcond.core.evaluation.protocols import Protocols
from graphcond.core.evaluation.setting import Setting
from graphcond.core.runtime.randomness import seeded
from recsys.data.bytes import is_binary, matrix_bytes
from recsys.data.split import Split
from recsys.evaluation.consumers import CONSUMERS, Consumer, resolve_consumers
from recsys.evaluation.fit import check_users, given_users, is_whole, read_task
from recsys.evaluation.protocol import USER_PROTOCOLS, UserProtocol
from recsys.evaluation.report import UserReport, UserRow
from recsys.methods import METHODS, UserBudget
from recsys.methods.base import UserMethod
from recsys.methods.selection import binary
from recsys.models.scoring import Scores, score_lists

METHOD_CONTROLS = ("random_users", "stratified_users", "head_users", "k_means_users", "forgetting")


@dataclass(frozen=True)
class PopularityControl(Control):
    """The most popular items of all users, for everybody: a model of its own, in one row of the report."""

    def candidate(self, name: str, setting: Setting, several: Sequence[Given]) -> Candidate:
        """See :meth:`Control.candidate`."""
        return Candidate(WHOLE, Whole(), model=(name, CONSUMERS[name]))

    def trainings(self, setting: Setting, candidate: Candidate, model: Consumer) -> list[OneTraining]:
        """See :meth:`Control.trainings`."""
        return Whole().trainings(setting, candidate, model)


CONTROLS: dict[str, Control] = {
    "popularity": PopularityControl(),
    **{name: Selection(METHODS.resolve(name)) for name in METHOD_CONTROLS},
    "whole": Whole(),
}
"""What every table carries: popularity and the last are of all users, the others of as many as were condensed."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fitted model scored on the test part, and the settings that were chosen for it."""

    scores: Scores
    choice: dict[str, Any]


def _check_models(setting: Setting, _: dict[str, Consumer], __: Candidate) -> None:
    setting.protocol.lengths(setting.task.num_items)  # those that cannot be are told before any work


def _training_data(setting: Setting, consumer: Consumer, matrix: csr_matrix, column: Column) -> csr_matrix:
    if not consumer.weighs or (column == "own" and not is_binary(matrix)):
        return matrix
    return setting.once(("ones", id(matrix)), lambda: binary(matrix))  # of both columns, so that they pair


def _train(setting: Setting, consumer: Consumer, matrix: csr_matrix, seed: int) -> Fitted:
    """Return the score of a model on a matrix; the same training is not done twice."""
    return setting.once((id(consumer), id(matrix), seed), lambda: _fitted(setting, consumer, matrix, seed))


def _fitted(setting: Setting, consumer: Consumer, matrix: csr_matrix, seed: int) -> Fitted:
    split: Split = setting.task
    assert split.val is not None  # checked before anything is trained
    assert split.test is not None
    protocol: UserProtocol = setting.protocol
    with torch.no_grad(), seeded(seed):
        fitted, choice = consumer.fit(matrix, split.val, seed)
        counts = np.asarray(split.train.sum(axis=0)).ravel()
        found = score_lists(
            fitted, split.test, ks=protocol.lengths(split.num_items), convention=protocol.rules, train_counts=counts,
            seed=seed, known=_known(split),
        )  # fmt: skip
    return Fitted(found, choice)


def _known(split: Split) -> csr_matrix | None:
    """Return what an AUC takes for no negatives: training interactions, where the users are those of training."""
    assert split.test is not None
    shown = split.test.context
    same = shown.shape == split.train.shape and shown.multiply(split.train).nnz == split.train.nnz
    return split.train if same else None


def _refusal(name: str, consumer: Consumer, candidate: Candidate) -> str:
    if consumer.folds_in or isinstance(candidate.source, Whole):
        return ""
    return f"{name} cannot fold in users that it was not fitted on"


def _control_size(_: Split, one: Given) -> UserBudget:
    """Return as many users, and as many interactions where that was asked."""
    asked = {} if one.record is None else one.record.budget.get("asked", {})
    return UserBudget(one.data.shape[0], asked.get("interactions"))


def _condense(method: UserMethod, split: Split) -> Callable[[UserBudget], csr_matrix]:
    return lambda size: method.condense(split, size).user_items


def _extent(matrix: csr_matrix) -> Extent:
    return Extent(matrix.shape[0], int(matrix.nnz), matrix_bytes(matrix))


def _row(
    setting: Setting, candidate: Candidate, model: str, columns: Mapping[Column, list[Fitted]], note: str,
    seconds: float,
) -> UserRow:  # fmt: skip
    plain, own, extent = columns["plain"], columns["own"], candidate.source.extent(setting, candidate)
    return UserRow(
        data=candidate.name,
        model=model,
        scores=_by_metric(plain),
        own_scores=_by_metric(own),
        users=extent.count,
        interactions=extent.edges,
        bytes=extent.bytes,
        condense_seconds=candidate.seconds,
        train_seconds=seconds / max(len(plain) + len(own), 1),
        choices=tuple(one.choice for one in plain),
        own_choices=tuple(one.choice for one in own),
        note=note,
        per_user=_per_user(plain),
        own_per_user=_per_user(own),
    )


def _by_metric(fitted: Sequence[Fitted]) -> dict[str, tuple[float, ...]]:
    names = fitted[0].scores.values if fitted else ()
    return {name: tuple(one.scores.values[name] for one in fitted) for name in names}


def _per_user(fitted: Sequence[Fitted]) -> dict[str, np.ndarray]:
    names = fitted[0].scores.per_user if fitted else ()
    return {name: np.stack([one.scores.per_user[name] for one in fitted]) for name in names}


def _report(rows: tuple[UserRow, ...], setting: Setting) -> UserReport:
    return UserReport(rows, setting.task.name, setting.task.protocol, setting.protocol.rules.name)


USER_EVALUATION = Evaluation(
    modality="interactions",
    protocols=Protocols(kind=UserProtocol, known=USER_PROTOCOLS, of=" for interactions"),
    models=resolve_consumers,
    default_model="infinite_ae",
    controls=CONTROLS,
    usual=tuple(CONTROLS),
    beside_itself=False,
    read=read_task,
    given=given_users,
    own_name="users",
    is_whole=is_whole,
    check=check_users,
    check_models=_check_models,
    on_device=False,
    training_data=_training_data,
    whole_data=lambda setting, _: setting.task.train,
    train=_train,
    carries_own=lambda consumer, several: consumer.weighs and not all(map(is_binary, several)),
    may_refuse=lambda _: True,
    refusal=_refusal,
    control_size=_control_size,
    condense=_condense,
    extent=_extent,
    whole_extent=lambda split: _extent(split.train),
    row=_row,
    report=_report,
)
