import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data

import graphcond
from graphcond import (
    GCDM,
    Checkpoint,
    CondensedDataset,
    DosCond,
    GCNSurrogate,
    GCond,
    LearnedEdges,
    NoEdges,
    Run,
    SGCSurrogate,
)
from graphcond.core.matching import driver
from graphcond.core.matching.driver import Outcome
from graphcond.core.matching.recipe import Recipe
from graphcond.core.run_context import RunContext
from graphcond.core.runtime import storage
from graphcond.core.runtime.randomness import seeded
from graphcond.nodes import quick_validation
from graphcond.nodes.methods import METHODS as NODE_METHODS
from graphcond.nodes.methods.base import NodeMethod
from graphcond.nodes.methods.matching import initial_nodes, thresholded
from graphcond.nodes.reading import read_nodes
from graphcond.synthetic.edges import PairwiseEdges

LOOPS = {"epochs": 3, "outer_steps": 4, "inner_steps": 2}
LEARNING_RATES = {"features_rate": 0.01, "structure_rate": 0.01}
QUICK: dict[str, dict[str, Any]] = {
    "gcond": LOOPS | LEARNING_RATES | {"structure_epochs": 1, "features_epochs": 1},
    "doscond": {"steps": 12} | LEARNING_RATES,
    "gcdm": LOOPS | LEARNING_RATES,
}
CLASSES: dict[str, Callable[..., NodeMethod]] = {"gcond": GCond, "doscond": DosCond, "gcdm": GCDM}
each_class = pytest.mark.parametrize("name", CLASSES)


def quick(name: str, **fields: Any) -> NodeMethod:
    return CLASSES[name](**(QUICK[name] | fields))


def condense(data: Data, method: NodeMethod, **options: Any) -> CondensedDataset:
    return graphcond.condense(data, method=method, **({"size": 6} | options))


@pytest.fixture(autouse=True)
def quick_validations(monkeypatch):
    monkeypatch.setattr(quick_validation, "STEPS", 6)
    monkeypatch.setattr(quick_validation, "EVALUATIONS", 1)


@pytest.fixture
def without_validation(toy: Data) -> Data:
    """The toy graph without validation nodes: the last step is kept, whatever it is worth."""
    toy.val_mask[:] = False
    return toy


def test_defaults_are_the_documented_ones_and_no_preset_is_applied_silently(without_validation):
    assert GCond() == GCond(
        structure=LearnedEdges(hidden=128, threshold=0.05), surrogate=SGCSurrogate(hops=2), distance="columns",
        epochs=600,
        outer_steps=20, inner_steps=15, inner_rate=0.01, features_rate=1e-4, structure_rate=1e-4, structure_epochs=10,
        features_epochs=40, real_per_class=256,
    )  # fmt: skip
    assert DosCond() == DosCond(
        structure=LearnedEdges(hidden=128, threshold=0.05), surrogate=SGCSurrogate(hops=2), distance="squared",
        steps=3000,
        features_rate=0.01, structure_rate=0.01, networks=None, real_per_class=256,
    )  # fmt: skip
    assert [NODE_METHODS[name]() for name in CLASSES] == [GCond(), DosCond(), GCDM()]
    without_validation.name = "ogbn-arxiv"
    record = condense(without_validation, NODE_METHODS["gcond"](), run=Run(max_seconds=1e-9)).record
    assert record.settings["features_rate"] == 1e-4
    assert record.settings["structure"] == "LearnedEdges(hidden=128, threshold=0.05, trimmed=True)"


def test_presets_are_the_papers_settings():
    assert GCond.preset("cora") == GCond.preset("citeseer") == GCond()
    wide = LearnedEdges(hidden=256, threshold=0.01)
    assert GCond.preset("ogbn-arxiv") == GCond(
        structure=wide, features_rate=0.01, structure_rate=0.01, inner_steps=3, epochs=1000
    )
    assert GCond.preset("flickr") == GCond(
        structure=wide, features_rate=0.005, structure_rate=0.005, outer_steps=10, inner_steps=1, epochs=1000
    )
    assert GCond.preset("reddit") == GCond(
        structure=wide, features_rate=0.1, structure_rate=0.1, outer_steps=10, inner_steps=1, epochs=1000
    )
    assert DosCond.preset("ogbn-arxiv") == DosCond(structure=wide)
    assert DosCond.preset("pubmed") == DosCond()


