"""Condensed heterogeneous graphs are evaluated: by the library's models, by networks of users, beside controls."""

import copy
import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData
from torch_geometric.nn import HeteroConv, SAGEConv, to_hetero

import graphcond
from graphcond.core.evaluation.candidates import Candidate
from graphcond.core.evaluation.controls import CondensedData
from graphcond.evaluation import HeteroProtocol, bench
from graphcond.hetero.evaluation.models import HETERO_MODELS
from graphcond.hetero.evaluation.value import HETERO_CONTROLS, HETERO_EVALUATION
from graphcond.hetero.metapaths import blocks, concatenated

QUICK = HeteroProtocol(name="quick", epochs=20, hidden=8, runs=1, validate_every=5)
FEW = ("prior", "random", "whole")


@pytest.fixture
def data(make_academic) -> HeteroData:
    return make_academic()


@pytest.fixture
def small(data):
    return graphcond.condense(data, size=6, method="random", seed=0)


def evaluated(small, data, models=None, **options):
    options = {"protocol": QUICK, "controls": False} | options
    return graphcond.evaluate(small, data, models, **options)


def own(data: HeteroData) -> HeteroData:
    """Return a graph of the user's own: the original, with all authors to learn from."""
    made = copy.copy(data)
    for name in ("train_mask", "val_mask", "test_mask"):
        del made["author"][name]
    return made


def without_structure(data: HeteroData) -> HeteroData:
    graph = graphcond.read(data).graph
    made = HeteroData()
    made["author"].x, made["author"].y = concatenated(blocks(graph)), data["author"].y
    return made


def test_all_models_are_trained_beside_controls(small, data) -> None:
    report = evaluated(small, data, list(HETERO_MODELS), controls=FEW)
    assert {(row.data, row.model) for row in report.rows} == {
        (name, model) for name in ("random", *FEW) for model in HETERO_MODELS
    }
    assert all(0 <= score <= 1 for row in report.rows for score in row.scores)
    assert all(row.scores and not row.note for row in report.rows)
    assert report.row("whole", "sage").nodes == 24
    assert report.row("random", "sage").nodes == 6
    assert report.row("whole", "sage").edges == 260


def test_the_default_is_sage(small, data) -> None:
    assert [row.model for row in evaluated(small, data).rows] == ["sage"]


def test_controls_are_those_methods_that_there_are() -> None:
    assert {"prior", "random", "whole"} <= set(HETERO_CONTROLS)
    assert HETERO_EVALUATION.usual == tuple(HETERO_CONTROLS)


def test_the_same_seed_gives_the_same_scores(small, data) -> None:
    first, second = (evaluated(small, data, ["sage", "hgt"], seed=3) for _ in range(2))
    assert [row.scores for row in first.rows] == [row.scores for row in second.rows]


def test_neither_the_set_nor_the_dataset_nor_the_random_state_is_changed(small, data) -> None:
    kept, state = copy.deepcopy(data), torch.get_rng_state()
    evaluated(small, data, ["sage"])
    assert torch.equal(torch.get_rng_state(), state)
    for name in data.node_types:
        assert torch.equal(kept[name].x, data[name].x)


def test_what_can_be_learned_is_learned(data) -> None:
    report = evaluated(own(data), data, ["sage", "metapath_mlp"], protocol=HeteroProtocol(runs=1, epochs=60))
    assert all(row.scores[0] > 0.7 for row in report.rows)


def test_a_task_is_evaluated_as_the_dataset(small, data) -> None:
    task = graphcond.read(data)
    assert evaluated(small, task).rows[0].scores == evaluated(small, data).rows[0].scores


def test_weights_and_soft_labels_count_in_the_own_column(small, data) -> None:
    made = copy.copy(small[0])
    made["author"].y_soft = torch.full((6, 3), 1 / 3)
    row = evaluated(made, data).rows[0]
    assert len(row.own_scores) == len(row.scores) == 1
    assert evaluated(small, data).rows[0].own_scores == ()


def test_several_labels_are_scored_by_micro_f1(data) -> None:
    generator = torch.Generator().manual_seed(0)
    data["author"].y = (torch.rand(24, 4, generator=generator) < 0.5).float()
    small = graphcond.condense(data, size=6, method="random")
    report = evaluated(small, data, controls=FEW, protocol=replace(QUICK, metric="f1_micro"))
    assert all(0 <= row.scores[0] <= 1 for row in report.rows)
    assert "f1_micro" in str(report)


@pytest.mark.parametrize("target", ["multi_label", "regression"])
def test_targets_that_are_missing_have_no_part(data, target: str) -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.rand(24, 3, generator=generator)
    data["author"].y = (y < 0.5).float() if target == "multi_label" else y
    data["author"].y[::5, 1] = float("nan")
    task = graphcond.read(data, target=target)
    small = graphcond.condense(task, size=6, method="random")
    for condensed, controls in ((small, FEW), (own(data), ["whole"])):
        report = evaluated(condensed, task, list(HETERO_MODELS), controls=controls)
        assert all(torch.tensor(row.scores).isfinite().all() and row.scores for row in report.rows)


