import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix, save_npz
from torch import Tensor

import recsys
from graphcond import Checkpoint, Progress
from graphcond.core.matching import driver
from graphcond.core.runtime import storage
from graphcond.synthetic.user_rows import GumbelRows
from recsys import CondensedInteractions, DistillCF, Holdout, Split
from recsys.methods import Forgetting

STEPS = 9
USERS = 6
REAL = recsys.generate_interactions(120, 40, 1500)
SPLIT = recsys.random_split(REAL)
UNJUDGED = dataclasses.replace(SPLIT, val=None)  # the last step is kept, so that every step tells
FEW = {"steps": STEPS, "looks": 3, "batch_users": 30}
METHODS = {
    "weighted": DistillCF(**FEW),
    "reconstruction": DistillCF(**FEW, loss="reconstruction"),
    "likelihood, two layers": DistillCF(**FEW, loss="likelihood", depth=2),
    "gumbel": DistillCF(**FEW, rows=GumbelRows(draws=3)),
}
CASES = [*((name, None) for name in METHODS), ("weighted", 40)]
SELECTIONS = sorted(set(recsys.list_methods()) - {"auto", "distill_cf"})
SCRIPT = """
import time
import numpy as np
import torch
from scipy.sparse import load_npz
import recsys
from graphcond import Checkpoint
from graphcond.core.matching import driver
from recsys import DistillCF, Split

driver.REPORT_EVERY_SECONDS = 0
torch.set_num_threads(1)
train = load_npz("train.npz")
split = Split(train, None, None, np.arange(train.shape[0]), np.arange(train.shape[1]), "interactions", "random")
recsys.condense(split, users={users}, method={method}, checkpoint=Checkpoint("state.safetensors", every_seconds=0),
                progress=lambda report: time.sleep(0.01))
"""


@pytest.fixture(autouse=True)
def report_every_step(monkeypatch):
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.safetensors"


def condense(source: object, method: object, path: Path | None = None, **options: Any) -> CondensedInteractions:
    if path is not None:
        options["checkpoint"] = Checkpoint(path, every_seconds=0)
    return recsys.condense(source, method=method, **({"users": USERS} | options))


def interrupting(at: int) -> Callable[[Progress], None]:
    def progress(report: Progress) -> None:
        if report.done == at:
            raise KeyboardInterrupt

    return progress


def assert_same(first: CondensedInteractions, second: CondensedInteractions) -> None:
    for name in ("data", "indices", "indptr"):
        assert getattr(first.user_items, name).tobytes() == getattr(second.user_items, name).tobytes(), name
    assert first.record.choices == second.record.choices


def state(path: Path) -> dict[str, Tensor]:
    return storage.read(path, storage.CHECKPOINT)[0]


@pytest.mark.parametrize(("name", "interactions"), CASES)
def test_a_run_that_is_interrupted_again_and_again_ends_on_the_same_bits(path, tmp_path, name, interactions):
    method, size = METHODS[name], {"interactions": interactions}
    whole = condense(SPLIT, method, **size)
    assert whole.record.choices["complete"]
    for at in (4, STEPS):
        with pytest.raises(KeyboardInterrupt):
            condense(SPLIT, method, path, progress=interrupting(at), **size)
    reports = []
    assert_same(condense(SPLIT, method, path, progress=reports.append, **size), whole)
    assert [report.done for report in reports] == [STEPS, STEPS]
    condense(SPLIT, method, tmp_path / "uninterrupted", **size)
    expected, found = state(tmp_path / "uninterrupted"), state(path)
    assert found.keys() == expected.keys()
    assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []


@pytest.mark.parametrize("at", [1, 5])
@pytest.mark.parametrize(("name", "interactions"), CASES)
def test_an_interruption_at_any_step_leaves_no_trace(path, name, interactions, at):
    method, size = METHODS[name], {"interactions": interactions}
    with pytest.raises(KeyboardInterrupt):
        condense(UNJUDGED, method, path, progress=interrupting(at), **size)
    reports = []
    again = condense(UNJUDGED, method, path, progress=reports.append, **size)
    assert reports[0].done == at
    assert again.record.choices["kept_step"] == STEPS
    assert_same(again, condense(UNJUDGED, method, **size))


