"""How models are trained: protocols by name, as values, or in a text such as ``"standard(runs=5)"``."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from graphcond.core.settings import built, by_name


class TrainingProtocol(Protocol):
    """What the evaluation of every modality reads of a protocol."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def runs(self) -> int:
        """Trainings of each condensation."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocols:
    """The protocols of a modality.

    Args:
        kind: Their class.
        known: Those that have a name.
        nested: Dataclasses whose values may be settings in a text.
        of: What they are for, in messages, such as ``" for graphs"``.
    """

    kind: type
    known: Mapping[str, Any]
    nested: tuple[type, ...] = ()
    of: str = ""

    def resolve(self, given: object) -> Any:  # noqa: ANN401 (of the class ``kind``)
        """Return the protocol of a name or of a text such as ``"standard(runs=5)"``, or the given protocol itself.

        Raises:
            TypeError: neither a text nor a protocol of this modality; or a setting has the wrong type.
            ValueError: there is no protocol of that name, or no such setting; the message names the nearest.
        """
        if isinstance(given, self.kind):
            return given
        if not isinstance(given, str):
            name = self.kind.__name__
            article = "an" if name[0] in "AEIOU" else "a"
            raise TypeError(f"protocol must be a name or {article} {name}{self.of}, got {type(given).__name__}")
        makers = {name: partial(self.kind, **_settings(one)) for name, one in self.known.items()}
        return built(given, makers, by_name(self.nested), "protocol", self.of)


def protocol_text(protocol: Any) -> str:  # noqa: ANN401 (any dataclass)
    """Return all that a single training depends on: the ``repr`` of a protocol without its number of runs."""
    reported = ", ".join(f"{name}={value!r}" for name, value in _settings(protocol).items() if name != "runs")
    return f"{type(protocol).__qualname__}({reported})"


def _settings(protocol: Any) -> dict[str, Any]:  # noqa: ANN401 (any dataclass)
    return {field.name: getattr(protocol, field.name) for field in dataclasses.fields(protocol)}
