"""Whether a condensed set was made from the training data of the original that it is evaluated on."""

from collections.abc import Iterable

from graphcond.core.fields import is_whole
from graphcond.core.record import Record
from graphcond.core.targets import SingleLabel


def check_same_split(records: Iterable[Record], asked: object) -> None:
    """Raise if condensations were made from different splits, or from another one than is asked for.

    Args:
        records: Of the condensations.
        asked: What the call says; ``None``: nothing.

    Raises:
        ValueError: they differ.
    """
    splits = {record.source.get("split", 0) for record in records}
    if len(splits) > 1:
        raise ValueError(
            f"condensed holds condensations of the splits {sorted(map(str, splits))}: the test data of one are "
            "training data of another; evaluate each split by itself"
        )
    if splits and is_whole(asked) and asked not in splits:
        raise ValueError(
            f"split={asked} is not the split that was condensed ({splits.pop()}), whose training data may be test data "
            "here; read the split that was condensed"
        )


def check_same_training_data(records: Iterable[Record], fingerprint: str) -> None:
    """Raise if a condensation was made from other training data.

    Args:
        records: Of the condensations; one without a fingerprint passes.
        fingerprint: Of the original's training data, as it was read.

    Raises:
        ValueError: they differ.
    """
    if any(record.source.get("fingerprint", fingerprint) != fingerprint for record in records):
        raise ValueError(
            "dataset is not what was condensed: its training data or their features differ, so that what was learned "
            "from may be test data now; pass the same data and split (a transform that draws a new split at every "
            "access needs data = dataset[0] once), or the bare items of condensed if that is what you want"
        )


def check_same_target(records: Iterable[Record], kind: str) -> None:
    """Raise if other targets were learned when a dataset was condensed.

    Raises:
        ValueError: the message says how to read the dataset.
    """
    targets = [record.source.get("target", SingleLabel.kind) for record in records]
    if len(set(targets)) > 1:
        raise ValueError(
            f"the condensed data were made with different targets, {' and '.join(map(repr, sorted(set(targets))))}; "
            "evaluate each by itself"
        )
    for made in targets:
        if made != kind:
            raise ValueError(
                f"the condensed data were made with target={made!r}, and the dataset was read with {kind!r}; pass "
                f"graphcond.read(dataset, target={made!r})"
            )
