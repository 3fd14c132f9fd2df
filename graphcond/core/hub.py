"""Condensed datasets as dataset repositories of Hugging Face's hub: a page with a card, and the file.

Everything that concerns the network, its tokens and its caches is left to ``huggingface_hub``.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from graphcond.core.fields import check_flag
from graphcond.core.runtime.files import replacing_folder

if TYPE_CHECKING:
    from graphcond.core.record import Record

FILE, PAGE = "condensed.safetensors", "README.md"
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
LICENCES = {"MIT": "mit", "CC BY 4.0": "cc-by-4.0", "ODC-BY": "odc-by", "CC-0": "cc0-1.0"}
"""The hub's names of licences, by those of the catalogue of datasets."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
"""The hub's classes of size."""


@dataclass(frozen=True, kw_only=True)
class HubWords:
    """What a page says of all condensed data of a modality.

    Args:
        task: The hub's category of tasks.
        use: Lines of Python that use ``small``.
        counted: The number of items, by its name in ``record.budget["spent"]``.
        imports: A line of Python that imports what these lines need.
    """

    task: str
    use: str
    counted: str
    imports: str = ""


@dataclass(frozen=True, kw_only=True)
class HubPage:
    """What somebody who publishes a condensed dataset says of it, beside its record.

    Args:
        title: Heading; ``None``: the name of the original, and what became of it.
        licence: Under which terms it may be used, by the hub's names, such as ``"mit"``, or the catalogue's.
        source: Where the original is from.
        citation: What to cite for the original, as BibTeX.
        report: Scores, as a report or a text.
        notes: Further sentences.
    """

    title: str | None = None
    licence: str = "unknown"
    source: str = ""
    citation: str = ""
    report: object = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the fields."""
        for name in ("licence", "source", "citation"):
            if not isinstance(value := getattr(self, name), str):
                raise TypeError(f"{name} must be a text, got {type(value).__name__}")
        if not isinstance(self.title, str | None):
            raise TypeError(f"title must be a text or None, got {type(self.title).__name__}")
        if not self.licence:
            raise ValueError("licence must be a name such as 'mit', or 'unknown', got ''")


class Published(Protocol):
    """A condensed dataset of any modality."""

    @property
    def record(self) -> "Record":
        """How it was made."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes of everything that training needs."""
        ...

    @property
    def modality(self) -> str:
        """What was condensed."""
        ...

    def described(self) -> tuple[str, str]:
        """Return the original and the dataset in words."""
        ...

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write it to a file."""
        ...


def publish(
    small: Published,
    place: str | Path,
    words: HubWords,
    page: HubPage,
    *,
    private: bool = False,
    overwrite: bool = False,
) -> str:
    """Write a condensed dataset and its page to a folder or a repository of the hub; return where it is.

    Args:
        small: The dataset.
        place: A repository, ``"owner/name"``, or a folder: a ``Path``, or a text such as ``"./name"``.
        words: What the page says of its modality.
        page: What it says of itself.
        private: Whether a new repository is private.
        overwrite: Whether the place may exist; a repository keeps its earlier versions, and a folder that holds
            anything else is refused.

    Raises:
        ImportError: ``huggingface_hub`` is not installed.
        FileExistsError: the place exists and ``overwrite`` is false, or it holds something else.
        ValueError: ``place`` is neither a repository nor a folder.
        OSError: the hub cannot be reached or refuses.
    """
    check_flag("private", private)
    check_flag("overwrite", overwrite)
    repository = repository_of(place)
    hub = _hub()
    text = page_text(small, words, page, f'graphcond.from_hub("{repository or "./FOLDER"}")')
    if repository is None:
        target = Path(place).expanduser()
        with replacing_folder(target, overwrite=overwrite, known=(FILE, PAGE)) as folder:
            _write(small, folder, text)
        return str(target if str(place).startswith("~") else place)
    api = hub.HfApi()
    with _reached(repository), tempfile.TemporaryDirectory(prefix="graphcond-") as scratch:
        if not overwrite and api.repo_exists(repository, repo_type="dataset"):
            raise FileExistsError(f"{repository} exists already; choose another name or pass overwrite=True")
        _write(small, Path(scratch), text)
        api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository, repo_type="dataset", folder_path=scratch,
            commit_message=f"Condensed {small.record.source.get('name', 'dataset')}",
        )  # fmt: skip
    return f"https://huggingface.co/datasets/{repository}"


def fetched(place: str | Path, revision: str | None = None) -> Path:
    """Return the path of the file in a folder or a repository of the hub, from which it is downloaded.

    Args:
        place: See :func:`publish`.
        revision: A version of the repository: a branch, a tag or a commit.

    Raises:
        ImportError: ``huggingface_hub`` is not installed.
        FileNotFoundError: there is no such file.
        ValueError: ``place`` is neither a repository nor a folder.
        OSError: the hub cannot be reached or refuses.
    """
    repository = repository_of(place)
    if repository is None:
        if revision is not None:
            raise ValueError(f"revision is for repositories of the hub, and {place} is a folder; leave it out")
        path = Path(place).expanduser() / FILE
        if not path.is_file():
            raise FileNotFoundError(f"there is no {FILE} in {place}; to_hub writes one")
        return path
    hub = _hub()
    try:
        with _reached(repository):
            return Path(hub.hf_hub_download(repository, FILE, repo_type="dataset", revision=revision))
    except hub.errors.EntryNotFoundError as error:
        reason = next(iter(str(error).splitlines()), "")
        raise FileNotFoundError(f"{FILE} of {repository} could not be had from the hub ({reason})") from error


def repository_of(place: str | Path) -> str | None:
    """Return the repository of the hub that a place is; ``None``: it is a folder.

    >>> repository_of("me/cora-7"), repository_of("./me/cora-7")
    ('me/cora-7', None)
    """
    if not isinstance(place, str | Path):
        raise TypeError(f"place must be 'owner/name' or a folder, got {type(place).__name__}")
    if isinstance(place, Path) or place.startswith((".", "/", "~")) or Path(place).is_absolute():
        return None
    if REPOSITORY.fullmatch(place) is None:
        raise ValueError(f"place must be a repository 'owner/name' or a folder such as './name', got {place!r}")
    return place


def page_text(small: Published, words: HubWords, page: HubPage, loading: str) -> str:
    """Return the page of a condensed dataset: the hub's metadata of a card, then Markdown.

    Args:
        small: The dataset.
        words: What the page says of its modality.
        page: What it says of itself.
        loading: The expression of Python that loads it.
    """
    source, spent = small.record.source, small.record.spent
    name = str(source.get("name", "dataset"))
    items = spent.get(words.counted, 0)
    size = next((label for most, label in SIZES if items < most), "n>1M")
    title = page.title or f"{name}, condensed to {items:,} {words.counted}"
    front = _hub().DatasetCardData(
        license=LICENCES.get(page.licence, page.licence),
        task_categories=[words.task],
        size_categories=[size],
        tags=["dataset-condensation", "graphcond", small.modality],
        pretty_name=title,
    )
    parts = [f"---\n{front.to_yaml()}\n---", f"# {title}", *_body(small, words, page, loading)]
    return "\n\n".join(parts) + "\n"


def _body(small: Published, words: HubWords, page: HubPage, loading: str) -> list[str]:
    record = small.record
    before, after = small.described()
    imports = "\n".join(filter(None, ["import graphcond", words.imports]))
    use = f"{imports}\n\nsmall = {loading}\n{words.use}"
    made = f"`{record.method}` of graphcond {record.versions.get('graphcond', '')}, seed {record.seed}"
    parts = [
        f"{record.source.get('name', 'A dataset')} ({before}), condensed to {after} "
        f"({small.nbytes / 1000:,.1f} kB), made by {made}, in {record.seconds:.1f} s. Train on it as on the original.",
        f"```python\n{use}\n```",
    ]
    if page.report is not None:
        parts += ["## Scores", f"```text\n{page.report}\n```"]
    parts += ["## Source", f"{page.source or 'Not stated'}. Licence: {page.licence}."]
    if notes := (*page.notes, *record.notes):
        parts.append("\n".join(f"- {note}" for note in notes))
    parts += [f"```bibtex\n{page.citation}\n```"] if page.citation else []
    told = {"method": record.method, "settings": record.settings, "asked": record.budget.get("asked", {})}
    told |= {"seed": record.seed, "device": record.device, "versions": record.versions}
    told |= {"fingerprint of the original": record.source.get("fingerprint")}
    return [*parts, "## How it was made", f"```json\n{json.dumps(told, indent=1)}\n```"]


def _write(small: Published, folder: Path, text: str) -> None:
    small.save(folder / FILE)
    (folder / PAGE).write_text(text, "utf-8")


@contextmanager
def _reached(repository: str) -> Iterator[None]:
    """Raise ``OSError`` where the hub cannot be reached; since version 1 its package has other errors for that, too."""
    try:
        yield
    except OSError:
        raise
    except _hub().errors.HfHubHTTPError.__bases__ as error:  # those of the library by which it connects
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise OSError(f"the hub cannot be reached for {repository} ({reason}); connect to the network") from error


def _hub() -> Any:  # noqa: ANN401 (a module)
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise ImportError("huggingface_hub is not installed; pip install 'graphcond[hub]'") from error
    return huggingface_hub
