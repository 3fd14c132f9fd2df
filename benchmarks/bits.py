"""Hashes of what every method makes of small data, and of how it is scored: a change of structure keeps them all.

    python benchmarks/bits.py before.json             # writes them
    python benchmarks/bits.py after.json --compare before.json      # tells each that is another, or gone, or new

Numbers are those of one thread of one machine with one version of torch; hashes of two machines need not agree.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Data, HeteroData

import graphcond
import recsys
from graphcond import ConvNet, ExpertPlan, ImageDataset, Training
from graphcond.evaluation import GraphProtocol, HeteroProtocol, ImageProtocol, Protocol
from graphcond.graphs.methods import METHODS as GRAPH_METHODS
from graphcond.hetero.methods import METHODS as HETERO_METHODS
from graphcond.images.methods import METHODS as IMAGE_METHODS
from graphcond.nodes.methods import METHODS as NODE_METHODS
from recsys.methods import METHODS as USER_METHODS

FEW = {
    "steps": 3, "epochs": 2, "outer_steps": 2, "inner_steps": 2, "structure_epochs": 1, "features_epochs": 1,
    "architecture": ConvNet(width=4, depth=1), "real_per_class": 5, "real_batch_size": 16, "inner_batch_size": 8,
    "batch_size": 8, "expert_batch_size": 8, "min_steps": 3, "unroll_steps": 2, "networks": 2, "hidden": 8,
    "batch_users": 50,
    "expert_span": 2, "validations": 2,
}  # fmt: skip
"""Small values of hyper-parameters, for the methods that have them."""
EXPERTS = ExpertPlan(number=2, checkpoints=18, interval=1, training=Training(learning_rate=0.05, momentum=0.9))


def quick(make: Callable[[], Any]) -> Any:  # noqa: ANN401 (a method of any modality)
    """Return a method with little to do."""
    method = make()
    fields = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
    few = {name: value for name, value in FEW.items() if type(fields.get(name)) is type(value)}
    if "experts" in fields:
        few["experts"] = EXPERTS
    return dataclasses.replace(method, **few)


def one_graph(nodes: int = 90, classes: int = 3) -> Data:
    """Return a graph whose classes differ in features and mostly keep to themselves."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(nodes) % classes
    x = 2 * torch.randn(classes, 8, generator=generator)[y] + torch.randn(nodes, 8, generator=generator)
    chance = torch.where(y.unsqueeze(0) == y.unsqueeze(1), 0.2, 0.02)
    upper = (torch.rand(nodes, nodes, generator=generator) < chance).triu(diagonal=1)
    data = Data(x=x, y=y, edge_index=(upper | upper.T).nonzero().T.contiguous())
    parts = torch.randperm(nodes, generator=generator).chunk(3)
    for name, part in zip(("train_mask", "val_mask", "test_mask"), parts, strict=True):
        data[name] = torch.zeros(nodes, dtype=torch.bool)
        data[name][part] = True
    return data


def typed_graph() -> HeteroData:
    """Return the graph of one type with tags, of which each of its nodes has two, as a second type."""
    graph, data = one_graph(), HeteroData()
    for name in ("x", "y", "train_mask", "val_mask", "test_mask"):
        data["item"][name] = graph[name]
    data["tag"].num_nodes = 12
    items, tags = torch.arange(90).repeat(2), torch.cat([graph.y, 3 + torch.arange(90) % 9])
    data["item", "next_to", "item"].edge_index = graph.edge_index
    data["item", "has", "tag"].edge_index = torch.stack([items, tags])
    data["tag", "of", "item"].edge_index = torch.stack([tags, items])
    return data


def many_graphs(count: int = 60) -> list[Data]:
    """Return small graphs of two classes that differ in the categories of their nodes."""
    generator = torch.Generator().manual_seed(1)
    items = []
    for i in range(count):
        size = 2 + int(torch.randint(5, (1,), generator=generator))
        edges = torch.randint(size, (2, 2 * size), generator=generator)
        codes = torch.randint(2, (size, 2), generator=generator) + torch.tensor([i % 2, 0])
        items.append(Data(x=codes, edge_index=torch.cat([edges, edges.flip(0)], dim=1), y=torch.tensor([i % 2])))
    return items


def pictures() -> ImageDataset:
    """Return small images whose classes have bright corners of their own."""
    generator = torch.Generator().manual_seed(2)

    def draw(each: int) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.arange(3).repeat_interleave(each)
        x = torch.rand(len(y), 1, 8, 8, generator=generator)
        for label in range(3):
            x[y == label, :, label : label + 2, :3] += 1.0
        return x, y

    return ImageDataset(draw(20), val=draw(5), test=draw(6), name="corners")


