"""What every method of every modality keeps to. Methods are found through the tables of their modalities.

A method that is added and forgets something fails here, with a sentence that says what to do.
"""

import dataclasses
import inspect
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from torch_geometric.data import Data, HeteroData

import graphcond
import recsys
from graphcond import Checkpoint, ImageDataset, Progress, Run
from graphcond.core import pipeline
from graphcond.core.matching import driver
from graphcond.core.method import Method
from graphcond.core.modality import Modality
from graphcond.core.targets import MultiLabel, Regression, SingleLabel, Targets
from graphcond.graphs.methods import short_training
from graphcond.graphs.methods import validation as graph_validation
from graphcond.images import quick_validation as image_validation
from graphcond.images.methods import relabelling as image_relabelling
from graphcond.images.teacher import Teaching
from graphcond.nodes import quick_validation
from graphcond.nodes.methods.base import NodeMethod, SyntheticNodes
from graphcond.recognition import NAMES, named_modality

GALLERY = (Path(__file__).parent.parent / "docs" / "gallery.md").read_text("utf-8")
STEPS_AT_MOST = 40
QUICK_TEACHING = Teaching(architecture=graphcond.ConvNet(width=4, depth=1), min_steps=3)
# One of each class, as many as there are frequent sets, and as many as fit into the bytes of nodes without edges.
GIVES_LESS = {"bonsai", "class_mean", "mirage"}


