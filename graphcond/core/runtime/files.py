"""Files and folders are written whole or not at all, and by one writer at a time.

A writer works in a folder of its own beside the target, ``.NAME.XXXXXXXX.part``, which it holds locked; the system
drops the lock of a killed one. What is written takes the target's place in one step. Links are followed: what they lead
to is written. Devices and pipes are written to.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from graphcond.core.fields import check_flag

OVERWRITE = "overwrite=True (--overwrite)"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
BLOCK = 4096  # bytes; a file system that is full takes a file's name, but not its first block
STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/fd/", "/proc/")


def check_target(path: str | Path, *, overwrite: bool = False, nbytes: int = 0, kept: bool = False) -> None:
    """Raise if a file could not be written to ``path``: to be called before long work, not only after it.

    What killed writers of the same file left beside it is removed.

    Args:
        path: The file.
        overwrite: Whether it may exist.
        nbytes: Bytes that it will take at least.
        kept: Whether it will be read again, so that it must not be a device.

    Raises:
        FileExistsError: ``path`` exists and ``overwrite`` is false.
        IsADirectoryError: ``path`` is a folder.
        FileNotFoundError: its folder does not exist.
        PermissionError: its folder cannot be written to.
        OSError: there is no space.
        ValueError: ``path`` is neither a file nor a device that can be written to.
    """
    target = _file_target(path, overwrite)
    if _is_device(target):
        if kept:
            raise ValueError(f"{path} is a device, from which nothing can be read again; give the name of a file")
        return
    with _scratch(target) as scratch, _explained(target):
        require_space(target.parent, nbytes)
        (scratch / "trial").write_bytes(bytes(BLOCK))


def require_space(folder: Path, nbytes: int) -> None:
    """Raise ``OSError`` if a folder's file system has fewer bytes left."""
    if (free := shutil.disk_usage(folder).free) < nbytes:
        failure = OSError(f"{folder} has {free:,} bytes left, and at least {nbytes:,} are needed; free some space")
        failure.errno = errno.ENOSPC
        raise failure


