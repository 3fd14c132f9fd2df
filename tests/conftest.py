"""Shared inputs of the tests: toy graphs and, where they are at hand, real datasets."""

import importlib.util
import logging
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

# Tests are small: a second thread costs more than it brings, and one thread keeps results the same everywhere.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of scikit-learn and what tests start, before it is read

import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

REPOSITORY = Path(__file__).resolve().parent.parent
torch.set_num_threads(1)
os.environ["COLUMNS"] = "80"  # tables are as wide wherever tests run
os.environ["GRAPHCOND_CACHE"] = ""  # what is made once for several tests keeps no scores; each test has a folder


def toy_graph(num_nodes: int = 60, num_classes: int = 3, num_features: int = 8, seed: int = 0) -> Data:
    """Return a random undirected graph whose classes differ in features and, mostly, keep to themselves."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(num_nodes) % num_classes
    centers = 2 * torch.randn(num_classes, num_features, generator=generator)
    x = centers[y] + torch.randn(num_nodes, num_features, generator=generator)
    same = y.unsqueeze(0) == y.unsqueeze(1)
    chance = torch.where(same, 0.2, 0.02)
    upper = (torch.rand(num_nodes, num_nodes, generator=generator) < chance).triu(diagonal=1)
    # A path through the nodes of each class, so that none is isolated.
    path = torch.arange(num_nodes - num_classes)
    upper[path, path + num_classes] = True
    edge_index = (upper | upper.T).nonzero().T.contiguous()
    order = torch.randperm(num_nodes, generator=generator)
    data = Data(x=x, edge_index=edge_index, y=y)
    for name, nodes in zip(("train_mask", "val_mask", "test_mask"), order.split(num_nodes // 3), strict=False):
        mask = torch.zeros(num_nodes, dtype=torch.bool)
        mask[nodes] = True
        data[name] = mask
    return data


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Return what runs the command line: it gives the exit code, the output and the errors."""
    from graphcond import cli

    root = logging.getLogger()
    handlers = root.handlers[:]

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["graphcond", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    yield call
    root.handlers = handlers


class Team:
    """Processes of one gloo group that run functions of test files; they are started when they are first asked."""

    def __init__(self, count: int, folder: Callable[[], Path]) -> None:
        self._count = count
        self._folder = folder
        self._members: list[subprocess.Popen[bytes]] = []

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Return what a function gives on each process; what it takes and gives is pickled."""
        if not self._members:
            store, worker = self._folder() / "store", str(REPOSITORY / "tests" / "process_worker.py")
            for rank in range(self._count):
                command = [sys.executable, worker, str(rank), str(self._count), str(store)]
                self._members.append(
                    subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                )
        task = pickle.dumps((function.__code__.co_filename, function.__name__, args, kwargs))
        try:
            for member in self._members:
                member.stdin.write(task)
                member.stdin.flush()
            answers = [pickle.load(member.stdout) for member in self._members]
        except (EOFError, BrokenPipeError):
            self.stop()
            raise
        errors = [f"process {rank}: {error}" for rank, (_, error) in enumerate(answers) if error is not None]
        assert not errors, "\n".join(errors)
        return [value for value, _ in answers]

    def stop(self) -> None:
        """End the processes; asked again, there are new ones."""
        for member in self._members:
            member.kill()
            member.communicate()
        self._members = []


@pytest.fixture(scope="session")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Two processes that share their work: called with a function of a test file, they give what it gives on each."""
    team = Team(2, lambda: tmp_path_factory.mktemp("processes"))
    yield team
    team.stop()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a test, and what it starts, keeps scores: no test reads or writes the user's."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GRAPHCOND_CACHE", str(folder))
    return folder


@pytest.fixture
def toy() -> Data:
    """A small homophilous graph with three classes and a split."""
    return toy_graph()


@pytest.fixture(scope="session")
def make_toy() -> Callable[..., Data]:
    """The factory of toy graphs, for tests that need another size, seed or number of classes."""
    return toy_graph


def toy_hetero_task(num_papers: int = 60, num_classes: int = 3, seed: int = 0) -> Any:
    """Return a task on papers with authors and venues: authors write papers of one class, and reverse relations."""
    from graphcond.core.targets import SingleLabel
    from graphcond.hetero.task import HeteroGraph, HeteroPart, HeteroTask

    generator = torch.Generator().manual_seed(seed)
    counts, widths = {"author": num_papers // 2, "paper": num_papers, "venue": num_classes}, (4, 6, 3)
    y = torch.arange(num_papers) % num_classes
    x = {
        name: torch.randn(count, width, generator=generator)
        for (name, count), width in zip(counts.items(), widths, strict=True)
    }
    x["paper"] += 2 * torch.nn.functional.one_hot(y, 6)
    papers = torch.arange(num_papers).repeat(2)
    shift = num_classes * torch.randint(3, papers.shape, generator=generator)
    writes = torch.unique(torch.stack([(papers + shift) % counts["author"], papers]), dim=1)
    appears = torch.stack([papers[:num_papers], y])
    edges = {
        ("author", "writes", "paper"): writes, ("paper", "written_by", "author"): writes.flip(0),
        ("paper", "in", "venue"): appears, ("venue", "of", "paper"): appears.flip(0),
    }  # fmt: skip
    weights = {relation: 0.5 + torch.rand(ends.size(1), generator=generator) for relation, ends in edges.items()}
    graph = HeteroGraph(x=x, edges=edges, weights=weights, node_type="paper", y=y)
    parts = torch.randperm(num_papers, generator=generator).split(num_papers // 3)
    train, val, test = (HeteroPart(graph, nodes.sort().values) for nodes in parts)
    return HeteroTask(train=train, val=val, test=test, targets=SingleLabel(num_classes), name="toy")


def small_hetero(task: Any, *, structure: bool = True, per_class: int = 2, **changes: Any) -> Any:
    """Return a condensed set of real nodes of a task: a graph, or the features of all meta-paths side by side."""
    from graphcond import CondensedDataset, Record
    from graphcond.hetero.format import HETERO_FORMAT
    from graphcond.hetero.metapaths import blocks, concatenated
    from graphcond.hetero.methods.random import HeteroRandom

    graph, name, count = task.graph, task.graph.node_type, per_class * task.num_classes
    torch.manual_seed(0)
    result = HeteroRandom().condense(task, torch.full((task.num_classes,), per_class))
    data = HeteroData()
    if structure:
        for kind, x in result.x.items():
            data[kind].x = x
        for relation, edges in result.edges.items():
            data[relation].edge_index, data[relation].edge_weight = edges, result.weights[relation]
    else:
        data[name].x = concatenated(blocks(graph))[result.members.index]
    data[name].y, data[name].node_weight = result.y, torch.linspace(0.5, 1.5, count)
    data[name].train_mask = torch.ones(count, dtype=torch.bool)
    data[name].y_soft = torch.nn.functional.one_hot(result.y, task.num_classes).float()
    source = {
        "modality": "hetero", "name": task.name, "fingerprint": task.fingerprint(), "node_type": name,
        "num_labelled": graph.num_labelled, "node_types": graph.counts, "num_nodes": graph.num_nodes,
        "num_edges": graph.num_edges, "num_features": graph.x[name].size(1), "num_classes": task.num_classes,
        "num_train": len(task.train.nodes), "split": 0, **task.targets.source, **changes,
    }  # fmt: skip
    budget = {"asked": {"size": str(count)}, "spent": HETERO_FORMAT.spent([data], task.num_classes)}
    return CondensedDataset([data], Record("example", {}, 0, "cpu", source, budget, 0.0, 0), result.members)


@pytest.fixture(scope="session")
def make_hetero_task() -> Callable[..., Any]:
    """The factory of tasks on small heterogeneous graphs."""
    return toy_hetero_task


@pytest.fixture(scope="session")
def make_small_hetero() -> Callable[..., Any]:
    """The factory of condensed heterogeneous graphs, given a task."""
    return small_hetero


def random_graphs(
    count: int = 24,
    *,
    seed: int = 0,
    classes: int = 2,
    features: str | None = "codes",
    edge_attr: bool = False,
    loops: bool = True,
    most: int = 6,
) -> list[Data]:
    """Return small random graphs, half of them directed, with parallel edges and isolated nodes.

    Args:
        count: Number of graphs.
        seed: Same seed, same graphs.
        classes: Number of classes, which take turns.
        features: ``"codes"``: two columns of categories; ``"one_hot"``; ``"numbers"``; ``None``: no features.
        edge_attr: Whether edges have two columns of categories.
        loops: Whether some edges join a node with itself.
        most: Largest number of nodes.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(below: int, *shape: int) -> Tensor:
        return torch.randint(below, shape, generator=generator)

    items = []
    for i in range(count):
        size = 1 + int(draw(most))
        edge_index = draw(size, 2, int(draw(2 * size + 1)))
        if not loops:
            edge_index = edge_index[:, edge_index[0] != edge_index[1]]
        kinds, codes = draw(2, edge_index.size(1), 2), draw(2, size, 2) + torch.tensor([i % classes, 0])
        if i % 4 >= 2:
            edge_index, kinds = torch.cat([edge_index, edge_index.flip(0)], dim=1), kinds.repeat(2, 1)
        item = Data(edge_index=edge_index, y=torch.tensor([i % classes]), num_nodes=size)
        if features is not None:
            one_hot = torch.nn.functional.one_hot(codes[:, 0], classes + 1).float()
            numbers = torch.randn(size, 2, generator=generator)
            item.x = {"codes": codes, "one_hot": one_hot, "numbers": numbers}[features]
            del item.num_nodes
        if edge_attr:
            item.edge_attr = kinds
        items.append(item)
    return items


def computation_trees(
    graph: Any, depth: int, degree: Tensor | None = None, edges: bool = True
) -> list[tuple[Any, Any]]:
    """Return each node's computation tree by plain recursion: its label and its children's trees, sorted.

    Args:
        graph: What has ``x``, ``edge_index`` and perhaps ``edge_attr``.
        depth: Hops.
        degree: A further label of each node.
        edges: Whether edge features are part of the trees.
    """
    labels = [tuple(row) for row in graph.x.tolist()]
    if degree is not None:
        labels = [(*label, one) for label, one in zip(labels, degree.tolist(), strict=True)]
    kinds: list[tuple[float, ...]] = [()] * graph.edge_index.size(1)
    if edges and graph.edge_attr is not None:
        kinds = [tuple(row) for row in graph.edge_attr.tolist()]
    incoming: list[list[tuple[tuple[float, ...], int]]] = [[] for _ in labels]
    for (source, target), kind in zip(graph.edge_index.T.tolist(), kinds, strict=True):
        incoming[target].append((kind, source))

    def tree(node: int, left: int) -> tuple[Any, Any]:
        return labels[node], tuple(
            sorted((kind, tree(child, left - 1)) for kind, child in incoming[node])
        ) if left else ()

    return [tree(node, depth) for node in range(len(labels))]


@pytest.fixture(scope="session")
def trees() -> Callable[..., list[tuple[Any, Any]]]:
    """Computation trees by plain recursion."""
    return computation_trees


@pytest.fixture(scope="session")
def make_graphs() -> Callable[..., list[Data]]:
    """The factory of small random graphs."""
    return random_graphs


@pytest.fixture
def real_data(tmp_path: Path) -> Callable[[str], Path]:
    """Copy a real dataset, such as ``Planetoid/Cora``, to a fresh root; skip where it is not at hand."""

    def copy(name: str) -> Path:
        source = Path(os.environ.get("GRAPHCOND_DATA", REPOSITORY.parent / "shared" / "data")) / name
        if not source.is_dir():
            pytest.skip(f"the raw files of {name} are not at hand (set GRAPHCOND_DATA to the folder that holds them)")
        root = tmp_path / "data"
        raw_only = shutil.ignore_patterns("processed")  # what loaders left there
        shutil.copytree(source, root / name, copy_function=shutil.copyfile, ignore=raw_only)
        return root

    return copy


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB that has space for names only."""
    place = tmp_path / "full"
    place.mkdir()
    command = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if command is None or subprocess.run([command, *options], capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """Import a script of the repository, such as ``datasets/generate_graph.py``, as a module."""

    def load(name: str) -> ModuleType:
        path = REPOSITORY / name
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # dataclasses look their module up
        sys.path.insert(0, str(path.parent))  # its neighbours, as when it is run
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(path.parent))
        return module

    return load
