"""Make molecule-like random graphs, as many as are wanted, for measuring speed and memory.

    python datasets/generate_molecules.py FOLDER --graphs 1000000 --shard 20000

Common fragments (rings, chains, functional groups) are joined at random by single bonds, so that the computation trees
of their atoms are as skewed as those of real molecules: about 25 atoms with 4 neighbours at most, nine columns of atom
codes and three of bond codes as in OGB's molecules, and two classes; 4 % of the graphs are positive, more often those
with some functional groups. No chemistry is meant beyond that. Each shard is a safetensors file with its own seed.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from graphcond.graphs.mining.shards import write_shard
from graphcond.graphs.task import GraphSet

# Number in the periodic table, less one, and valence.
ELEMENTS = {
    "C": (5, 4),
    "N": (6, 3),
    "O": (7, 2),
    "F": (8, 1),
    "S": (15, 2),
    "X": (15, 6),
    "Cl": (16, 1),
    "Br": (34, 1),
}
SINGLE, DOUBLE, TRIPLE, AROMATIC = range(4)
ORDER = np.array([1.0, 2.0, 3.0, 1.5])
MOST = 20  # fragments of a graph
POSITIVE = 0.03, 1.8  # chance of a graph without any of the groups that matter, and its factor for each


class Fragment(NamedTuple):
    """A part of molecules: how common it is, its atoms and bonds, where others join it, its charges, if it matters."""

    weight: float
    atoms: tuple[str, ...]
    bonds: tuple[tuple[int, int, int], ...]
    slots: tuple[int, ...]
    charges: tuple[int, ...] = ()
    matters: bool = False
    ring: bool = False


def ring(weight: float, atoms: str, kind: int, slots: Sequence[int]) -> Fragment:
    """Return a ring of atoms."""
    size = len(atoms)
    return Fragment(
        weight, tuple(atoms), tuple((i, (i + 1) % size, kind) for i in range(size)), tuple(slots), ring=True
    )


def fused(weight: float, atoms: str, slots: Sequence[int]) -> Fragment:
    """Return an aromatic ring of six atoms and another ring that shares its first and its last."""
    outer = [0, *range(6, len(atoms)), 5]
    bonds = [(i, i + 1) for i in range(5)] + [(5, 0)] + list(pairwise(outer))
    return Fragment(weight, tuple(atoms), tuple((i, j, AROMATIC) for i, j in bonds), tuple(slots), ring=True)


# Single atoms: weight, element, how many others join it.
ATOMIC = ((16, "C", 1), (12, "C", 2), (5, "C", 3), (9, "O", 1), (6, "O", 2), (6, "N", 2), (3, "N", 3), (3, "N", 1),
          (2, "S", 2), (3, "Cl", 1), (2, "F", 1))  # fmt: skip
FRAGMENTS = (
    *(Fragment(weight, (atom,), (), (0,) * joins) for weight, atom, joins in ATOMIC),
    ring(16, "CCCCCC", AROMATIC, (0, 3, 2, 1, 4, 5)),
    ring(3, "CCCCCN", AROMATIC, (0, 2, 3, 1)),
    ring(1.5, "CCCCS", AROMATIC, (0, 3, 1)),
    ring(1, "CCCCO", AROMATIC, (0, 3)),
    ring(1, "CNCCN", AROMATIC, (1, 0, 3)),
    ring(2, "NCCCCC", SINGLE, (0, 3, 3, 1)),
    ring(1.5, "NCCNCC", SINGLE, (0, 3)),
    ring(2, "CCCCCC", SINGLE, (0, 0, 3, 3, 1, 4)),
    ring(1, "CCCCC", SINGLE, (0, 0, 2)),
    fused(1.5, "CCCCCCCCCC", (1, 4, 6, 9, 2)),
    fused(1.5, "CCCCCCCCN", (6, 7, 2, 3)),
    Fragment(5, ("C", "C"), ((0, 1, SINGLE),), (0, 1)),
    Fragment(2, ("C", "C"), ((0, 1, DOUBLE),), (0, 1)),
    Fragment(2, ("C", "C", "C"), ((0, 1, SINGLE), (1, 2, SINGLE)), (1,)),
    Fragment(5, ("C", "O"), ((0, 1, DOUBLE),), (0, 0)),
    Fragment(7, ("C", "O", "N"), ((0, 1, DOUBLE), (0, 2, SINGLE)), (0, 2)),
    Fragment(4, ("C", "O", "O"), ((0, 1, DOUBLE), (0, 2, SINGLE)), (0, 2)),
    Fragment(2, ("C", "O", "O"), ((0, 1, DOUBLE), (0, 2, SINGLE)), (0,)),
    Fragment(1.5, ("C", "N"), ((0, 1, TRIPLE),), (0,), matters=True),
    Fragment(2, ("N", "O", "O"), ((0, 1, DOUBLE), (0, 2, SINGLE)), (0,), charges=(1, 0, -1), matters=True),
    Fragment(1.5, ("X", "O", "O"), ((0, 1, DOUBLE), (0, 2, DOUBLE)), (0, 0), matters=True),
    Fragment(1, ("Br",), (), (0,), matters=True),
    Fragment(1, ("C", "F", "F", "F"), tuple((0, i, SINGLE) for i in (1, 2, 3)), (0,)),
)


def _pointers(sizes: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)])


CHANCES = np.cumsum([each.weight for each in FRAGMENTS]) / sum(each.weight for each in FRAGMENTS)
BACKBONE = np.array([i for i, each in enumerate(FRAGMENTS) if len(each.slots) >= 3])  # what a graph begins with
ATOMS = _pointers([len(each.atoms) for each in FRAGMENTS])
BONDS = _pointers([len(each.bonds) for each in FRAGMENTS])
NUM_SLOTS = np.array([len(each.slots) for each in FRAGMENTS])
SLOTS = np.array([(*each.slots, *[0] * (int(NUM_SLOTS.max()) - len(each.slots))) for each in FRAGMENTS])
MATTERS = np.array([each.matters for each in FRAGMENTS])
# Of each atom of each fragment: element, valence, charge, whether it is in a ring.
ATOM_ROWS = np.array(
    [(*ELEMENTS[atom], each.charges[i] if each.charges else 0, each.ring)
     for each in FRAGMENTS for i, atom in enumerate(each.atoms)]
)  # fmt: skip
BOND_ROWS = np.array([bond for each in FRAGMENTS for bond in each.bonds])


class Placed(NamedTuple):
    """Fragments of graphs, by graph: which kind, and the number of its first atom within the graph."""

    graph: np.ndarray
    kind: np.ndarray
    base: np.ndarray


class Joints(NamedTuple):
    """Bonds between fragments: numbers of atoms within the graph."""

    graph: np.ndarray
    one: np.ndarray
    other: np.ndarray


def molecules(count: int, seed: int, shard: int = 0) -> GraphSet:
    """Return ``count`` graphs; the same ones for the same seed and shard.

    >>> len(molecules(3, seed=0))
    3
    """
    draw = np.random.default_rng([seed, shard])
    placed, joints = _placed(count, draw)
    sizes = np.bincount(placed.graph, np.diff(ATOMS)[placed.kind], count).astype(np.int64)
    ptr = _pointers(sizes)
    atoms = ATOM_ROWS[_rows(ATOMS, placed.kind)[0]]
    first, second, bonds = _bonds(placed, joints, ptr)
    x = _atom_codes(atoms, first, second, bonds, draw)
    chance = np.minimum(POSITIVE[0] * POSITIVE[1] ** np.bincount(placed.graph, MATTERS[placed.kind], count), 0.5)
    y = (draw.random(count) < chance).astype(np.int64)
    edge_index = np.stack([np.stack([first, second], 1), np.stack([second, first], 1)]).reshape(2, -1)
    return GraphSet(
        torch.from_numpy(x), torch.from_numpy(edge_index), torch.from_numpy(np.repeat(_bond_codes(bonds, draw), 2, 0)),
        torch.from_numpy(ptr), torch.from_numpy(y),
    )  # fmt: skip


def _placed(count: int, draw: np.random.Generator) -> tuple[Placed, Joints]:
    """Add a fragment to all graphs at a time, each at a free slot of those that are there."""
    wanted = np.clip(2 + draw.poisson(6.9, count), 2, MOST)
    free = np.zeros((count, MOST * SLOTS.shape[1]), dtype=np.int16)
    filled, size = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    placed, joints = [], []
    for step in range(int(wanted.max())):
        graphs = np.flatnonzero((step < wanted) & ((filled > 0) | (step == 0)))
        kind = np.searchsorted(CHANCES, draw.random(len(graphs)))
        kind = draw.choice(BACKBONE, len(graphs)) if step == 0 else kind
        placed.append((graphs, kind, size[graphs]))
        if step:
            at = (draw.random(len(graphs)) * filled[graphs]).astype(np.int64)
            joints.append((graphs, free[graphs, at], size[graphs] + SLOTS[kind, 0]))
            filled[graphs] -= 1
            free[graphs, at] = free[graphs, filled[graphs]]
        for slot in range(min(step, 1), SLOTS.shape[1]):
            has = NUM_SLOTS[kind] > slot
            some = graphs[has]
            free[some, filled[some]] = size[some] + SLOTS[kind[has], slot]
            filled[some] += 1
        size[graphs] += np.diff(ATOMS)[kind]
    by_graph, by_joint = ([np.concatenate(column) for column in zip(*rows, strict=True)] for rows in (placed, joints))
    order = np.argsort(by_graph[0], kind="stable")
    return Placed(*(column[order] for column in by_graph)), Joints(*by_joint)


def _rows(ptr: np.ndarray, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the template rows of fragments one after the other, and the fragment of each."""
    sizes = np.diff(ptr)[kind]
    owner = np.repeat(np.arange(len(kind)), sizes)
    return np.arange(len(owner)) + np.repeat(ptr[kind] - _pointers(sizes)[:-1], sizes), owner


