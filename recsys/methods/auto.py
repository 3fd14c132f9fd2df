"""The default for interactions."""

from dataclasses import dataclass
from typing import ClassVar

from recsys.methods.distill_cf import DistillCF


@dataclass(frozen=True, kw_only=True)
class AutoUsers(DistillCF):
    """The default: distill_cf."""

    name: ClassVar[str] = "auto"
