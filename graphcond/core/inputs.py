"""What users pass as a dataset, whatever it holds: generators become lists, loaders and paths are distinguished."""

from collections.abc import Iterator
from pathlib import Path

from torch.utils.data import DataLoader, IterableDataset

TABLES = (".csv", ".tsv", ".inter", ".parquet")


def materialized(dataset: object) -> object:
    """Return the items of a generator, an iterator or an iterable-style dataset as a list; anything else as it is.

    >>> materialized(number for number in range(3))
    [0, 1, 2]
    """
    return list(dataset) if isinstance(dataset, Iterator | IterableDataset) else dataset


def no_dataset(given: object, expected: str) -> TypeError:
    """Return the error for what is no dataset.

    Args:
        given: What was passed.
        expected: What is taken, such as ``"a PyG dataset"``.

    >>> no_dataset("cora", "a PyG dataset")
    TypeError("dataset must be a PyG dataset, got the string 'cora'; graphcond.datasets.load reads a dataset by name")
    """
    what, remedy = type(given).__name__, ""
    if isinstance(given, str | Path):
        what = f"the {'string' if isinstance(given, str) else 'path'} {str(given)!r}"
        table = Path(given).suffix.lower() in TABLES
        remedy = "; recsys.condense reads files of interactions" if table else (
            "; graphcond.datasets.load reads a dataset by name"
        )  # fmt: skip
    elif isinstance(given, DataLoader):
        # PyG's loaders of sampled neighbourhoods go through node numbers and hold the graph beside them.
        where = "data" if hasattr(given, "data") else "dataset"
        what, remedy = f"a {what}, which yields batches of one", f"; pass loader.{where}"
    return TypeError(f"dataset must be {expected}, got {what}{remedy}")
