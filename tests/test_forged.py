"""Files whose digest is right and whose content is not: refused in one sentence that names the file, or whole."""

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.sparse import csr_matrix
from torch import Tensor

import graphcond
import recsys
from graphcond.core.runtime import storage
from graphcond.graphs.storage.packing import CODES
from graphcond.images.methods import METHODS as IMAGE_METHODS

MUTANTS = 80
Content = tuple[dict[str, Tensor], dict[str, Any]]
VALUES = (None, True, -1, 0, 1, 3, 10**12, 2.5, float("nan"), "text", "", [], [1], [None], {}, {"a": 1})
NUMBERS = (-1, 1, 127, 10**6, 2**31 - 1)
FLOATS = (float("nan"), float("inf"), -1.0, 1e30, -1e-3)
DTYPES = (torch.bool, torch.uint8, torch.int16, torch.int32, torch.int64, torch.float16, torch.float32, torch.float64)
KINDS = ("nodes", "hetero", "hetero features", "graphs", "trees", "pooled", "images", "interactions")
NAMES = ("self", "num_nodes", "__class__", "batch", "extra", "x_type", "bags", "pool_index", "y", "members.ptr")
SIGNED = ("x", "edge_attr", "mean", "target", *NAMES)  # and what stands under another name


def condensed(
    kind: str, make_toy: Callable[..., Any], make_graphs: Callable[..., Any], make_hetero: Callable[..., Any]
) -> Any:
    if kind.startswith("hetero"):
        return make_hetero(structure=kind == "hetero")
    if kind == "nodes":
        return graphcond.condense(make_toy(), size=6, method="random_soft")
    if kind == "images":
        x = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        return graphcond.condense((x, torch.arange(40) % 2), size="3/class", method=IMAGE_METHODS.quick("random_soft"))
    if kind == "interactions":
        real = recsys.generate_interactions(60, 20, 500, seed=0)
        return recsys.condense(real, users=6, method="random_users")
    methods: dict[str, dict[str, Any]] = {
        "graphs": {"size": 6, "method": "random"},
        "trees": {"size": 6, "method": "histograms"},
        "pooled": {"method": "wl_fold"},
    }
    return graphcond.condense(make_graphs(40), **methods[kind])


@pytest.fixture
def make_hetero(make_hetero_task, make_small_hetero) -> Callable[..., Any]:
    return lambda **settings: make_small_hetero(make_hetero_task(), **settings)


@pytest.fixture(params=KINDS)
def made(request, make_toy, make_graphs, make_hetero, tmp_path) -> tuple[str, Path, Content]:
    """The kind of a condensed set, its file, and what is in it."""
    path = condensed(request.param, make_toy, make_graphs, make_hetero).save(tmp_path / "forged.safetensors")
    tensors, record = storage.read(path)
    return request.param, path, (tensors, json.loads(record))


def load(kind: str, path: Path) -> Any:
    return (recsys if kind == "interactions" else graphcond).load(path)


