"""What a kind of dataset is to the pipeline: one value for each modality."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from graphcond.core.members import Members
from graphcond.core.method import Method, MethodTable
from graphcond.core.record import Record
from graphcond.core.runtime.out_of_core import TensorStorage, in_memory
from graphcond.core.size import Size


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
        max_bytes: The most bytes of the result, where they are what was asked for and ``size`` is not.
    """

    size: Any
    identity: dict[str, str]
    budget: dict[str, Any]
    max_bytes: int | None = None


def no_files(*_: object) -> AbstractContextManager[TensorStorage]:
    """Keep everything in memory: most modalities have nothing that is needed again and again."""
    return nullcontext(in_memory)


def _on_device(task: Any, method: Method, device: torch.device) -> Any:  # noqa: ANN401 (a task of any modality)
    return task.to(device) if method.on_device else task


def _no_features(data: object, _: object) -> Any:  # noqa: ANN401 (never returns)
    raise TypeError(
        "data must be a torch_geometric.data.Data or HeteroData, whose nodes get features, got "
        f"{type(data).__name__}; pass one graph, dataset[0]"
    )


def _one(_: object) -> int:
    return 1


def _anything(*_: object) -> None:
    """Take any size of a kind that there is."""


def _unchanged(task: Any, *_: object) -> Any:  # noqa: ANN401 (a task of any modality)
    return task


@dataclass(frozen=True, kw_only=True)
class Modality:
    """A kind of dataset: the functions by which one pipeline condenses it.

    Args:
        name: ``"nodes"``, ``"hetero"``, ``"graphs"``, ``"images"`` or ``"interactions"``.
        called: What messages call such datasets; by default the name.
        task: The class of its tasks.
        accepts: Whether a dataset is of this modality, as far as its first item shows: ``(dataset)``.
        read: A dataset as a task: ``(dataset, **reading)``.
        reading: What else ``read`` takes: ``"split"``, ``"inductive"``, ``"target"``, ``"features"``,
            ``"node_type"``.
        with_features: A graph with features that are made: ``(data, features)``, ``None`` for the usual ones.
        splits: How many splits a dataset has: ``(dataset)``.
        methods: Its methods.
        sizes: The kinds of sizes that it knows (:class:`graphcond.Size`).
        usual_size: What the command line takes where no size is asked for.
        check_size: Raise ``ValueError`` if a method takes no such size, whatever the dataset: ``(size, method)``.
        for_method: A task as a method needs it, with what there is to note: ``(task, method)``.
        for_size: A task as a size needs it, with strata where targets are no classes: ``(task, size, method)``.
        request: The size for a task: ``(size, task, method)``. It raises if the task cannot give so much.
        validation: The validation part of a task in a text, by which a checkpoint is recognised: ``(task)``.
        source: What the record says of the original: ``(task)``.
        prepare: The task as a method takes it: ``(task, method, device)``.
        storage: Where large tensors are kept so that a method needs no more memory than it may have: ``(method, task,
            memory)``, a context.
        deliver: Synthetic data as the user gets them: ``(result, task, requested, method)``.
        condensed: What ``condense`` returns: ``(items, record, members, task)``.
    """

    name: str
    called: str = ""
    task: type
    accepts: Callable[[object], bool]
    read: Callable[..., Any]
    reading: frozenset[str] = frozenset()
    with_features: Callable[[Any, object], Any] = _no_features
    splits: Callable[[Any], int] = _one
    methods: MethodTable[Any]
    sizes: frozenset[str]
    usual_size: Size
    check_size: Callable[[Size, Any], None] = _anything
    for_method: Callable[[Any, Any], Any] = _unchanged
    for_size: Callable[[Any, Size, Any], Any] = _unchanged
    request: Callable[[Size, Any, Any], Requested]
    validation: Callable[[Any], dict[str, str]]
    source: Callable[[Any], dict[str, Any]]
    prepare: Callable[[Any, Any, torch.device], Any] = _on_device
    storage: Callable[[Any, Any, int | None], AbstractContextManager[TensorStorage]] = no_files
    deliver: Callable[[Any, Any, Requested, Any], Delivered]
    condensed: Callable[[Any, Record, Members | None, Any], Any]

    @property
    def described(self) -> str:
        """What messages call such datasets."""
        return self.called or self.name

    def check_reading(self, **reading: object) -> dict[str, object]:
        """Return what was asked of how a dataset is read, but for what is ``None``.

        Raises:
            ValueError: this kind of dataset is not read in such a way.
        """
        given = {name: value for name, value in reading.items() if value is not None}
        for name, value in given.items():
            if name not in self.reading:
                raise ValueError(f"{name}={value!r} makes no sense for {self.described}; leave it out")
        return given

    def check_memory(self, memory: object) -> None:
        """Raise ``ValueError`` if memory is limited and this kind of dataset keeps nothing in files."""
        if memory is not None and self.storage is no_files:
            raise ValueError(f"memory={memory!r} makes no sense for {self.described}; leave it out")

    def task_of(self, dataset: object, **reading: object) -> Any:  # noqa: ANN401 (a task of this modality)
        """Return the task of a dataset; a task stays itself.

        Args:
            dataset: A dataset of this modality, or its task.
            reading: How it is read; ``None``: by default.

        Raises:
            ValueError: this kind of dataset is not read in such a way, or a task is to be read otherwise than it was.
        """
        given = self.check_reading(**reading)
        if not isinstance(dataset, self.task):
            return self.read(dataset, **given)
        for name, value in given.items():
            raise ValueError(
                f"{name}={value!r} is for a dataset, and this task was read already; read the dataset again"
            )
        return dataset