@pytest.mark.parametrize(
    ("name", "asked", "nearest"),
    [("gcond", "ogbn_arxiv", "ogbn-arxiv"), ("gcond", "Reddit", "reddit"), ("doscond", "pubmet", "pubmed"),
     ("gcond", "", "cora")],
)  # fmt: skip
def test_an_unknown_preset_names_the_nearest(name, asked, nearest):
    with pytest.raises(
        ValueError, match=rf"there is no preset '{asked}' of {CLASSES[name].__name__}; did you mean '\w"
    ) as error:
        CLASSES[name].preset(asked)
    if asked:
        assert f"did you mean '{nearest}'?" in str(error.value)
    assert "cora" in str(error.value)


WHOLE = {
    "gcond": ["epochs", "outer_steps", "structure_epochs", "features_epochs", "real_per_class"],
    "doscond": ["steps", "real_per_class"],
    "gcdm": ["epochs", "outer_steps", "real_per_class"],
}
RATES = {
    "gcond": ["inner_rate", "features_rate", "structure_rate"],
    "doscond": ["features_rate", "structure_rate"],
    "gcdm": ["inner_rate", "features_rate", "structure_rate"],
}
NUMBERS = [(name, field) for fields in (WHOLE, RATES) for name in fields for field in fields[name]]


@pytest.mark.parametrize(("name", "field"), NUMBERS)
def test_numbers_must_be_positive(name, field):
    for value in (0, -1):
        with pytest.raises(ValueError, match=f"{field} must be positive, got {value}"):
            CLASSES[name](**{field: value})
    for value in (True, "3", None):
        with pytest.raises(TypeError, match=f"{field} must be a (whole )?number, got {value!r}"):
            CLASSES[name](**{field: value})


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in WHOLE for field in WHOLE[name]])
def test_counts_must_be_whole(name, field):
    with pytest.raises(TypeError, match=f"{field} must be a whole number, got 2.0"):
        CLASSES[name](**{field: 2.0})


@pytest.mark.parametrize("name", ["gcond", "gcdm"])
def test_inner_steps_may_be_zero_but_not_less(toy, name):
    with pytest.raises(ValueError, match="inner_steps must be at least 0, got -1"):
        CLASSES[name](inner_steps=-1)
    with pytest.raises(TypeError, match="inner_steps"):
        CLASSES[name](inner_steps=False)
    assert condense(toy, quick(name, inner_steps=0))[0].num_nodes == 6


@pytest.mark.parametrize("name", ["gcond", "doscond"])
@pytest.mark.parametrize("distance", ["cosine", "", None])
def test_an_unknown_distance_names_the_known_ones(name, distance):
    with pytest.raises(ValueError, match=rf"distance must be one of columns, squared, normalized, got {distance!r}"):
        CLASSES[name](distance=distance)


