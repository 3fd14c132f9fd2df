import tempfile
from pathlib import Path

import pytest
import torch

from graphcond.core.runtime.out_of_core import OnDisk, in_memory


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
def test_tensors_behave_as_in_memory(scratch, dtype):
    like = torch.zeros(40, 7, dtype=dtype)
    with OnDisk() as storage:
        kept, usual = storage(like), in_memory(like)
        assert (kept.shape, kept.dtype) == (usual.shape, usual.dtype)
        values = torch.randint(2, (40, 7)).to(dtype)
        kept[:, :3], kept[:, 3:] = values[:, :3], values[:, 3:]
        assert torch.equal(kept, values)
        assert torch.equal(kept[torch.tensor([3, 1])], values[[3, 1]])


def test_each_has_a_file_of_its_own_and_none_stays(scratch):
    like = torch.zeros(1000, 4)
    with OnDisk() as storage:
        first, second = storage(like).fill_(1), storage(like).fill_(2)
        files = [path for path in scratch.rglob("*") if path.is_file()]
        assert sorted(path.stat().st_size for path in files) == [16_000, 16_000]
        assert float(first.sum()) == 4000
        assert float(second.sum()) == 8000
    assert not list(scratch.iterdir())


def test_files_go_after_an_error_too(scratch):
    with pytest.raises(RuntimeError, match="shape"), OnDisk() as storage:
        storage(torch.zeros(10)).view(3)
    assert not list(scratch.iterdir())


def test_outside_its_block_there_is_no_place():
    with pytest.raises(RuntimeError, match="inside a with block"):
        OnDisk()(torch.zeros(3))


def test_nothing_needs_no_file(scratch):
    with OnDisk() as storage:
        assert storage(torch.zeros(0, 5)).shape == (0, 5)