@pytest.mark.parametrize("source", ["judged", "unjudged", "matrix"])
@pytest.mark.parametrize("interactions", [None, 40])
def test_a_run_in_pieces_of_no_time_ends_on_the_same_bits(path, source, interactions):
    given = {"judged": SPLIT, "unjudged": UNJUDGED, "matrix": REAL}[source]
    method, size = METHODS["weighted"], {"interactions": interactions}
    for step in range(1, STEPS):
        small = condense(given, method, path, max_seconds=1e-9, **size)
        assert (small.record.choices["steps"], small.record.choices["complete"]) == (step, False)
    last = condense(given, method, path, max_seconds=1e-9, **size)
    assert last.record.choices["complete"]
    assert_same(last, condense(given, method, **size))


@pytest.mark.parametrize("interactions", [None, 40])
def test_a_run_that_is_out_of_time_gives_whole_users(tmp_path, interactions):
    small = condense(SPLIT, METHODS["weighted"], max_seconds=1e-9, interactions=interactions)
    choices = small.record.choices
    assert (choices["kept_step"], choices["steps"], choices["complete"]) == (1, 1, False)
    assert [step for step, _ in choices["scores"]] == [1]
    assert small.user_items.shape == (USERS, 40)
    assert interactions is None or small.num_interactions == interactions
    assert_same(recsys.load(small.save(tmp_path / "small.safetensors")), small)


def test_enough_time_changes_nothing():
    method = METHODS["weighted"]
    assert_same(condense(SPLIT, method, max_seconds=600), condense(SPLIT, method))


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_killed_process_is_resumed_to_the_same_bits(path, tmp_path):
    method = DistillCF(steps=100, looks=1, batch_users=30)
    save_npz(tmp_path / "train.npz", SPLIT.train)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(method=method, users=USERS))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script.name], cwd=tmp_path, env=environment) as child:
        try:
            wait_until_rewritten(path, child, times=5)
        finally:
            child.kill()
    assert child.returncode == -signal.SIGKILL
    reports = []
    again = condense(UNJUDGED, method, path, progress=reports.append)
    assert 5 < reports[0].done < 100
    assert_same(again, condense(UNJUDGED, method))


def wait_until_rewritten(path: Path, child: subprocess.Popen, times: int) -> None:
    seen: set[int] = set()
    deadline = time.monotonic() + 60
    while len(seen) <= times:
        assert child.poll() is None, "the child ended"
        assert time.monotonic() < deadline, "the child did not come to write"
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.001)


def test_a_finished_run_is_given_again_without_a_step(path):
    first = condense(SPLIT, METHODS["weighted"], path)
    before, reports = path.read_bytes(), []
    assert_same(condense(SPLIT, METHODS["weighted"], path, progress=reports.append), first)
    assert [report.done for report in reports] == [STEPS]
    assert path.read_bytes() == before


def test_a_checkpoint_may_be_given_as_a_path_or_a_string(path):
    first = condense(SPLIT, METHODS["weighted"], checkpoint=str(path))
    reports = []
    assert_same(condense(SPLIT, METHODS["weighted"], checkpoint=path, progress=reports.append), first)
    assert len(reports) == 1


def without_one(matrix: csr_matrix) -> csr_matrix:
    other = matrix.copy()
    other.data[0] = 0
    other.eliminate_zeros()
    return other


def other_validation_targets() -> Split:
    return dataclasses.replace(SPLIT, val=Holdout(SPLIT.val.context, without_one(SPLIT.val.targets)))


def other_validation_context() -> Split:
    return dataclasses.replace(SPLIT, val=Holdout(without_one(SPLIT.val.context), SPLIT.val.targets))


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "seed": ("seed: 0 there, 1 here", {"seed": 1}),
    "steps": ("method: DistillCF", {"method": DistillCF(**(FEW | {"steps": STEPS + 1}))}),
    "loss": ("method: DistillCF", {"method": METHODS["reconstruction"]}),
    "users": (r"size: Size\(users=6, interactions=None\) there, Size\(users=7", {"users": USERS + 1}),
    "interactions": (r"size: Size\(.*\) there, Size\(users=6, interactions=40\) here", {"interactions": 40}),
    "training": ("source: ", {"source": dataclasses.replace(SPLIT, train=without_one(SPLIT.train))}),
    "items": ("source: ", {"source": dataclasses.replace(SPLIT, item_ids=SPLIT.item_ids + 1)}),
    "validation targets": ("validation users: ", {"source": other_validation_targets()}),
    "validation context": ("validation users: ", {"source": other_validation_context()}),
    "no validation": ("validation users: [0-9a-f]{64} there, none here", {"source": UNJUDGED}),
    "the whole matrix": ("source: ", {"source": REAL}),
}


