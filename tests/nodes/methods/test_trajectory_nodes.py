from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Data

import graphcond
from graphcond import (
    GEOM,
    SFGC,
    Checkpoint,
    CondensedDataset,
    Curriculum,
    ExpertPlan,
    GCNSurrogate,
    Progress,
    Run,
    SGCSurrogate,
    Training,
    Window,
)
from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.driver import Outcome
from graphcond.core.matching.experts import Experts
from graphcond.core.matching.objectives.trajectories import TrajectoryMatching
from graphcond.core.matching.recipe import Recipe
from graphcond.core.matching.replay import Replay
from graphcond.core.matching.unrolled import Unroll
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.randomness import seeded
from graphcond.core.targets import SingleLabel
from graphcond.nodes.methods.geom import CurriculumBatches, KnowledgeEmbedding, difficulty
from graphcond.nodes.methods.trajectories import TrajectoryMethod, scaled
from graphcond.nodes.reading import read_nodes
from graphcond.nodes.source import surrogate_batch
from graphcond.surrogates.row_space import RowSpaceUnroll

pytestmark = pytest.mark.usefixtures("quick")

STEPS = 8
TRAINING = Training(learning_rate=0.1, momentum=0.9)
PLAN = ExpertPlan(number=2, checkpoints=5, interval=4, training=TRAINING)
QUICK: dict[str, Any] = {
    "surrogate": GCNSurrogate(hidden=8), "experts": PLAN, "window": Window(max_start=2), "expert_span": 3,
    "unroll_steps": 6,
    "steps": STEPS,
    "features_rate": 0.1,
}  # fmt: skip
CLASSES: dict[str, Callable[..., TrajectoryMethod]] = {"sfgc": SFGC, "geom": GEOM}
each_class = pytest.mark.parametrize("name", CLASSES)


def quick(name: str, **fields: Any) -> TrajectoryMethod:
    return CLASSES[name](**(QUICK | fields))


def condense(data: Data, method: TrajectoryMethod, path: Path | None = None, **options: Any) -> CondensedDataset:
    if path is not None:
        kept = Checkpoint(path, every_seconds=0)
        options["run"] = replace(options.get("run", Run()), checkpoint=kept)
    return graphcond.condense(data, method=method, **({"size": 6} | options))


def assert_same(first: CondensedDataset, second: CondensedDataset) -> None:
    assert first[0].keys() == second[0].keys()
    for name, value in first[0]:
        assert torch.equal(value, second[0][name]), name
    assert first.record.choices == second.record.choices


def interrupting(what: str, at: int) -> Callable[[Progress], None]:
    def progress(report: Progress) -> None:
        if (report.what, report.done) == (what, at):
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def without_validation(toy: Data) -> Data:
    """The toy graph without validation nodes: the last step is kept, whatever it is worth."""
    toy.val_mask[:] = False
    return toy


@pytest.fixture
def recipes(monkeypatch) -> list[Recipe]:
    """The recipes that are run, at whose distances one can look."""
    seen: list[Recipe] = []
    run = driver.run

    def noted(recipe: Recipe, conditions: RunContext) -> Outcome:
        seen.append(recipe)
        return run(recipe, conditions)

    monkeypatch.setattr(driver, "run", noted)
    return seen


def distance(recipe: Recipe) -> float:
    """Return the objective over thirty trajectories, always the same ones."""
    total, made = 0.0, recipe.synthetic.batch().detached()
    with seeded(7):
        for _ in range(30):
            weights = recipe.sampler.draw(10**6)
            statistic = recipe.objective.observe(recipe.surrogate, weights, recipe.source(0))
            total += recipe.objective.loss(recipe.surrogate, weights, statistic, made).item()
    return total / 30


@each_class
def test_the_distance_falls(without_validation, recipes, name):
    condense(without_validation, quick(name, steps=1, features_rate=1e-9, step_size_rate=0.0))
    condense(without_validation, quick(name, steps=80, features_rate=0.3))
    before, after = map(distance, recipes)
    assert after < 0.65 * before


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_training_nodes_without_edges_lead_where_experts_went(without_validation, recipes, momentum):
    without_validation.edge_index = without_validation.edge_index[:, :0]
    count = int(without_validation.train_mask.sum())
    training = Training(learning_rate=0.1, momentum=momentum)
    method = quick(
        "sfgc", experts=ExpertPlan(number=2, checkpoints=3, interval=4, training=training), window=Window(max_start=0),
        unroll_steps=12, unroll_momentum=momentum, step_size=0.1, features_rate=1e-12, step_size_rate=0.0,
    )  # fmt: skip
    condense(without_validation, method, size=count)
    assert distance(recipes[0]) < 1e-4  # weights are kept in half precision
    condense(without_validation, replace(method, step_size=0.05), size=count)
    assert distance(recipes[1]) > 0.01


