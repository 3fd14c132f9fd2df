"""Downstream models for heterogeneous graphs: PyG's layers on lists of edges give the same numbers."""

import warnings
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch_geometric.nn import HANConv, HeteroConv, HGTConv, RGCNConv, SAGEConv

from graphcond.hetero.evaluation.model_lines import LINES
from graphcond.hetero.evaluation.models import HETERO_MODELS
from graphcond.hetero.evaluation.networks import HEADS, AttentionNetwork, HeteroSGC, MeanNetwork, MetapathMLP
from graphcond.hetero.evaluation.protocol import HeteroProtocol
from graphcond.hetero.evaluation.views import (
    HeteroView,
    Schema,
    block_view,
    list_view,
    mean_view,
    neighbourhood,
)
from graphcond.hetero.metapaths import blocks, concatenated, mean_operator
from graphcond.hetero.task import HeteroGraph, HeteroTask

PROTOCOL = HeteroProtocol(hidden=8)
LOCAL = [name for name, kind in HETERO_MODELS.items() if kind.layers]


def schema_of(task: HeteroTask) -> Schema:
    return Schema.of(task.graph, task.targets.outputs)


def built(name: str, task: HeteroTask) -> nn.Module:
    torch.manual_seed(1)
    return HETERO_MODELS[name].build(schema_of(task), PROTOCOL).eval()


def logits(name: str, model: nn.Module, graph: HeteroGraph, task: HeteroTask) -> torch.Tensor:
    with torch.no_grad():
        return HETERO_MODELS[name].view(graph, schema_of(task)).outputs(model)


def close(first: torch.Tensor, second: torch.Tensor) -> None:
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def mapped(model: nn.Module, graph: HeteroGraph) -> dict[str, torch.Tensor]:
    """Return what the first linear maps of a model make of all types that it maps; of others, zeros."""
    zeros = {name: x.new_zeros(len(x), PROTOCOL.hidden) for name, x in graph.x.items()}
    return zeros | model.first(graph.x)


def test_every_model_has_a_line() -> None:
    assert list(LINES) == list(HETERO_MODELS)


@torch.no_grad()
def test_sage_is_pygs_convolution_of_each_relation_summed(task: HeteroTask) -> None:
    model, graph = built("sage", task), task.graph
    assert isinstance(model, MeanNetwork)
    hidden = mapped(model, graph)
    for layer in model.layers:
        convolutions = {one: SAGEConv(8, 8) for one in graph.edges}
        for relation, own in zip(layer.step.relations, layer.maps, strict=True):
            convolutions[relation].load_state_dict(own.state_dict())
        with warnings.catch_warnings():  # of types that get no message
            warnings.simplefilter("ignore")
            found = HeteroConv(convolutions, aggr="sum")(hidden, graph.edges)
        hidden = {name: value.relu() for name, value in (hidden | found).items()}
    close(logits("sage", model, graph, task), model.head(hidden["author"]))


@torch.no_grad()
def test_rgcn_is_pygs_convolution_of_the_homogeneous_graph(task: HeteroTask) -> None:
    model, graph = built("rgcn", task), task.graph
    hidden = mapped(model, graph)
    names, relations = list(graph.x), list(graph.edges)
    starts = dict(zip(names, [0, *torch.tensor(list(graph.counts.values())).cumsum(0).tolist()], strict=False))
    index = torch.cat(
        [
            graph.edges[one] + torch.tensor([[starts[one[0]]], [starts[one[2]]]])
            for one in relations
        ],
        dim=1,
    )  # fmt: skip
    kinds = torch.cat([torch.full((graph.edges[one].size(1),), i) for i, one in enumerate(relations)])
    x = torch.cat(list(hidden.values()))
    for layer in model.layers:
        plain = RGCNConv(8, 8, len(relations))
        plain.weight.zero_()
        for relation, own in zip(layer.step.relations, layer.maps, strict=True):
            plain.weight[relations.index(relation)] = own.lin_l.weight.T
        plain.root.copy_(layer.root.weight.T)
        plain.bias.copy_(layer.root.bias)
        x = plain(x, index, kinds).relu()
    close(logits("rgcn", model, graph, task), model.head(x[: graph.counts["author"]]))


@torch.no_grad()
@pytest.mark.parametrize(("name", "kind"), [("hgt", HGTConv), ("han", HANConv)])
def test_attention_is_that_of_pygs_layers(task: HeteroTask, name: str, kind: type) -> None:
    model, graph = built(name, task), replace(task.graph, x=dict(task.graph.x))
    assert isinstance(model, AttentionNetwork)
    plain = {one: one.replace(".", "_") for one in graph.x}  # PyG's layers take no dot
    hidden = {plain[one]: value.relu() for one, value in mapped(model, graph).items()}
    for layer, step in zip(model.layers, model.steps, strict=True):
        relations = {one: (plain[one[0]], one[1], plain[one[2]]) for one in step.relations}
        own = kind(8, 8, ([plain[one] for one in step.types], list(relations.values())), heads=HEADS[kind])
        own.load_state_dict(dict(zip(own.state_dict(), layer.state_dict().values(), strict=True)))
        read = {plain[one]: hidden[plain[one]] for one in step.types}
        found = own(read, {relations[one]: graph.edges[one] for one in step.relations})
        hidden |= {one: value for one, value in found.items() if value is not None and one in {r[2] for r in relations}}
    close(logits(name, model, graph, task), model.head(hidden["author"]))


