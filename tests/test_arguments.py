"""What the calls of the library take for a number, for true and false, and for nobody who is told of progress."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond import plotting
from graphcond.core.runtime.files import check_target
from graphcond.evaluation import GraphProtocol, ImageProtocol, Protocol, Workers, bench
from recsys.evaluation.protocol import UserProtocol

USERS = recsys.read_interactions(recsys.generate_interactions(60, 20, 500, seed=0))


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.rand(24, 1, 8, 8), torch.arange(24) % 2


def calls(toy: Data, graphs: list[Data]) -> dict[str, Callable[..., Any]]:
    return {
        "nodes": lambda **given: graphcond.condense(toy, **({"size": 6, "method": "random"} | given)),
        "graphs": lambda **given: graphcond.condense(graphs, **({"size": "1/class", "method": "random"} | given)),
        "images": lambda **given: graphcond.condense(pictures(), **({"size": "1/class", "method": "random"} | given)),
        "interactions": lambda **given: recsys.condense(USERS, **({"users": 3, "method": "random_users"} | given)),
    }


KINDS = pytest.mark.parametrize("kind", ["nodes", "graphs", "images", "interactions"])
SIZES = dict.fromkeys(("nodes", "graphs", "images"), ("ratio", "size"))
SIZES["interactions"] = ("ratio", "users", "interactions")


def same(one: Any, other: Any) -> bool:
    if isinstance(one, recsys.CondensedInteractions):
        return not (one.user_items != other.user_items).nnz
    return all(torch.equal(mine.x, theirs.x) for mine, theirs in zip(one, other, strict=True))


@KINDS
def test_a_seed_of_numpy_is_the_same_seed(toy, make_graphs, kind):
    call = calls(toy, make_graphs())[kind]
    small, plain = call(seed=np.int64(3), run=graphcond.Run()), call(seed=3)
    assert same(small, plain)
    assert type(small.record.seed) is int
    assert small.record.to_json() != ""


@KINDS
def test_zero_is_a_size_that_makes_no_sense(toy, make_graphs, kind):
    call = calls(toy, make_graphs())[kind]
    for size in SIZES[kind]:
        for zero in (0, np.int64(0), "", []):
            with pytest.raises((ValueError, TypeError), match=rf"^{size} must be"):
                call(**{SIZES[kind][1]: None, size: zero})


@KINDS
@pytest.mark.parametrize("progress", ["bar", 0, 1, []])
def test_progress_is_a_bar_or_a_function(toy, make_graphs, kind, progress):
    with pytest.raises(TypeError, match="progress must be True, False, None or a function of"):
        calls(toy, make_graphs())[kind](run=graphcond.Run(progress=progress))


@pytest.mark.parametrize("no", ["no", "", 0, 1])
def test_whether_it_is_inductive_is_true_or_false(toy, no):
    with pytest.raises(TypeError, match="inductive must be True or False"):
        graphcond.read(toy, inductive=no)
    with pytest.raises(TypeError, match="inductive must be True or False"):
        graphcond.plan(toy, size=6, inductive=no)


@pytest.mark.parametrize("no", ["no", "", 0, None])
def test_whether_to_overwrite_is_true_or_false(toy, tmp_path: Path, no):
    small = graphcond.condense(toy, size=6, method="random")
    few = recsys.condense(USERS, users=3, method="random_users")
    file = tmp_path / "file.png"
    for write in (
        lambda: small.save(file, overwrite=no),
        lambda: few.save(file, overwrite=no),
        lambda: plotting.draw(small, file, overwrite=no),
        lambda: check_target(file, overwrite=no),
        lambda: graphcond.datasets.save_folder(toy, tmp_path / "folder", overwrite=no),
        lambda: recsys.write_interactions(USERS, tmp_path / "file.csv", overwrite=no),
    ):
        with pytest.raises(TypeError, match="overwrite must be True or False"):
            write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (graphcond.MTT, "exact"),
        (graphcond.DC, "per_class"),
        (graphcond.KIP, "learn_labels"),
        (graphcond.GCDM, "logits"),
        (graphcond.Mirage, "closed"),
        (graphcond.Histograms, "edges"),
        (graphcond.WLFold, "degrees"),
        (recsys.methods.Forgetting, "propensity"),
    ],
)
def test_flags_among_settings_are_true_or_false(make, field):
    with pytest.raises(TypeError, match=f"{field} must be True or False, got 'no'"):
        make(**{field: "no"})


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (graphcond.Auto, "depth"),
        (graphcond.GCond, "epochs"),
        (graphcond.SFGC, "steps"),
        (graphcond.Herding, "depth"),
        (graphcond.Mirage, "depth"),
        (graphcond.Histograms, "trees"),
        (graphcond.WLFold, "depth"),
        (graphcond.DM, "networks"),
        (recsys.DistillCF, "steps"),
        (Protocol, "epochs"),
        (GraphProtocol, "layers"),
        (ImageProtocol, "epochs"),
    ],
)
def test_settings_take_whole_numbers_of_numpy(make, field):
    made = make(**{field: np.int64(5)})
    assert made == make(**{field: 5})
    assert repr(made) == repr(make(**{field: 5}))


def test_evaluations_take_whole_numbers_of_numpy_and_no_progress(toy):
    small = graphcond.condense(graphcond.read(toy, split=np.int64(0)), size=6, method="random")
    protocol = Protocol(epochs=10, runs=np.int64(1))
    report = graphcond.evaluate(
        small, graphcond.read(toy, split=np.int32(0)), ["sgc"], controls=np.False_, protocol=protocol,
        seed=np.uint8(0), run=graphcond.Run(),
    )  # fmt: skip
    assert len(report.rows) == 1
    assert report.to_json() != ""


@pytest.mark.parametrize("models", [[], ()])
def test_evaluations_refuse_no_models(toy, models):
    small = graphcond.condense(toy, size=6, method="random")
    with pytest.raises(ValueError, match="models must name at least one"):
        graphcond.evaluate(small, toy, models)


@pytest.mark.parametrize("kind", [Protocol, GraphProtocol, ImageProtocol, UserProtocol])
@pytest.mark.parametrize("runs", [0, True, "3"])
def test_protocols_refuse_no_runs(kind, runs):
    with pytest.raises(ValueError, match="runs must be a positive integer"):
        kind(runs=runs)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seeds": 0}, "seeds must be"),
        ({"protocol": "standard(runs=0)"}, "runs must be"),
        ({"models": ()}, "models is empty"),
        ({"methods": ()}, "methods is empty"),
        ({"sizes": ()}, "sizes is empty"),
        ({"sizes": (0,)}, "size must be a positive integer"),
    ],
)
def test_a_benchmark_refuses_nothing_and_zero(tmp_path, given, words):
    with pytest.raises(ValueError, match=words):
        bench(["digits"], tmp_path / "rows.jsonl", **given)


@pytest.mark.parametrize(("given", "words"), [({"number": 0}, "workers must be"), ({"threads": 0}, "threads must be")])
def test_a_benchmark_needs_somebody_to_work(tmp_path, given, words):
    with pytest.raises(ValueError, match=words):
        bench(["digits"], tmp_path / "rows.jsonl", workers=Workers(**given))


@pytest.mark.parametrize("split", ["", {}, [], False, "0"])
def test_images_and_interactions_have_no_split_however_it_is_written(split):
    for dataset in (pictures(), USERS.user_items()):
        with pytest.raises(ValueError, match=r"makes no sense for (images|interactions); leave it out"):
            graphcond.read(dataset, split=split)


def test_an_empty_root_is_no_root():
    with pytest.raises(ValueError, match="root must name a folder, got ''"):
        graphcond.datasets.load("digits", "")