@pytest.mark.parametrize("threshold", [-0.1, 1, 1.5, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(ValueError, match=rf"threshold must be in \[0, 1\), got {threshold}"):
        LearnedEdges(threshold=threshold)


def test_other_bad_fields_are_refused():
    for networks in (0, -3):
        with pytest.raises(ValueError, match=f"networks must be positive, got {networks}"):
            DosCond(networks=networks)
    for make in (lambda: LearnedEdges(hidden=0), lambda: GCNSurrogate(hidden=0)):
        with pytest.raises(ValueError, match="hidden must be positive, got 0"):
            make()
    with pytest.raises(ValueError, match="hops must be at least 0, got -1"):
        SGCSurrogate(hops=-1)


UNCHECKED = {
    "a rate that is not a number": lambda: GCond(features_rate=float("nan")),
    "an infinite rate": lambda: DosCond(structure_rate=float("inf")),
    "half a network": lambda: DosCond(networks=1.5),
    "a truth value as number of networks": lambda: DosCond(networks=True),
    "half a hidden unit": lambda: LearnedEdges(hidden=1.5),
    "a truth value as hidden units": lambda: LearnedEdges(hidden=True),
    "half a hop": lambda: SGCSurrogate(hops=1.5),
    "half a hidden unit of a surrogate": lambda: GCNSurrogate(hidden=1.5),
    "the name of a structure": lambda: GCond(structure="none"),
    "no structure": lambda: GCDM(structure=None),
    "the name of a surrogate": lambda: DosCond(surrogate="gcn"),
}


@pytest.mark.parametrize("field", UNCHECKED)
def test_bad_fields_are_refused_when_the_method_is_made(field):
    with pytest.raises((TypeError, ValueError)):
        UNCHECKED[field]()


@each_class
def test_the_name_in_the_record_says_whether_there_are_edges(without_validation, name):
    for structure, label in ((LearnedEdges(), name), (NoEdges(), f"{name}_x")):
        method = quick(name, structure=structure)
        assert NODE_METHODS.name_of(method) == label
        assert NODE_METHODS[label]().structure == structure
        assert condense(without_validation, method, run=Run(max_seconds=1e-9)).record.method == label


@pytest.mark.parametrize(
    ("surrogate", "structure"),
    [(SGCSurrogate(hops=1), NoEdges()), (GCNSurrogate(hidden=7), LearnedEdges(hidden=5, threshold=0.2))],
)
@each_class
def test_settings_in_the_record_make_the_method_again(without_validation, name, structure, surrogate):
    method = quick(name, structure=structure, surrogate=surrogate)
    record = condense(without_validation, method, run=Run(max_seconds=1e-9)).record
    settings = json.loads(json.dumps(record.settings))
    assert settings == record.settings
    names = {name: getattr(graphcond, name) for name in graphcond.__all__}
    for field in ("structure", "surrogate"):
        settings[field] = eval(settings[field], names)  # noqa: S307 (what the record promises)
    assert CLASSES[name](**settings) == method


@each_class
def test_without_edges_nodes_have_self_loops_only(toy, name):
    data = condense(toy, quick(name, structure=NoEdges()))[0]
    assert data.edge_index.tolist() == [list(range(6))] * 2
    assert data.edge_weight.tolist() == [1.0] * 6


@each_class
def test_threshold_zero_gives_the_dense_matrix(toy, name):
    data = condense(toy, quick(name, structure=LearnedEdges(threshold=0)))[0]
    dense = matrix(data)
    assert data.num_edges == 6 * 5
    assert not data.has_self_loops()
    torch.testing.assert_close(dense, dense.T)
    assert float(data.edge_weight.min()) > 0
    assert float(data.edge_weight.max()) <= 1


def test_edges_weigh_the_same_in_both_directions():
    with seeded(0), torch.no_grad():
        for count in range(2, 40):
            dense = PairwiseEdges(8, 16)(torch.randn(count, 8))
            assert torch.equal(dense, dense.T), count


@each_class
def test_a_threshold_leaves_the_edges_of_at_least_that_weight(without_validation, name):
    dense = matrix(condense(without_validation, quick(name, structure=LearnedEdges(threshold=0)))[0])
    threshold = float(dense[dense > 0].median())
    data = condense(without_validation, quick(name, structure=LearnedEdges(threshold=threshold)))[0]
    assert 0 < data.num_edges < 6 * 5
    assert float(data.edge_weight.min()) == threshold
    assert torch.equal(matrix(data), torch.where(dense >= threshold, dense, 0))


def test_the_threshold_itself_is_kept():
    weights = torch.tensor([[0.0, 0.25, 0.5], [0.25, 0.0, 0.75], [0.5, 0.75, 0.0]])
    assert thresholded(weights, 0.5).tolist() == [[0, 0, 0.5], [0, 0, 0.75], [0.5, 0.75, 0]]


def matrix(data: Data) -> Tensor:
    dense = torch.zeros(data.num_nodes, data.num_nodes)
    dense[tuple(data.edge_index)] = data.edge_weight
    return dense


def test_initial_nodes_are_training_nodes_of_their_class(toy):
    task = read_nodes(toy)
    allocation = torch.tensor([2, 3, 1])
    x, y, _ = initial_nodes(task, allocation)
    assert y.tolist() == [0, 0, 1, 1, 1, 2]
    assert len(x.unique(dim=0)) == 6
    for row, label in zip(x, y, strict=True):
        mine = toy.x[toy.train_mask & (toy.y == label)]
        assert bool((mine == row).all(dim=1).any())


def test_initial_nodes_beyond_a_class_are_jittered_copies(toy):
    task = read_nodes(toy)
    counts = task.class_counts
    x, y, _ = initial_nodes(task, 3 * counts)
    assert torch.equal(torch.bincount(y), 3 * counts)
    assert len(x.unique(dim=0)) == len(x)
    for label, count in enumerate(counts.tolist()):
        mine, made = toy.x[toy.train_mask & (toy.y == label)], x[y == label]
        gaps = torch.cdist(made, mine)
        assert sorted(gaps[:count].argmin(dim=1).tolist()) == list(range(count))
        assert torch.equal(gaps.min(dim=1).values[:count], torch.zeros(count))
        # Each node serves as often as any other, and noise of a hundredth of a deviation leaves it recognisable.
        assert torch.bincount(gaps.argmin(dim=1)).tolist() == [3] * count
        assert float(gaps.min(dim=1).values[count:].min()) > 0
        assert float(gaps.min(dim=1).values.max()) < 0.05 * float(x.std(dim=0).norm())


def test_initial_nodes_depend_on_the_random_state(toy):
    task, allocation = read_nodes(toy), torch.tensor([2, 2, 2])
    drawn = []
    for seed in (0, 0, 1):
        with seeded(seed):
            drawn.append(initial_nodes(task, allocation)[0])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@each_class
def test_more_nodes_than_a_class_has_are_all_different(toy, name):
    assert int(torch.bincount(toy.y[toy.train_mask]).max()) < 12
    data = condense(toy, quick(name), size="12/class")[0]
    assert torch.bincount(data.y).tolist() == [12, 12, 12]
    assert len(data.x.unique(dim=0)) == 36


def distance(recipe: Recipe) -> float:
    """Return the objective over twenty initial networks, always the same ones."""
    total, real, made = 0.0, recipe.source(0), recipe.synthetic.batch().detached()
    with seeded(7):
        for _ in range(20):
            weights = recipe.surrogate.init()
            statistic = recipe.objective.observe(recipe.surrogate, weights, real)
            total += float(recipe.objective.loss(recipe.surrogate, weights, statistic, made))
    return total / 20


@pytest.mark.parametrize("structure", [LearnedEdges(), NoEdges()], ids=["edges", "no edges"])
@each_class
def test_the_distance_falls(without_validation, monkeypatch, name, structure):
    run, distances = driver.run, []

    def measured(recipe: Recipe, conditions: RunContext) -> Outcome:
        distances.append(distance(recipe))
        outcome = run(recipe, conditions)
        distances.append(distance(recipe))
        return outcome

    monkeypatch.setattr(driver, "run", measured)
    length = {"steps": 60} if name == "doscond" else {"epochs": 12, "outer_steps": 5}
    rates = {"features_rate": 0.03, "structure_rate": 0.01}
    condense(without_validation, quick(name, structure=structure, **length, **rates))
    before, after = distances
    assert after < 0.5 * before


@each_class
def test_edges_and_features_are_both_learned(without_validation, name):
    first, later = (
        condense(without_validation, quick(name, structure=LearnedEdges(threshold=0)), run=Run(max_seconds=seconds))
        for seconds in (1e-9, None)
    )
    assert (first.record.choices["steps"], later.record.choices["steps"]) == (1, 12)
    assert not torch.equal(first[0].edge_weight, later[0].edge_weight)
    assert not bool((first[0].x == later[0].x).any())


@each_class
def test_validation_labels_matter_through_what_is_kept_only(toy, tmp_path, name):
    other = toy.clone()
    other.y = torch.where(toy.val_mask, (toy.y + 1) % 3, toy.y)
    results, ends = [], []
    for i, data in enumerate((toy, other)):
        path = tmp_path / str(i)
        results.append(condense(data, quick(name), run=Run(checkpoint=Checkpoint(path))))
        tensors, _ = storage.read(path, storage.CHECKPOINT)
        ends.append({key: value for key, value in tensors.items() if not key.startswith("best.")})
    first, second = (result.record.choices["scores"] for result in results)
    assert first != second
    assert ends[0].keys() == ends[1].keys()
    assert [key for key, value in ends[0].items() if not torch.equal(value, ends[1][key])] == []


@each_class
def test_what_is_kept_is_the_best_validation(toy, name):
    choices = condense(toy, quick(name)).record.choices
    scores = dict(choices["scores"])
    assert list(scores) == list(range(1, 13))
    assert scores[choices["kept_step"]] == max(scores.values())
    assert all(score < max(scores.values()) for step, score in scores.items() if step < choices["kept_step"])


@each_class
def test_without_validation_nodes_the_last_step_is_kept(without_validation, name):
    choices = condense(without_validation, quick(name)).record.choices
    assert choices == {"kept_step": 12, "steps": 12, "complete": True, "scores": []}


def test_a_pool_of_networks_is_another_run(without_validation):
    fresh, pool = (condense(without_validation, quick("doscond", networks=networks))[0].x for networks in (None, 2))
    assert not torch.equal(fresh, pool)