@torch.no_grad()
def test_hetero_sgc_is_its_formula_with_dense_matrices(task: HeteroTask) -> None:
    model, graph = built("hetero_sgc", task), task.graph
    assert isinstance(model, HeteroSGC)
    hidden = {name: value.relu() for name, value in mapped(model, graph).items()}
    means = {}
    for relation, (sources, targets) in graph.edges.items():
        dense = torch.zeros(graph.counts[relation[2]], graph.counts[relation[0]])
        dense[targets, sources] = 1
        means[relation] = dense / dense.sum(dim=1, keepdim=True).clamp(min=1)
    for _ in range(3):
        hidden = {
            name: 0.01 * value + sum(means[one] @ hidden[one[0]] for one in means if one[2] == name)
            for name, value in hidden.items()
        }
    close(logits("hetero_sgc", model, graph, task), model.head(hidden["author"]))


@torch.no_grad()
def test_metapath_mlp_reads_a_set_without_structure_as_the_graph_that_its_features_come_from(task: HeteroTask) -> None:
    model, graph = built("metapath_mlp", task), task.graph
    assert isinstance(model, MetapathMLP)
    parts = blocks(graph)
    x = concatenated(parts)
    free = HeteroGraph({"author": x}, {}, {}, "author", graph.y)
    close(logits("metapath_mlp", model, free, task), logits("metapath_mlp", model, graph, task))
    assert [part.size(1) for part in parts.values()] == schema_of(task).block_widths
    joined = torch.cat([linear.weight for linear in model.first], dim=1)
    hidden = x @ joined.T + sum(linear.bias for linear in model.first)
    close(logits("metapath_mlp", model, graph, task), model.head(hidden.relu()))


@pytest.mark.parametrize("name", LOCAL)
def test_a_part_of_the_graph_gives_the_same_outputs(task: HeteroTask, name: str, monkeypatch) -> None:
    monkeypatch.setattr("graphcond.hetero.evaluation.views.MOST", 1.0)
    model, nodes = built(name, task), torch.tensor([5, 2])
    part, places = neighbourhood(task.graph, nodes, HETERO_MODELS[name].layers)
    assert part.num_nodes < task.graph.num_nodes
    assert torch.equal(part.y[places], task.graph.y[nodes])
    close(logits(name, model, part, task)[places], logits(name, model, task.graph, task)[nodes])


def test_a_part_with_most_nodes_is_the_graph_itself(task: HeteroTask) -> None:
    nodes = torch.arange(20)
    part, places = neighbourhood(task.graph, nodes, 3)
    assert part is task.graph
    assert places is nodes


def test_means_count_weights_of_edges(task: HeteroTask) -> None:
    relation = ("paper", "by", "author")
    weights = task.graph.weights | {relation: torch.rand(60) + 0.1}
    graph = replace(task.graph, weights=weights)
    sources, targets = graph.edges[relation]
    dense = torch.zeros(24, 40)
    dense[targets, sources] = weights[relation]
    dense /= dense.sum(dim=1, keepdim=True).clamp(min=1e-9)
    close(mean_view(graph, schema_of(task)).edges[relation].to_dense(), dense)
    assert mean_operator(graph, relation).shape == (24, 40)


@pytest.mark.parametrize("name", [*HETERO_MODELS])
def test_relations_without_edges_and_types_without_messages_are_read(task: HeteroTask, name: str) -> None:
    model = built(name, task)
    empty = {relation: index[:, :0] for relation, index in task.graph.edges.items()}
    weights = {relation: value[:0] for relation, value in task.graph.weights.items()}
    found = logits(name, model, replace(task.graph, edges=empty, weights=weights), task)
    assert found.shape == (24, 3)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("name", [*HETERO_MODELS])
def test_a_labelled_type_that_gets_no_message_is_classified_by_its_own_features(task: HeteroTask, name: str) -> None:
    relations = [("author", "writes", "paper"), ("paper", "has", "term")]
    pick = {one: task.graph.edges[one] for one in relations}
    graph = replace(task.graph, edges=pick, weights={one: task.graph.weights[one] for one in relations})
    alone = replace(task, train=replace(task.train, graph=graph))
    model = built(name, alone)
    found = logits(name, model, graph, alone)
    other = replace(graph, x=graph.x | {"paper": graph.x["paper"] + 1, "term": graph.x["term"] * 2})
    assert found.shape == (24, 3)
    assert torch.equal(found, logits(name, model, other, alone))


@pytest.mark.parametrize("name", [*HETERO_MODELS])
def test_all_weights_of_a_model_are_learned(task: HeteroTask, name: str) -> None:
    model = built(name, task)
    view = HETERO_MODELS[name].view(task.graph, schema_of(task))
    view.outputs(model).square().sum().backward()
    unused = [one for one, weight in model.named_parameters() if weight.grad is None]
    of_sources = ("out_lin", "skip")  # which PyG's transformer has for types that a layer only reads, too
    assert [one for one in unused if not (name == "hgt" and one.split(".")[2] in of_sources)] == []


def test_sparse_features_are_read_as_dense_ones(task: HeteroTask) -> None:
    x = task.graph.x | {"paper": torch.eye(40, 5)}
    graph = replace(task.graph, x=x)
    view = list_view(graph, schema_of(task))
    assert view.x["paper"].layout == torch.sparse_csr
    model = built("hgt", task)
    with torch.no_grad():
        close(view.outputs(model), HeteroView(x, graph.edges).outputs(model))


def test_steps_leave_out_what_no_later_layer_reads(task: HeteroTask) -> None:
    steps = schema_of(task).steps(2)
    assert steps[1].targets == ("author",)
    assert steps[1].relations == (("paper", "by", "author"),)
    assert ("paper", "has", "term") not in steps[0].relations
    assert set(steps[0].types) == set(task.graph.x)


def test_blocks_of_some_rows_are_those_rows(task: HeteroTask) -> None:
    view, nodes = block_view(task.graph, schema_of(task)), torch.tensor([3, 1])
    for name, block in view.rows(nodes).x.items():
        assert torch.equal(block, view.x[name][nodes])