@pytest.mark.parametrize("differs", OTHERS)
def test_a_checkpoint_of_another_run_is_refused(path, differs):
    reason, change = OTHERS[differs]
    condense(SPLIT, METHODS["weighted"], path, max_seconds=1e-9)
    before, reports = path.read_bytes(), []
    with pytest.raises(ValueError, match=rf"checkpoint .* belongs to another run \({reason}.*delete it, or give"):
        condense(**({"source": SPLIT, "method": METHODS["weighted"], "path": path} | change), progress=reports.append)
    assert path.read_bytes() == before
    assert reports == []


def test_another_test_part_makes_no_other_run(path):
    with pytest.raises(KeyboardInterrupt):
        condense(SPLIT, METHODS["weighted"], path, progress=interrupting(4))
    reports = []
    condense(dataclasses.replace(SPLIT, test=None), METHODS["weighted"], path, progress=reports.append)
    assert reports[0].done == 4


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x04K\x01."])
def test_a_file_that_is_no_checkpoint_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"is not a whole safetensors file|is a pickle"):
        condense(SPLIT, METHODS["weighted"], path)
    assert path.read_bytes() == content


def test_a_result_is_no_checkpoint(path):
    condense(SPLIT, METHODS["weighted"]).save(path)
    with pytest.raises(ValueError, match="not of the format graphcond-checkpoint/1"):
        condense(SPLIT, METHODS["weighted"], path)


@pytest.mark.parametrize("options", [{"checkpoint": "state.safetensors"}, {"max_seconds": 10}])
@pytest.mark.parametrize("method", SELECTIONS)
def test_selections_do_not_work_in_steps(tmp_path, monkeypatch, method, options):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"^{next(iter(options))} is for methods that work in steps, and '{method}'"):
        condense(SPLIT, method, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("checkpoint", [5, True, b"state.safetensors"])
def test_checkpoint_must_be_a_path(checkpoint):
    with pytest.raises(TypeError, match=f"checkpoint must be a path or a Checkpoint, got {type(checkpoint).__name__}"):
        condense(SPLIT, METHODS["weighted"], checkpoint=checkpoint)


@pytest.mark.parametrize("max_seconds", [0, -1.5, float("nan"), "60", True])
def test_max_seconds_must_be_a_positive_number(max_seconds):
    with pytest.raises((ValueError, TypeError), match=f"max_seconds must be .*{max_seconds!r}"):
        condense(SPLIT, METHODS["weighted"], max_seconds=max_seconds)


@pytest.mark.parametrize(("folder", "error"), [("missing", FileNotFoundError), (".", IsADirectoryError)])
def test_an_unusable_path_is_refused_before_the_first_step(tmp_path, folder, error):
    target = tmp_path / folder if folder == "." else tmp_path / folder / "state.safetensors"
    reports = []
    with pytest.raises(error, match=str(tmp_path)):
        condense(SPLIT, METHODS["weighted"], target, progress=reports.append)
    assert reports == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_interrupted_leaves_random_states_alone(path):
    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        condense(SPLIT, METHODS["weighted"], path, progress=interrupting(4))
    condense(SPLIT, METHODS["weighted"], path)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_selection_that_takes_long_can_be_interrupted():
    # It works in epochs, not in steps: nothing is kept, and the next call begins anew.
    with pytest.raises(KeyboardInterrupt):
        condense(SPLIT, Forgetting(epochs=4), progress=interrupting(2))
    first, second = (condense(SPLIT, Forgetting(epochs=4)) for _ in range(2))
    np.testing.assert_array_equal(first.members.index, second.members.index)
