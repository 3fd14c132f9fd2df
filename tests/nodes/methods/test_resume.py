"""What a run of steps keeps in its checkpoint, and which checkpoints it refuses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond import GCDM, Checkpoint, CondensedDataset, DosCond, GCond, LearnedEdges, Progress, Run
from graphcond.core.runtime import storage
from graphcond.nodes.methods.base import NodeMethod

STEPS = 8
RATES = {"features_rate": 0.01, "structure_rate": 0.01}
LOOPS = {"epochs": 2, "outer_steps": 4, "inner_steps": 2, "structure": LearnedEdges(trimmed=False)}
TURNS = {"structure_epochs": 1, "features_epochs": 1}
METHODS: dict[str, Callable[..., NodeMethod]] = {
    "gcond": lambda **more: GCond(**LOOPS, **TURNS, **RATES, **more),
    "doscond with a pool": lambda **more: DosCond(
        steps=STEPS, networks=3, structure=LearnedEdges(trimmed=False), **RATES, **more
    ),
    "gcdm": lambda **more: GCDM(**LOOPS, **RATES, **more),
}
SAMPLED, WHOLE = 4, 256
SCRIPT = """
import sys, time
import torch
import graphcond
from graphcond import Checkpoint, GCond, LearnedEdges, SGCSurrogate
from graphcond.core.matching import driver

