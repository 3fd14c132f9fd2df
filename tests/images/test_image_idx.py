import gzip
import re
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphcond.images.idx import read_idx


def packed(values):
    """Write an array of bytes as the format is specified."""
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.booleans(), st.integers(0, 99))
def test_what_was_written_is_read(tmp_path_factory, shape, compressed, seed):
    values = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    path = tmp_path_factory.mktemp("idx") / "values"  # the name says nothing
    path.write_bytes(gzip.compress(packed(values), mtime=0) if compressed else packed(values))
    read = read_idx(str(path))
    assert read.dtype == torch.uint8
    assert read.shape == tuple(shape)
    assert np.array_equal(read.numpy(), values)


def test_known_bytes(tmp_path):
    path = tmp_path / "labels-idx1-ubyte"
    path.write_bytes(bytes.fromhex("00000801 00000003 05 00 ff"))
    assert read_idx(path).tolist() == [5, 0, 255]
    path.write_bytes(bytes.fromhex("00000802 00000002 00000001 07 09"))
    assert read_idx(path).tolist() == [[7], [9]]


WHOLE = bytes.fromhex("00000801 00000003 05 00 ff")
CUT = "a copy may have broken off: copy it again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", " is no idx file (it starts with nothing); give one such as train-images-idx3-ubyte"),
        (b"\x89PNG\r\n", " is no idx file (it starts with 89 50 4e 47); ..."),
        (bytes.fromhex("00000800"), " is no idx file (it starts with 00 00 08 00); ..."),
        (bytes.fromhex("00000d01 00000001 00000000"), " holds values of the type 0x0d; only unsigned bytes (0x08) are "
                                                      "read"),
        (WHOLE[:6], f" ends within its header; {CUT}"),
        (WHOLE[:-1], f" must hold 3 values, shape (3,), but holds 2; {CUT}"),
        (WHOLE + b"\0", f" must hold 3 values, shape (3,), but holds 4; {CUT}"),
        (bytes.fromhex("00000803 ffffffff ffffffff ffffffff 00"), " must hold 79,228,162,458,924,105,385,300,197,375 "
                                                                  "values, ..."),
        (gzip.compress(bytes(999), mtime=0)[:-9], f" is a broken gzip file (...); {CUT}"),
        (gzip.compress(WHOLE, mtime=0)[:-8] + bytes(8), f" is a broken gzip file (...); {CUT}"),
        (b"\x1f\x8bnothing", f" is a broken gzip file (...); {CUT}"),
        (gzip.compress(WHOLE[:-1], mtime=0), f" must hold 3 values, shape (3,), but holds 2; {CUT}"),
    ],
)  # fmt: skip
def test_foreign_and_broken_files(tmp_path, content, message):
    path = tmp_path / "train-labels"
    path.write_bytes(content)
    pattern = ".*".join(re.escape(part) for part in message.split("..."))
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}{pattern}$"):
        read_idx(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-labels"):
        read_idx(tmp_path / "train-labels")
