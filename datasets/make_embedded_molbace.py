"""Make the file of ``ogbg-molbace`` that the package carries, ``graphcond/datasets/embedded/ogbg_molbace.npz``.

    python datasets/make_embedded_molbace.py ROOT

ROOT holds OGB's files (MIT) in ``ROOT/ogb/ogbg_molbace``, with the folders ``raw`` and ``split`` and the empty file
``RELEASE_v1.txt``; ``PygGraphPropPredDataset("ogbg-molbace", root="ROOT/ogb")`` downloads them. Their SHA-256 sums, in
``datasets/cards/ogbg.md``, are checked first, and the graphs are those that OGB's class makes of them.
"""

import argparse
import hashlib
import re
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Data

from graphcond.core.runtime.files import replacing
from graphcond.datasets.builtin import PARTS, unpack_molecules
from graphcond.datasets.ogb_graphs import OGBGraphs

REPOSITORY = Path(__file__).resolve().parent.parent
NAME = "ogbg-molbace"
TARGET = REPOSITORY / "graphcond" / "datasets" / "embedded" / "ogbg_molbace.npz"
CARD = REPOSITORY / "datasets" / "cards" / "ogbg.md"


def check_sums(folder: Path) -> None:
    """Raise unless each raw file of molbace in ``folder`` is the one that the card names."""
    for digest, name in re.findall(r"([0-9a-f]{64}) +ogbg_molbace/(\S+)", CARD.read_text(encoding="utf-8")):
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{folder / name} is not OGB's file: its SHA-256 should be {digest}")


def pack(dataset: OGBGraphs) -> dict[str, np.ndarray]:
    """Return the arrays to store: each bond once, all in single bytes, counted graph by graph."""
    data, split = dataset._data, dataset.get_idx_split()
    part = np.zeros(len(dataset), dtype=np.uint8)
    for number, name in enumerate(PARTS):
        part[np.asarray(split[name])] = number
    arrays = {
        "x": data.x, "atoms": dataset.slices["x"].diff(), "y": data.y.flatten(),
        "bonds": data.edge_index[:, ::2].t(), "bond_attr": data.edge_attr[::2],
        "bond_counts": dataset.slices["edge_index"].diff() // 2,
    }  # fmt: skip
    return {name: np.ascontiguousarray(value.numpy().astype(np.uint8)) for name, value in arrays.items()} | {
        "split": part
    }


def same_graph(one: Data, other: Data) -> bool:
    """Return whether two graphs hold the same, in tensors of the same types."""
    names = ("x", "edge_index", "edge_attr", "y")
    alike = all(one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in names)
    return alike and sorted(one.keys()) == sorted(other.keys()) and one.num_nodes == other.num_nodes


def make(root: Path, target: Path) -> None:
    """Write ``target`` from the files under ``root`` and check that it gives back the same graphs."""
    check_sums(root / "ogb" / "ogbg_molbace")
    dataset = OGBGraphs(NAME, root / "ogb")
    with replacing(target, overwrite=True) as temporary:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **pack(dataset))
        restored = unpack_molecules(temporary, NAME)
        if len(restored) != len(dataset) or not all(map(same_graph, dataset, restored)):
            raise ValueError("the graphs do not survive packing")
        for name, graphs in dataset.get_idx_split().items():
            if not torch.equal(graphs, restored.get_idx_split()[name]):
                raise ValueError(f"the part {name} of the split does not survive packing")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="the folder that holds ogb/ogbg_molbace")
    make(parser.parse_args().root, TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
