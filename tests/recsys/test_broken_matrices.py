"""Sparse matrices whose parts do not fit together end in a sentence, not with the interpreter."""

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import bsr_matrix, coo_matrix, csc_matrix, csr_array, csr_matrix

import graphcond
import recsys
from recsys.models.ease import EASE

REAL = recsys.generate_interactions(60, 20, 500, seed=0)
FAR = 2**30


def put(part: str, place: int, value: int) -> Callable[[Any], None]:
    return lambda matrix: getattr(matrix, part).__setitem__(place, value)


BREAKS: dict[str, Callable[[Any], None]] = {
    "far pointer": put("indptr", 3, FAR),
    "negative pointer": put("indptr", 3, -FAR),
    "last pointer": put("indptr", -1, FAR),
    "first pointer": put("indptr", 0, 7),
    "far index": put("indices", 5, FAR),
    "negative index": put("indices", 5, -1),
    "few values": lambda matrix: setattr(matrix, "data", matrix.data[:3]),
}
FORMATS: dict[str, Callable[..., Any]] = {
    "csr": csr_matrix, "csr array": csr_array, "csc": csc_matrix,
    "bsr": lambda real: bsr_matrix(real, blocksize=(2, 2)),
}  # fmt: skip


def broken(change: Callable[[Any], None], made: Callable[..., Any] = csr_matrix) -> Any:
    matrix = made(REAL.copy())
    change(matrix)
    return matrix


@pytest.mark.parametrize("made", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize("call", [recsys.condense, graphcond.condense])
def test_condense(call: Callable[..., Any], change: Callable[[Any], None], made: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"^the sparse matrix is broken \(it must "):
        call(broken(change, made), 0.1, method="random_users")


@pytest.mark.parametrize("part", ["row", "col"])
@pytest.mark.parametrize("value", [-1, FAR])
def test_coordinates(part: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"^the sparse matrix is broken \(it must have a {part} in"):
        recsys.condense(broken(put(part, 3, value), coo_matrix), 0.1, method="random_users")


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_splits_models_and_evaluation(change: Callable[[Any], None]) -> None:
    split = recsys.random_split(recsys.read_interactions(REAL), seed=0)
    matrix = broken(change)
    with pytest.raises(ValueError, match=r"^split\.train must "):
        recsys.condense(replace(split, train=matrix), users=3, method="random_users")
    with pytest.raises(ValueError, match=r"^user_items must "):
        recsys.evaluate(matrix, split, controls=False)
    with pytest.raises(ValueError, match=r"^user_items must "):
        EASE().fit(matrix)
    small = recsys.condense(split, users=3, method="random_users")
    small.user_items.indptr[1] = FAR
    with pytest.raises(ValueError, match=r"^user_items must "):
        small.save("never written")


@pytest.mark.parametrize("crow", [[0, FAR, 2, 2], [0, 2, -1, 2], [1, 1, 2, 2]])
def test_adjacencies_and_features(crow: list[int], toy: Any) -> None:
    parts = (torch.tensor(crow), torch.tensor([0, 1]), torch.ones(2), (3, 3))
    adjacency = torch.sparse_csr_tensor(*parts, check_invariants=False)
    with pytest.raises(ValueError, match=r"^data\.x must have pointers"):
        graphcond.condense(toy.clone().update({"x": adjacency}), size=6)
    toy.adj_t = adjacency
    del toy.edge_index
    with pytest.raises(ValueError, match=r"^data\.adj_t must have pointers"):
        graphcond.condense(toy, size=6)


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.marker,)


@pytest.mark.parametrize("name", ["interactions.npz", "index.npz", "total_data.hdf5"])
@pytest.mark.parametrize("form", ["pickle", "npz", "torch"])
def test_no_trap_in_an_archive_springs(tmp_path: Path, name: str, form: str) -> None:
    marker, folder = tmp_path / "sprung", tmp_path / "archive"
    folder.mkdir()
    np.savez(folder / "index.npz", data=np.zeros(3, np.int64))
    (folder / "total_data.hdf5").write_bytes(b"nothing")
    if form == "npz":
        trap = np.array([Trap(marker)], dtype=object)
        with (folder / name).open("wb") as file:
            np.savez(file, user=trap, item=trap, index=trap, data=trap)
    elif form == "pickle":
        (folder / name).write_bytes(pickle.dumps(Trap(marker)))
    else:
        torch.save(Trap(marker), folder / name)
    with pytest.raises((ValueError, ImportError), match=r"archive|h5py"):
        recsys.read_archive(folder)
    assert not marker.exists()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".inter", ".parquet"])
def test_no_trap_in_a_table_springs(tmp_path: Path, suffix: str) -> None:
    marker, path = tmp_path / "sprung", tmp_path / f"table{suffix}"
    path.write_bytes(pickle.dumps(Trap(marker)))
    with pytest.raises((ValueError, ImportError)):
        recsys.read_interactions(path)
    assert not marker.exists()
