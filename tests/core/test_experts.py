import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from graphcond.core import run_context
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.experts import ExpertPlan, Experts, train_experts
from graphcond.core.matching.training import Student, Training, TrainingBatches
from graphcond.core.run_context import OutOfTime, RunContext
from graphcond.core.runtime.progress import Progress
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear
from graphcond.surrogates.two_layer import TwoLayer

PLAN = ExpertPlan(number=3, checkpoints=4, interval=2, training=Training(learning_rate=0.3, momentum=0.9, batch_size=5))
SURROGATE = TwoLayer(4, 5, SingleLabel(3), torch.zeros(()))
IDENTITY = {"source": "abc", "method": "Example(depth=2)"}


def rows() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(9, 4, generator=generator), torch.arange(9) % 3)


def constant() -> TrainingBatches:
    batch = rows()
    return lambda step: batch


def trained(folder: Path | None = None, plan: ExpertPlan = PLAN, seed: int = 7, **options: Any) -> Experts:
    with seeded(seed):
        return train_experts(
            options.pop("surrogate", SURROGATE), options.pop("training_batches", constant), plan, folder=folder,
            **({"identity": IDENTITY} | options),
        )  # fmt: skip


def assert_same(one: Experts, other: Experts) -> None:
    assert len(one.trajectories) == len(other.trajectories)
    for mine, theirs in zip(one.trajectories, other.trajectories, strict=True):
        assert len(mine) == len(theirs)
        for weights, others in zip(mine, theirs, strict=True):
            for weight, same in zip(weights, others, strict=True):
                assert weight.dtype == same.dtype
                assert torch.equal(weight, same)


def test_a_trajectory_is_a_training_seen_at_intervals():
    plan = ExpertPlan(number=1, checkpoints=4, interval=3, training=Training(learning_rate=0.3, momentum=0.9))
    experts = trained(plan=plan)
    student = Student(experts.weights(0, 0), plan.training)
    for checkpoint in range(1, 5):
        student.train(SURROGATE, rows(), 3)
        for found, expected in zip(experts.weights(0, checkpoint), student.weights, strict=True):
            torch.testing.assert_close(found, expected, rtol=0.02, atol=0.002)  # rounded at the start
    assert experts.checkpoints == 4


def test_weights_are_kept_in_half_precision_and_given_as_they_were():
    surrogate = Linear(4, SingleLabel(3), torch.zeros((), dtype=torch.float64))
    experts = trained(surrogate=surrogate, training_batches=lambda: lambda step: Batch(rows().x.double(), rows().y))
    assert {weight.dtype for trajectory in experts.trajectories for weights in trajectory for weight in weights} == {
        torch.float16
    }
    assert {weight.dtype for weight in experts.weights(2, 1)} == {torch.float64}


def test_batches_are_made_for_each_expert_and_asked_for_by_step():
    asked: list[list[int]] = []

    def training_batches() -> TrainingBatches:
        asked.append(mine := [])
        return lambda step: mine.append(step) or rows()

    trained(training_batches=training_batches)
    assert asked == [list(range(8))] * 3


def test_experts_differ_from_their_first_weights_on():
    experts = trained()
    for checkpoint in (0, 4):
        firsts = [experts.weights(expert, checkpoint)[0] for expert in range(3)]
        assert not torch.equal(firsts[0], firsts[1])
        assert not torch.equal(firsts[1], firsts[2])


def test_the_plan_tells_the_bytes_beforehand_and_holds_to_its_bound():
    experts = trained()
    held = sum(
        w.numel() * w.element_size() for trajectory in experts.trajectories for weights in trajectory for w in weights
    )
    assert PLAN.bytes(SURROGATE.init()) == held
    assert_same(trained(plan=ExpertPlan(**(vars(PLAN) | {"max_bytes": held}))), experts)
    asked = []
    with pytest.raises(ValueError, match=rf"3 experts with 4 checkpoints take {held:,} bytes, more than max_bytes"):
        trained(plan=ExpertPlan(**(vars(PLAN) | {"max_bytes": held - 1})), training_batches=lambda: asked.append(1))
    assert asked == []


def test_experts_of_a_folder_are_those_that_were_trained(tmp_path):
    first = trained(tmp_path / "experts")
    files = sorted(path.name for path in (tmp_path / "experts").iterdir())
    assert files == [f"expert-{i:03d}.safetensors" for i in range(3)]

    def never() -> TrainingBatches:
        raise AssertionError("an expert was trained")

    assert_same(trained(tmp_path / "experts", training_batches=never), first)
    assert_same(trained(), first)


@pytest.mark.parametrize("missing", [[0], [1], [2], [0, 2]])
def test_an_interrupted_folder_is_completed_to_the_same_bits(tmp_path, missing):
    whole = trained(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "part")
    for number in missing:
        (tmp_path / "part" / f"expert-{number:03d}.safetensors").unlink()
    assert_same(trained(tmp_path / "part"), whole)
    assert_same(trained(tmp_path / "part"), whole)


