"""What importing the package says to OpenMP, which torch reads once, when it is loaded."""

import os
import subprocess
import sys

import pytest

CODE = """import os, sys
import {name}
assert "torch" not in sys.modules  # it is said in time
print(os.environ.get("GOMP_SPINCOUNT"))"""


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        ("graphcond", {}, "1000"),
        ("recsys", {}, "1000"),
        ("graphcond", {"GOMP_SPINCOUNT": "7"}, "7"),
        ("graphcond", {"OMP_WAIT_POLICY": "active"}, "None"),
    ],
)
def test_idle_threads_soon_sleep_unless_something_else_is_asked(name: str, said: dict[str, str], expected: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(name=name)], env={**environment, **said}, capture_output=True, text=True
    )
    assert done.stdout.strip() == expected, done.stderr
