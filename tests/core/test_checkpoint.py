import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond import Checkpoint
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.driver import Outcome
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Fresh, Pool, Trained
from graphcond.core.run_context import RunContext
from graphcond.core.runtime import checkpoint, storage
from graphcond.core.runtime.checkpoint import CheckpointFile
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.synthetic.edges import PairwiseEdges
from graphcond.synthetic.graph import SyntheticGraph

STEPS = 9
IDENTITY = {"seed": "0", "method": "Example(depth=2)"}
SAMPLERS = {
    "fresh": Fresh,
    "trained": lambda surrogate: Trained(surrogate, 4, 2),
    "pool": lambda surrogate: Pool(surrogate, 3),
    "aging pool": lambda surrogate: Pool(surrogate, 2, train_steps=2, max_age=3),
}
BROKEN = {
    "truncated": (lambda whole: whole[:-5], "not a whole safetensors file"),
    "truncated in its head": (lambda whole: whole[:20], "not a whole safetensors file"),
    "empty": (lambda whole: b"", "not a whole safetensors file"),
    "text": (lambda whole: b"step,score\n1,0.5\n", "not a whole safetensors file"),
    "a tensor tampered with": (lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]), "altered"),
    "a note tampered with": (lambda whole: whole.replace(b'\\"step\\": 9', b'\\"step\\": 8'), "altered"),
    "an identity tampered with": (lambda whole: whole.replace(b"depth=2", b"depth=3"), "altered"),
    "another format": (
        lambda whole: whole.replace(b"checkpoint/2", b"checkpoint/1"),
        "of another version of graphcond .graphcond-checkpoint/1",
    ),
    "a pickle": (lambda whole: pickle.dumps({"step": 3}), "pickle"),
}


def recipe(sampler: str = "fresh", **changes: Any) -> Recipe:
    """Return a recipe for six random rows, always the same ones, with parts that take turns."""
    with seeded(1):
        x, edges = torch.randn(6, 5), PairwiseEdges(5, 4)
        real = Batch(torch.randn(30, 5), torch.arange(30) % 3)
    surrogate = Linear(5, SingleLabel(3), x)
    values = {
        "synthetic": SyntheticGraph(x, torch.arange(6) % 3, 1, edges, last_hop=False),
        "surrogate": surrogate,
        "sampler": SAMPLERS[sampler](surrogate),
        "objective": GradientMatching(),
        "source": constant(real),
        "schedule": Schedule(rates={"features": 0.05, "structure": 0.05}, turns=[("structure", 2), ("features", 3)]),
        "steps": STEPS,
    }
    return Recipe(**(values | changes))


def constant(batch: Batch) -> Callable[[int], Batch]:
    def source(step: int) -> Batch:
        return batch

    source.constant = True
    return source


def run(made: Recipe, path: Path | None = None, every_seconds: float = 0.0, **conditions: Any) -> Outcome:
    kept = None if path is None else Checkpoint(path, every_seconds)
    with seeded(2):
        return driver.run(made, RunContext(checkpoint=kept, **({"identity": IDENTITY} | conditions)))


def values(made: Recipe) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in made.synthetic.state_dict().items()}


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.dtype == second[name].dtype, name
        assert torch.equal(value, second[name]), name


def interrupting(at: int) -> Callable[[graphcond.Progress], None]:
    def progress(report: graphcond.Progress) -> None:
        if report.done == at:
            raise KeyboardInterrupt

    return progress


def near(goal: dict[str, Tensor], made: Recipe) -> Callable[[], float]:
    """Return a validation that prefers data near a goal."""
    return lambda: -float((made.synthetic.x.detach() - goal["x"]).abs().sum())


def never(*_: object) -> None:
    raise AssertionError("a step was done")


def opened(path: Path, identity: dict[str, str] = IDENTITY, every_seconds: float = 0.0) -> CheckpointFile:
    return CheckpointFile(Checkpoint(path, every_seconds), identity)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.safetensors"


@pytest.fixture
def every_step_reported(monkeypatch):
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)