def test_an_expert_that_is_interrupted_leaves_nothing_behind(tmp_path):
    def broken() -> TrainingBatches:
        def training_data(step: int) -> Batch:
            if step == 3:
                raise KeyboardInterrupt
            return rows()

        return training_data

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, training_batches=broken)
    assert list(tmp_path.iterdir()) == []


def test_the_random_state_goes_on_alike_whether_experts_are_trained_or_read(tmp_path):
    def after(folder: Path | None) -> list[float]:
        with seeded(7):
            train_experts(SURROGATE, constant, PLAN, folder=folder)
            return torch.rand(3).tolist()

    assert after(None) == after(tmp_path) == after(tmp_path)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 8}, "seed: "),
        (
            {"plan": ExpertPlan(**(vars(PLAN) | {"interval": 3}))},
            r"plan: ExpertPlan\(.*interval=2.* there, .*interval=3",
        ),
        ({"identity": IDENTITY | {"source": "xyz"}}, "source: abc there, xyz here"),
        ({"identity": {"source": "abc"}}, r"method: Example\(depth=2\) there, None here"),
    ],
    ids=["seed", "plan", "identity", "less"],
)
def test_a_folder_of_another_run_is_refused_by_the_name_of_what_differs(tmp_path, changes, difference):
    trained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=rf"is an expert of another run \({difference}"):
        trained(tmp_path, **changes)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: whole[:-5], "not a whole safetensors file"),
        (lambda whole: b"", "not a whole safetensors file"),
        (lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]), "altered"),
        (lambda whole: whole.replace(b"graphcond-expert/2", b"graphcond-expert/1"), "of another version"),
    ],
    ids=["truncated", "empty", "altered", "another format"],
)
def test_a_broken_file_is_refused(tmp_path, change, message):
    trained(tmp_path)
    path = tmp_path / "expert-001.safetensors"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        trained(tmp_path)


def test_a_training_that_diverges_is_refused_with_a_remedy(tmp_path):
    plan = ExpertPlan(number=1, checkpoints=4, interval=20, training=Training(learning_rate=1e4, momentum=0.99))
    with pytest.raises(ValueError, match=r"diverged \(learning_rate=10000.0\).*lower the learning rate"):
        trained(tmp_path, plan)
    assert list(tmp_path.iterdir()) == []


def test_each_expert_is_reported(tmp_path):
    for _ in range(2):
        reports: list[Progress] = []
        trained(tmp_path, run=RunContext(progress=reports.append))
        assert reports == [Progress(done, 3, "experts") for done in (1, 2, 3)]


@pytest.mark.parametrize("field", ["number", "checkpoints", "interval", "max_bytes"])
def test_settings_are_checked(field):
    with pytest.raises(ValueError, match=field):
        ExpertPlan(**{field: 0})


def counting_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second pass with every step of training."""
    now, train = [0.0], Student.train

    def step(self: Student, *args: Any) -> None:
        now[0] += 1
        train(self, *args)

    monkeypatch.setattr(run_context, "monotonic", lambda: now[0])
    monkeypatch.setattr(Student, "train", step)


@pytest.mark.parametrize(("seconds", "expert"), [(1, 1), (7, 1), (9, 2), (20, 3)])
def test_the_time_of_experts_counts(tmp_path, monkeypatch, seconds, expert):
    whole = trained()
    counting_steps(monkeypatch)
    with pytest.raises(OutOfTime, match=f"in the training of expert {expert} of 3: max_seconds={seconds} was over"):
        trained(tmp_path, run=RunContext(max_seconds=seconds))
    assert run_context.monotonic() == seconds
    names = sorted(path.name for path in tmp_path.iterdir())
    finished = [f"expert-{i:03d}.safetensors" for i in range(expert - 1)]
    assert names == [*finished, f"expert-{expert - 1:03d}.unfinished.safetensors"]
    assert_same(trained(tmp_path), whole)
    assert run_context.monotonic() == 3 * 8, "no step is taken twice"
    assert not list(tmp_path.glob("*.unfinished.*"))


def test_experts_in_pieces_of_no_time_are_the_same(tmp_path):
    for _ in range(3 * 8 - 3):  # the last step of each expert is followed by the first of the next
        with pytest.raises(OutOfTime):
            trained(tmp_path, run=RunContext(max_seconds=1e-9))
    assert_same(trained(tmp_path, run=RunContext(max_seconds=1e-9)), trained())


def test_an_unfinished_expert_of_another_run_is_refused(tmp_path):
    with pytest.raises(OutOfTime):
        trained(tmp_path, run=RunContext(max_seconds=1e-9))
    with pytest.raises(ValueError, match=r"unfinished.safetensors is an expert of another run \(seed: "):
        trained(tmp_path, seed=8)
