"""Short trainings: what networks read of validation nodes and of candidates, and that the better candidate wins."""

import torch
from torch import Tensor

from graphcond.core.targets import SingleLabel
from graphcond.hetero.downstream import NETWORKS, HeteroDownstream
from graphcond.hetero.metapaths import MetaPath, mean_operator, start_of
from graphcond.hetero.short_training import Branch, _network, short_trainings
from graphcond.hetero.space import MetaPathSpace
from graphcond.hetero.task import HeteroTask
from graphcond.nodes.downstream import CandidateNodes
from graphcond.nodes.quick_validation import Effort

QUICK = Effort(length=0.2, networks=1)


def dense(propagated: MetaPathSpace, relation: tuple[str, str, str]) -> Tensor:
    return torch.from_numpy(mean_operator(propagated.graph, relation).toarray())


def test_a_branch_is_a_layer_of_the_original(hetero_task: HeteroTask) -> None:
    """The network on the view of the validation nodes is that of two layers on the whole graph, without shortcuts."""
    torch.manual_seed(0)
    propagated = MetaPathSpace(hetero_task.graph)
    downstream = HeteroDownstream(propagated, hetero_task.val.nodes, hetero_task.targets)
    order = downstream.nodes
    view = downstream.view
    parameters: list[Tensor] = []
    for branch in view:
        parameters += [torch.randn(1, branch.x.size(1), 7), torch.randn(1, 1, 7), torch.randn(1, 7, 3)]
    parameters.append(torch.randn(1, 1, 3))
    found = _network(view, parameters)[0]
    graph, x = propagated.graph, propagated.reduced

    def first(node_type: str, place: int) -> Tensor:
        into = sorted(relation for relation in graph.edges if relation[2] == node_type)
        read = torch.cat([x[node_type], *(dense(propagated, one) @ x[one[0]] for one in into)], dim=1)
        weight, bias, _ = parameters[3 * place : 3 * place + 3]
        return (read @ weight[0] + bias[0]).relu()

    relation = ("paper", "written_by", "author")
    expected = (
        first("author", 0) @ parameters[2][0] + dense(propagated, relation) @ first("paper", 1) @ parameters[5][0]
    )
    assert torch.allclose(found, (expected + parameters[-1][0])[order], atol=1e-4)


def test_candidates_are_read_as_trees(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    propagated = MetaPathSpace(hetero_task.graph)
    downstream = HeteroDownstream(propagated, hetero_task.val.nodes, hetero_task.targets)
    rows = propagated.rows(hetero_task.train.nodes[:4])
    parts: dict[MetaPath, Tensor] = propagated.parts(rows)
    root, paper = downstream.branches(torch.stack([rows, rows]))
    by_start = {start_of(path, "author"): part for path, part in parts.items() if len(path) == 1}
    assert torch.allclose(root.x[1], torch.cat([parts[()], by_start["paper"]], dim=1))
    assert paper.x.shape == (2, 4, sum(part.size(1) for path, part in parts.items() if path))


def test_true_labels_do_better_than_false_ones(hetero_task: HeteroTask) -> None:
    torch.manual_seed(0)
    propagated = MetaPathSpace(hetero_task.graph)
    downstream = HeteroDownstream(propagated, hetero_task.val.nodes, hetero_task.targets)
    rows = propagated.rows(hetero_task.train.nodes)
    y = hetero_task.train.labels
    right, wrong = downstream.compare([CandidateNodes(rows, y), CandidateNodes(rows, (y + 1) % 3)], QUICK)
    assert set(right) == set(NETWORKS)
    gain, error = downstream.difference(right, wrong)
    assert gain > 3 * error


def test_candidates_do_not_see_each_other() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 12, 5, generator=generator)
    y, truth = torch.arange(12).remainder(3).repeat(2, 1), torch.arange(30) % 3
    view = [Branch(torch.randn(30, 5, generator=generator))]
    torch.manual_seed(0)
    both = short_trainings([Branch(x)], y, view, truth, SingleLabel(3), QUICK)
    torch.manual_seed(0)
    alone = short_trainings([Branch(x[:1])], y[:1], view, truth, SingleLabel(3), QUICK)
    assert torch.allclose(both[0].contributions, alone[0].contributions)
