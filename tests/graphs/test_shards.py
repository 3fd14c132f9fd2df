from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from graphcond.graphs.mining.shards import ShardFile, joined, shards_of, write_shard
from graphcond.graphs.task import GraphSet

Make = Callable[..., GraphSet]


@pytest.mark.parametrize("size", [1, 7, 24, 100])
@pytest.mark.parametrize("edge_attr", [False, True])
def test_slices_are_the_graphs(make_set: Make, size: int, edge_attr: bool) -> None:
    graphs = make_set(24, edge_attr=edge_attr)
    parts = [shard() for shard in shards_of(graphs, size)]
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    for i, part in enumerate(parts):
        wanted = torch.arange(i * size, min(24, (i + 1) * size))
        assert part.fingerprint() == graphs.take(wanted).fingerprint()
    assert joined(parts).fingerprint() == graphs.fingerprint()


def test_slices_do_not_share_memory(make_set: Make) -> None:
    graphs = make_set(4)
    before = graphs.fingerprint()
    part = shards_of(graphs, 2)[0]()
    part.x.zero_()
    part.ptr.zero_()
    assert graphs.fingerprint() == before


def test_size_must_be_positive(make_set: Make) -> None:
    with pytest.raises(ValueError, match="size must be a positive number of graphs, got 0"):
        shards_of(make_set(4), 0)


@pytest.mark.parametrize("features", ["codes", "one_hot", "numbers"])
@pytest.mark.parametrize("edge_attr", [False, True])
def test_files_give_the_graphs_back(make_set: Make, tmp_path: Path, features: str, edge_attr: bool) -> None:
    graphs = make_set(24, features=features, edge_attr=edge_attr)
    shard = write_shard(tmp_path / "graphs.safetensors", graphs)
    assert shard().fingerprint() == graphs.fingerprint()
    assert ShardFile(tmp_path / "graphs.safetensors")().fingerprint() == graphs.fingerprint()


def test_bad_files(make_set: Make, tmp_path: Path) -> None:
    path = tmp_path / "graphs.safetensors"
    write_shard(path, make_set(4))
    with pytest.raises(FileExistsError, match="exists already"):
        write_shard(path, make_set(4))
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(ValueError, match="was altered"):
        ShardFile(path)()
    with pytest.raises(FileNotFoundError, match="there is no file"):
        ShardFile(tmp_path / "other")()
