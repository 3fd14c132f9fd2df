"""Two real processes share a run: the results of one process, the same bits on both."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond.core import run_context
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.alignment import FeatureAlignment
from graphcond.core.matching.objectives.distributions import DistributionMatching
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.objectives.kernel_ridge import KernelRidge
from graphcond.core.matching.objectives.trajectories import TrajectoryMatching
from graphcond.core.matching.objectives.unrolled_loss import OutcomeMatching
from graphcond.core.matching.recipe import Recipe, Validation
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.training import Student, Training
from graphcond.core.matching.unrolled import Unroll
from graphcond.core.matching.weight_samplers import Fresh, Pool, Trained, Weightless
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.processes import Processes, alone
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.nodes import propagation, quick_validation
from graphcond.nodes.reading import read_nodes
from graphcond.surrogates.infinite_width import InfiniteWidth
from graphcond.surrogates.two_layer import TwoLayer
from graphcond.synthetic.learned_rows import FreeTargets, HardLabels, LearnedRows

GCOND = graphcond.GCond(epochs=2, outer_steps=2, inner_steps=2, structure_epochs=1, features_epochs=1)
FEATURES, CLASSES, ROWS = 5, 3, 31
STEPS = 6


def same_bits(first: dict[str, Any], second: dict[str, Any]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(torch.as_tensor(value), torch.as_tensor(second[name])) for name, value in first.items())


def assert_close(first: dict[str, Tensor], second: dict[str, Tensor], tolerance: float = 1e-4) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=tolerance, atol=tolerance, msg=f"{name} differs")


# What processes tell one another.


def test_a_process_by_itself_takes_its_own_for_everything():
    assert Processes.current() == Processes(0, 1)
    tensors = (torch.randn(3), torch.randn(2, 2))
    processes = Processes()
    assert all(mine is given for mine, given in zip(processes.sum(tensors), tensors, strict=True))
    assert processes.gather(tensors[0], [0, 3]) is tensors[0]
    assert (processes.agree("a"), processes.first(lambda: "b"), processes.after_first(lambda: "c")) == ("a", "b", "c")
    processes.require_same({"seed": "0"})


@pytest.mark.parametrize(("rows", "count"), [(0, 2), (1, 3), (7, 3), (8, 2)])
def test_shares_are_whole_and_even(rows, count):
    bounds = Processes(0, count).bounds(rows)
    sizes = [stop - start for start, stop in itertools.pairwise(bounds)]
    assert (bounds[0], bounds[-1], len(sizes)) == (0, rows, count)
    assert max(sizes) - min(sizes) <= 1


def reported() -> dict[str, Any]:
    processes = Processes.current()
    rank = processes.rank
    work: list[int] = []
    with alone():
        by_itself = Processes.current()
    with pytest.raises(FileNotFoundError, match="on 0"):
        processes.first(lambda: open_nothing(rank))
    generator = torch.Generator().manual_seed(rank)
    mine = torch.randn(1001, generator=generator)
    return {
        "rank": rank,
        "alone": by_itself,
        "sum": processes.sum([torch.full((2, 3), rank + 1.0), torch.tensor(rank, dtype=torch.float64)]),
        "noise": processes.sum([mine])[0],
        "gathered": processes.gather(torch.full((2 - rank, 2), rank), [0, 2, 3]),
        "columns": processes.gather(torch.full((2, 1 + rank), rank), [0, 1, 3], dim=1),
        "unequal": processes.gather(torch.arange(4)[: 4 * (1 - rank)], [0, 4, 4]),
        "agreed": processes.agree(f"of {rank}"),
        "first": processes.first(lambda: work.append(rank) or torch.tensor(rank)),
        "work": len(work),
        "after": processes.after_first(lambda: rank),
    }


def open_nothing(rank: int) -> None:
    raise FileNotFoundError(f"on {rank}")


@pytest.mark.slow
def test_what_two_processes_tell_one_another(two_processes):
    first, second = two_processes(reported)
    assert [first["rank"], second["rank"], first["work"], second["work"]] == [0, 1, 1, 0]
    assert [first["after"], second["after"]] == [0, 1]
    assert torch.equal(first["noise"], second["noise"])
    for answer in (first, second):
        total, double = answer["sum"]
        assert torch.equal(total, torch.full((2, 3), 3.0))
        assert (double.dtype, double.shape, double.item()) == (torch.float64, (), 1.0)
        assert torch.equal(answer["gathered"], torch.tensor([[0, 0], [0, 0], [1, 1]]))
        assert torch.equal(answer["columns"], torch.tensor([[0, 1, 1], [0, 1, 1]]))
        assert torch.equal(answer["unequal"], torch.arange(4))
        assert (answer["agreed"], answer["first"].item(), answer["alone"]) == ("of 0", 0, Processes())


# What objectives observe.


@dataclass(frozen=True)
class Batches:
    """Random rows, others at every step unless ``constant``, class by class; ``targets`` stand for classes."""

    rows: int = ROWS
    targets: bool = False
    constant: bool = False

    def __call__(self, step: int) -> Batch:
        if self.constant:
            with seeded(3):
                return self._drawn()
        return self._drawn()

    def _drawn(self) -> Batch:
        y = (torch.arange(self.rows) % CLASSES).sort().values
        x = torch.randn(self.rows, FEATURES) + y.unsqueeze(1)
        if not self.targets:
            return Batch(x, y)
        targets = SingleLabel(CLASSES).centred(y)
        targets[:: self.rows] = 0  # a row that asks for nothing
        return Batch(x, targets)


@dataclass
class Watched:
    """An objective that notes how many real rows it is shown."""

    inner: Any
    seen: list[int]

    @property
    def adds(self) -> bool:
        return self.inner.adds

    def observe(self, surrogate: Any, weights: Any, real: Batch) -> Any:
        self.seen.append(len(real))
        return self.inner.observe(surrogate, weights, real)

    def loss(self, *args: Any) -> Tensor:
        return self.inner.loss(*args)


class Penalised(LearnedRows):
    """Rows that want to be small."""

    def penalty(self) -> Tensor:
        return 0.1 * self.x.square().sum()


class RandomFeatures(TwoLayer):
    """A network whose hidden layer is features."""

    def features(self, weights: Any, batch: Batch) -> Tensor:
        return self.layers(weights, batch)[-2]


def asked(batch: Batch) -> int:
    return int((batch.y != 0).any(dim=1).sum())


def mean_over_asked(prediction: Tensor, real: Batch) -> Tensor:
    errors = (prediction - real.y).square().sum(dim=1) * (real.y != 0).any(dim=1)
    return errors.sum() / max(asked(real), 1)


def led(surrogate: Any, weights: Any, real: Batch) -> Any:
    """Return where a training on all of a batch leads."""
    student = Student(weights, Training())
    student.train(surrogate, real, 3)
    return student.weights


OBJECTIVES = {
    "gradients": GradientMatching(),
    "summed gradients": GradientMatching(per_class=False, distance="normalized"),
    "distributions": DistributionMatching(kernel="quadratic"),
    "alignment": FeatureAlignment(alignment=DistributionMatching(layers=(1, 2)), discrimination=0.5),
    "outcome": OutcomeMatching(unroll=Unroll(steps=2, step_size=0.1, rows=4)),
    "trajectory": TrajectoryMatching(goal=led, unroll=Unroll(steps=2, step_size=0.1)),
    "kernel": KernelRidge(error=mean_over_asked, counted=asked),
}
SAMPLERS = {
    "fresh": Fresh,
    "trained": lambda surrogate: Trained(surrogate, 3, 2),
    "pool": lambda surrogate: Pool(surrogate, 2),
    "none": lambda surrogate: Weightless(),
}


@dataclass(frozen=True)
class Case:
    """Parts of a recipe."""

    objective: str
    sampler: str = "fresh"
    batches: Batches = Batches()
    rows_at_once: int | None = None


CASES = {
    **{name: Case(name) for name in ("gradients", "summed gradients", "distributions", "alignment", "outcome")},
    "whole trajectories": Case("trajectory"),
    "kernel": Case("kernel", "none", Batches(targets=True)),
    "constant kernel": Case("kernel", "none", Batches(targets=True, constant=True)),
    "pool": Case("distributions", "pool", Batches(constant=True)),
    "trained, in shards": Case("gradients", "trained", rows_at_once=4),
}
ONE_ROW = {f"{name}, one row": Case(name, batches=Batches(rows=1)) for name in ("gradients", "alignment", "outcome")}


def matched(name: str, **run: Any) -> dict[str, Any]:
    """Return what a few steps make of six rows, and which shares of the real rows they saw."""
    case = (CASES | ONE_ROW)[name]
    regression, seen = case.batches.targets, []
    liked = 1 - 2 * Processes.current().rank  # to have moved far, for the first process, whose word it is
    with seeded(1):
        x, y = torch.randn(6, FEATURES), torch.arange(6) % CLASSES
    surrogate = InfiniteWidth() if case.objective == "kernel" else RandomFeatures(FEATURES, 7, SingleLabel(CLASSES), x)
    made = Penalised(x, FreeTargets(SingleLabel(CLASSES).centred(y)) if regression else HardLabels(y))
    recipe = Recipe(
        synthetic=made,
        surrogate=surrogate,
        sampler=SAMPLERS[case.sampler](surrogate),
        objective=Watched(OBJECTIVES[case.objective], seen),
        source=case.batches,
        schedule=Schedule(rates={"features": 0.05, "labels": 0.05}, momentum=0.5),
        steps=STEPS,
        validation=Validation(score=lambda: liked * float((made.x.detach() - x).norm()), times=STEPS),
        rows_at_once=case.rows_at_once,
    )
    with seeded(2):
        outcome = driver.run(recipe, RunContext(**run))
        left = torch.rand(3)
    state = {name: value.clone() for name, value in made.state_dict().items()}
    return {"state": state | {"random": left}, "seen": seen, "outcome": outcome}


@pytest.mark.parametrize("case", CASES)
def test_an_objective_finds_the_same_in_shares(two_processes, case):
    whole = matched(case)
    first, second = two_processes(matched, case)
    assert same_bits(first["state"], second["state"])
    assert first["outcome"] == second["outcome"]
    assert_close(first["state"], whole["state"])
    assert first["outcome"].kept_step == whole["outcome"].kept_step == STEPS
    if case == "whole trajectories":
        assert first["seen"] == second["seen"] == whole["seen"]
    else:
        assert sum(first["seen"]) + sum(second["seen"]) == sum(whole["seen"])
        assert abs(sum(first["seen"]) - sum(second["seen"])) <= len(whole["seen"])


@pytest.mark.parametrize("case", ONE_ROW)
def test_a_row_that_cannot_be_shared_is_seen_by_all(two_processes, case):
    whole = matched(case)
    for answer in two_processes(matched, case):
        assert same_bits(answer["state"], whole["state"])
        assert answer["seen"] == [1] * STEPS


# Conditions.


def timed(late: int) -> int:
    """Return how many steps are done where one process's clock says that time is up at once."""
    rank = Processes.current().rank
    passing = iter(range(0, 10**6, 1000))
    now = (lambda: next(passing)) if rank == late else (lambda: 0)
    original, run_context.monotonic = run_context.monotonic, now
    try:
        return matched("gradients", max_seconds=10)["outcome"].steps
    finally:
        run_context.monotonic = original


