"""Where raw files lie; where processed ones go; one clear sentence when something is missing or broken."""

import errno
import gzip
import io
import logging
import os
import pickle
import socket
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from graphcond.core.runtime.cache import USUAL

if TYPE_CHECKING:
    from torch_geometric.data import InMemoryDataset

logger = logging.getLogger(__name__)

ROOT_VARIABLE = "GRAPHCOND_DATA"
PATIENCE = 15.0  # seconds without an answer, after which the network counts as not there
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR)
BROKEN = (
    ValueError, TypeError, LookupError, AttributeError, AssertionError, EOFError, RuntimeError, MemoryError,
    zipfile.BadZipFile, gzip.BadGzipFile, zlib.error,
)  # fmt: skip


def resolve_root(root: str | Path | None) -> Path:
    """Return the folder of all raw files: ``root``, else ``$GRAPHCOND_DATA``, else ``~/.cache/graphcond``."""
    if root is not None and not str(root):
        raise ValueError("root must name a folder, got ''; '.' is the current one")
    usual = os.environ.get(ROOT_VARIABLE) or USUAL
    return Path(usual if root is None else root).expanduser()


def has_files(folder: Path) -> bool:
    """Return whether there is a file in a folder or below it."""
    return any(path.is_file() for path in folder.rglob("*"))


def remove_if_empty(folder: Path, above: Sequence[Path] = ()) -> None:
    """Remove a folder's empty ``raw``, the folder itself, and empty ones above it: a failed download leaves such.

    Args:
        folder: The folder of a dataset.
        above: Folders above it, the nearest first, that were not there before.
    """
    for empty in (folder / "raw", folder, *above):
        with suppress(OSError):
            empty.rmdir()


def check_rows(dataset: "InMemoryDataset") -> None:
    """Raise ``ValueError`` unless the files of a dataset of graphs fit together: a text that broke off still parses."""
    data = dataset._data
    for key, bounds in dataset.slices.items():
        rows = data[key].size(data.__cat_dim__(key, data[key]))
        if rows != bounds[-1]:
            raise ValueError(f"there are {rows:,} rows of {key} for {bounds[-1]:,}")
    if data.x is not None and len(data.x) != data.num_nodes:
        raise ValueError(f"there are {len(data.x):,} rows of x for {data.num_nodes:,} nodes")


def construct(
    build: Callable[[Path], "InMemoryDataset"], name: str, root: Path, folder: str, url: str = ""
) -> "InMemoryDataset":
    """Construct a dataset under ``root``, without output to the terminal and with clear errors.

    Where files have to be downloaded and somebody watches, what the loaders say of that is shown.

    The loaders of PyG and OGB write a folder ``processed`` beside ``raw``. Where that is not allowed, it is written to
    a temporary folder that links to the raw files.

    Args:
        build: Constructs the dataset under the root it is given.
        name: The dataset's name, for messages.
        root: The folder of all raw files.
        folder: The dataset's own folder under every root; its raw files lie in ``raw``.
        url: Where the files lie on the network, for messages; empty: it is not known.

    Raises:
        FileNotFoundError: the raw files are missing and cannot be downloaded.
        ValueError: the files are there and broken.
    """
    from graphcond.core.runtime.progress import watched
    from graphcond.datasets.pickles import checked_torch_load

    logger.info("loading %s from %s", name, root / folder)
    shown = watched() and not has_files(root / folder)
    with explained(name, root / folder, url), _silence(shown), _patience(), checked_torch_load():
        try:
            return build(root)
        except OSError as error:
            if error.errno not in UNWRITABLE or not has_files(root / folder / "raw"):
                raise
        logger.info("%s cannot be written to; processed files go to a temporary folder", root / folder)
        with tempfile.TemporaryDirectory(prefix="graphcond-") as scratch:
            _link(root / folder, Path(scratch, folder))
            dataset = build(Path(scratch))
            dataset.root = str(root / Path(dataset.root).relative_to(scratch))
            return dataset


def _link(folder: Path, target: Path) -> None:
    """Link to the files of a folder and of those below it; the folders are made, as OGB renames a file of proteins."""
    target.mkdir(parents=True)
    for child in folder.resolve().iterdir():
        if child.is_dir() and child.name != "processed":
            _link(child, target / child.name)
        elif child.name != "processed":
            (target / child.name).symlink_to(child)


@contextmanager
def _silence(but_errors: bool) -> Iterator[None]:
    with redirect_stdout(io.StringIO()), redirect_stderr(sys.stderr if but_errors else io.StringIO()):
        yield


@contextmanager
def _patience() -> Iterator[None]:
    """Let connections for which nobody set a time fail when nothing comes for a while, instead of after minutes."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE if before is None else before)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def explained(name: str, folder: Path, url: str = "") -> Iterator[None]:
    """Say in one sentence what is wrong with the files of a dataset, and what helps.

    Args:
        name: The dataset's name.
        folder: The dataset's own folder.
        url: Where its files lie on the network; empty: it is not known.
    """
    new = [parent for parent in folder.parents if not parent.exists()]
    try:
        yield
    except pickle.UnpicklingError as error:
        from graphcond.datasets.pickles import refusal

        raise ValueError(
            f"the files of {name} in {folder} cannot be read ({refusal(error)}), and nothing in them was run; delete "
            "what was processed (the folder processed, split_dict.pt), which is made again, or get fresh raw files"
        ) from error
    except (OSError, *BROKEN) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        if isinstance(error, BROKEN) and has_files(folder):
            raise ValueError(
                f"the files of {name} in {folder} cannot be read ({reason}); a download may have broken off: delete "
                "that folder and load again"
            ) from error
        remove_if_empty(folder, new)
        where = f"put what {url} holds there" if url else "put them there"
        raise FileNotFoundError(
            f"the raw files of {name} are not complete in {folder / 'raw'} and could not be downloaded ({reason}); "
            f"{where}, name another folder with root= (--root) or {ROOT_VARIABLE}, or connect to the network"
        ) from error