def _bonds(placed: Placed, joints: Joints, ptr: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both atoms of each bond and its type, by graph."""
    rows, owner = _rows(BONDS, placed.kind)
    start = (ptr[placed.graph] + placed.base)[owner]
    graph = np.concatenate([placed.graph[owner], joints.graph])
    order = np.argsort(graph, kind="stable")
    one = np.concatenate([BOND_ROWS[rows, 0] + start, joints.one + ptr[joints.graph]])
    other = np.concatenate([BOND_ROWS[rows, 1] + start, joints.other + ptr[joints.graph]])
    kind = np.concatenate([BOND_ROWS[rows, 2], np.full(len(joints.graph), SINGLE)])
    return one[order], other[order], kind[order]


def _atom_codes(
    atoms: np.ndarray, first: np.ndarray, second: np.ndarray, bonds: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """Return OGB's nine columns: number, chirality, degree, charge, hydrogens, radicals, hybrid, aromatic, in ring."""
    ends, both = np.concatenate([first, second]), np.concatenate([bonds, bonds])
    degree = np.bincount(ends, minlength=len(atoms))
    used = np.bincount(ends, ORDER[both], len(atoms))
    aromatic = np.bincount(ends, both == AROMATIC, len(atoms)) > 0
    flat = aromatic | (np.bincount(ends, both == DOUBLE, len(atoms)) > 0)
    linear = np.bincount(ends, both == TRIPLE, len(atoms)) > 0
    chiral = (draw.random(len(atoms)) < 0.1) & ~flat & (degree >= 3)
    hydrogens = np.clip(atoms[:, 1] + atoms[:, 2] - np.ceil(used), 0, 3)
    hybrid = np.where(linear, 0, np.where(flat, 1, 2))
    columns = [
        atoms[:, 0], chiral * (1 + (draw.random(len(atoms)) < 0.5)), degree + hydrogens, atoms[:, 2] + 5, hydrogens,
        np.zeros(len(atoms)), hybrid, aromatic, atoms[:, 3],
    ]  # fmt: skip
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def _bond_codes(bonds: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return OGB's three columns: type, stereo, whether it is conjugated."""
    stereo = np.where((bonds == DOUBLE) & (draw.random(len(bonds)) < 0.05), draw.integers(2, 4, len(bonds)), 0)
    return np.stack([bonds, stereo, (bonds == AROMATIC).astype(np.int64)], axis=1)


def shard_sizes(graphs: int, size: int) -> list[int]:
    """Return the numbers of graphs of shards of one size; the last one may be smaller."""
    return [min(size, graphs - start) for start in range(0, graphs, size)]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--graphs", type=int, default=1_000_000)
    parser.add_argument("--shard", type=int, default=20_000, help="graphs of a file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    for number, size in enumerate(shard_sizes(options.graphs, options.shard)):
        write_shard(options.folder / f"{number:06d}.safetensors", molecules(size, options.seed, number), overwrite=True)
    print(f"{options.graphs:,} graphs in {options.folder}, {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
