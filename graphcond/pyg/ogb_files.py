"""Graphs in OGB's layout of files, the binary one of its ``DatasetSaver``: exact, and with room for no edges at all.

OGB's own writer asks questions on the terminal, prints, and wants a folder of mappings besides; the layout is simple.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from graphcond.core.runtime.files import replacing_folder

SPLIT = "condensed"
VERSION = 1
PARTS = ("raw", "split", "meta.json", f"RELEASE_v{VERSION}.txt", "processed")  # the last one is made by readers
MASKS = ("train_mask", "val_mask", "test_mask")  # the split says it
# Kinds of targets: OGB's type of task, its metric, and its number of classes where that is not the dataset's.
TASKS: dict[str, tuple[str, str, int | None]] = {
    "single_label": ("multiclass classification", "acc", None),
    "multi_label": ("binary classification", "rocauc", 2),
    "regression": ("regression", "rmse", -1),
}
EMPTY: dict[str, Any] = {"url": "", "download_name": "", "add_inverse_edge": "False", "is hetero": "False"}


def write_ogb(
    items: Sequence[Data], folder: str | Path, *, per_item: frozenset[str], kind: str, num_classes: int, overwrite: bool
) -> dict[str, Any]:
    """Write graphs, and return the ``meta_dict`` by which OGB's classes read them; see ``CondensedDataset.to_ogb``.

    Args:
        items: The graphs; one, where its nodes have the labels.
        folder: The folder to make.
        per_item: Names of what belongs to a graph as a whole; with ``"y"`` where graphs have the labels.
        kind: The kind of target, or what the numbers that are learned are made by.
        num_classes: Number of classes.
        overwrite: Replace the folder if it exists; one that holds anything else is refused.
    """
    level = "graph" if "y" in per_item else "node"
    labels = torch.cat([item.y.reshape(1, -1) if level == "graph" else item.y for item in items])
    labels = labels.reshape(len(labels), -1)
    whole = [name for name in sorted(per_item - {"y"}) if name in items[0]]
    arrays = _arrays(items, skip={"y", *whole, *MASKS})
    meta = described_for_ogb(folder, labels, kind, num_classes) | {
        "has_edge_attr": str("edge_feat" in arrays),
        "additional node files": _listed(arrays, "node_"), "additional edge files": _listed(arrays, "edge_"),
    }  # fmt: skip
    with replacing_folder(folder, overwrite=overwrite, known=PARTS) as new:
        for part in ("raw", f"split/{SPLIT}"):
            (new / part).mkdir(parents=True)
        np.savez_compressed(new / "raw" / "data.npz", **arrays)
        named: dict[str, Any] = {f"{level}_label": labels.numpy()}
        np.savez_compressed(new / "raw" / f"{level}-label.npz", **named)
        if whole:
            more: dict[str, Any] = {name: torch.cat([item[name] for item in items]).numpy() for name in whole}
            np.savez_compressed(new / "raw" / "graph-more.npz", **more)
        everything = torch.ones(len(labels), dtype=torch.bool)
        learned = everything if level == "graph" else items[0].get("train_mask", everything)
        parts = {"train": learned.nonzero().flatten(), "valid": torch.arange(0), "test": torch.arange(0)}
        torch.save(parts, new / "split" / SPLIT / "split_dict.pt")  # the only form that may have empty parts
        (new / f"RELEASE_v{VERSION}.txt").write_text("Condensed with graphcond.\n", "utf-8")
        (new / "meta.json").write_text(json.dumps(meta, indent=2), "utf-8")
    return meta


def described_for_ogb(folder: str | Path, labels: Tensor, kind: str, num_classes: int) -> dict[str, Any]:
    """Return what OGB asks to know of any dataset: where it is, and what is learned, ``(items, outputs)`` labels."""
    task, metric, classes = TASKS.get(kind, TASKS["regression"])
    return EMPTY | {
        "version": VERSION, "dir_path": str(Path(folder).absolute()), "binary": "True", "split": SPLIT,
        "num tasks": labels.size(1), "num classes": num_classes if classes is None else classes,
        "task type": task, "eval metric": metric, "has_node_attr": "True",
    }  # fmt: skip


def _arrays(items: Sequence[Data], skip: set[str]) -> dict[str, Any]:
    """Return the content of ``data.npz``: what nodes and edges have, of all graphs end to end."""
    arrays: dict[str, Any] = {
        "edge_index": torch.cat([item.edge_index for item in items], dim=1).numpy(),
        "num_nodes_list": np.array([item.num_nodes for item in items]),
        "num_edges_list": np.array([item.num_edges for item in items]),
    }
    for name, value in items[0].to_dict().items():
        if isinstance(value, Tensor) and name not in (*skip, "edge_index"):
            arrays[ogb_name(name)] = torch.cat([item[name] for item in items]).numpy()
    return arrays


def ogb_name(name: str) -> str:
    """Return the name that OGB's readers know a tensor by, or take for one of nodes or edges."""
    known = {"x": "node_feat", "edge_attr": "edge_feat"}
    return known.get(name, name if name.startswith(("node_", "edge_")) else f"node_{name}")


def _listed(arrays: dict[str, Any], start: str) -> str:
    names = [name for name in arrays if name.startswith(start) and name not in ("edge_index", f"{start}feat")]
    return ",".join(names) or "None"
