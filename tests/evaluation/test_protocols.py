"""Protocols by name, in a text or as values, and controls as values: the same for every modality."""

import dataclasses

import numpy as np
import pytest
from torch_geometric.data import Data

import graphcond
import recsys
from graphcond.core.evaluation.controls import Selection, Whole
from graphcond.core.evaluation.evaluation import Evaluation, resolve_models, resolve_protocol
from graphcond.core.evaluation.protocols import protocol_text
from graphcond.core.settings import with_settings
from graphcond.evaluation.evaluate import WORDS
from graphcond.evaluation.evaluations import OWN
from graphcond.images.evaluation.probing import RandomVectors
from recsys.evaluation.protocol import UserProtocol
from recsys.evaluation.value import USER_EVALUATION

ALL = {**OWN, "interactions": USER_EVALUATION}
EACH = pytest.mark.parametrize("evaluation", ALL.values(), ids=ALL)


@EACH
def test_a_name_a_text_and_a_value_are_the_same_protocol(evaluation: Evaluation) -> None:
    standard = resolve_protocol(evaluation, "standard")
    assert standard == evaluation.protocols.known["standard"]
    assert resolve_protocol(evaluation, standard) is standard
    five = resolve_protocol(evaluation, "standard(runs=5)")
    assert five == dataclasses.replace(standard, runs=5)
    assert protocol_text(five) == protocol_text(standard)


@EACH
@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ("standrad", ValueError, "there is no protocol 'standrad'.*; did you mean 'standard'"),
        ("standrad(runs=5)", ValueError, "there is no protocol 'standrad'.*; did you mean 'standard'"),
        ("standard(run=5)", ValueError, "there is no setting 'run' of standard; did you mean 'runs'"),
        ("standard(5)", ValueError, "settings of standard are given by their names"),
        ("standard(runs=5", ValueError, "cannot be read"),
        ("standard(runs='5')", TypeError, "runs of standard must be a whole number"),
        ("standard(runs=0)", ValueError, "runs must be a positive integer, got 0"),
        (5, TypeError, "protocol must be a name or an? .*Protocol for .*, got int"),
        (None, TypeError, "protocol must be a name or an? .*Protocol for .*, got NoneType"),
    ],
)
def test_bad_protocols(evaluation: Evaluation, given: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        resolve_protocol(evaluation, given)


def test_a_protocol_is_of_one_modality() -> None:
    for name, evaluation in ALL.items():
        others = [one.protocols.known["standard"] for other, one in ALL.items() if other != name]
        for other in others:
            with pytest.raises(TypeError, match=f"{evaluation.protocols.of}, got {type(other).__name__}"):
                resolve_protocol(evaluation, other)


def test_metrics_of_protocols_are_known_at_once() -> None:
    for evaluation in OWN.values():
        assert resolve_protocol(evaluation, "standard(metric='f1')").metric == "f1"
        with pytest.raises(ValueError, match=r"metric must be one of accuracy, .*, got 'f2'"):
            resolve_protocol(evaluation, "standard(metric='f2')")


def test_values_are_settings_too() -> None:
    given = resolve_protocol(OWN["images"], "augmented(augment=Augmentation(crop=0.25), epochs=3)")
    assert given.augment == graphcond.images.augmentation.Augmentation(crop=0.25)
    assert (given.name, given.epochs) == ("augmented", 3)


def test_settings_are_added_to_a_text() -> None:
    assert with_settings("standard", "protocol", runs=5) == "standard(runs=5)"
    assert with_settings("standard(runs=1, epochs=9)", "protocol", runs=5, metric="f1") == (
        "standard(epochs=9, runs=5, metric='f1')"
    )
    with pytest.raises(ValueError, match="cannot be read; write a name"):
        with_settings("stand ard", "protocol", runs=5)


@EACH
def test_controls_are_values(evaluation: Evaluation) -> None:
    assert set(evaluation.usual) <= set(evaluation.controls)
    assert evaluation.controls["whole"] == Whole()
    for name, control in evaluation.controls.items():
        assert hash(control) == hash(dataclasses.replace(control))
        assert control.sized is isinstance(control, Selection | RandomVectors)
        if isinstance(control, Selection):
            assert control.method.name == name


@EACH
def test_the_default_model_is_known(evaluation: Evaluation) -> None:
    assert list(resolve_models(evaluation, None)) == [evaluation.default_model]
    with pytest.raises(ValueError, match="models must name at least one"):
        resolve_models(evaluation, [])
    with pytest.raises(TypeError, match="models must be a sequence of names or models, got 3"):
        resolve_models(evaluation, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["runs", "metric"])
def test_what_the_protocol_says_is_no_argument(toy: Data, word: str) -> None:
    with pytest.raises(TypeError, match=word):
        graphcond.evaluate(toy, toy, **{word: 5})
    assert "protocol=" in WORDS[word]


def test_runs_are_seeds_one_after_another(toy: Data) -> None:
    protocol = graphcond.Protocol(epochs=5, hidden=8)
    three, one = (
        graphcond.evaluate(toy, toy, ["sgc"], protocol=dataclasses.replace(protocol, runs=runs), controls=False, seed=s)
        for runs, s in ((3, 4), (1, 6))
    )
    assert len(three.best.scores) == 3
    assert three.best.scores[2:] == one.best.scores


def test_users_go_through_the_same_call() -> None:
    split = recsys.random_split(recsys.generate_interactions(120, 40, 1500))
    small = recsys.condense(split, users=8, method="stratified_users")
    controls = ["random_users", "whole"]
    report = graphcond.evaluate(small, split, ["ease"], protocol="standard(ks=(5,))", controls=controls)
    expected = recsys.evaluate(small, split, ["ease"], ks=(5,), controls=controls)
    assert [(row.data, row.scores) for row in report.rows] == [(row.data, row.scores) for row in expected.rows]
    assert graphcond.evaluate(small, split, controls=False).rows[0].model == "infinite_ae"
    assert graphcond.evaluate(small, split, protocol=UserProtocol(convention="recbole")).convention == "recbole"
    with pytest.raises(ValueError, match="split=1 makes no sense for interactions"):
        graphcond.evaluate(small, graphcond.read(split, split=1))
    with pytest.raises(TypeError, match=r"split must be a recsys\.Split"):
        graphcond.evaluate(small, split.train)


def test_users_may_be_trained_on_several_times() -> None:
    split = recsys.random_split(recsys.generate_interactions(120, 40, 1500))
    protocol = UserProtocol(ks=(5,), runs=2)
    report = graphcond.evaluate(split.train, split, ["ease"], protocol=protocol, controls=["whole", "random_users"])
    whole, few = report.rows
    assert (whole.data, few.data) == ("whole", "random_users")
    assert len(whole.scores["ndcg@5"]) == len(few.scores["ndcg@5"]) == 2
    assert np.isclose(*whole.scores["ndcg@5"])
