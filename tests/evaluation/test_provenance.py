"""What is judged must have been made from the training data of what it is judged on, and from nothing else."""

import pytest
import torch
from torch_geometric.data import Data

import graphcond
from graphcond import GraphProtocol, Protocol

QUICK = Protocol(epochs=60, hidden=32)
pytestmark = pytest.mark.usefixtures("quick_choice")


def noise() -> Data:
    """Return pure noise, whose labels can only be known by heart."""
    torch.manual_seed(0)
    masks = (torch.arange(60).unsqueeze(1) // 20 == torch.arange(3)).unbind(dim=1)
    names = ("train_mask", "val_mask", "test_mask")
    y = torch.arange(60) % 2
    return Data(
        x=torch.randn(60, 80), edge_index=torch.randint(60, (2, 90)), y=y, **dict(zip(names, masks, strict=True))
    )


def two_splits() -> Data:
    """Return noise with two splits."""
    data = noise()
    orders = [torch.randperm(60) for _ in range(2)]
    for name, part in (("train_mask", slice(30)), ("val_mask", slice(30, 40)), ("test_mask", slice(40, None))):
        masks = torch.zeros(60, 2, dtype=torch.bool)
        for column, order in enumerate(orders):
            masks[order[part], column] = True
        data[name] = masks
    return data


def judged(condensed: object, data: Data, **options: object) -> graphcond.Report:
    given = {"runs": 1, "controls": False, "protocol": QUICK} | options
    return graphcond.evaluate(condensed, data, ["mlp"], **given)  # type: ignore[arg-type]


def test_a_split_is_judged_by_its_own_test_nodes() -> None:
    data = two_splits()
    first, second = (graphcond.condense(data, num_nodes=20, method="random", split=split) for split in range(2))
    assert judged(second, data).rows
    with pytest.raises(ValueError, match=r"the splits \['0', '1'\].*evaluate each split by itself"):
        judged([first, second], data)
    with pytest.raises(ValueError, match=r"split=0 is not the split that was condensed \(1\)"):
        judged(second, data, split=0)


@pytest.mark.parametrize("inductive", [False, True])
def test_masks_drawn_anew_are_noticed(inductive: bool) -> None:
    data = two_splits()
    small = graphcond.condense(data, num_nodes=20, method="random", inductive=inductive)
    assert judged(small, data).rows
    assert judged(small, data, inductive=not inductive).rows  # the same training nodes, looked at differently
    with pytest.raises(ValueError, match="dataset is not what was condensed"):
        judged(small, data.clone().update({"train_mask": data.test_mask, "test_mask": data.train_mask}))


def test_other_graphs_for_training_are_noticed() -> None:
    graphs = [Data(x=torch.eye(3)[[i % 3, 0]], edge_index=torch.tensor([[0, 1], [1, 0]]), y=i % 2) for i in range(40)]
    for graph in graphs:
        graph.y = torch.tensor([graph.y])
    small = graphcond.condense(graphs, num_graphs=4, method="random", split=1)
    assert graphcond.evaluate(small, graphs, runs=1, controls=False, protocol=GraphProtocol(steps=20)).rows
    with pytest.raises(ValueError, match="is not the split that was condensed"):
        graphcond.evaluate(small, graphs, runs=1, controls=False, split=0)
    with pytest.raises(ValueError, match="dataset is not what was condensed"):
        graphcond.evaluate(small, graphs[::-1], runs=1, controls=False)


def test_only_training_nodes_of_own_data_are_learned_from() -> None:
    data = two_splits()
    for name in ("train_mask", "val_mask", "test_mask"):
        data[name] = data[name][:, 0]
    own, whole = (judged(data, data), judged(data, data, controls=["whole"]).rows[1])
    assert own.rows[0].scores == pytest.approx(whole.scores, abs=0.11)
    blank = data.clone()
    blank.y = torch.where(data.train_mask, data.y, -1)
    del blank.train_mask
    assert judged(blank, data).rows[0].scores == own.rows[0].scores


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": torch.full((60, 80), float("nan"))}, "data.x must be finite"),
        ({"y": torch.zeros(6)}, "data.y must hold one label per node"),
        ({"y": torch.full((60,), -1)}, "no labelled node"),
        ({"edge_index": torch.tensor([[0], [99]])}, "data.edge_index must lie in"),
        ({"edge_index": None}, "data.edge_index is missing"),
    ],
)
def test_own_data_is_checked(changes: dict[str, torch.Tensor | None], message: str) -> None:
    data = noise()
    with pytest.raises(ValueError, match=rf"condensed data .*{message}"):
        judged(data.clone().update(changes), data)


def test_types_of_own_data_do_not_matter() -> None:
    data = noise()
    other = data.clone().update({"x": data.x.double(), "y": data.y.float().unsqueeze(1)})
    assert judged(other, data).rows[0].scores == judged(data, data).rows[0].scores


def test_a_single_name_is_not_taken_apart() -> None:
    data = noise()
    with pytest.raises(TypeError, match=r"models must be a sequence of names.*pass \('gcn',\)"):
        graphcond.evaluate(data, data, "gcn")
    with pytest.raises(
        TypeError, match=r"controls must be true, false or a sequence of names, got .*pass \('whole',\)"
    ):
        graphcond.evaluate(data, data, controls="whole")