def test_a_set_without_structure_is_read_by_the_model_of_metapaths_alone(data) -> None:
    free = without_structure(data)
    row = evaluated(free, data).rows[0]
    assert (row.model, row.note) == ("metapath_mlp", "")
    assert evaluated(own(data), data, ["metapath_mlp"]).rows[0].scores == row.scores
    report = evaluated(free, data, ["sage", "metapath_mlp"])
    assert "sage reads relations, and the set has none" in report.rows[0].note
    assert report.rows[0].scores == ()


def test_a_candidate_of_the_original_is_never_refused() -> None:
    assert HETERO_EVALUATION.refusal("sage", HETERO_MODELS["sage"], Candidate("whole", CondensedData())) == ""


class Lazy(nn.Module):
    """A network of lazy layers, which returns all types."""

    def __init__(self, metadata, num_classes: int) -> None:
        super().__init__()
        self.layer = HeteroConv({one: SAGEConv((-1, -1), num_classes) for one in metadata[1]})

    def forward(self, x_dict, edge_index_dict):
        return self.layer(x_dict, edge_index_dict)


def lazy(metadata, num_classes: int) -> nn.Module:
    read = [one for one in metadata[1] if one[2] in ("author", "paper", "term")]
    return Lazy((["author", "paper", "term"], read), num_classes)


class Weighted(nn.Module):
    """A network that takes weights of edges, and returns logits alone."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(3, num_classes)

    def forward(self, x_dict, edge_index_dict, edge_weight_dict):
        assert {one: len(weight) for one, weight in edge_weight_dict.items()} == {
            one: index.size(1) for one, index in edge_index_dict.items()
        }
        return self.linear(x_dict["author"])


@pytest.mark.filterwarnings("ignore:There exist node types")
def test_networks_of_users_are_trained(small, data) -> None:
    report = evaluated(small, data, [lazy, Weighted(3)])
    assert [row.model for row in report.rows] == ["lazy", "Weighted"]
    assert all(row.scores for row in report.rows)


class Flat(nn.Module):
    """A network for one type, which PyG rewrites for several."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = SAGEConv((-1, -1), 8), SAGEConv((-1, -1), 3)

    def forward(self, x, edge_index):
        return self.second(self.first(x, edge_index).relu(), edge_index)


@pytest.mark.filterwarnings("ignore")
def test_a_network_of_to_hetero_is_trained(small, data) -> None:
    del data["open.journal"], data["open.journal", "prints", "paper"]
    del small
    small = graphcond.condense(data, size=6, method="random")
    network = to_hetero(Flat(), data.metadata())
    assert evaluated(small, data, [network]).rows[0].scores


def test_a_module_is_trained_from_fresh_weights_and_left_alone(small, data) -> None:
    network = Weighted(3)
    kept = copy.deepcopy(network.state_dict())
    evaluated(small, data, [network])
    assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("sagee", ValueError, "model"),
        (3, TypeError, r"functions of \(metadata, num_classes\)"),
        (lambda metadata: None, TypeError, "cannot be made with metadata="),
        (lambda metadata, classes: 3, TypeError, "must make a torch.nn.Module"),
        (lambda metadata, classes: Weighted(classes + 1), ValueError, "must return logits"),
        (lambda metadata, classes: nn.Linear(3, 3), ValueError, r"cannot be called as model\(x_dict"),
        (lambda metadata, classes: Only("paper"), ValueError, "labelled type 'author', got a dictionary with 'paper'"),
        (lambda metadata, classes: Changed(Tensor.detach), ValueError, "its logits do not depend on its weights"),
        (lambda metadata, classes: Changed(Tensor.long), ValueError, "real numbers with gradients, got torch.int64"),
        (lambda metadata, classes: Changed(broken), ValueError, r"cannot be called as model\(x_dict.*: no such layer"),
    ],
)
def test_what_cannot_be_a_model_is_refused(small, data, model, error, message: str) -> None:
    with pytest.raises(error, match=message):
        evaluated(small, data, [model])


def broken(logits: Tensor) -> Tensor:
    raise ValueError("no such layer")


class Changed(nn.Module):
    """A network whose logits are changed by a function."""

    def __init__(self, change) -> None:
        super().__init__()
        self.linear, self.change = nn.Linear(3, 3), change

    def forward(self, x_dict, edge_index_dict):
        return self.change(self.linear(x_dict["author"]))


