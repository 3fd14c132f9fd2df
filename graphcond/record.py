"""The record of an experiment: everything that is needed to tell where a condensed dataset comes from."""

import dataclasses
import functools
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

RECORDED_PACKAGES = ("graphcond", "torch", "torch-geometric", "numpy", "scipy", "scikit-learn")


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
    try:
        return version(name)
    except PackageNotFoundError:  # running from a checkout that is not installed
        return "unknown"


@dataclass(frozen=True)
class Record:
    """Where a condensed dataset comes from and what it cost.

    Args:
        method: The method's name, as ``condense(method=...)`` takes it.
        settings: Every hyper-parameter of the method.
        choices: What the method chose by itself on validation data, with the scores.
        seed: The seed of the call.
        device: The device the work ran on.
        source: The original: ``fingerprint`` (SHA-256 over features, edges, labels and training nodes), ``num_nodes``,
            ``num_edges``, ``num_features``, ``num_classes``, ``num_train``, ``inductive``, ``split``, ``name``.
        budget: What was ``asked`` and what was spent: ``nodes``, ``edges``, ``bytes``.
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
    def stopped(self) -> str | None:
        """Where and why the method stopped early, the words after "stopped"; ``None``: it did all its steps."""
        return stopping(self.choices)

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a record back; unknown fields (of a later version) are dropped."""
        values = json.loads(text)
        known = {f.name for f in dataclasses.fields(cls)}
        values = {key: value for key, value in values.items() if key in known}
        values["notes"] = tuple(values.get("notes", ()))
        return cls(**values)
