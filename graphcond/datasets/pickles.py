"""What the loaders of PyG and OGB find in a data folder is read without running anything in it.

Their processed files are pickles. torch reads those with a check that admits tensors and a few types only, but both
libraries ask it for less: PyG reads ``pre_transform.pt`` and ``pre_filter.pt`` without the check, and falls back to
doing without it where a file does not pass. Planetoid's raw files are pickles of 2016; :func:`read_arrays` knows the
few types in them and makes NumPy arrays of them by itself.
"""

import os
import pickle
import re
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix

from graphcond.core.sparse import check_compressed

FORCE, FORBID = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
NUMBERS = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")
REFUSED = re.compile(r"GLOBAL ([\w.]+\w)")
_one_at_a_time = threading.RLock()  # the environment belongs to all threads


@contextmanager
def checked_torch_load(*, also: tuple[Any, ...] = ()) -> Iterator[None]:
    """Make every ``torch.load`` of a block check its file, whatever the caller asked for.

    Args:
        also: Types that a file may hold beside tensors and what is allowed already.
    """
    with _one_at_a_time, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Weights only load failed")  # PyG, before it tries without the check
        warnings.filterwarnings("ignore", "Detected pickle protocol")  # torch, of a file that it then refuses
        before = {name: os.environ.pop(name, None) for name in (FORCE, FORBID)}
        os.environ[FORCE] = "1"
        # The context manager forgets all it was given when it ends, even what was allowed before.
        allowed = torch.serialization.get_safe_globals()
        try:
            with torch.serialization.safe_globals([kind for kind in also if kind not in allowed]):
                yield
        finally:
            del os.environ[FORCE]
            os.environ.update({name: value for name, value in before.items() if value is not None})


def refusal(error: pickle.UnpicklingError) -> str:
    """Return in a few words why a pickle was not read."""
    text = " ".join(str(error).split())
    if "Weights only load failed" not in text:
        return text
    found = REFUSED.search(text)
    what = f"it holds {found[1]}" if found else "it holds more than tensors"
    return f"{what}, which could run code"


class _Kind:
    """Stands for ``numpy.dtype``: the kinds of plain numbers, and no others."""

    def __init__(self, name: object, *_: object) -> None:
        if name not in NUMBERS:
            raise pickle.UnpicklingError(f"it holds an array of {name!r}, which are no numbers")
        self.dtype = np.dtype(str(name))

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError(f"it holds an array in the byte order {state[1]!r}")
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for ``numpy.ndarray``."""

    values: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, content = state
        content = content.encode("latin-1") if isinstance(content, str) else content
        self.values = np.frombuffer(content, kind.dtype).reshape(shape, order="F" if by_columns else "C")


class _Matrix:
    """Stands for ``scipy.sparse.csr_matrix``: pickle puts its parts into ``__dict__``."""

    def built(self) -> csr_matrix:
        """Return the matrix."""
        parts = vars(self)
        shape = tuple(map(int, parts["_shape"] if "_shape" in parts else parts["shape"]))
        data, indices, pointers = (parts[name].values for name in ("data", "indices", "indptr"))
        check_compressed("the matrix", pointers, indices, shape, len(data))
        return csr_matrix((data, indices, pointers), shape)


def _reconstruct(kind: type[_Array], *_: object) -> _Array:
    if kind is not _Array:
        raise pickle.UnpicklingError("it holds an array of an unknown type")
    return _Array()


# What the files of Planetoid hold; nothing of any other library is called.
KNOWN: dict[str, Callable[..., Any]] = {
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.ndarray": _Array,
    "numpy.dtype": _Kind,
    "scipy.sparse.csr.csr_matrix": _Matrix,
    "scipy.sparse._csr.csr_matrix": _Matrix,
    "collections.defaultdict": defaultdict,
    "builtins.list": list,
    "__builtin__.list": list,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """Return what stands for a name in the file, if it is one of those known."""
        if (found := KNOWN.get(f"{module}.{name}")) is None:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which could run code")
        return found

    def persistent_load(self, pid: object) -> object:
        """Refuse references to what is outside of the file."""
        raise pickle.UnpicklingError("it refers to something outside")


def read_arrays(path: Path) -> Any:  # noqa: ANN401 (an array, a sparse matrix or a dictionary of lists)
    """Read a pickle of an array, a CSR matrix or lists of numbers, such as Planetoid's raw files; nothing is executed.

    Raises:
        pickle.UnpicklingError: the file holds anything else, or is broken; the message names it.
    """
    try:
        with path.open("rb") as file:
            value = _Unpickler(file, encoding="latin1").load()
        return value.built() if isinstance(value, _Matrix) else value.values if isinstance(value, _Array) else value
    except OSError:
        raise
    except Exception as error:  # a broken pickle raises whatever its opcodes lead to
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise pickle.UnpicklingError(f"{path} is not what Planetoid published: {reason}") from error
