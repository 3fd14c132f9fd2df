import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.data import Data

from graphcond.core.run import Run
from graphcond.core.runtime.parallel import Engine
from graphcond.core.runtime.progress import Progress
from graphcond.core.size import Size
from graphcond.core.targets import SingleLabel
from graphcond.graphs.budget import GraphBudget
from graphcond.graphs.methods.mirage import Mirage
from graphcond.graphs.mining import counting as tally
from graphcond.graphs.mining.out_of_core import Mined, mine
from graphcond.graphs.mining.shards import Shard, shards_of, write_shard
from graphcond.graphs.storage.packing import canonical
from graphcond.graphs.task import GraphSet, GraphTask

Make = Callable[..., GraphSet]


def whole(graphs: GraphSet, **options: Any) -> tuple[list[Data], dict[str, Any]]:
    nothing = graphs.take(torch.arange(0))
    task = GraphTask(graphs, nothing, nothing, SingleLabel(int(graphs.y.max()) + 1))
    found = Mirage(**options).condense(task, GraphBudget(Size.everything()))
    return canonical(found.items), found.choices


def assert_same(found: Sequence[Data], expected: Sequence[Data]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert sorted(one.keys()) == sorted(other.keys())
        for key in other.keys():  # noqa: SIM118 (not a mapping)
            assert one[key].dtype == other[key].dtype, key
            assert torch.equal(one[key], other[key]), key


def mined(graphs: GraphSet, size: int, **options: Any) -> Mined:
    calling = {name: options.pop(name) for name in ("workers", "engine", "folder", "run") if name in options}
    return mine(shards_of(graphs, size), Mirage(**({"depth": 2, "threshold": (3, 4)} | options)), **calling)


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"depth": 0},
        {"degrees": True, "threshold": (0.2, 0.1)},
        {"edges": False, "multiplicities": False},
        {"closed": False, "depth": 1},
    ],
    ids=str,
)
def test_shards_give_what_the_whole_gives(make_set: Make, size: int, options: dict[str, Any]) -> None:
    graphs = make_set(40, edge_attr=True)
    expected, choices = whole(graphs, **{"depth": 2, "threshold": (3, 4)} | options)
    found = mined(graphs, size, **options)
    assert_same(found.items, expected)
    assert [supports[:10] for supports in found.supports] == choices["supports"]
    assert [len(supports) for supports in found.supports] == choices["patterns"]
    assert found.distinct_trees == choices["distinct_trees"]
    assert found.thresholds == choices["thresholds"]
    assert found.class_counts == [20, 20]


@pytest.mark.parametrize("features", ["codes", "one_hot"])
def test_several_classes_without_edge_features(make_set: Make, features: str) -> None:
    graphs = make_set(50, classes=4, features=features, seed=3)
    expected, _ = whole(graphs, depth=1, threshold=(3, 2, 4, 3))
    assert_same(mined(graphs, 11, depth=1, threshold=(3, 2, 4, 3)).items, expected)


def test_classes_need_not_be_in_every_shard(make_set: Make) -> None:
    graphs = make_set(40)
    graphs = graphs.take(graphs.y.argsort(stable=True))
    expected, _ = whole(graphs, depth=2, threshold=3)
    empty = shards_of(graphs, 40)[0]().take(torch.arange(0))
    shards: list[Shard] = [partial(GraphSet.take, graphs, torch.arange(15)), lambda: empty]
    shards.append(partial(GraphSet.take, graphs, torch.arange(15, 40)))
    assert_same(mine(shards, Mirage(depth=2, threshold=(3, 3))).items, expected)