def test_the_first_process_keeps_the_time(two_processes):
    assert two_processes(timed, 0) == [1, 1]
    assert two_processes(timed, 1) == [STEPS, STEPS]


def interrupted(case: str, folder: Path, at: int | None) -> dict[str, Any] | None:
    """Go on from a checkpoint in a folder of the process's own, and stop at a step."""

    def progress(report: graphcond.Progress) -> None:
        if report.done == at:
            raise KeyboardInterrupt

    own = folder / str(Processes.current().rank)
    own.mkdir(exist_ok=True)
    original, driver.REPORT_EVERY_SECONDS = driver.REPORT_EVERY_SECONDS, 0
    try:
        kept = graphcond.Checkpoint(own / "state", every_seconds=0)
        return matched(case, checkpoint=kept, identity={"seed": "0"}, progress=progress)["state"]
    except KeyboardInterrupt:
        return None
    finally:
        driver.REPORT_EVERY_SECONDS = original


@pytest.mark.parametrize("case", ["gradients", "kernel", "trained, in shards"])
def test_an_interrupted_run_ends_on_the_same_bits(two_processes, tmp_path, case):
    whole, _ = two_processes(matched, case)
    assert two_processes(interrupted, case, tmp_path, 4) == [None, None]
    assert [list((tmp_path / rank).iterdir()) for rank in "01"] == [[tmp_path / "0" / "state"], []]
    first, second = two_processes(interrupted, case, tmp_path, None)
    assert same_bits(first, whole["state"])
    assert same_bits(second, whole["state"])


