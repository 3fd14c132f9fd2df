from pathlib import Path

import pytest

from graphcond.core.matching import driver
from graphcond.nodes import quick_validation


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report every step, and validate briefly."""
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)
    monkeypatch.setattr(quick_validation, "STEPS", 6)
    monkeypatch.setattr(quick_validation, "EVALUATIONS", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a checkpoint may be kept."""
    return tmp_path / "state.safetensors"