SPLIT = {"train": range(40), "valid": range(40, 50), "test": range(50, 60)}


def results() -> Iterator[tuple[str, str]]:
    """Yield names and hashes of what all methods make, and of the scores of the defaults."""
    graph, graphs, images = one_graph(), many_graphs(), pictures()
    users = recsys.random_split(recsys.generate_interactions(120, 40, 1500))
    quick_one, quick_many = Protocol(name="few", epochs=20, hidden=16), GraphProtocol(name="few", steps=20, hidden=8)
    quick_images = ImageProtocol(name="few", epochs=3, runs=2)
    for name, make in NODE_METHODS.items():
        yield (
            f"nodes/{name}",
            hashed(list(graphcond.condense(graph, size=9 if make().sized else None, method=quick(make)))),
        )
    typed = typed_graph()
    for name, make in HETERO_METHODS.items():
        yield f"hetero/{name}", hashed(list(graphcond.condense(typed, size=9, method=quick(make))))
    for name, make in GRAPH_METHODS.items():
        size = {"size": "3/class"} if make().sized else {}
        small = graphcond.condense(graphcond.read(graphs, split=SPLIT), method=quick(make), **size)
        yield f"graphs/{name}", hashed(list(small))
    for name, make in IMAGE_METHODS.items():
        yield f"images/{name}", hashed(list(graphcond.condense(images, size="2/class", method=quick(make))))
    for name in recsys.list_methods():
        small = recsys.condense(users, users=7, method=quick(USER_METHODS[name]))
        yield f"interactions/{name}", hashed([small.user_items])
    several = [graphcond.condense(graph, size=9, seed=seed) for seed in (0, 1)]
    yield "nodes/scores", hashed_report(graphcond.evaluate(several, graph, ["gcn", "sage", "mlp"], protocol=quick_one))
    several = [graphcond.condense(typed, size=9, seed=seed) for seed in (0, 1)]
    quick_typed = HeteroProtocol(name="few", epochs=10, hidden=8)
    yield "hetero/scores", hashed_report(graphcond.evaluate(several, typed, ["sage", "hgt"], protocol=quick_typed))
    several = [graphcond.condense(graphcond.read(graphs, split=SPLIT), size="3/class", seed=seed) for seed in (0, 1)]
    report = graphcond.evaluate(several, graphcond.read(graphs, split=SPLIT), ["gin", "gcn"], protocol=quick_many)
    yield "graphs/scores", hashed_report(report)
    several = [graphcond.condense(images, size="2/class", method=quick(IMAGE_METHODS["auto"]), seed=s) for s in (0, 1)]
    report = graphcond.evaluate(several, images, ["convnet", "mlp"], protocol=quick_images)
    yield "images/scores", hashed_report(report)
    report = recsys.evaluate(recsys.condense(users, users=7, method="random_users"), users, ["ease", "infinite_ae"])
    yield "interactions/scores", hashed_report(report)


def hashed(items: list[Any]) -> str:
    """Return the hash of the tensors of some data, by their names, or of sparse matrices."""
    found = hashlib.sha256()
    for item in items:
        if isinstance(item, HeteroData):
            parts = {f"{s._key} {name}": value for s in item.stores for name, value in s.to_dict().items()}
        elif isinstance(item, Data):
            parts = item.to_dict()
        else:
            parts = {name: getattr(item, name) for name in ("data", "indices", "indptr")}
        for name, value in sorted(parts.items()):
            array = np.ascontiguousarray(value.numpy() if isinstance(value, torch.Tensor) else np.asarray(value))
            found.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return found.hexdigest()[:16]


def hashed_report(report: Any) -> str:  # noqa: ANN401 (of graphcond or of recsys)
    """Return the hash of all scores of a report."""
    reported = [(row.data, row.model, repr(row.scores), repr(row.own_scores)) for row in report.rows]
    return hashlib.sha256(json.dumps(reported).encode()).hexdigest()[:16]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="file of JSON that is written")
    parser.add_argument("--compare", type=Path, help="an earlier file; exits with 1 where something is another")
    options = parser.parse_args()
    torch.set_num_threads(1)
    now = dict(results())
    options.output.write_text(json.dumps(now, indent=1) + "\n")
    before = json.loads(options.compare.read_text()) if options.compare else now
    changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    for name in changed:
        print(f"{name}: {before.get(name, 'not there')} is {now.get(name, 'gone')} now")
    print(
        f"{len(now) - len(set(changed) & set(now))} of {len(now)} are what they were" if options.compare else len(now)
    )
    sys.exit(bool(changed))


if __name__ == "__main__":
    main()
