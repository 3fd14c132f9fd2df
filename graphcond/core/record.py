"""The record of an experiment: everything that is needed to tell where a condensed dataset comes from."""

import dataclasses
import functools
import json
import math
import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from graphcond.core.fields import is_number, is_whole
from graphcond.core.runtime.memory import shown
from graphcond.core.size import recorded
from graphcond.core.version import UNKNOWN, __version__

RECORDED_PACKAGES = ("graphcond", "torch", "torch-geometric", "numpy", "scipy", "scikit-learn")

NUMBERS: dict[str, type] = {"seed": int, "seconds": float, "peak_memory": float, "processes": int}
KINDS: dict[str, type] = {"method": str, "device": str, "notes": list}  # the others are JSON objects
MARKS = {"num_users": "interactions", "num_graphs": "graphs", "num_images": "images", "node_types": "hetero"}
"""What in ``source`` tells a modality that is not named there, as in version 0.1; nodes have none of these."""
TEXTS = ("modality", "name", "fingerprint", "synthetic_prefix", "node_type")
MOST_CLASSES = 100_000  # where there are fewer training data


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that shape a result."""
    return {"python": platform.python_version()} | {name: _version(name) for name in RECORDED_PACKAGES}


def stopping(choices: Mapping[str, Any]) -> str | None:
    """Return where and why a method stopped early, given the choices of its record; ``None``: it did not."""
    for value in (choices, *choices.values()):
        if isinstance(value, Mapping) and value.get("stopped"):
            return str(value["stopped"])
    return None


@functools.cache
def _version(name: str) -> str:
    if name == "graphcond":
        return __version__
    try:
        return version(name)
    except PackageNotFoundError:
        return UNKNOWN


@dataclass(frozen=True)
class Record:
    """Where a condensed dataset comes from and what it cost.

    Args:
        method: The method's name, as ``condense(method=...)`` takes it.
        settings: Every hyper-parameter of the method.
        choices: What the method chose by itself on validation data, with the scores.
        seed: The seed of the call.
        device: The device the work ran on.
        source: The original: ``modality``, ``fingerprint`` (SHA-256 over features, edges, labels and training nodes),
            ``num_nodes``, ``num_edges``, ``num_features``, ``num_classes``, ``num_train``, ``inductive``,
            ``split``, ``name``. Of heterogeneous graphs also ``node_type`` (the labelled type), ``num_labelled`` (its
            nodes), ``node_types`` (the nodes of each type), ``features`` and ``made`` (what was made for types without
            features, and for which). Their ``num_nodes`` and ``num_edges`` are of all types, ``num_features`` of the
            labelled one.
        budget: What was ``asked`` (``size`` in its short form) and what was spent: ``nodes``, ``edges``, ``bytes``. Of
            heterogeneous graphs, ``nodes`` are those of the labelled type, and ``nodes_by_type`` has all.
        seconds: Wall-clock seconds of the condensation.
        peak_memory: Peak memory of the process in bytes.
        notes: What was noticed and repaired in the input, one sentence each.
        versions: Versions of Python and the libraries.
        processes: How many processes shared the work.
    """

    method: str
    settings: dict[str, Any]
    seed: int
    device: str
    source: dict[str, Any]
    budget: dict[str, Any]
    seconds: float
    peak_memory: int
    choices: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=library_versions)
    processes: int = 1

    @property
    def modality(self) -> str | None:
        """What was condensed: ``"nodes"``, ``"hetero"``, ``"graphs"``, ``"images"`` or ``"interactions"``, if known."""
        marks = (modality for mark, modality in MARKS.items() if mark in self.source)
        found: str | None = self.source.get("modality", next(marks, None))
        return found

    @property
    def stopped(self) -> str | None:
        """Where and why the method stopped early, the words after "stopped"; ``None``: it did all its steps."""
        return stopping(self.choices)

    @property
    def run(self) -> dict[str, Any]:
        """How the condensation ran, in words and numbers for people."""
        return {
            "method": self.method,
            "seed": self.seed,
            "device": self.device,
            "processes": self.processes,
            "seconds": round(self.seconds, 2),
            "peak memory": shown(self.peak_memory) if self.peak_memory else "unknown",
            "complete": "yes" if self.stopped is None else f"no, stopped {self.stopped}",
        }

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @property
    def num_classes(self) -> int:
        """Number of classes of the original.

        Raises:
            ValueError: the record does not say, or something impossible.
        """
        found = self.source.get("num_classes")
        if not is_whole(found) or not 1 <= found <= max(self.source.get("num_train", 0), MOST_CLASSES):
            raise ValueError(f"the record's num_classes must be a number of classes, got {found!r}")
        return found

    @property
    def spent(self) -> dict[str, Any]:
        """What of the budget was spent, as far as the record says."""
        found: dict[str, Any] = self.budget.get("spent", {})
        return found

    def counted(self, counts: Mapping[str, object], nbytes: Callable[[], int]) -> "Record":
        """Return the record of what there is: of a selection, or of changed data, less or more was spent.

        Args:
            counts: What was spent, by the names in ``budget["spent"]``; those that the record does not say are left.
            nbytes: Returns the bytes of the data, which are counted anew if anything else is.
        """
        known = {name: value for name, value in counts.items() if name in self.spent}
        if all(self.spent[name] == value for name, value in known.items()):
            return self
        return dataclasses.replace(self, budget=self.budget | {"spent": self.spent | known | {"bytes": nbytes()}})

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a record back; unknown fields (of a later version) are dropped.

        Raises:
            ValueError: the text is no record, or a field has an impossible value.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"the record must be a JSON object, got {type(values).__name__}")
        fields = {f.name: f for f in dataclasses.fields(cls)}
        values = {key: value for key, value in values.items() if key in fields}
        required = {name for name, f in fields.items() if f.default is f.default_factory is dataclasses.MISSING}
        if missing := sorted(required - values.keys()):
            raise ValueError(f"the record lacks {', '.join(missing)}")
        for name, value in values.items():
            _check_field(name, value)
        values["notes"] = tuple(values.get("notes", ()))
        if values["budget"].get("asked"):
            values["budget"]["asked"] = recorded(values["budget"]["asked"])
        return cls(**values)


def _is_number(value: object, kind: type = float) -> bool:
    return is_whole(value) if kind is int else is_number(value) and math.isfinite(value)


def _check_field(name: str, value: Any) -> None:  # noqa: ANN401 (whatever was in the file)
    """Raise unless a field of a record that was read has a possible value."""
    if name in NUMBERS:
        if not _is_number(value, NUMBERS[name]) or value < (name == "processes"):
            raise ValueError(f"the record's {name} must be a number, got {value!r}")
    elif not isinstance(value, KINDS.get(name, dict)):
        raise ValueError(f"the record's {name} must not be a JSON {type(value).__name__}")
    if name in ("versions", "notes") and not all(isinstance(value[key], str) for key in _keys(value)):
        raise ValueError(f"the record's {name} must be texts")
    if name == "source":
        _check_source(value)
    if name == "budget":
        _check_budget(value)


def _keys(values: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return values if isinstance(values, dict) else range(len(values))


def _each(value: Any) -> Iterable[Any]:  # noqa: ANN401 (whatever was in the file)
    """Return the parts of what is a number, or has one for each class or type."""
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]


def _check_source(source: dict[str, Any]) -> None:
    for name, value in source.items():
        if name.startswith("num_") and not (_is_number(value, int) and value >= 0):
            raise ValueError(f"the record's {name} must be a whole number, got {value!r}")
        if name in TEXTS and not isinstance(value, str):
            raise ValueError(f"the record's {name} must be a text, got {value!r}")
        if name == "node_types" and not (
            isinstance(value, dict) and all(_is_number(each, int) and each >= 0 for each in value.values())
        ):
            raise ValueError(f"the record's node_types must have a whole number for each type, got {value!r}")
    if not isinstance(source.get("inductive", False), bool) or not isinstance(source.get("split", 0), int | str):
        raise ValueError("the record's inductive must be true or false, its split a number or a text")


def _check_budget(budget: dict[str, Any]) -> None:
    for name in ("asked", "spent"):
        if not isinstance(budget.get(name, {}), dict):
            raise ValueError(f"the record's budget must have a JSON object for {name}")
    for name, value in budget.get("spent", {}).items():
        if not all(_is_number(each) and each >= 0 for each in _each(value)):
            raise ValueError(f"the record's budget must have numbers for {name}, got {value!r}")