@contextmanager
def replacing(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path that takes the place of ``path`` when the block ends without an error.

    Where ``overwrite`` is false and another writer was faster, its file stays.

    Raises what :func:`check_target` raises, before the block is entered; afterwards ``FileExistsError`` and, where
    there is no space, ``OSError``.
    """
    target = _file_target(path, overwrite)
    if _is_device(target):
        with tempfile.TemporaryDirectory(prefix="graphcond-") as folder:
            temporary = Path(folder, target.name)
            yield temporary
            with _explained(target), temporary.open("rb") as source, target.open("wb") as device:
                shutil.copyfileobj(source, device)
        return
    with _scratch(target) as scratch, _explained(target):
        temporary = scratch / target.name
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if overwrite:
            temporary.replace(target)
        else:
            _place(temporary, target)


@contextmanager
def replacing_folder(
    path: str | Path, *, overwrite: bool = False, known: Collection[str] | None = None
) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``path`` when the block ends without an error.

    Args:
        path: The folder.
        overwrite: Whether it may exist.
        known: Names that it may hold then, so that nothing else is lost with it; ``None``: any.

    Raises:
        FileExistsError: ``path`` exists and ``overwrite`` is false, or it holds something else.
        NotADirectoryError: ``path`` is a file.
        FileNotFoundError: the folder that it is in does not exist.
        PermissionError: that folder cannot be written to.
        OSError: there is no space.
    """
    check_flag("overwrite", overwrite)
    target = _resolved(path)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is a file; give the name of a folder")
    if target.exists() and not overwrite:
        raise _exists(target)
    there = [one.name for one in target.iterdir()] if known is not None and target.exists() else []
    if others := sorted(set(there).difference(known or ())):
        raise FileExistsError(f"{target} holds {others[0]!r}, which would be lost; choose another name")
    with _scratch(target) as scratch, _explained(target):
        new = scratch / "new"
        new.mkdir()
        yield new
        _place_folder(new, scratch / "old", target, overwrite)


def same_file(first: str | Path, second: str | Path) -> bool:
    """Return whether two paths lead to one file, be it there or not."""
    return _resolved(first) == _resolved(second)


def _resolved(path: str | Path) -> Path:
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise FileNotFoundError(f"{path} is a link that leads nowhere; give the name of a file")
    return target


def _file_target(path: str | Path, overwrite: bool) -> Path:
    """Return what is to be written, behind all links."""
    check_flag("overwrite", overwrite)
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be the name of a file, got {path!r}")
    if os.path.abspath(path).startswith(STREAMS) and Path(path).exists():
        raise ValueError(f"{path} is where messages go or come from; give the name of a file")
    target = _resolved(path)
    if _is_device(target):
        return target
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; give the name of a file in it")
    if target.exists() and not target.is_file():
        raise ValueError(f"{target} is neither a file nor a device that can be written to; give the name of a file")
    if target.exists() and not overwrite:
        raise _exists(target)
    return target


def _is_device(target: Path) -> bool:
    """Return whether a path is a device or a pipe, which can be written to but not be replaced."""
    return target.is_char_device() or target.is_fifo()


def _exists(target: Path) -> FileExistsError:
    return FileExistsError(f"{target} exists already; choose another name or pass {OVERWRITE}")


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Say of what a failing disk refused which file it was, and that nothing was changed there."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL and not (type(error) is OSError and error.errno is None):  # NumPy tells no number
            raise
        reason = error.strerror or " ".join(str(error).split())
        failure = OSError(f"{target} could not be written ({reason}) and is as it was; free some space or give another "
                       "path")  # fmt: skip
        failure.errno = error.errno
        raise failure from error


def _place(temporary: Path, target: Path) -> None:
    """Give a file its name unless there is one of that name by now."""
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:  # a file system without hard links: whoever makes the file first may replace it
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError as error:
            raise _exists(target) from error
        try:
            temporary.replace(target)
        except OSError:
            target.unlink()
            raise


def _place_folder(new: Path, old: Path, target: Path, overwrite: bool) -> None:
    """Give a folder its name, and what had it before another one: a folder that holds files cannot be renamed onto."""
    while not _placed_folder(new, old, target, overwrite):
        shutil.rmtree(old, ignore_errors=True)  # another writer was faster, and is now replaced itself


def _placed_folder(new: Path, old: Path, target: Path, overwrite: bool) -> bool:
    try:
        if overwrite:
            with suppress(FileNotFoundError):
                target.rename(old)
        new.rename(target)
    except OSError as error:
        if old.exists() and not target.exists():
            old.rename(target)
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not overwrite:
            raise _exists(target) from error
        return False
    return True


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside a target, of this writer alone."""
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {target.parent} does not exist; create it first")
    before, after = f".{target.name}.", ".part"
    try:
        with suppress(PermissionError):  # a folder may be written to and not be listed
            _remove_abandoned(target.parent, before, after)
        scratch, lock = _locked_folder(before, after, target.parent)
    except OSError as error:
        if error.errno in FULL and error.errno != errno.EROFS:
            with _explained(target):
                raise
        raise PermissionError(f"cannot write into the folder {target.parent} ({error.strerror})") from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _locked_folder(before: str, after: str, parent: Path) -> tuple[Path, int | None]:
    while True:
        scratch = Path(tempfile.mkdtemp(prefix=before, suffix=after, dir=parent))
        lock = _lock(scratch, wait=True)
        if scratch.exists():  # else another process took it for abandoned before it was locked
            return scratch, lock
        if lock is not None:
            os.close(lock)


def _lock(path: Path, *, wait: bool) -> int | None:
    """Return an open descriptor that keeps others from locking a path; ``None``: it cannot be locked, or not now."""
    try:
        import fcntl
    except ImportError:  # Windows, where nobody can remove what another process has open
        return None
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _remove_abandoned(folder: Path, before: str, after: str) -> None:
    """Remove what writers of one target left behind that are not at work any more."""
    for path in folder.iterdir():
        if path.name.startswith(before) and path.name.endswith(after) and (lock := _lock(path, wait=False)) is not None:
            try:
                if stat.S_ISDIR(os.fstat(lock).st_mode):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            finally:
                os.close(lock)
