"""Files and folders are written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphcond.core.fields import check_flag

OVERWRITE = "overwrite=True (--overwrite)"


def check_target(path: str | Path, *, overwrite: bool = False) -> None:
    """Raise if a file could not be written to ``path``: to be called before long work, not only after it.

    Raises:
        FileExistsError: ``path`` exists and ``overwrite`` is false.
        IsADirectoryError: ``path`` is a folder.
        FileNotFoundError: its folder does not exist.
        PermissionError: its folder cannot be written to.
    """
    _temporary_beside(Path(path), overwrite).unlink()


@contextmanager
def replacing(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block ends without an error.

    Raises what :func:`check_target` raises, before the block is entered.
    """
    target = Path(path)
    temporary = _temporary_beside(target, overwrite)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside ``path`` that takes its place when the block ends without an error.

    Raises:
        FileExistsError: ``path`` exists and ``overwrite`` is false.
        NotADirectoryError: ``path`` is a file.
        FileNotFoundError: the folder that it is in does not exist.
        PermissionError: that folder cannot be written to.
    """
    check_flag("overwrite", overwrite)
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file; give the name of a folder")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists already; choose another name or pass {OVERWRITE}")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} does not exist; create it first")
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise PermissionError(f"cannot write into the folder {target.parent} ({error.strerror})") from error
    new, old = scratch / "new", scratch / "old"
    try:
        new.mkdir()
        yield new
        if target.exists():  # a folder that holds files cannot be renamed onto
            target.rename(old)
        new.rename(target)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(scratch)


def _temporary_beside(target: Path, overwrite: bool) -> Path:
    check_flag("overwrite", overwrite)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; give the name of a file in it")
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists already; choose another name or pass {OVERWRITE}")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} does not exist; create it first")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise PermissionError(f"cannot write into the folder {target.parent} ({error.strerror})") from error
    os.close(handle)
    return Path(name)