def test_round_trip(path):
    shared = torch.arange(6.0)
    tensors = {
        "random.cpu": torch.get_rng_state(),
        "features": torch.randn(3, 4).T,
        "step": torch.tensor(3.0),
        "nothing": torch.zeros(0, 5),
        "ages": torch.tensor([1, 2**40]),
        "one": shared,
        "same": shared,
    }
    notes = {"step": 7, "kept_step": 3, "scores": [[3, 0.1 + 0.2], [7, 1 / 3]]}
    opened(path).write(tensors, notes)
    found, again = opened(path).read()
    assert_same(found, tensors)
    assert again == notes
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_there_is_nothing_to_read_at_first(path):
    assert opened(path).read() is None
    assert not path.exists()


@pytest.mark.parametrize(
    ("identity", "difference"),
    [
        ({"seed": "1"}, "seed: 0 there, 1 here"),
        ({"method": "Example(depth=3)"}, r"method: Example\(depth=2\) there, Example\(depth=3\) here"),
        ({"device": "cuda"}, "device: None there, cuda here"),
    ],
)
def test_a_file_of_another_run_is_refused_by_the_name_of_what_differs(path, identity, difference):
    opened(path).write({"x": torch.ones(2)}, {})
    before = path.read_bytes()
    with pytest.raises(ValueError, match=difference):
        opened(path, IDENTITY | identity).read()
    with pytest.raises(ValueError, match="seed: 0 there, None here"):
        opened(path, {"method": IDENTITY["method"]}).read()
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_refused_and_left_alone(path, kind):
    change, message = BROKEN[kind]
    run(recipe(), path)
    broken = change(path.read_bytes())
    assert broken != path.read_bytes()
    path.write_bytes(broken)
    with pytest.raises(ValueError, match=message):
        run(recipe(), path)
    assert path.read_bytes() == broken
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_condensed_dataset_is_no_checkpoint(toy: Data, path):
    graphcond.condense(toy, size=3, method="random").save(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not of the format graphcond-checkpoint/2"):
        run(recipe(), path)
    assert path.read_bytes() == before


def test_a_checkpoint_is_no_condensed_dataset(path):
    run(recipe(), path)
    with pytest.raises(ValueError, match="not of the format graphcond/1"):
        graphcond.load(path)


def test_a_torch_archive_is_refused(path):
    torch.save({"step": 3}, path)
    with pytest.raises(ValueError, match="pickle"):
        opened(path).read()


def test_unusable_paths_are_refused_before_the_first_step(tmp_path):
    made = recipe(objective=SimpleNamespace(observe=never, loss=never))
    with pytest.raises(FileNotFoundError, match="missing"):
        run(made, tmp_path / "missing" / "state.safetensors")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        run(made, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_first_step(path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr("graphcond.core.runtime.files.tempfile.mkdtemp", refuse)
    with pytest.raises(PermissionError, match=r"cannot write into the folder .*Permission denied"):
        run(recipe(objective=SimpleNamespace(observe=never, loss=never)), path)


@pytest.mark.parametrize("error", [RuntimeError("the disk is full"), KeyboardInterrupt()])
def test_a_file_is_never_half_written(path, monkeypatch, error):
    def half(tensors: dict[str, Tensor], target: Path, **_: object) -> None:
        Path(target).write_bytes(b"half")
        raise error

    file = opened(path)
    file.write({"x": torch.ones(2)}, {"step": 1})
    before = path.read_bytes()
    monkeypatch.setattr(storage, "save_file", half)
    with pytest.raises(type(error)):
        file.write({"x": torch.zeros(2)}, {"step": 2})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_file_is_whole_when_it_takes_its_place(path, monkeypatch):
    replaced = []

    def replace(temporary: Path, target: Path) -> None:
        tensors, _ = storage.read(temporary, storage.CHECKPOINT)
        replaced.append((target.parent in temporary.parents, target, tensors["x"].tolist()))

    monkeypatch.setattr(Path, "replace", replace)
    opened(path).write({"x": torch.ones(2)}, {})
    assert replaced == [(True, path, [1.0, 1.0])]


def test_it_is_due_again_when_the_time_has_passed(path, monkeypatch):
    now = 0.0
    monkeypatch.setattr(checkpoint, "time", SimpleNamespace(monotonic=lambda: now))
    file = opened(path, every_seconds=10.0)
    assert not file.due()
    now = 10.0
    assert file.due()
    file.write({"x": torch.ones(2)}, {})
    assert not file.due()
    now = 20.0
    assert file.due()


@pytest.mark.parametrize(("every_seconds", "times"), [(0.0, STEPS), (1e9, 1)])
def test_a_run_writes_as_often_as_asked_and_at_its_end(path, monkeypatch, every_seconds, times):
    steps = []
    write = CheckpointFile.write

    def counted(self: CheckpointFile, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
        steps.append(notes["step"])
        write(self, tensors, notes)

    monkeypatch.setattr(CheckpointFile, "write", counted)
    run(recipe(), path, every_seconds)
    assert len(steps) == times
    assert steps[-1] == STEPS


@pytest.mark.parametrize("every_seconds", [-1.0, float("nan")])
def test_every_seconds_must_not_be_negative(every_seconds):
    with pytest.raises(ValueError, match="every_seconds"):
        Checkpoint("state.safetensors", every_seconds)


@pytest.mark.parametrize("at", [2, 5, 8])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_interrupted_run_ends_on_the_same_bits(path, every_step_reported, sampler, at):
    whole, again = recipe(sampler), recipe(sampler)
    expected = run(whole)
    reports = []
    with pytest.raises(KeyboardInterrupt):
        run(recipe(sampler), path, progress=interrupting(at))
    assert run(again, path, progress=reports.append) == expected
    assert reports[0].done == at
    assert_same(values(again), values(whole))


@pytest.mark.parametrize("at", [3, 5, 8])
def test_the_best_validation_before_an_interruption_is_kept(path, every_step_reported, at):
    short = recipe(steps=4)
    run(short)
    goal = values(short)

    def validated() -> Recipe:
        made = recipe()
        return recipe(synthetic=made.synthetic, validation=Validation(score=near(goal, made), times=STEPS))

    whole, again = validated(), validated()
    expected = run(whole)
    with pytest.raises(KeyboardInterrupt):
        run(validated(), path, progress=interrupting(at))
    outcome = run(again, path)
    assert expected.kept_step == 4
    assert outcome == expected
    assert_same(values(again), goal)


def test_the_random_state_goes_on_where_it_was(path, every_step_reported):
    def after(*conditions: Any, **options: Any) -> list[float]:
        with seeded(2):
            driver.run(recipe(), RunContext(*conditions, identity=IDENTITY, **options))
            return torch.rand(4).tolist()

    expected = after()
    with pytest.raises(KeyboardInterrupt):
        after(checkpoint=Checkpoint(path, 0), progress=interrupting(6))
    assert after(checkpoint=Checkpoint(path, 0)) == expected


def test_a_finished_run_is_given_again_without_a_step(path):
    first, again = recipe(), recipe(objective=SimpleNamespace(observe=never, loss=never))
    expected = run(first, path)
    before = path.read_bytes()
    assert run(again, path) == expected
    assert_same(values(again), values(first))
    assert path.read_bytes() == before


def test_running_out_of_time_writes_the_state_whenever_it_was_written_last(path, every_step_reported):
    assert run(recipe(), path, every_seconds=1e9, max_seconds=1e-9).steps == 1
    reports = []
    run(recipe(), path, progress=reports.append)
    assert reports[0].done == 2


def test_running_out_of_time_leaves_no_trace_in_the_run_that_goes_on(path):
    calls = []

    def validated() -> Recipe:
        return recipe(validation=Validation(score=lambda: calls.append(1) or float(len(calls)), times=1))

    stopped = run(validated(), path, max_seconds=1e-9)
    assert (stopped.steps, stopped.complete, list(stopped.scores)) == (1, False, [])
    whole, again = recipe(), validated()
    outcome = run(again, path)
    run(whole)
    assert (outcome.kept_step, list(outcome.scores)) == (STEPS, [STEPS])
    assert_same(values(again), values(whole))


def test_another_number_of_threads_is_refused_with_the_way_to_have_it(path):
    run(recipe(), path, identity={"threads": "2"}, max_seconds=1e-9)
    with pytest.raises(ValueError, match=r"\(threads: 2 there, 1 here\); set OMP_NUM_THREADS=2 or call torch.set_num"):
        run(recipe(), path, identity={"threads": "1"})