@each_class
def test_the_scale_of_features_does_not_matter(without_validation, name):
    small = condense(without_validation, quick(name))
    without_validation.x *= 37
    large = condense(without_validation, quick(name))
    torch.testing.assert_close(large[0].x, 37 * small[0].x, rtol=1e-3, atol=1e-2)
    choices, others = small.record.choices, large.record.choices
    assert others["scale"] == pytest.approx(choices["scale"] / 37, rel=1e-5)
    assert others["learning_rate"] == pytest.approx(choices["learning_rate"], rel=1e-3)


def test_scaled_rows_have_length_one_on_average():
    batch, scale = scaled(Batch(torch.randn(50, 4) * 3, torch.zeros(50)))
    assert batch.x.square().sum(dim=1).mean().item() == pytest.approx(1, rel=1e-5)
    assert scale == pytest.approx(1 / 6, rel=0.3)
    assert scaled(Batch(torch.zeros(5, 4), torch.zeros(5)))[1] == 1


@each_class
def test_what_is_given_back(toy, name):
    small = condense(toy, quick(name))
    choices = small.record.choices
    assert set(choices) == {"kept_step", "steps", "complete", "scores", "scale", "learning_rate"}
    assert (choices["steps"], choices["complete"]) == (STEPS, True)
    assert torch.equal(small[0].edge_index, torch.arange(6).repeat(2, 1))
    assert choices["learning_rate"] != pytest.approx(0.1, rel=1e-6)
    assert ("y_soft" in small[0]) == (name == "geom")
    scores = dict(choices["scores"])
    assert scores[choices["kept_step"]] == max(scores.values())


@each_class
def test_a_step_size_that_is_not_learned_stays(toy, name):
    assert condense(toy, quick(name, step_size_rate=0.0)).record.choices["learning_rate"] == pytest.approx(0.1)


@each_class
def test_without_validation_nodes_the_last_step_is_kept(without_validation, name):
    choices = condense(without_validation, quick(name)).record.choices
    assert (choices["kept_step"], choices["scores"]) == (STEPS, [])


@each_class
@pytest.mark.parametrize(("rows", "kind"), [(7, RowSpaceUnroll), (8, Unroll), (30, Unroll)])
def test_students_are_trained_in_whichever_way_takes_fewer_products(name, rows, kind):
    made = quick(name).unroll(Batch(torch.zeros(rows, 8), torch.zeros(rows)))
    assert made == kind(steps=6, step_size=0.1, momentum=0.9)


@each_class
def test_nodes_do_not_depend_on_how_students_are_trained(without_validation, monkeypatch, name):
    rows = condense(without_validation, quick(name))
    monkeypatch.setattr("graphcond.nodes.methods.trajectories.RowSpaceUnroll", Unroll)
    torch.testing.assert_close(condense(without_validation, quick(name))[0].x, rows[0].x, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "what", "at"),
    [("sfgc", "experts", 1), ("geom", "experts", 2), ("geom", "matching", 1), ("sfgc", "matching", 5)],
)
def test_an_interruption_leaves_no_trace(toy, tmp_path, name, what, at):
    path = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        condense(toy, quick(name), path, run=Run(progress=interrupting(what, at)))
    experts = sorted((tmp_path / "state.experts").iterdir())
    assert len(experts) == (at if what == "experts" else 2)
    kept = [file.stat().st_mtime_ns for file in experts]
    reports: list[Progress] = []
    again = condense(toy, quick(name), path, run=Run(progress=reports.append))
    assert [file.stat().st_mtime_ns for file in experts] == kept
    assert [report.done for report in reports if report.what == "experts"] == [1, 2]
    first = next(report.done for report in reports if report.what == "matching")
    assert first == (1 if what == "experts" else at)
    assert_same(again, condense(toy, quick(name)))


def test_a_run_in_pieces_of_no_time_ends_on_the_same_bits(toy, tmp_path):
    plan = ExpertPlan(number=2, checkpoints=5, interval=1, training=TRAINING)
    method = quick("geom", experts=plan)
    went = [condense(toy, method, tmp_path / "state", run=Run(max_seconds=1e-9))]
    while not went[-1].record.choices["complete"]:
        went.append(condense(toy, method, tmp_path / "state", run=Run(max_seconds=1e-9)))
    of_experts = plan.number * (plan.checkpoints * plan.interval - 1)  # a call takes one step, or ends an expert too
    assert [small.record.choices["steps"] for small in went] == [0] * of_experts + list(range(1, STEPS + 1))
    assert_same(went[-1], condense(toy, method))


