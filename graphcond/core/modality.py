"""What a kind of dataset is to the pipeline: one value for nodes, graphs, images and interactions each."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.method import Method, MethodTable
from graphcond.core.runtime.out_of_core import Place, in_memory


class Task(Protocol):
    """A dataset as methods see it: validated, with its training and validation parts."""

    @property
    def name(self) -> str:
        """Name of the dataset."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noticed and repaired in the input."""
        ...

    def fingerprint(self) -> str:
        """Return a SHA-256 over what is condensed."""
        ...


class Result(Protocol):
    """What a method returns, as far as the pipeline reads it."""

    @property
    def choices(self) -> dict[str, Any]:
        """What the method chose on validation data."""
        ...

    @property
    def members(self) -> Members | None:
        """Which original items stand for each synthetic one, where the method knows."""
        ...


@dataclass(frozen=True)
class Delivered:
    """Synthetic data as the user gets them.

    Args:
        items: The data: a list of ``Data``, or a sparse matrix.
        spent: What the record says of their size.
        tensors: Everything that must be finite, by name.
        notes: What the user should know of the result.
    """

    items: Any
    spent: dict[str, Any]
    tensors: tuple[dict[str, Tensor], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Requested:
    """A size, once the dataset is known.

    Args:
        size: As the methods of the modality take it.
        identity: The size in a text, by which a checkpoint is recognised.
        budget: The same for the record: ``asked``, and perhaps ``allocated``.
    """

    size: Any
    identity: dict[str, str]
    budget: dict[str, Any]


def _no_files(*_: object) -> AbstractContextManager[Place]:
    return nullcontext(in_memory)


def _as_it_is(task: Any, _: Method, device: torch.device) -> Any:  # noqa: ANN401 (a task of any modality)
    return task.to(device)


@dataclass(frozen=True, kw_only=True)
class Modality:
    """A kind of dataset: the functions by which one pipeline condenses it.

    Args:
        name: ``"nodes"``, ``"graphs"``, ``"images"`` or ``"interactions"``.
        methods: Its methods.
        request: The size for a task: ``(asked, task, method)``. It raises if the task cannot give so much.
        validation: The validation part of a task in a text, by which a checkpoint is recognised: ``(task)``.
        source: What the record says of the original: ``(task)``.
        deliver: Synthetic data as the user gets them: ``(result, task, requested,
            method)``.
        prepare: The task as a method takes it: ``(task, method, device)``.
        place: Where large tensors are kept so that a method needs no more memory than it may have: ``(method, task,
            memory)``, a context.
    """

    name: str
    methods: MethodTable[Any]
    request: Callable[[Any, Any, Any], Requested]
    validation: Callable[[Any], dict[str, str]]
    source: Callable[[Any], dict[str, Any]]
    deliver: Callable[[Any, Any, Requested, Any], Delivered]
    prepare: Callable[[Any, Any, torch.device], Any] = _as_it_is
    place: Callable[[Any, Any, int | None], AbstractContextManager[Place]] = _no_files