def test_counts_are_added_range_by_range(make_set: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = make_set(40, edge_attr=True)
    expected = mined(graphs, 9)
    monkeypatch.setattr(tally, "AT_ONCE", 5)
    found = mined(graphs, 9)
    assert_same(found.items, expected.items)
    assert found.distinct_trees == expected.distinct_trees


@pytest.mark.parametrize("engine", ["local", "ray"])
@pytest.mark.slow
def test_workers_give_the_same_bits(make_set: Make, tmp_path: Path, engine: Engine) -> None:
    if engine == "ray":
        pytest.importorskip("ray", reason="Ray is not installed (pip install 'graphcond[ray]')")
    graphs = make_set(60, edge_attr=True)
    shards: list[Shard] = [*shards_of(graphs, 17)]
    shards[1] = write_shard(tmp_path / "1.safetensors", shards[1]())
    expected, _ = whole(graphs, depth=2, threshold=(3, 4))
    assert_same(mine(shards, Mirage(depth=2, threshold=(3, 4)), workers=2, engine=engine).items, expected)


def test_progress_and_the_temporary_folder(make_set: Make, tmp_path: Path) -> None:
    reports: list[Progress] = []
    mined(make_set(20), 6, folder=tmp_path, run=Run(progress=reports.append))
    assert [report.done for report in reports] == [1, 2, 3, 4, 5, 6]
    assert {report.total for report in reports} == {6}
    assert not list(tmp_path.iterdir())


def test_graphs_and_random_state_are_left_alone(make_set: Make) -> None:
    graphs, state = make_set(20), torch.get_rng_state()
    before = graphs.fingerprint()
    mined(graphs, 6)
    assert graphs.fingerprint() == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"depth": -1}, "depth must be"),
        ({"depth": True}, "depth must be"),
        ({"workers": 0}, "workers must be"),
        ({"threshold": 3}, "threshold must be a tuple with a value for each class, got 3"),
        ({"threshold": ()}, "threshold must be one number or one for each class"),
        ({"threshold": (3, 1.5)}, "threshold must be a number of graphs .* got 1.5"),
        ({"threshold": (3,)}, "shard 0 has a graph of class 1, but thresholds has 1 values"),
        ({"threshold": (3, 3, 3)}, "no shard has a graph of class 2"),
        ({"threshold": (3, 11)}, "threshold=11 is above every tree's support in class 1: the most frequent one is in"),
    ],
    ids=str,
)
def test_bad_arguments(make_set: Make, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mined(make_set(20), 6, **changed)


def test_no_shards() -> None:
    with pytest.raises(ValueError, match="shards is empty"):
        mine([], Mirage(depth=2, threshold=(1, 1)))


def test_shards_that_do_not_fit_together(make_set: Make) -> None:
    graphs = make_set(20, edge_attr=True)
    narrow = replace(graphs, x=graphs.x[:, :1])
    with pytest.raises(ValueError, match=r"shard 1 has x of 1 columns .* shard 0 has x of 2 columns"):
        mine([lambda: graphs, lambda: narrow], Mirage(depth=2, threshold=(1, 1)))
    bare = replace(graphs, edge_attr=None)
    with pytest.raises(ValueError, match=r"shard 1 has .* no edge_attr"):
        mine([lambda: graphs, lambda: bare], Mirage(depth=2, threshold=(1, 1)))


def test_shards_of_something_else(make_set: Make) -> None:
    graphs = make_set(20)
    quantities = replace(graphs, x=graphs.x + 0.5)
    with pytest.raises(ValueError, match="shard 0: x holds quantities"):
        mine([lambda: quantities], Mirage(depth=2, threshold=(1, 1)))
    negative = replace(graphs, y=graphs.y - 1)
    with pytest.raises(ValueError, match="shard 0 has a graph of class -1"):
        mine([lambda: negative], Mirage(depth=2, threshold=(1, 1)))
    with pytest.raises(TypeError, match="shard 0 gave a list"):
        mine([lambda: []], Mirage(depth=2, threshold=(1, 1)))
    with pytest.raises(TypeError, match="can be pickled for workers=2"):
        mine([lambda: graphs], Mirage(depth=2, threshold=(1, 1)), workers=2)


@pytest.mark.parametrize("count", [20, 21])
def test_shards_that_change(make_set: Make, count: int) -> None:
    versions: Iterator[GraphSet] = iter([make_set(20), make_set(count, seed=1)])
    with pytest.raises(ValueError, match="must give the same graphs each time"):
        mine([lambda: next(versions)], Mirage(depth=2, threshold=(2, 2)))


def test_a_slice_travels_without_the_rest(make_set: Make) -> None:
    graphs = make_set(200)
    assert len(pickle.dumps(shards_of(graphs, 10)[3])) < len(pickle.dumps(shards_of(graphs, 200)[0])) / 5