@each_class
def test_what_is_out_of_time_in_the_training_of_experts_gives_the_nodes_it_starts_from(toy, name):
    small = condense(toy, quick(name), run=Run(max_seconds=1e-9))
    assert small[0].num_nodes == condense(toy, quick(name))[0].num_nodes
    assert "in the training of expert 1 of 2" in small.record.choices["stopped"]
    (note,) = (note for note in small.record.notes if "stopped in the training" in note)
    assert "give Run(checkpoint=...) to go on later" in note


def test_without_a_checkpoint_nothing_is_written(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    condense(toy, quick("sfgc"))
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_run_is_refused_before_experts_are_trained(toy, tmp_path):
    condense(toy, quick("sfgc"), tmp_path / "state")
    reports: list[Progress] = []
    with pytest.raises(ValueError, match=r"belongs to another run \(method: "):
        condense(toy, quick("sfgc", expert_span=2), tmp_path / "state", run=Run(progress=reports.append))
    assert reports == []


def test_experts_of_another_run_are_refused(toy, tmp_path):
    condense(toy, quick("sfgc"), tmp_path / "state")
    (tmp_path / "state").unlink()
    with pytest.raises(ValueError, match=r"is an expert of another run \(method: "):
        condense(toy, quick("sfgc", steps=9), tmp_path / "state")


def test_an_unusable_path_is_refused_before_experts_are_trained(toy, tmp_path):
    with pytest.raises(FileNotFoundError):
        condense(toy, quick("sfgc"), tmp_path / "missing" / "state", run=Run(progress=interrupting("experts", 1)))
    assert list(tmp_path.iterdir()) == []


@each_class
@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            {"expert_span": 4},
            ValueError,
            "max_start=2 with expert_span=4 needs experts with 6 checkpoints, they have 5",
        ),
        ({"surrogate": SGCSurrogate()}, TypeError, "surrogate must be GCNSurrogate"),
        ({"experts": 5}, TypeError, "experts must be ExpertPlan"),
        ({"window": (0, 3)}, TypeError, "window must be Window"),
        ({"unroll_steps": 0}, ValueError, "unroll_steps must be positive"),
        ({"features_rate": -1.0}, ValueError, "features_rate must be positive"),
        ({"step_size": 0.0}, ValueError, "step_size must be positive"),
    ],
)
def test_settings_are_checked(name, fields, error, message):
    with pytest.raises(error, match=message):
        quick(name, **fields)


def test_settings_of_the_curriculum_are_checked():
    with pytest.raises(TypeError, match="curriculum must be Curriculum"):
        quick("geom", curriculum=0.5)
    with pytest.raises(ValueError, match="share must be at most 1"):
        Curriculum(initial_share=1.5)
    with pytest.raises(ValueError, match="pacing must be one of linear, root, geometric, got 'slow'"):
        Curriculum(pacing="slow")


@pytest.mark.parametrize(
    ("pacing", "middle"), [("linear", 0.75), ("root", 0.625**0.5), ("geometric", 0.5**0.5)]
)  # fmt: skip
def test_a_curriculum_goes_from_its_share_to_all(pacing, middle):
    curriculum = Curriculum(initial_share=0.5, steps=20, pacing=pacing)
    shares = [curriculum.at(step) for step in range(30)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0.5)
    assert shares[10] == pytest.approx(middle)
    assert shares[19] < 1
    assert set(shares[20:]) == {1.0}


def test_training_batches_show_the_easiest_nodes_and_then_more_and_more(toy):
    real = surrogate_batch(read_nodes(toy).train, GCNSurrogate())
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(1))
    training_batches = CurriculumBatches(real, order, Curriculum(initial_share=0.25, steps=10, pacing="linear"))
    weights = GCNSurrogate(hidden=4).build(8, SingleLabel(3), real.x).init()
    logits = GCNSurrogate(hidden=4).build(8, SingleLabel(3), real.x).layers(weights, real)[-1]
    counts = []
    for step in range(12):
        seen = training_batches(step)
        counts.append(len(seen))
        assert torch.equal(seen.y, real.y[order[: len(seen)]] if len(seen) < 20 else real.y)
        if len(seen) < 20:  # with the same neighbours as before
            mine = GCNSurrogate(hidden=4).build(8, SingleLabel(3), real.x).layers(weights, seen)[-1]
            torch.testing.assert_close(mine, logits[order[: len(seen)]])
    assert counts == [5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 20]
    assert training_batches(11) is real


def test_experts_see_nodes_in_easy_neighbourhoods_first(toy):
    task = read_nodes(toy)
    real = surrogate_batch(task.train, GCNSurrogate())
    hard = difficulty(task)
    training_batches = quick("geom", curriculum=Curriculum(initial_share=0.4)).training_batches(task, real)()
    first = real.take(hard.argsort(stable=True)[:8])
    assert torch.equal(training_batches(0).x, first.x)
    assert torch.equal(training_batches(0).y, first.y)
    assert hard.min() < hard.max()