def one_graph() -> Data:
    """Return a graph of three classes that differ in features and keep to themselves."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 3
    x = 2 * torch.randn(3, 8, generator=generator)[y] + torch.randn(60, 8, generator=generator)
    chance = torch.where(y.unsqueeze(0) == y.unsqueeze(1), 0.25, 0.02)
    upper = (torch.rand(60, 60, generator=generator) < chance).triu(diagonal=1)
    data = Data(x=x, y=y, edge_index=(upper | upper.T).nonzero().T.contiguous())
    for name, part in zip(("train_mask", "val_mask", "test_mask"), torch.arange(60).chunk(3), strict=True):
        data[name] = torch.zeros(60, dtype=torch.bool)
        data[name][part] = True
    return data


def many_graphs() -> list[Data]:
    """Return small graphs of two classes that differ in the categories of their nodes."""
    generator = torch.Generator().manual_seed(1)
    items = []
    for i in range(40):
        size = 2 + int(torch.randint(4, (1,), generator=generator))
        edges = torch.randint(size, (2, 2 * size), generator=generator)
        codes = torch.randint(2, (size, 2), generator=generator) + torch.tensor([i % 2, 0])
        items.append(Data(x=codes, edge_index=torch.cat([edges, edges.flip(0)], dim=1), y=torch.tensor([i % 2])))
    return items


def labels_of(classes: Tensor) -> Tensor:
    """Return three labels of items of some classes, a few of them missing."""
    y = torch.stack([classes == 0, classes > 0, torch.arange(len(classes)) % 2 == 0], dim=1).float()
    y[3::7, 1] = torch.nan
    return y


def numbers_of(classes: Tensor) -> Tensor:
    """Return two numbers of items of some classes, a few of them missing."""
    generator = torch.Generator().manual_seed(3)
    y = torch.stack([classes, 30 - 10 * classes], dim=1) + torch.rand(len(classes), 2, generator=generator)
    y[3::7, 1] = torch.nan
    return y


def one_graph_with(targets: Callable[[Tensor], Tensor]) -> Callable[[], Data]:
    """Return what makes the graph with other targets than classes."""

    def make() -> Data:
        data = one_graph()
        data.y = targets(data.y)
        return data

    return make


def many_graphs_with(targets: Callable[[Tensor], Tensor]) -> Callable[[], list[Data]]:
    """Return what makes the small graphs with other targets than classes."""

    def make() -> list[Data]:
        items = many_graphs()
        for item, row in zip(items, targets(torch.cat([item.y for item in items])), strict=True):
            item.y = row.unsqueeze(0)
        return items

    return make


def hetero_graph() -> HeteroData:
    """Return authors of three classes, their papers, whose features tell the class, and venues without features."""
    generator = torch.Generator().manual_seed(4)
    data, y, of = HeteroData(), torch.arange(60) % 3, torch.arange(90) % 3
    data["paper"].x = 2 * torch.randn(3, 6, generator=generator)[of] + torch.randn(90, 6, generator=generator)
    data["author"].x = torch.randn(60, 4, generator=generator)
    data["author"].y = y
    data["venue"].num_nodes = 6
    written = torch.rand(90, 60, generator=generator) < torch.where(of.unsqueeze(1) == y.unsqueeze(0), 0.15, 0.01)
    written[torch.arange(60), torch.arange(60)] = True
    ends = written.nonzero().T.contiguous()
    data["paper", "by", "author"].edge_index, data["author", "writes", "paper"].edge_index = ends, ends.flip(0)
    venues = torch.stack([torch.arange(90), of + 3 * (torch.arange(90) % 2)])
    data["paper", "in", "venue"].edge_index, data["venue", "has", "paper"].edge_index = venues, venues.flip(0)
    for name, part in zip(("train_mask", "val_mask", "test_mask"), torch.arange(60).chunk(3), strict=True):
        data["author"][name] = torch.zeros(60, dtype=torch.bool)
        data["author"][name][part] = True
    return data


def hetero_graph_with(targets: Callable[[Tensor], Tensor]) -> Callable[[], HeteroData]:
    """Return what makes the heterogeneous graph with other targets than classes."""

    def make() -> HeteroData:
        data = hetero_graph()
        data["author"].y = targets(data["author"].y)
        return data

    return make


def images() -> ImageDataset:
    """Return small images whose classes have bright corners of their own."""
    generator = torch.Generator().manual_seed(2)

    def draw(each: int) -> tuple[Tensor, Tensor]:
        y = torch.arange(3).repeat_interleave(each)
        x = torch.rand(len(y), 1, 6, 6, generator=generator)
        for label in range(3):
            x[y == label, :, label : label + 2, :3] += 1.0
        return x, y

    return ImageDataset(draw(12), val=draw(4), test=draw(4), name="corners")


def split_users() -> recsys.Split:
    return recsys.random_split(recsys.generate_interactions(80, 30, 900, seed=0))


def other_labels(data: Data) -> Data:
    """Return a graph with other test labels."""
    data.y[data.test_mask] = data.y[data.test_mask].flip(0)
    return data


def other_authors(data: HeteroData) -> HeteroData:
    """Return a heterogeneous graph with other test labels."""
    store = data["author"]
    store.y[store.test_mask] = store.y[store.test_mask].flip(0)
    return data


def other_items(items: list[Data]) -> list[Data]:
    for item in items[34:]:
        item.y = 1 - item.y
    return items


def other_images(dataset: ImageDataset) -> ImageDataset:
    return ImageDataset(dataset.train, val=dataset.val, test=(dataset.test[0].flip(0), dataset.test[1]), name="corners")


def other_users(split: recsys.Split) -> recsys.Split:
    test = recsys.Holdout(split.test.context, split.test.targets[::-1].tocsr())
    return dataclasses.replace(split, test=test)


@dataclass(frozen=True)
class Toy:
    """Data to hold the methods of a modality to the laws.

    Args:
        make: Makes them anew.
        other: Changes their test part.
        size: What is asked for.
        most: How many items that are.
        reading: How they are read.
        targets: What is learned of an item.
    """

    make: Callable[[], Any]
    other: Callable[[Any], Any]
    size: str
    most: int
    reading: dict[str, Any] = dataclasses.field(default_factory=dict)
    targets: type[Targets] = SingleLabel


SPLIT = {"split": {"train": range(28), "valid": range(28, 34), "test": range(34, 40)}}
TOYS = {
    "nodes": (
        Toy(one_graph, other_labels, "9", 9),
        Toy(one_graph_with(labels_of), other_labels, "9", 9, targets=MultiLabel),
        Toy(one_graph_with(numbers_of), other_labels, "9", 9, targets=Regression),
    ),
    "graphs": (
        Toy(many_graphs, other_items, "3/class", 6, SPLIT),
        Toy(many_graphs_with(labels_of), other_items, "6", 6, SPLIT, MultiLabel),
        Toy(many_graphs_with(numbers_of), other_items, "6", 6, SPLIT, Regression),
    ),
    "hetero": (
        Toy(hetero_graph, other_authors, "9", 9),
        Toy(hetero_graph_with(labels_of), other_authors, "9", 9, targets=MultiLabel),
        Toy(hetero_graph_with(numbers_of), other_authors, "9", 9, targets=Regression),
    ),
    "images": (Toy(images, other_images, "3/class", 9),),
    "interactions": (Toy(split_users, other_users, "6", 6),),
}


@dataclass(frozen=True)
class Case:
    """A method of a modality, by its name in the modality's table, and data that it condenses."""

    modality: Modality
    name: str
    toy: Toy

    def __str__(self) -> str:
        kind = "" if self.toy.targets is SingleLabel else f"-{self.toy.targets.kind}"
        return f"{self.modality.name}-{self.called}{kind}"

    @property
    def called(self) -> str:
        """What a record calls the method."""
        return self.name

    @property
    def method(self) -> Method:
        """The method with its quick settings."""
        return self.modality.methods.quick(self.name)

    def condense(self, dataset: Any = None, *, seed: int = 0, **run: Any) -> Any:
        """Condense the toy data, or other data of their kind."""
        task = self.modality.task_of(self.toy.make() if dataset is None else dataset, **self.toy.reading)
        size, method = self.toy.size if self.method.sized else None, self.method
        return pipeline.condense(
            self.modality, task, ratio=None, size=size, method=method, seed=seed, device="cpu",
            run=Run(**({"progress": False} | run)),
        )  # fmt: skip


