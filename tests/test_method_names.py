"""A method has the name that its modality's table gives it."""

from dataclasses import replace
from typing import Any

import pytest
import torch

import graphcond
import recsys
from graphcond import (
    DC,
    DD,
    DM,
    MTT,
    DosCond,
    ExpertPlan,
    GCond,
    Hallucinators,
    LatentCodes,
    Latents,
    NoEdges,
    SharedBases,
    Training,
    Window,
)
from graphcond.core.method import MethodTable
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.images.augmentation import DIGITS
from graphcond.images.methods import METHODS as IMAGE_METHODS
from graphcond.nodes.methods import METHODS as NODE_METHODS
from recsys.methods import METHODS as USER_METHODS

TABLES: dict[str, MethodTable[Any]] = {
    "nodes": NODE_METHODS,
    "graphs": GRAPH_METHODS,
    "images": IMAGE_METHODS,
    "interactions": USER_METHODS,
}
NAMES = [(table, name) for table, known in TABLES.items() for name in known]


@pytest.mark.parametrize(("table", "name"), NAMES)
def test_each_name_is_that_of_its_method(table, name):
    assert TABLES[table].name_of(TABLES[table].resolve(name)) == name


@pytest.mark.parametrize(("table", "name"), NAMES)
def test_numbers_do_not_change_a_name(table, name):
    method = TABLES[table].resolve(name)
    for field in ("steps", "epochs", "validations", "images_rate", "features_rate", "unroll_steps", "depth", "trials"):
        if getattr(method, field, None) is not None:
            assert TABLES[table].name_of(replace(method, **{field: 3})) == name


FLAT = ExpertPlan(number=2, training=Training(momentum=0.9, sharpness=0.5))
WIDENING = Window(max_start=3, first_max_start=0, widened_every=1)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (GCond(structure=NoEdges()), "gcond_x"),
        (DosCond(structure=NoEdges(), networks=3), "doscond_x"),
        (DC(operations=DIGITS), "dsa"),
        (DM(parameterization=Hallucinators(networks=2, pairing="drawn")), "haba"),
        (DM(parameterization=LatentCodes(decoders=2)), "kfs"),
        (DM(parameterization=Latents(diversity=0.0)), "it_gan"),
        (DM(operations=DIGITS), "dm"),
        (DD(parameterization=SharedBases(images=2)), "linba"),
        (DD(soft_labels=True, steps=7), "sldd"),
        (MTT(experts=FLAT), "ftd"),
        (MTT(window=replace(WIDENING, first_max_start=2), soft_labels="expert"), "datm"),
        (MTT(exact=False, soft_labels="classes", operations=DIGITS), "tesla"),
    ],
)
def test_a_variant_is_known_by_what_makes_it_one(method, name):
    assert TABLES["nodes" if isinstance(method, NODE_METHODS.base) else "images"].name_of(method) == name


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (DC(operations=DIGITS, per_class=False), "dc"),
        (DM(parameterization=SharedBases()), "dm"),
        (MTT(soft_labels="classes"), "mtt"),
        (MTT(window=replace(WIDENING, first_max_start=2), soft_labels="expert", exact=False), "mtt"),
        (MTT(experts=FLAT, exact=False, soft_labels="classes"), "mtt"),
    ],
)
def test_a_mixture_of_variants_has_the_name_of_its_class(method, name):
    assert IMAGE_METHODS.name_of(method) == name


def test_a_method_of_no_table_has_its_own_name():
    class Own(DM):
        name = "own"

    assert IMAGE_METHODS.name_of(Own()) == "own"


def test_the_record_has_the_name():
    images = (torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2)
    small = graphcond.condense(images, size="1/class", method="dcc(steps=2, validations=1)")
    assert small.record.method == "dcc"
    users = recsys.generate_interactions(60, 20, 500)
    assert recsys.condense(users, users=5, method="auto(steps=2, validations=1)").record.method == "auto"
