import pytest

from graphcond.nodes import quick_validation


@pytest.fixture
def quick_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``auto`` choose after a few steps: what is evaluated matters less here than how."""
    monkeypatch.setattr(quick_validation, "STEPS", 20)