@dataclass(frozen=True)
class RelabelledCase(Case):
    """A method whose synthetic data get a teacher's labels."""

    @property
    def called(self) -> str:
        """What a record calls the method."""
        return f"relabelled({self.name})"

    @property
    def method(self) -> Method:
        """The method with its quick settings, relabelled."""
        crops = 2 if self.modality.name == "images" else 0
        given = graphcond.Relabelled(self.modality.methods.quick(self.name), temperature=2.0, crops=crops)
        return self.modality.methods.resolve(given)


RELABELLED = {
    "nodes": ("random", "class_mean", "auto", "gcond", "gc_sntk"),
    "graphs": ("random", "mirage", "histograms", "doscond"),
    "hetero": ("random", "class_mean", "auto", "hgcond"),
    "images": ("random", "dc", "kip", "idc", "datm"),
}
"""Methods that are held to the laws with a teacher's labels too: of each kind of result."""

CASES = [
    case
    for modality in map(named_modality, NAMES)
    for toy in TOYS[modality.name]
    for case in (
        *(Case(modality, name, toy) for name in modality.methods),
        *(RelabelledCase(modality, name, toy) for name in RELABELLED.get(modality.name, ())),
    )
    if toy.targets in case.method.targets
]
each_method = pytest.mark.parametrize(
    "case", [case for case in CASES if case.toy.targets is SingleLabel and case.called == case.name], ids=str
)
each = pytest.mark.parametrize("case", CASES, ids=str)
each_resumable = pytest.mark.parametrize("case", [case for case in CASES if case.method.resumable], ids=str)


def arrays(value: Any) -> list[np.ndarray]:
    """Return everything numeric that data hold, in order."""
    if isinstance(value, Tensor):
        return [value.detach().numpy()]
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, csr_matrix):
        return [value.indptr, value.indices, value.data]
    if isinstance(value, recsys.CondensedInteractions):
        return arrays(value.user_items)
    if isinstance(value, Data):
        return [array for _, one in sorted(value.to_dict().items()) for array in arrays(one)]
    if isinstance(value, HeteroData):
        return [array for store in value.stores for _, one in sorted(store.to_dict().items()) for array in arrays(one)]
    if dataclasses.is_dataclass(value):
        return [array for field in dataclasses.fields(value) for array in arrays(getattr(value, field.name))]
    if isinstance(value, graphcond.CondensedDataset | list | tuple):
        return [array for one in value for array in arrays(one)]
    return []


