"""The default for images."""

from dataclasses import dataclass
from typing import ClassVar

from graphcond.images.methods.dm import DM


@dataclass(frozen=True, kw_only=True)
class AutoImages(DM):
    """The default: dm."""

    name: ClassVar[str] = "auto"