def refused(checkpoint: Path) -> str:
    with pytest.raises(ValueError, match="another run") as caught:
        matched("gradients", checkpoint=graphcond.Checkpoint(checkpoint), identity={"seed": "1"})
    return str(caught.value)


def test_a_checkpoint_that_the_first_process_refuses_is_refused_on_all(two_processes, tmp_path):
    path = tmp_path / "state"
    two_processes(matched, "gradients", checkpoint=graphcond.Checkpoint(path), identity={"seed": "0"})
    first, second = two_processes(refused, path)
    assert first == second


# Whole calls.


@contextmanager
def validated_briefly() -> Iterator[None]:
    """Train the small networks of quick validation for a few steps, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick_validation, "STEPS", 20)
        yield


def condensed(dataset: Any, share_all: bool = False, checkpoint: Path | None = None, **arguments: Any) -> dict:
    """Return the tensors of a condensed dataset, and what its record says."""
    usual = propagation.SHARED_FROM
    propagation.SHARED_FROM = 0 if share_all else usual
    before = torch.get_rng_state()
    reports: list[graphcond.Progress] = []
    try:
        with validated_briefly():
            run = graphcond.Run(progress=reports.append, checkpoint=checkpoint)
            small = graphcond.condense(dataset, run=run, **arguments)
    finally:
        propagation.SHARED_FROM = usual
    assert torch.equal(before, torch.get_rng_state())
    if isinstance(small, recsys.CondensedInteractions):
        tensors = {"users": torch.from_numpy(small.user_items.toarray())}
    else:
        tensors = {f"{i}.{name}": value for i, item in enumerate(small) for name, value in item.to_dict().items()}
    choices = {name: small.record.choices.get(name) for name in ("kept_step", "steps", "complete")}
    return {
        "tensors": {name: value for name, value in tensors.items() if isinstance(value, Tensor)},
        "choices": choices,
        "processes": small.record.processes,
        "reports": len(reports),
    }


def assert_shared(
    two_processes: Any, dataset: Any, tolerance: float = 1e-3, alike: bool = False, **arguments: Any
) -> None:
    """Two processes give what one gives but for rounding; with ``alike``, items of a row may change places."""
    whole = condensed(dataset, **arguments)
    first, second = two_processes(condensed, dataset, share_all=True, **arguments)
    assert same_bits(first["tensors"], second["tensors"])
    assert first["choices"] == second["choices"] == whole["choices"]
    assert (whole["processes"], first["processes"], second["processes"]) == (1, 2, 2)
    assert first["reports"] > 0 or not whole["reports"]
    assert second["reports"] == 0
    shared, alone = ({k: v.sort(dim=1).values if alike else v for k, v in t["tensors"].items()} for t in (first, whole))
    assert_close(shared, alone, tolerance)


@pytest.mark.parametrize(
    "method",
    [
        GCOND,
        graphcond.GCSNTK(steps=4, real_per_class=5),
        "auto",
        "class_mean",
    ],
    ids=lambda method: str(getattr(method, "name", method)),
)
def test_nodes(two_processes, toy: Data, method):
    assert_shared(two_processes, toy, size=6, method=method)


def learned_in_float64(data: Data, method: Any) -> Tensor:
    """Return the features that a method learns where all numbers have twice the digits."""
    usual = propagation.SHARED_FROM, torch.get_default_dtype()
    propagation.SHARED_FROM = 0 if Processes.current().count > 1 else usual[0]
    task = read_nodes(data)
    torch.set_default_dtype(torch.float64)
    try:
        graph = replace(
            task.train.graph, x=task.train.graph.x.double(), edge_weight=task.train.graph.edge_weight.double()
        )
        parts = {name: replace(getattr(task, name), graph=graph) for name in ("train", "val", "test")}
        with seeded(0), validated_briefly():
            found = method.condense(replace(task, **parts), torch.full((task.num_classes,), 2))
    finally:
        propagation.SHARED_FROM = usual[0]
        torch.set_default_dtype(usual[1])
    assert found.x.dtype == torch.float64
    return found.x


@pytest.mark.parametrize(
    "method",
    [GCOND, graphcond.DosCond(steps=4), graphcond.GCDM(epochs=2, outer_steps=2)],
    ids=lambda method: type(method).__name__,
)
def test_what_two_processes_learn_differs_by_rounding_only(two_processes, toy: Data, method):
    """With twice the digits the difference falls from 1e-3 by the same factor: it is the order of the sums."""
    whole = learned_in_float64(toy, method)
    first, second = two_processes(learned_in_float64, toy, method)
    assert torch.equal(first, second)
    torch.testing.assert_close(first, whole, rtol=0, atol=1e-10)


def test_graphs(two_processes, make_graphs):
    assert_shared(two_processes, make_graphs(), size="2/class", method=graphcond.DosCondGraphs(steps=6))


@pytest.mark.parametrize(
    "method",
    [
        graphcond.DM(architecture=graphcond.ConvNet(width=4), steps=4, networks=2, validations=1),
        graphcond.KIP(steps=4, validations=1),
    ],
    ids=lambda method: type(method).__name__,
)
def test_images(two_processes, method):
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(40) % 2
    x = torch.rand(40, 1, 8, 8, generator=generator) + y.view(-1, 1, 1, 1)
    assert_shared(two_processes, (x, y), size="2/class", method=method)


@pytest.mark.parametrize("loss", ["squares", "likelihood", "reconstruction"])
def test_interactions(two_processes, loss):
    matrix = recsys.read_interactions(recsys.generate_interactions(120, 30, 1500, seed=0)).user_items()
    # Where a start from clusters makes items alike, rounding decides which are kept, and from then on all else.
    steps, alike = (2, True) if loss == "likelihood" else (8, False)
    method = recsys.DistillCF(loss=loss, steps=steps, validations=2)
    assert_shared(two_processes, matrix, alike=alike, ratio=0.1, method=method)


def hops(adjacency: Tensor, x: Tensor) -> Tensor:
    usual, propagation.SHARED_FROM = propagation.SHARED_FROM, 0
    try:
        return propagation.propagate(adjacency, x, 2)
    finally:
        propagation.SHARED_FROM = usual


@pytest.mark.parametrize("width", [1, 2, 37, 130])
def test_propagation_of_shared_columns_has_the_bits_of_one_process(two_processes, width):
    edge_index, x = torch.randint(300, (2, 2000)), torch.randn(300, width)
    adjacency = propagation.adjacency_matrix(*edge_index, torch.rand(2000), 300)
    whole = propagation.propagate(adjacency, x, 2)
    for shared in two_processes(hops, adjacency, x):
        assert torch.equal(shared, whole)


def differing(data: Data, **changes: Callable[[int], Any]) -> str:
    rank = Processes.current().rank
    if rank and not changes:
        data.x[0, 0] += 1
    arguments = {"size": 6, "method": "gcond"} | {name: value[rank] for name, value in changes.items()}
    with pytest.raises(ValueError, match="all processes must be given the same") as caught:
        graphcond.condense(data, **arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "source"),
        ({"seed": (0, 1)}, "seed"),
        ({"size": (6, 9)}, "nodes per class"),
        ({"method": ("gcond", "doscond")}, "method"),
        ({"run": (graphcond.Run(), graphcond.Run(max_seconds=1))}, "max_seconds"),
        ({"run": (graphcond.Run(), graphcond.Run(checkpoint="state"))}, "checkpoint"),
    ],
    ids=["dataset", "seed", "size", "method", "time", "checkpoint"],
)
def test_processes_that_were_given_different_things_are_reported_so(two_processes, toy: Data, changes, name):
    first, second = two_processes(differing, toy, **changes)
    assert first == second
    assert f"but {name} is" in first


def evaluated_by_one(data: Data) -> int | None:
    small = graphcond.condense(data, size=6, method="random_propagated")
    if Processes.current().rank:
        return None
    report = graphcond.evaluate(small, data, models=["mlp"], protocol="standard(runs=1)", controls=["class_mean"])
    return len(report.rows)


def test_one_process_evaluates_by_itself(two_processes, toy: Data):
    first, second = two_processes(evaluated_by_one, toy)
    assert first
    assert second is None


@pytest.mark.slow
def test_the_command_line_under_torchrun(tmp_path):
    output = tmp_path / "small.safetensors"
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "graphcond"),
        *("condense", "citeseer", "--size=6", "--method=gcond", "--max-seconds=0.5", "--json"),
        f"--output={output}",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)["record"]  # printed once
    small = graphcond.load(output)
    assert record["processes"] == small.record.processes == 2
    assert small[0].num_nodes == 6
    assert done.stderr.count("isolated") == 1


def dying(data: Data, path: Path) -> None:
    """End the first process in the middle of a run, as a kill does."""

    def progress(report: graphcond.Progress) -> None:
        if report.done == 2:
            os._exit(9)

    driver.REPORT_EVERY_SECONDS = 0
    kept = graphcond.Checkpoint(path, every_seconds=0)
    graphcond.condense(data, size=6, method=GCOND, run=graphcond.Run(checkpoint=kept, progress=progress))


@pytest.mark.slow
def test_a_killed_run_ends_on_the_same_bits(two_processes, toy: Data, tmp_path):
    call = {"size": 6, "method": GCOND}
    whole, _ = two_processes(condensed, toy, **call)
    with pytest.raises(EOFError):
        two_processes(dying, toy, tmp_path / "state")
    for again in two_processes(condensed, toy, checkpoint=tmp_path / "state", **call):
        assert same_bits(again["tensors"], whole["tensors"])