def without_targets(small: Any) -> list[np.ndarray]:
    """Return everything that has to be finite: targets may be missing."""
    if isinstance(small, recsys.CondensedInteractions):
        return arrays(small)
    named = [pair for item in small for store in item.stores for pair in store.to_dict().items()]
    return [array for name, value in named if name != "y" for array in arrays(value)]


def same(one: Any, other: Any) -> bool:
    first, second = arrays(one), arrays(other)
    return len(first) == len(second) and all(
        mine.dtype == theirs.dtype and mine.shape == theirs.shape and mine.tobytes() == theirs.tobytes()
        for mine, theirs in zip(first, second, strict=True)
    )


def random_states() -> list[Any]:
    legacy = np.random.get_state()  # noqa: NPY002 (the global state is what is tested)
    return [torch.get_rng_state().tolist(), legacy[1].tolist(), legacy[2:], random.getstate()]


def law_of_bits(case: Case) -> None:
    """Same data, same seed: same bits; the data and all random states stay as they were."""
    dataset = case.toy.make()
    first = case.condense(dataset)
    assert same(dataset, case.toy.make()), f"{case} changed its input; copy what you write to"
    with torch.random.fork_rng():
        torch.manual_seed(123)
        random.seed(123)
        np.random.seed(123)  # noqa: NPY002
        before = random_states()
        again = case.condense(dataset)
        assert random_states() == before, f"{case} moves a global random state; draw from torch's seeded one only"
    assert same(first, again), f"{case} gives other bits for the same seed; draw from torch's seeded state only"
    assert first.record.choices == again.record.choices


def law_of_the_test_part(case: Case) -> None:
    """No method sees the test part."""
    hidden = case.condense(case.toy.other(case.toy.make()))
    assert same(case.condense(), hidden), f"{case} looks at the test part; read task.train, and task.val to choose"


def law_of_the_record(case: Case) -> None:
    """The record names the method as the table does, with its settings, the size, and what was spent."""
    small, method = case.condense(), case.method
    record = small.record
    assert record.method == case.called, (
        f"{case} is recorded as {record.method!r}; its table has to know it by its settings"
    )
    assert record.settings.keys() == {field.name for field in dataclasses.fields(method)}
    assert record.source["modality"] == case.modality.name == small.modality
    assert record.budget["asked"] == {"size": case.toy.size if method.sized else "everything"}
    assert record.budget["spent"]["bytes"] == small.nbytes
    assert record.device == "cpu"
    assert record.seed == 0


def law_of_size(case: Case) -> None:
    """What is delivered is finite, of every class, and no more than was asked for."""
    small = case.condense()
    spent, most = small.record.budget["spent"], case.toy.most
    counted = next(spent[unit] for unit in ("graphs", "images", "users", "nodes") if unit in spent)
    if case.method.sized and "learned_bytes" not in spent:  # what is decoded is counted in bytes
        assert counted == most or (counted < most and case.method.inner.name in GIVES_LESS), (
            f"{case} gives {counted} of the {most} asked for; give as many, or say why not in a note"
        )
    for array in without_targets(small):
        assert np.isfinite(array).all(), f"{case} makes what is not finite"
    if case.modality.name == "interactions":
        return
    stores = [store for item in small for store in item.node_stores if "y" in store]
    y = torch.cat([store.y[store.train_mask] if "train_mask" in store else store.y for store in stores])
    if case.method.label_free:
        made = small.record.source.get("target") or small.record.choices.get("target")
        assert made not in (None, SingleLabel.kind, case.toy.targets.kind), f"{case} does not say what was learned"
    elif case.toy.targets is SingleLabel:
        assert len(y.unique()) == small.num_classes, f"{case} leaves a class out; every class gets one item at least"
    else:
        assert y.shape == (len(y), small.num_classes), f"{case} does not give targets as the original has them"
        assert (~y.isnan()).any(dim=1).all(), f"{case} makes items without a target"
        assert small.record.source["target"] == case.toy.targets.kind


def law_of_files(case: Case, folder: Path) -> None:
    """A file gives back what was written."""
    small = case.condense()
    again = graphcond.load(small.save(folder / f"{case.modality.name}.safetensors"))
    assert same(again, small)
    assert again.record == small.record
    assert (again.members is None) == (small.members is None)