def changed_tensor(value: Tensor, rng: random.Random) -> Tensor:
    """Return another tensor in place of one."""
    kinds = ["dtype", "rows", "more rows", "flat", "deep", "swap", "negative", "zero", *["number"] * 8]
    kind = rng.choice(kinds) if value.numel() else rng.choice(kinds[:5])
    new = value.clone()
    match kind:
        case "dtype":
            return new.to(rng.choice(DTYPES))
        case "rows":
            return new[: len(new) // 2]
        case "more rows":
            return torch.cat([new, new[:1]])
        case "flat":
            return new.flatten()
        case "deep":
            return new.unsqueeze(rng.randrange(new.dim() + 1))
        case "swap":
            return new.flip(0)
        case "negative":
            return ~new if new.dtype == torch.bool else -new.to(torch.int64 if new.dtype == torch.uint8 else new.dtype)
        case "zero":
            return torch.zeros_like(new)
    if not new.is_floating_point():
        new = new.to(torch.int64)
    new.view(-1)[rng.randrange(new.numel())] = rng.choice(FLOATS if new.is_floating_point() else NUMBERS)
    return new


def changed_codes(value: Tensor, rng: random.Random) -> Tensor:
    """Return other codes of packed tensors."""
    codes = json.loads(bytes(value.tolist()))
    name = rng.choice(list(codes))
    codes[name] = rng.choice(
        ["float32/8000000000", "float32/-3", "float32/1", "int64", "bool", "float32", "Tensor", "load", "", None, 3, []]
    )
    text = json.dumps(rng.choice([codes, list(codes), {name: "float32"}, "codes"])).encode()
    return torch.frombuffer(bytearray(text), dtype=torch.uint8)


def mutated(content: Content, seed: int) -> Content:
    """Return the content of a file with something wrong in it, or in a few places."""
    rng = random.Random(seed)
    tensors, record = dict(content[0]), copy.deepcopy(content[1])
    for _ in range(rng.choice([1, 1, 1, 2])):
        where = rng.choice(["tensor", "tensor", "tensor", "name", "drop", "record"])
        name = rng.choice(list(tensors))
        if where == "tensor":
            change = changed_codes if name == CODES and rng.random() < 0.8 else changed_tensor
            tensors[name] = change(tensors[name], rng)
        elif where == "name":
            other = rng.choice(
                ["self", "num_nodes", "__class__", "batch", "extra", "x_type", "bags", "pool_index", "y"]
            )
            tensors[other] = tensors.pop(name)
        elif where == "drop" and len(tensors) > 1:
            del tensors[name]
        else:
            holder = rng.choice([record, record.get("source"), record.get("budget"), record["budget"].get("spent")])
            if holder:
                key = rng.choice(list(holder))
                if rng.random() < 0.3:
                    del holder[key]
                else:
                    holder[key] = rng.choice(VALUES)
        if not all(isinstance(record.get(key), dict) for key in ("source", "budget")):
            break
    return tensors, record


def assert_whole(kind: str, small: Any) -> None:
    """Assert that a condensed set is one that could be trained on."""
    repr(small)
    assert small.nbytes > 0
    assert np.isfinite(small.record.seconds)
    if kind == "interactions":
        rows = small.user_items
        assert isinstance(rows, csr_matrix)
        dense = rows.toarray()
        assert ((dense >= 0) & (dense <= 1 + 1e-6)).all()
        assert dense.shape == (len(small.user_ids), len(small.item_ids))
        small.to_frame()
        return
    if kind.startswith("hetero"):
        assert_whole_hetero(small)
        return
    for data in small:
        rows = data.x.size(0)
        assert rows
        assert torch.isfinite(data.x).all()
        assert ((data.y >= 0) & (data.y < small.num_classes)).all()
        if kind == "images":
            images, labels = small.images()
            assert torch.isfinite(images).all()
            assert len(images) == len(labels)
        else:
            data.validate()
        for name, value in data:
            if isinstance(value, Tensor) and value.is_floating_point():
                assert torch.isfinite(value).all(), name
                assert name in SIGNED or (value >= 0).all(), name
        if "y_soft" in data:
            assert data.y_soft.shape == (len(data.y), small.num_classes)


def assert_whole_hetero(small: Any) -> None:
    data = small[0]
    (labelled,) = (store for store in data.node_stores if "y" in store)
    assert labelled.x.size(0) == len(labelled.y) > 0
    assert ((labelled.y >= 0) & (labelled.y < small.num_classes)).all()
    assert data.edge_types or len(data.node_types) == 1
    if data.edge_types:  # PyG warns where there are none
        data.validate()
    for store in data.stores:
        for name, value in store.items():
            assert name == "x" or not value.is_floating_point() or (value >= 0).all(), name
            assert not value.is_floating_point() or torch.isfinite(value).all(), name
    if "y_soft" in labelled:
        assert labelled.y_soft.shape == (len(labelled.y), small.num_classes)


def outcome(kind: str, path: Path) -> Any:
    """Return a condensed set, or the error that refuses it."""
    try:
        return load(kind, path)
    except ValueError as error:
        return str(error)


def test_mutants_are_refused_or_whole(made):
    kind, path, content = made
    refused = 0
    for seed in range(MUTANTS):
        tensors, record = mutated(content, seed)
        storage.write(path, tensors, json.dumps(record))
        found = outcome(kind, path)
        if isinstance(found, str):
            refused += 1
            assert str(path) in found, seed
            assert "\n" not in found, seed
            assert "Error: " not in found, (seed, found)
            assert len(found) < 500, seed
        else:
            assert_whole(kind, found)
            assert load(kind, found.save(path, overwrite=True)).nbytes == found.nbytes
    assert refused > MUTANTS // 2


@pytest.mark.parametrize(
    "record", ["", "null", "[]", "3", '"text"', "{", "{}", "[" * 100_000, '{"method": "x"}', '{"seed": ' + "9" * 5000]
)
def test_records_that_are_none(made, record):
    kind, path, (tensors, _) = made
    storage.write(path, tensors, record)
    with pytest.raises(ValueError, match=r"forged.safetensors holds what does not fit together"):
        load(kind, path)


def test_a_code_does_not_allocate(make_graphs, tmp_path):
    path = condensed("graphs", lambda: None, make_graphs, lambda: None).save(tmp_path / "forged.safetensors")
    tensors, record = storage.read(path)
    codes = json.loads(bytes(tensors[CODES].tolist()))
    tensors[CODES] = torch.frombuffer(
        bytearray(json.dumps(codes | {"size": "float32/8000000000"}).encode()), dtype=torch.uint8
    )
    storage.write(path, tensors, record)
    with pytest.raises(ValueError, match="'float32/8000000000' is no code for a tensor of"):
        graphcond.load(path)


def test_trees_that_are_their_own_children_end(make_graphs, tmp_path):
    path = condensed("trees", lambda: None, make_graphs, lambda: None).save(tmp_path / "forged.safetensors")
    tensors, record = storage.read(path)
    tensors["child"] = tensors["child"] * 0 + len(tensors["children"]) - 1
    storage.write(path, tensors, record)
    with pytest.raises(ValueError, match="child must hold numbers below its parent's"):
        graphcond.load(path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.complex64, torch.float8_e4m3fn])
def test_types_that_nobody_writes(make_toy, tmp_path, dtype):
    path = tmp_path / "forged.safetensors"
    save_file({"x": torch.ones(2, 2).to(dtype)}, path, {"format": storage.DATASET, "record": "{}", "sha256": "0"})
    with pytest.raises(ValueError, match=r"forged.safetensors (holds x as|is not a whole)"):
        graphcond.load(path)


def test_what_cannot_be_loaded_is_not_saved(toy, tmp_path):
    small = graphcond.condense(toy, size=6, method="random")
    small._data.x[2, 1] = float("nan")
    with pytest.raises(ValueError, match="x must be finite"):
        small.save(tmp_path / "small.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_selection_tells_what_it_takes(make_graphs, tmp_path):
    small = graphcond.condense(make_graphs(40), size=6, method="random")
    some = graphcond.load(small[:2].save(tmp_path / "some.safetensors"))
    spent = some.record.budget["spent"]
    assert (spent["graphs"], spent["nodes"]) == (2, sum(item.num_nodes for item in some))
    assert spent["bytes"] == some.nbytes < small.nbytes
    assert small.record.budget["spent"]["graphs"] == 6