class Only(nn.Module):
    """A network that returns one type."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.linear = nn.Linear(5, 3)

    def forward(self, x_dict, edge_index_dict):
        return {self.name: self.linear(x_dict[self.name])}


def _wider(data: HeteroData) -> None:
    data["paper"].x = torch.cat([data["paper"].x] * 2, dim=1)


def _another_type(data: HeteroData) -> None:
    data["city"].x = torch.ones(2, 2)


def _another_relation(data: HeteroData) -> None:
    data["author", "cites", "paper"].edge_index = torch.zeros(2, 1, dtype=torch.long)


def _no_relation(data: HeteroData) -> None:
    del data["paper", "by", "author"]


def _no_type(data: HeteroData) -> None:
    del data["open.journal"], data["open.journal", "prints", "paper"]


def _other_classes(data: HeteroData) -> None:
    data["author"].y = data["author"].y + 5


def _not_finite(data: HeteroData) -> None:
    data["term"].x = data["term"].x * float("nan")


def _out_of_range(data: HeteroData) -> None:
    data["paper", "by", "author"].edge_index = torch.tensor([[0], [24]])


def _unlabelled(data: HeteroData) -> None:
    data["author"].train_mask = torch.zeros(24, dtype=torch.bool)


def _bad_soft(data: HeteroData) -> None:
    data["author"].y_soft = torch.full((24, 3), 0.5)


def _without_labels(data: HeteroData) -> None:
    del data["author"]["y"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_wider, "10 features of 'paper', the dataset 5"),
        (_another_type, "node types 'city', which the dataset has not"),
        (_another_relation, r"relations \('author', 'cites', 'paper'\), which the dataset has not"),
        (_no_relation, r"has not the relations .*data\['paper', 'by', 'author'\]\.edge_index"),
        (_no_type, "has not the node types 'open.journal'"),
        (_other_classes, "class"),
        (_not_finite, r"data\['term'\].x must be finite"),
        (_out_of_range, "cannot be trained on: .*'by', 'author'"),
        (_unlabelled, "no labelled node in its train_mask"),
        (_bad_soft, "rows of y_soft must sum to 1"),
        (_without_labels, r"data\['author'\].y is missing"),
    ],
)
def test_a_graph_that_does_not_fit_is_refused_in_a_sentence(data, change, message: str) -> None:
    made = own(data)
    change(made)
    with pytest.raises(ValueError, match=message) as refused:
        evaluated(made, data)
    assert "\n" not in str(refused.value)


def test_a_set_without_structure_of_other_features_is_refused(data) -> None:
    free = without_structure(data)
    free["author"].x = free["author"].x[:, :-1]
    with pytest.raises(ValueError, match=r"has no relations, so that its .* features must be those of all meta-paths"):
        evaluated(free, data)


def test_sets_of_other_training_data_are_refused(small, data) -> None:
    data["paper"].x = data["paper"].x + 1
    with pytest.raises(ValueError, match="dataset is not what was condensed"):
        evaluated(small, data)


def test_a_task_of_another_node_type_is_refused(small, data) -> None:
    data["paper"].y = torch.arange(40) % 2
    for name in ("train_mask", "val_mask", "test_mask"):
        data["paper"][name] = torch.arange(40) % 3 == len(name) % 3
    with pytest.raises(ValueError, match=r"graphcond.read\(dataset, node_type='author'\)"):
        evaluated(small, graphcond.read(data, node_type="paper"))
    assert evaluated(small, graphcond.read(data, node_type="author")).rows[0].scores


def test_a_dataset_with_two_labelled_types_is_read_as_it_was_condensed(small, data) -> None:
    data["paper"].y = torch.arange(40) % 2
    assert evaluated(small, data).rows[0].scores


def test_a_dataset_without_test_nodes_is_refused(data) -> None:
    made = own(data)
    del data["author"]["test_mask"]
    with pytest.raises(ValueError, match=r"data\['author'\].test_mask is missing"):
        evaluated(made, data)


def test_a_protocol_of_nodes_is_refused(small, data) -> None:
    with pytest.raises(TypeError, match="protocol must be a name or a HeteroProtocol for heterogeneous graphs"):
        evaluated(small, data, protocol=graphcond.evaluation.Protocol())


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"dropout": 1.0}, "dropout"), ({"epochs": 0}, "epochs"), ({"hidden": 10}, "multiple of 4")],
)
def test_unusable_settings_are_refused(setting, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HeteroProtocol(**setting)


def test_the_command_line_evaluates(small, data, tmp_path, monkeypatch, run) -> None:
    monkeypatch.setattr("graphcond.datasets.load", lambda name, root: data)
    small.save(tmp_path / "small.safetensors")
    code, out, _ = run(
        "evaluate", tmp_path / "small.safetensors", "mine", "--models", "rgcn,metapath_mlp", "--no-controls",
        "--protocol", "standard(epochs=5)", "--runs", "1", "--json",
    )  # fmt: skip
    assert code == 0
    assert [row["model"] for row in json.loads(out)["rows"]] == ["rgcn", "metapath_mlp"]


def test_a_benchmark_takes_heterogeneous_graphs(data, tmp_path) -> None:
    report = bench(
        {"mine": data}, tmp_path / "rows.jsonl", methods=["random", "whole"], sizes=[6], seeds=1,
        protocol="standard(runs=1, epochs=5)",
    )  # fmt: skip
    assert not report.failures
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert {(row["method"], row["model"]) for row in rows} == {("random", "sage"), ("whole", "sage")}
