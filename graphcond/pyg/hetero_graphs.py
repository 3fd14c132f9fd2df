"""Heterogeneous graphs of PyG in the containers of other libraries: NetworkX, DGL, OGB's files."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from graphcond.core.runtime.files import replacing_folder
from graphcond.pyg.ogb_files import MASKS, PARTS, SPLIT, VERSION, described_for_ogb, ogb_name

if TYPE_CHECKING:
    import networkx

SEPARATOR = "___"
"""Between the parts of an edge type in OGB's files."""


def hetero_to_networkx(data: HeteroData) -> "networkx.MultiDiGraph":
    """Return a NetworkX graph: nodes are numbered through all types, nodes and edges have a ``type``, as PyG has it.

    Nodes and edges of each type have the tensors of that type, as numbers and lists.
    """
    import networkx

    graph, first = networkx.MultiDiGraph(), data.node_offsets
    for name in data.node_types:
        for i, told in enumerate(_rows(data[name], data[name].num_nodes)):
            graph.add_node(first[name] + i, type=name, **told)
    for relation in data.edge_types:
        store = data[relation]
        ends = store.edge_index.T.tolist()
        for (source, target), told in zip(ends, _rows(store, len(ends)), strict=True):
            graph.add_edge(first[relation[0]] + source, first[relation[2]] + target, type=relation, **told)
    return graph


def _rows(store: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Yield what each node or edge of a type has."""
    columns = {name: value.tolist() for name, value in _tensors(store).items()}
    return ({name: values[i] for name, values in columns.items()} for i in range(count))


def _tensors(store: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: value for name, value in store.items() if isinstance(value, Tensor) and name != "edge_index"}


def hetero_to_dgl(data: HeteroData, dgl: Any) -> Any:  # noqa: ANN401 (DGL has no types)
    """Return a DGL heterograph, with nodes that no edge reaches; a set without relations is a plain graph.

    Args:
        data: The graph.
        dgl: The module.
    """
    counts = {name: data[name].num_nodes for name in data.node_types}
    if not data.edge_types:
        (name,) = counts
        none = torch.empty(0, dtype=torch.int64)
        graph = dgl.graph((none, none), num_nodes=counts[name])
        graph.ndata.update(_tensors(data[name]))
        return graph
    ends = {relation: tuple(data[relation].edge_index) for relation in data.edge_types}
    graph = dgl.heterograph(ends, num_nodes_dict=counts)
    for name in data.node_types:
        graph.nodes[name].data.update(_tensors(data[name]))
    for relation in data.edge_types:
        graph.edges[relation].data.update(_tensors(data[relation]))
    return graph


def write_hetero_ogb(
    data: HeteroData, folder: str | Path, *, kind: str, num_classes: int, overwrite: bool
) -> dict[str, Any]:
    """Write a heterogeneous graph, and return the ``meta_dict`` by which OGB's classes read it, as ``write_ogb`` does.

    Args:
        data: The graph, one type of which has labels.
        folder: The folder to make.
        kind: The kind of target, or what the numbers that are learned are made by.
        num_classes: Number of classes.
        overwrite: Replace the folder if it exists; one that holds anything else is refused.

    Raises:
        ValueError: OGB's files have no place for the name of a type.
    """
    for name in {text for relation in data.edge_types for text in relation} | set(data.node_types):
        if SEPARATOR in name or not name or name.endswith("_") or name.startswith("_"):
            raise ValueError(
                f"to_ogb() separates the names of types by {SEPARATOR!r}, so that none may be empty or begin or end "
                f"with '_', got {name!r}; rename it"
            )
    files = _files(data)
    (labelled,) = (name for name in data.node_types if "y" in data[name])
    labels = data[labelled].y.reshape(data[labelled].num_nodes, -1)
    meta = described_for_ogb(folder, labels, kind, num_classes) | {
        "is hetero": "True", "has_edge_attr": "False",
        "additional node files": _listed(files, "node_"), "additional edge files": _listed(files, "edge_"),
    }  # fmt: skip
    parts = {"train": torch.arange(len(labels)), "valid": torch.arange(0), "test": torch.arange(0)}
    with replacing_folder(folder, overwrite=overwrite, known=PARTS) as new:
        for part in ("raw", f"split/{SPLIT}"):
            (new / part).mkdir(parents=True)
        for name, arrays in {**files, "node-label": {labelled: labels.numpy()}}.items():
            _write_arrays(new / "raw" / f"{name}.npz", arrays)
        split = {part: {labelled: nodes} for part, nodes in parts.items()}
        torch.save(split, new / "split" / SPLIT / "split_dict.pt")
        (new / f"RELEASE_v{VERSION}.txt").write_text("Condensed with graphcond.\n", "utf-8")
        (new / "meta.json").write_text(json.dumps(meta, indent=2), "utf-8")
    return meta


def _files(data: HeteroData) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of each file of OGB's layout, by the names of types."""
    files: dict[str, dict[str, np.ndarray]] = {
        "num_nodes_dict": {name: np.array([data[name].num_nodes]) for name in data.node_types},
        "num_edges_dict": {}, "edge_index_dict": {},
    }  # fmt: skip
    for name in data.node_types:
        for tensor, value in _tensors(data[name]).items():
            if tensor not in ("y", *MASKS):  # which other files say
                files.setdefault(_file_of(tensor), {})[name] = value.numpy()
    for relation in data.edge_types:
        store, name = data[relation], SEPARATOR.join(relation)
        files["num_edges_dict"][name] = np.array([store.edge_index.size(1)])
        files["edge_index_dict"][name] = store.edge_index.numpy()
        for tensor, value in _tensors(store).items():
            files.setdefault(_file_of(tensor), {})[name] = value.numpy()
    return files


def _file_of(tensor: str) -> str:
    """Return the file of a tensor: features are in dictionaries by another name than all else."""
    name = ogb_name(tensor)
    return f"{name}_dict" if name in ("node_feat", "edge_feat") else name


def _listed(files: Mapping[str, object], start: str) -> str:
    names = [name for name in files if name.startswith(start) and not name.endswith("_dict")]
    return ",".join(names) or "None"


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as NumPy's ``savez`` does, which takes some names for arguments of its own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as place:
                np.lib.format.write_array(place, np.ascontiguousarray(array), allow_pickle=False)