driver.REPORT_EVERY_SECONDS = 0
torch.set_num_threads(1)
data = torch.load("data.pt", weights_only=False)
run = graphcond.Run(
    checkpoint=Checkpoint("state.safetensors", every_seconds=0), progress=lambda report: time.sleep(0.01)
)
graphcond.condense(data, size=6, method={method}, run=run)
"""

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def without_validation(toy: Data) -> Data:
    """The toy graph without validation nodes: the last step is kept, so that every step tells."""
    toy.val_mask[:] = False
    return toy


def condense(data: Data, method: NodeMethod, path: Path | None = None, **options: Any) -> CondensedDataset:
    if path is not None:
        kept = Checkpoint(path, every_seconds=0)
        options["run"] = replace(options.get("run", Run()), checkpoint=kept)
    return graphcond.condense(data, method=method, **({"size": 6} | options))


def interrupting(at: int) -> Callable[[Progress], None]:
    def progress(report: Progress) -> None:
        if report.done == at:
            raise KeyboardInterrupt

    return progress


def assert_same(first: CondensedDataset, second: CondensedDataset) -> None:
    assert first[0].keys() == second[0].keys()
    for name, value in first[0]:
        assert value.dtype == second[0][name].dtype, name
        assert torch.equal(value, second[0][name]), name
    assert first.record.choices == second.record.choices


def state(path: Path) -> dict[str, Tensor]:
    return storage.read(path, storage.CHECKPOINT)[0]


@pytest.mark.parametrize("name", ["gcond", "doscond with a pool"])
def test_a_run_that_is_interrupted_again_and_again_ends_on_the_same_bits(toy, path, tmp_path, name):
    method = METHODS[name](real_per_class=SAMPLED)
    whole = condense(toy, method)
    for at in (5, STEPS):
        with pytest.raises(KeyboardInterrupt):
            condense(toy, method, path, run=Run(progress=interrupting(at)))
    reports = []
    assert_same(condense(toy, method, path, run=Run(progress=reports.append)), whole)
    assert [report.done for report in reports] == [STEPS, STEPS]
    condense(toy, method, tmp_path / "uninterrupted")
    expected, found = state(tmp_path / "uninterrupted"), state(path)
    assert found.keys() == expected.keys()
    assert [name for name, value in expected.items() if not torch.equal(value, found[name])] == []


@pytest.mark.parametrize(
    ("name", "real_per_class", "at"),
    [("gcond", SAMPLED, 2), ("gcond", WHOLE, 7), ("doscond with a pool", SAMPLED, 7), ("gcdm", SAMPLED, 2)],
)
def test_an_interruption_at_any_step_leaves_no_trace(without_validation, path, name, real_per_class, at):
    method = METHODS[name](real_per_class=real_per_class)
    with pytest.raises(KeyboardInterrupt):
        condense(without_validation, method, path, run=Run(progress=interrupting(at)))
    reports = []
    again = condense(without_validation, method, path, run=Run(progress=reports.append))
    assert reports[0].done == at
    assert again.record.choices["kept_step"] == STEPS
    assert_same(again, condense(without_validation, method))


@pytest.mark.parametrize(("name", "validated"), [("doscond with a pool", False), ("gcond", True)])
def test_a_run_in_pieces_of_no_time_ends_on_the_same_bits(toy, path, name, validated):
    toy.val_mask &= validated
    method = METHODS[name](real_per_class=SAMPLED)
    for step in range(1, STEPS):
        choices = condense(toy, method, path, run=Run(max_seconds=1e-9)).record.choices
        assert (choices["steps"], choices["complete"]) == (step, False)
    last = condense(toy, method, path, run=Run(max_seconds=1e-9))
    assert last.record.choices["complete"]
    assert_same(last, condense(toy, method))


def test_a_run_that_is_out_of_time_gives_a_whole_dataset(toy, tmp_path):
    small = condense(toy, METHODS["gcond"](), run=Run(max_seconds=1e-9))
    choices = small.record.choices
    assert choices == {
        "kept_step": 1, "steps": 1, "complete": False, "scores": choices["scores"],
        "stopped": "at step 1 of 8: max_seconds=1e-09 was over",
    }  # fmt: skip
    assert [step for step, _ in choices["scores"]] == [1]
    assert small[0].num_nodes == 6
    assert_same(graphcond.load(small.save(tmp_path / "small.safetensors")), small)


def test_enough_time_changes_nothing(toy):
    method = METHODS["gcond"]()
    assert_same(condense(toy, method, run=Run(max_seconds=600)), condense(toy, method))


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_killed_process_is_resumed_to_the_same_bits(without_validation, path, tmp_path):
    method = METHODS["gcond"](real_per_class=SAMPLED)
    method = GCond(**(vars(method) | {"epochs": 25}))
    torch.save(without_validation, tmp_path / "data.pt")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(method=method))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script.name], cwd=tmp_path, env=environment) as child:
        try:
            wait_until_rewritten(path, child, times=5)
        finally:
            child.kill()
    assert child.returncode == -signal.SIGKILL
    reports = []
    again = condense(without_validation, method, path, run=Run(progress=reports.append))
    assert 5 < reports[0].done < 100
    assert_same(again, condense(without_validation, method))


def wait_until_rewritten(path: Path, child: subprocess.Popen, times: int) -> None:
    seen: set[int] = set()
    deadline = time.monotonic() + 60
    while len(seen) <= times:
        assert child.poll() is None, "the child ended"
        assert time.monotonic() < deadline, "the child did not come to write"
        if path.exists():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.001)


def test_a_finished_run_is_given_again_without_a_step(toy, path):
    method = METHODS["gcond"]()
    first = condense(toy, method, path)
    before, reports = path.read_bytes(), []
    assert_same(condense(toy, method, path, run=Run(progress=reports.append)), first)
    assert reports == [Progress(STEPS, STEPS, "matching")]
    assert path.read_bytes() == before


def test_a_checkpoint_may_be_given_as_a_path_or_a_string(toy, path):
    method = METHODS["gcdm"]()
    first = condense(toy, method, run=Run(checkpoint=str(path)))
    reports = []
    assert_same(condense(toy, method, run=Run(checkpoint=path, progress=reports.append)), first)
    assert len(reports) == 1


def other_labels(data: Data) -> Data:
    """Exchange the labels of two training nodes."""
    nodes = torch.stack([(data.train_mask & (data.y == label)).nonzero()[0] for label in (0, 1)])
    data.y[nodes] = data.y[nodes.flip(0)]
    return data


def other_features(data: Data) -> Data:
    data.x[0, 0] += 1
    return data


OTHERS = {
    "seed": {"seed": 1},
    "method": {"method": METHODS["gcond"](real_per_class=5)},
    "nodes per class": {"size": 7},
}


@pytest.mark.parametrize("differs", OTHERS)
def test_a_checkpoint_of_another_run_is_refused(toy, path, differs):
    method = METHODS["gcond"]()
    condense(toy, method, path, run=Run(max_seconds=1e-9))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"belongs to another run \({differs}: "):
        condense(toy, **({"method": method, "path": path} | OTHERS[differs]))
    assert path.read_bytes() == before


@pytest.mark.parametrize("change", [other_labels, other_features])
def test_a_checkpoint_of_another_dataset_is_refused(toy, path, change):
    method = METHODS["gcond"]()
    condense(toy, method, path, run=Run(max_seconds=1e-9))
    with pytest.raises(ValueError, match=r"belongs to another run \(source: "):
        condense(change(toy), method, path)


def other_validation_labels(data: Data) -> Data:
    data.y = torch.where(data.val_mask, (data.y + 1) % 3, data.y)
    return data


def other_validation_nodes(data: Data) -> Data:
    data.val_mask, data.test_mask = data.test_mask, data.val_mask
    return data


@pytest.mark.parametrize("change", [other_validation_labels, other_validation_nodes])
def test_a_checkpoint_with_other_validation_nodes_is_refused(toy, path, change):
    method = METHODS["gcond"]()
    condense(toy, method, path, run=Run(max_seconds=1e-9))
    with pytest.raises(ValueError, match="belongs to another run"):
        condense(change(toy), method, path)


def test_a_checkpoint_of_the_other_setting_is_refused(toy, path):
    method = METHODS["gcond"]()
    condense(toy, method, path, run=Run(max_seconds=1e-9))
    with pytest.raises(ValueError, match=r"belongs to another run \(source: "):
        condense(graphcond.read(toy, inductive=True), method, path)


def test_a_checkpoint_of_another_method_is_refused(toy, path):
    condense(toy, METHODS["gcond"](), path, run=Run(max_seconds=1e-9))
    with pytest.raises(ValueError, match=r"\(method: GCond.* there, DosCond"):
        condense(toy, METHODS["doscond with a pool"](), path)


@pytest.mark.parametrize(("folder", "error"), [("missing", FileNotFoundError), (".", IsADirectoryError)])
def test_an_unusable_path_is_refused_before_the_first_step(toy, tmp_path, folder, error):
    target = tmp_path / folder if folder == "." else tmp_path / folder / "state.safetensors"
    reports = []
    with pytest.raises(error, match=str(tmp_path)):
        condense(toy, METHODS["gcond"](), target, run=Run(progress=reports.append))
    assert reports == []
    assert list(tmp_path.iterdir()) == []