def law_of_settings(case: Case) -> None:
    """A method is a frozen value, whose text makes it."""
    make = case.modality.methods[case.name]
    method = make()
    assert dataclasses.is_dataclass(method), f"{case}: write @dataclass(frozen=True, kw_only=True) above the class"
    for field in dataclasses.fields(method):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(method, field.name, 1)
    with pytest.raises(TypeError):
        make(2)
    assert case.modality.methods.resolve(repr(method).replace(type(method).__name__, type(method).name, 1)) == method
    assert case.modality.methods.name_of(method) == case.name


def law_of_words(case: Case, gallery: str = GALLERY) -> None:
    """A method is described in a line, and stands in the gallery of the documentation."""
    line = case.modality.methods.lines()[case.name]
    assert len(line) > 10, f"{case}: begin its docstring with a line that says what it does"
    assert line.endswith("."), f"{case}: end the first line of its docstring with a full stop"
    found = f"| `{case.name}` | " in gallery
    assert found, f"{case} is not in docs/gallery.md; run python benchmarks/pages.py"
    documented = "\n".join(inspect.getdoc(one) or "" for one in type(case.method).__mro__)
    for field in dataclasses.fields(case.method):
        assert f"{field.name}:" in documented, f"{case}: say in its docstring, under Args, what {field.name} is"


def law_of_speed(case: Case) -> None:
    """With its quick settings a method takes few steps."""
    steps = case.condense().record.choices.get("steps", 0)
    assert steps <= STEPS_AT_MOST, f"{case} takes {steps} steps; give its class quick_settings with few"


def law_of_resuming(case: Case, folder: Path) -> None:
    """A run that was interrupted goes on to the same bits."""
    # What works in steps only where it is asked to is asked to: by a checkpoint of its own.
    whole = case.condense(checkpoint=Checkpoint(folder / "whole.safetensors", every_seconds=0))
    checkpoint = Checkpoint(folder / "state.safetensors", every_seconds=0)
    reported: list[Progress] = []

    def interrupted(progress: Progress) -> None:
        reported.append(progress)
        if len(reported) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        case.condense(progress=interrupted, checkpoint=checkpoint)
    again = case.condense(checkpoint=checkpoint)
    assert same(again, whole), f"{case} does not go on to the same bits; keep all its state in the driver's"
    assert again.record.choices == whole.record.choices
    assert same(case.condense(checkpoint=checkpoint), again)


def law_of_time(case: Case) -> None:
    """A run that is out of time gives what it has, whole and finite."""
    small = case.condense(max_seconds=1e-9)
    assert small.record.stopped is not None, (
        f"{case} does not stop at max_seconds; ask run.out_of_time() after each step"
    )
    assert all(np.isfinite(array).all() for array in without_targets(small))


