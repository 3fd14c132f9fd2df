"""Condensed interactions: a few synthetic users over the original's items, with the record of how they were made."""

import copy
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from graphcond.core.fields import is_number
from graphcond.core.hub import HubWords
from graphcond.core.members import Members
from graphcond.core.notebook import shown_condensed
from graphcond.core.record import Record
from graphcond.core.runtime import storage
from graphcond.core.runtime.contents import explained, require, require_members, require_present, require_recorded
from graphcond.core.runtime.files import replacing
from graphcond.core.sharing import Shared
from graphcond.core.sparse import check_compressed
from recsys.data.bytes import is_binary, matrix_bytes

if TYPE_CHECKING:
    import pandas as pd

POINTERS = "user_items.indptr"
HUB = HubWords(
    task="other", counted="users", use="model.fit(small.user_items)  # a recommender that takes SciPy's matrices"
)
HEAVIEST = 1 + 1e-6  # a weight may be rounded up


@dataclasses.dataclass(frozen=True, eq=False)
class CondensedInteractions(Shared):
    """Synthetic users that recommenders train on as on real ones: ``model.fit(small.user_items)``.

    Args:
        user_items: ``(num_users, num_items)`` interactions of the synthetic users, float32 weights in (0, 1].
        item_ids: ``(num_items,)`` ids of the items, verbatim and in the order of the original.
        record: Method, settings, seed, versions, source, costs.
        members: Which real users stand behind each synthetic one, from methods that choose among them.

    >>> import recsys
    >>> small = recsys.condense(recsys.generate_interactions(200, 50, 2000, seed=0), users=5, method="random_users")
    >>> small.user_items.shape, small.record.method
    ((5, 50), 'random_users')
    """

    user_items: csr_matrix
    item_ids: np.ndarray
    record: Record
    members: Members | None = None

    @property
    def user_ids(self) -> np.ndarray:
        """Ids of the synthetic users, ``(num_users,)`` strings that no real user has."""
        count = self.user_items.shape[0]
        width = len(str(count - 1))
        prefix = self.record.source.get("synthetic_prefix", "syn_")
        return np.array([f"{prefix}{i:0{width}d}" for i in range(count)])

    @property
    def num_interactions(self) -> int:
        """Number of interactions, however light."""
        return int(self.user_items.nnz)

    @property
    def modality(self) -> str:
        """``"interactions"``."""
        return "interactions"

    @property
    def binary(self) -> bool:
        """Whether all weights are 1."""
        return is_binary(self.user_items)

    @property
    def nbytes(self) -> int:
        """Bytes of the interactions as they lie in their file: pointers, items and, unless all are 1, weights."""
        return matrix_bytes(self.user_items)

    def described(self) -> tuple[str, str]:
        """Return the original and this dataset in words."""
        source = self.record.source
        kind = "binary interactions" if self.binary else "weighted interactions"
        return (
            f"{source['num_users']:,} users, {source['num_interactions']:,} interactions, "
            f"{source['num_items']:,} items",
            f"{self.user_items.shape[0]:,} users, {self.num_interactions:,} {kind}",
        )

    def binarized(self, threshold: float = 0.5) -> "CondensedInteractions":
        """Return the users with interactions of at least ``threshold`` only, all of weight 1.

        Recommenders that take weights for confidence, such as ALS, need that: a thousand light interactions outweigh
        a few heavy ones. To condense through the rounding from the start, ask for ``interactions=``.
        """
        small = self.pruned(threshold)
        small.user_items.data[:] = 1
        small.record.budget["spent"]["bytes"] = small.nbytes
        return small

    def pruned(self, threshold: float) -> "CondensedInteractions":
        """Return the users without interactions below ``threshold``; the others keep their weights.

        Most weights of a soft row are a faint background: to leave it out costs little accuracy and saves most bytes.
        """
        if not (is_number(threshold) and 0 < threshold <= 1):
            raise ValueError(f"threshold must be in (0, 1], got {threshold!r}")
        rows = self.user_items.copy()
        rows.data[rows.data < threshold] = 0
        rows.eliminate_zeros()
        record = copy.deepcopy(self.record)
        small = CondensedInteractions(rows, self.item_ids, record, self.members)
        record.budget["spent"] |= {"interactions": small.num_interactions, "bytes": small.nbytes}
        return small

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas frame with ``user_id``, ``item_id`` and ``weight``, a row for each interaction."""
        import pandas as pd

        users = np.repeat(self.user_ids, np.diff(self.user_items.indptr))
        items, weights = self.item_ids[self.user_items.indices], self.user_items.data
        frame: pd.DataFrame = pd.DataFrame({"user_id": users, "item_id": items, "weight": weights})
        return frame

    def to_scipy(self) -> csr_matrix:
        """Return a copy of the matrix, ``(num_users, num_items)`` float32, that may be changed.

        Rows are :attr:`user_ids`, columns :attr:`item_ids`.
        """
        return self.user_items.copy()

    def export(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the interactions as a table that other libraries read, by the suffix of the path; return the path.

        ``.csv``, ``.tsv`` and ``.parquet`` have the columns of :meth:`to_frame`, without weights where all are 1.
        ``.inter`` is RecBole's, with an ``.item`` file beside it that names the items without interactions, too.
        :func:`recsys.read_interactions` reads all of them; the record is in the file of :meth:`save` only.

        Args:
            path: Where to.
            overwrite: Replace existing files.

        Raises:
            FileExistsError: ``path`` exists and ``overwrite`` is false.
            ImportError: parquet was asked for and pyarrow is not installed.
            ValueError: another suffix.

        >>> import recsys, tempfile
        >>> small = recsys.condense(recsys.generate_interactions(200, 50, 2000, seed=0), users=5, method="random_users")
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     recsys.read_interactions(small.export(f"{scratch}/small.csv")).num_users
        5
        """
        from recsys.data.files import write_interactions

        write_interactions((self.user_items, self.user_ids, self.item_ids), path, overwrite=overwrite)
        return Path(path)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the interactions to one safetensors file with the record as JSON metadata; return its path.

        Raises:
            FileExistsError: ``path`` exists and ``overwrite`` is false.
            PermissionError: the folder cannot be written to.
            OSError: the disk is full.
            ValueError: the interactions are no such as can be trained on.
        """
        self._check()
        tensors = _tensors(self.user_items) | {"item_ids": _encoded(self.item_ids)}
        if self.members is not None:
            tensors |= {"members.ptr": self.members.ptr, "members.index": self.members.index}
        with replacing(path, overwrite=overwrite) as temporary:
            storage.write(temporary, tensors, self.record.counted(self._counts(), lambda: self.nbytes).to_json())
        return Path(path)

    @property
    def _hub(self) -> HubWords:
        return HUB

    @classmethod
    def load(cls, path: str | Path) -> "CondensedInteractions":
        """Read a file that :meth:`save` wrote. Nothing in the file is executed.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not of this format, is truncated, was altered, or holds no interactions.
        """
        tensors, text = storage.read(path)
        with explained(path):
            record = Record.from_json(text)
            if POINTERS in tensors:
                return cls.from_tensors(tensors, record)
        raise ValueError(f"{path} holds {record.modality or 'graphs'}, not interactions; read it with graphcond.load")

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], record: Record) -> "CondensedInteractions":
        """Put together what a file holds.

        Raises:
            ValueError: that does not fit together.
        """
        require_present(tensors, (POINTERS, "user_items.indices", "item_ids"))
        pointers, indices = (tensors[name].numpy() for name in (POINTERS, "user_items.indices"))
        data = tensors["user_items.data"].numpy() if "user_items.data" in tensors else np.ones(len(indices), np.float32)
        item_ids = _decoded(tensors["item_ids"])
        shape = (len(pointers) - 1, len(item_ids))
        check_compressed("user_items", pointers, indices, shape, len(data))
        members = None
        if "members.ptr" in tensors or "members.index" in tensors:
            require_present(tensors, ("members.ptr", "members.index"))
            members = Members(tensors["members.ptr"], tensors["members.index"])
        small = cls(csr_matrix((data, indices, pointers), shape=shape), item_ids, record, members)
        small._check()
        require_recorded(record.spent, small._counts(), "the condensed")
        return small

    def _counts(self) -> dict[str, object]:
        """Return what there is, as ``record.budget["spent"]`` says it."""
        return {"users": self.user_items.shape[0], "interactions": self.num_interactions}

    def _check(self) -> None:
        """Raise ``ValueError`` unless interactions and record are whole and fit together."""
        rows, weights = self.user_items, self.user_items.data
        check_compressed("user_items", rows.indptr, rows.indices, rows.shape, len(weights))
        if not rows.has_canonical_format:
            raise ValueError("user_items must hold each item of a user once, in order")
        if weights.dtype != np.float32 or not ((weights > 0) & (weights <= HEAVIEST)).all():
            raise ValueError("user_items must hold float32 weights in (0, 1]")
        if not all(rows.shape) or len(self.item_ids) != rows.shape[1]:
            raise ValueError(f"item_ids must name the {rows.shape[1]} items of {rows.shape[0]} users, got "
                             f"{len(self.item_ids)}")  # fmt: skip
        if len(np.unique(self.item_ids)) < len(self.item_ids):
            raise ValueError("item_ids must name each item once")
        require_recorded(self.record.source, {"num_items": rows.shape[1]}, "the original's")
        if self.members is not None:
            require_members(self.members.ptr, self.members.index, rows.shape[0])

    def _repr_html_(self) -> str:
        return shown_condensed(self.record, self.described, self.nbytes, f"{self.user_items.shape[0]:,} users")

    def __repr__(self) -> str:
        users, items = self.user_items.shape
        return (
            f"CondensedInteractions({self.record.method}, users={users}, items={items}, "
            f"interactions={self.num_interactions}, bytes={self.nbytes})"
        )


def load(path: str | Path) -> CondensedInteractions:
    """Read condensed interactions from a file; see :meth:`CondensedInteractions.load`."""
    return CondensedInteractions.load(path)


def condensed_interactions(
    user_items: csr_matrix,
    record: Record,
    members: Members | None,
    task: Any,  # noqa: ANN401 (the modality stands on this)
) -> CondensedInteractions:
    """Return what ``condense`` gives for interactions."""
    return CondensedInteractions(user_items, task.split.item_ids, record, members)


def _tensors(rows: csr_matrix) -> dict[str, Tensor]:
    tensors = {
        POINTERS: torch.from_numpy(rows.indptr.astype(np.int32)),
        "user_items.indices": torch.from_numpy(rows.indices.astype(np.int32)),
    }
    return tensors if is_binary(rows) else tensors | {"user_items.data": torch.from_numpy(rows.data)}


def _encoded(ids: np.ndarray) -> Tensor:
    """Return ids as a tensor: integers as they are, strings as the UTF-8 bytes of a JSON list."""
    if ids.dtype.kind in "iu":
        return torch.from_numpy(ids.astype(np.uint64 if ids.dtype == np.uint64 else np.int64))
    text = json.dumps([str(one) for one in ids.tolist()], ensure_ascii=False)
    return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8)


def _decoded(ids: Tensor) -> np.ndarray:
    require("item_ids", ids, (torch.int64, torch.uint64, torch.uint8), (None,))
    if ids.dtype != torch.uint8:
        return ids.numpy()
    names = json.loads(ids.numpy().tobytes().decode())
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("item_ids must be integers or a list of texts")
    return np.array(names)
