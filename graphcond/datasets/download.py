"""Downloads of published files: with a bar, checked by their checksum, and whole or not there at all."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from graphcond.core.runtime.files import replacing
from graphcond.datasets.files import PATIENCE, ROOT_VARIABLE

BLOCK = 1 << 20


@dataclass(frozen=True)
class Remote:
    """A published file.

    Args:
        url: Where it lies.
        md5: Its checksum, as its publisher or torchvision states it, in hexadecimal digits.
    """

    url: str
    md5: str

    @property
    def file(self) -> str:
        """Its name."""
        return self.url.rpartition("/")[2]


class DownloadError(OSError):
    """A file that arrived and is not what was published, or arrived in part."""


def download(remotes: tuple[Remote, ...], folder: Path, name: str) -> None:
    """Download files into a folder, which is made if it is not there; what is there already stays.

    Args:
        remotes: The files.
        folder: Where they go.
        name: The dataset's name, for the message.

    Raises:
        FileNotFoundError: a file cannot be had, or is not what was published; the message says what to get and where to
            put it. Files that came before it stay, nothing of this one does.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError

    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for remote in remotes:
            with suppress(FileExistsError):  # another process was faster
                if not (folder / remote.file).exists():
                    _fetch(remote, folder / remote.file)
    except (OSError, HTTPException) as error:  # no network, no answer in time, no such page, a full disk
        if isinstance(error, HTTPError):
            error.close()
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise FileNotFoundError(
            f"the raw files of {name} are not complete in {folder} and could not be downloaded ({reason}); put "
            f"{_listed(remotes, folder)} there, name another folder with root= (--root) or {ROOT_VARIABLE}, "
            "or connect to the network"
        ) from error
    finally:
        with suppress(OSError):  # a folder in which something is stays
            for one in made:
                one.rmdir()


def _fetch(remote: Remote, target: Path) -> None:
    import hashlib
    import urllib.request

    from tqdm import tqdm

    from graphcond.core.runtime.progress import watched

    asked = urllib.request.Request(remote.url, headers={"User-Agent": "graphcond"})  # some refuse Python's own
    with replacing(target) as temporary, urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
        stated = answer.headers.get("Content-Length") or ""
        length = int(stated) if stated.isdecimal() else 0
        digest, came = hashlib.md5(usedforsecurity=False), 0
        with (
            temporary.open("wb") as file,
            tqdm(
                total=length or None, unit="B", unit_scale=True, desc=remote.file, file=sys.stderr,
                disable=not watched(),
            ) as bar,
        ):  # fmt: skip
            while block := answer.read(BLOCK):
                file.write(block)
                digest.update(block)
                came += len(block)
                bar.update(len(block))
        if came < length:
            raise DownloadError(f"{remote.url} broke off after {came:,} of {length:,} bytes")
        if digest.hexdigest() != remote.md5:
            raise DownloadError(
                f"{remote.url} has the MD5 checksum {digest.hexdigest()} where {remote.md5} was published, and was not "
                "kept"
            )


def _listed(remotes: tuple[Remote, ...], folder: Path) -> str:
    """Return the addresses of the files that are not there."""
    return ", ".join(one.url for one in remotes if not (folder / one.file).exists())