def test_a_curriculum_never_shows_nothing(toy):
    real = surrogate_batch(read_nodes(toy).train, GCNSurrogate())
    assert len(CurriculumBatches(real, torch.arange(20), Curriculum(initial_share=0.01))(0)) == 1


def test_nodes_among_others_of_their_class_are_easy():
    """Two cliques of labelled nodes, and one node that belongs to both."""
    sizes, y = 6, torch.tensor([0] * 6 + [1] * 6 + [0])
    edges = [(i, j) for start in (0, sizes) for i in range(start, start + sizes) for j in range(start, i)]
    edges += [(12, j) for j in range(12)]
    edge_index = torch.tensor(edges).T
    x = F.one_hot(y, 2).float() + 0.1 * torch.randn(13, 2, generator=torch.Generator().manual_seed(0))
    data = Data(x=x, y=y, edge_index=torch.cat([edge_index, edge_index.flip(0)], dim=1))
    data.train_mask, data.val_mask = torch.ones(13, dtype=torch.bool), torch.zeros(13, dtype=torch.bool)
    found = difficulty(read_nodes(data))
    assert int(found.argmax()) == 12
    # By hand: neighbours weigh 1 / sqrt(degree of both), the shared node 1 / 13 within itself.
    one, shared = 6 / (7 * 13) ** 0.5, 1 / 13
    p = torch.tensor([one + shared, one]) / (2 * one + shared)
    assert found[12].item() == pytest.approx(-(p * p.log()).sum().item(), abs=1e-5)
    assert found[:6].max().item() == pytest.approx(0, abs=1e-5)  # all of class 0, the shared node as well


def test_soft_labels_start_as_what_an_expert_says_with_the_true_class_in_front():
    surrogate = GCNSurrogate(hidden=6).build(5, SingleLabel(3), torch.zeros(1))
    with seeded(0):
        weights = tuple(weight.half() for weight in surrogate.init())
        start = Batch(10 * torch.randn(20, 5), torch.arange(20) % 3)
    experts = Experts(((weights, weights),), torch.zeros(1))
    said = surrogate.layers(tuple(weight.float() for weight in weights), start)[-1]
    logits = quick("geom").labels(surrogate, experts, start).logits
    right = said.argmax(dim=1) == start.y
    assert 0 < int(right.sum()) < 20
    assert torch.equal(logits[right], said[right])
    for made, heard, label in zip(logits[~right], said[~right], start.y[~right].tolist(), strict=True):
        assert made[label] == heard.max()
        others = [c for c in range(3) if c != label]
        assert torch.equal(made[others], heard[others])
    assert logits.requires_grad


def test_knowledge_embedding_adds_what_the_expert_thinks_of_the_labels_in_the_end(without_validation, recipes):
    condense(without_validation, quick("geom", embedding=0.25))
    recipe = recipes[0]
    objective, replay = recipe.objective, recipe.sampler
    assert isinstance(objective, KnowledgeEmbedding)
    assert isinstance(replay, Replay)
    weights, made = replay.draw(0), recipe.synthetic.batch().detached()
    goal, teacher = objective.observe(recipe.surrogate, weights, recipe.source(0))
    assert all(torch.equal(a, b) for a, b in zip(teacher, replay.end(), strict=True))
    said = recipe.surrogate.layers(teacher, made)[-1].softmax(dim=1)
    divergence = (made.y * (made.y / said).log()).sum(dim=1).mean()
    plain = objective.matching.loss(recipe.surrogate, weights, goal, made)
    total = objective.loss(recipe.surrogate, weights, (goal, teacher), made)
    assert total.item() == pytest.approx((plain + 0.25 * divergence).item(), rel=1e-5)


def test_without_embedding_trajectories_are_all(without_validation, recipes):
    condense(without_validation, quick("geom", embedding=0.0))
    assert isinstance(recipes[0].objective, TrajectoryMatching)


def test_labels_are_learned(without_validation):
    still, moved = (condense(without_validation, quick("geom", labels_rate=rate))[0] for rate in (0.0, 0.05))
    own = still.y_soft.gather(1, still.y.unsqueeze(1)).squeeze(1)
    assert torch.equal(own, still.y_soft.max(dim=1).values)
    assert not torch.equal(still.y_soft, moved.y_soft)


def test_the_curriculum_and_the_window_matter(without_validation):
    window = Window(max_start=2, first_max_start=0, widened_every=4)
    plain = condense(without_validation, quick("geom"))[0].x
    widening = condense(without_validation, quick("geom", window=window))[0].x
    at_once = condense(without_validation, quick("geom", window=window, curriculum=Curriculum(initial_share=1.0)))[0].x
    assert not torch.equal(plain, widening)
    assert not torch.equal(widening, at_once)
