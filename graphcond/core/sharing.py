"""What every condensed dataset does to be looked at and passed on: a report, a page on the hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from graphcond.core.hub import HubPage, HubWords, Published, publish

if TYPE_CHECKING:
    from graphcond.core.evaluation.protocols import TrainingProtocol
    from graphcond.core.evaluation.report import RowsReport
    from graphcond.core.reporting.page import Page


class Shared:
    """Methods of condensed datasets of all modalities."""

    @property
    def _hub(self) -> HubWords:
        """What a page on the hub says of such data."""
        raise NotImplementedError

    def report(
        self,
        dataset: object,
        path: str | Path | None = None,
        *,
        evaluation: "RowsReport[Any] | Literal[False] | None" = None,
        models: Sequence[object] | None = None,
        protocol: "str | TrainingProtocol | None" = None,
        controls: bool | Sequence[str] = True,
        overwrite: bool = False,
    ) -> "Page":
        """Return a page of HTML on this dataset: how it was made, its costs, its scores beside controls, its items.

        The page is one file that asks no network for anything. ``page.save("report.html")`` writes it, and a notebook
        shows it by itself. Of a large original, a few thousand items are drawn.

        Args:
            dataset: The original, as it was condensed, or a task of it.
            path: Where the page goes; ``None``: nowhere yet.
            evaluation: What ``evaluate`` returned, so that nothing is trained twice; ``False``: the page
                has no scores; ``None``: models are trained now.
            models: See :func:`graphcond.evaluate`; of several, the page compares them.
            protocol: See there.
            controls: See there.
            overwrite: Replace an existing file.

        Raises:
            ImportError: the plotting library is not installed.
            FileExistsError: ``path`` exists and ``overwrite`` is false.
            TypeError: an argument of the wrong type.
            ValueError: an argument with an unusable value, another original than the one that was
                condensed, or an evaluation of another condensation.
        """
        from graphcond.html_report import report  # it stands on what is condensed

        return report(
            self, dataset, path, evaluation=evaluation, models=models, protocol=protocol, controls=controls,
            overwrite=overwrite,
        )  # fmt: skip

    def to_hub(
        self,
        place: str | Path,
        *,
        licence: str = "unknown",
        title: str | None = None,
        source: str = "",
        citation: str = "",
        report: object = None,
        private: bool = False,
        overwrite: bool = False,
    ) -> str:
        """Publish the dataset with a page of its own on Hugging Face's hub, or write the same to a folder.

        The page is a dataset card: metadata, how it was made, the scores of ``report``. ``huggingface_hub`` uploads it
        with the token that it knows (``hf auth login``, or ``HF_TOKEN``). :func:`graphcond.from_hub` reads it back.

        Args:
            place: A repository, ``"owner/name"``, or a folder: a ``Path``, or a text such as ``"./name"``.
            licence: Under which terms it may be used, such as ``"mit"``; those of the original bind.
            title: Heading of the page.
            source: Where the original is from.
            citation: What to cite for the original, as BibTeX.
            report: What ``evaluate`` returned.
            private: Whether a new repository is private.
            overwrite: Whether the place may exist; a repository keeps its earlier versions, and a folder that holds
                anything else is refused.

        Returns:
            The address of the repository, or the path of the folder.

        Raises:
            ImportError: ``huggingface_hub`` is not installed.
            FileExistsError: the place exists and ``overwrite`` is false, or it holds something else.
            ValueError: ``place`` is neither a repository nor a folder.
            OSError: the hub cannot be reached or refuses.
        """
        page = HubPage(title=title, licence=licence, source=source, citation=citation, report=report)
        return publish(cast("Published", self), place, self._hub, page, private=private, overwrite=overwrite)