def law_of_refusing(case: Case, folder: Path) -> None:
    """A method that does not work in steps says so."""
    for given in ({"max_seconds": 1.0}, {"checkpoint": folder / "state.safetensors"}):
        with pytest.raises(ValueError, match="is for methods that work in steps"):
            case.condense(**given)
    assert not list(folder.iterdir())


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validations are short: the laws hold however long they take."""
    monkeypatch.setattr(driver, "REPORT_EVERY_SECONDS", 0)
    monkeypatch.setattr(quick_validation, "STEPS", 20)
    monkeypatch.setattr(image_validation, "STEPS", 3)
    monkeypatch.setattr(short_training, "STEPS", 10)
    monkeypatch.setattr(short_training, "NETWORKS", 1)
    monkeypatch.setattr(graph_validation, "STEPS", 10)
    monkeypatch.setattr(image_relabelling, "TEACHING", QUICK_TEACHING)


@each
def test_same_seed_same_bits(case):
    law_of_bits(case)


@each
def test_the_test_part_is_not_seen(case):
    law_of_the_test_part(case)


@each
def test_the_record_says_what_was_done(case):
    law_of_the_record(case)
    law_of_size(case)
    law_of_speed(case)


@each
def test_a_file_gives_back_what_was_written(case, tmp_path):
    law_of_files(case, tmp_path)


@each_method
def test_settings_are_a_value(case):
    law_of_settings(case)


@each_method
def test_it_is_described(case):
    law_of_words(case)


@each_resumable
def test_an_interrupted_run_goes_on_to_the_same_bits(case, tmp_path):
    law_of_resuming(case, tmp_path)


@each_resumable
def test_a_run_out_of_time_gives_what_it_has(case):
    law_of_time(case)


@pytest.mark.parametrize("case", [case for case in CASES if not case.method.resumable], ids=str)
def test_methods_without_steps_say_so(case, tmp_path):
    law_of_refusing(case, tmp_path)


REFUSED = [
    Case(modality, name, toy)
    for modality in map(named_modality, NAMES)
    for name in modality.methods
    for toy in TOYS[modality.name]
    if toy.targets not in modality.methods[name]().targets
]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_a_method_names_those_that_condense_other_targets(case):
    with pytest.raises(ValueError, match=rf"method='{case.name}' is not for .*; choose from ") as told:
        case.condense()
    for name in re.search(r"choose from (.*)", str(told.value))[1].split(", "):
        assert case.toy.targets in case.modality.methods[name]().targets


# A method that somebody adds: its class, and its line in a table.


@dataclass(frozen=True, kw_only=True)
class First(NodeMethod):
    """The first training nodes of each class.

    Args:
        stride: Every which of them is taken.
    """

    name: ClassVar[str] = "first"
    stride: int = 1

    def chosen(self, task: Any, allocation: Tensor) -> Tensor:
        """Return the nodes."""
        nodes, labels = task.train.nodes, task.train.labels
        parts = [nodes[labels == label][:: self.stride][:count] for label, count in enumerate(allocation.tolist())]
        return torch.cat(parts)

    def condense(self, task: Any, allocation: Tensor, run: Any = None) -> SyntheticNodes:
        """See :meth:`NodeMethod.condense`."""
        nodes = self.chosen(task, allocation)
        return SyntheticNodes(x=task.train.graph.x[nodes].clone(), y=task.train.graph.y[nodes])


def added(method: type[NodeMethod]) -> Case:
    nodes = named_modality("nodes")
    table = dataclasses.replace(nodes.methods, classes=(*nodes.methods.classes, method))
    return Case(dataclasses.replace(nodes, methods=table), method.name, TOYS["nodes"][0])


def test_a_method_costs_a_class_and_a_line(tmp_path):
    case = added(First)
    assert case.modality.methods.resolve("first(stride=2)") == First(stride=2)
    for law in (law_of_bits, law_of_the_test_part, law_of_the_record, law_of_size, law_of_speed, law_of_settings):
        law(case)
    law_of_files(case, tmp_path)
    law_of_words(case, "| `first` | the first nodes |")
    (tmp_path / "none").mkdir()
    law_of_refusing(case, tmp_path / "none")


class Drawn(First):
    """Draws from NumPy."""

    def chosen(self, task: Any, allocation: Tensor) -> Tensor:
        """Return random nodes."""
        return super().chosen(task, allocation).flip(0) if np.random.rand() < 0.5 else super().chosen(task, allocation)  # noqa: NPY002


class Peeping(First):
    """Counts test labels."""

    def condense(self, task: Any, allocation: Tensor, run: Any = None) -> SyntheticNodes:
        """Shift features by test labels."""
        made = super().condense(task, allocation)
        return dataclasses.replace(made, x=made.x + (task.test.labels * torch.arange(len(task.test.nodes))).sum())


class Writing(First):
    """Writes to its input."""

    def condense(self, task: Any, allocation: Tensor, run: Any = None) -> SyntheticNodes:
        """Scale the features in place."""
        task.train.graph.x.mul_(2)
        return super().condense(task, allocation)


@pytest.mark.parametrize(
    ("method", "law", "sentence"),
    [
        (Drawn, law_of_bits, "global random state|other bits for the same seed"),
        (Writing, law_of_bits, "changed its input"),
        (Peeping, law_of_the_test_part, "looks at the test part"),
        (First, law_of_words, "is not in docs/gallery.md"),
    ],
)
def test_what_a_method_forgets_is_named(method, law, sentence):
    with pytest.raises(AssertionError, match=sentence):
        law(added(method))
