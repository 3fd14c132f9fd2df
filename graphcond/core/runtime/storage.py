"""The file format: one safetensors file, its metadata naming the format, the record and a digest over both.

Anything that reads safetensors reads the file; nothing in it is executed. Metadata keys: ``format`` (such as
``graphcond/1``), ``record`` (JSON), ``sha256`` (over the record and every tensor's name, type, shape and bytes, in
order of the names).
"""

import hashlib
import os
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from graphcond.core.runtime.contents import UNCLEAR

DATASET = "graphcond/1"
CHECKPOINT = "graphcond-checkpoint/2"
EXPERT = "graphcond-expert/2"

STORED = (
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint64,
    torch.float16, torch.float32, torch.float64,
)  # fmt: skip


def digest(tensors: dict[str, Tensor], record: str) -> str:
    """Return the SHA-256 over a record and named tensors."""
    state = hashlib.sha256(record.encode())
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        state.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        state.update(value.numpy().tobytes())
    return state.hexdigest()


def write(path: Path, tensors: dict[str, Tensor], record: str, kind: str = DATASET) -> None:
    """Write tensors and record to ``path``, as a file of the format ``kind``."""
    # Copied, because safetensors refuses tensors that share memory.
    tensors = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()
    }
    try:
        save_file(tensors, path, metadata={"format": kind, "record": record, "sha256": digest(tensors, record)})
    except SafetensorError as error:  # which is no OSError, whatever the system said
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise OSError(str(error)) from error
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def read(path: str | Path, kind: str = DATASET) -> tuple[dict[str, Tensor], str]:
    """Return the tensors and the record of a file of the format ``kind`` that :func:`write` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another kind of file, a truncated or an altered one; the message says which.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    _refuse_pickles(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Copied, because what they lie in is the file: somebody might cut that off while they are in use.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, *UNCLEAR) as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}); save or copy it again") from error
    if metadata.get("format") != kind:
        found = metadata.get("format", "none")
        if kind != DATASET and found.partition("/")[0] == kind.partition("/")[0]:
            raise ValueError(
                f"{path} is of another version of graphcond ({found}, not {kind}); start with another file"
            )
        raise ValueError(f"{path} is a safetensors file, but not of the format {kind} (its format: {found})")
    record = metadata.get("record", "")
    for name, value in tensors.items():
        if value.dtype not in STORED:
            raise ValueError(f"{path} holds {name} as {value.dtype}, which graphcond writes nowhere; get a fresh copy")
    if digest(tensors, record) != metadata.get("sha256"):
        raise ValueError(f"{path} was altered after it was written (its SHA-256 does not match); get a fresh copy")
    return tensors, record


def _refuse_pickles(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(9)
    # A zip archive (torch.save), a pickle protocol 2+ header, or torch's legacy format.
    if head[:2] == b"PK" or (head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and head[8:9] != b"{"):
        raise ValueError(f"{path} is a pickle (or a torch.save archive), which can run code when read; expected a "
                         "safetensors file written by graphcond")  # fmt: skip
