"""What is evaluated must have been made from the training data of what it is evaluated on, and from nothing else."""

from dataclasses import replace

import pytest
import torch
from torch_geometric.data import Data

import graphcond
import recsys
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


def evaluated(condensed: object, data: Data, **options: object) -> graphcond.Report:
    given = {"controls": False, "protocol": replace(QUICK, runs=1)} | options
    return graphcond.evaluate(condensed, data, ["mlp"], **given)  # type: ignore[arg-type]


def test_a_split_is_evaluated_by_its_own_test_nodes() -> None:
    data = two_splits()
    first, second = (
        graphcond.condense(graphcond.read(data, split=split), size=20, method="random") for split in range(2)
    )
    assert evaluated(second, data).rows
    with pytest.raises(ValueError, match=r"the splits \['0', '1'\].*evaluate each split by itself"):
        evaluated([first, second], data)
    with pytest.raises(ValueError, match=r"split=0 is not the split that was condensed \(1\)"):
        evaluated(second, graphcond.read(data, split=0))


@pytest.mark.parametrize("inductive", [False, True])
def test_masks_drawn_anew_are_noticed(inductive: bool) -> None:
    data = two_splits()
    small = graphcond.condense(graphcond.read(data, inductive=inductive), size=20, method="random")
    assert evaluated(small, data).rows
    assert evaluated(small, graphcond.read(data, inductive=not inductive)).rows
    with pytest.raises(ValueError, match="dataset is not what was condensed"):
        evaluated(small, data.clone().update({"train_mask": data.test_mask, "test_mask": data.train_mask}))


def test_other_graphs_for_training_are_noticed() -> None:
    graphs = [Data(x=torch.eye(3)[[i % 3, 0]], edge_index=torch.tensor([[0, 1], [1, 0]]), y=i % 2) for i in range(40)]
    for graph in graphs:
        graph.y = torch.tensor([graph.y])
    small = graphcond.condense(graphcond.read(graphs, split=1), size=4, method="random")
    assert graphcond.evaluate(small, graphs, controls=False, protocol=GraphProtocol(steps=20, runs=1)).rows
    with pytest.raises(ValueError, match="is not the split that was condensed"):
        graphcond.evaluate(small, graphcond.read(graphs, split=0), protocol="standard(runs=1)", controls=False)
    with pytest.raises(ValueError, match="dataset is not what was condensed"):
        graphcond.evaluate(small, graphs[::-1], protocol="standard(runs=1)", controls=False)


def test_only_training_nodes_of_own_data_are_learned_from() -> None:
    data = two_splits()
    for name in ("train_mask", "val_mask", "test_mask"):
        data[name] = data[name][:, 0]
    own, whole = (evaluated(data, data), evaluated(data, data, controls=["whole"]).rows[1])
    assert own.rows[0].scores == pytest.approx(whole.scores, abs=0.11)
    blank = data.clone()
    blank.y = torch.where(data.train_mask, data.y, -1)
    del blank.train_mask
    assert evaluated(blank, data).rows[0].scores == own.rows[0].scores


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
        evaluated(data.clone().update(changes), data)


def test_types_of_own_data_do_not_matter() -> None:
    data = noise()
    other = data.clone().update({"x": data.x.double(), "y": data.y.float().unsqueeze(1)})
    assert evaluated(other, data).rows[0].scores == evaluated(data, data).rows[0].scores


def test_a_single_name_is_not_taken_apart() -> None:
    data = noise()
    with pytest.raises(TypeError, match=r"models must be a sequence of names.*pass \('gcn',\)"):
        graphcond.evaluate(data, data, "gcn")
    with pytest.raises(
        TypeError, match=r"controls must be true, false or a sequence of names, got .*pass \('whole',\)"
    ):
        graphcond.evaluate(data, data, controls="whole")


def test_other_images_for_training_are_noticed() -> None:
    x, y = torch.rand(40, 1, 6, 6, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 2
    parts = (x[:20], y[:20]), (x[20:], y[20:])
    small = graphcond.condense(graphcond.ImageDataset(parts[0], test=parts[1]), size="1/class", method="random")
    given = {"models": ["mlp"], "protocol": "standard(runs=1, epochs=2)", "controls": False}
    assert graphcond.evaluate(small, graphcond.ImageDataset(parts[0], test=parts[1]), **given).rows
    with pytest.raises(ValueError, match="dataset is not what was condensed"):
        graphcond.evaluate(small, graphcond.ImageDataset(parts[1], test=parts[0]), **given)


def test_a_condensation_of_another_kind_is_refused(toy: Data) -> None:
    small = graphcond.condense(toy, size=6, method="random")
    images = graphcond.ImageDataset((torch.rand(8, 1, 4, 4), torch.arange(8) % 2))
    with pytest.raises(ValueError, match="condensed holds nodes, but the dataset is of images; pass the set that was"):
        graphcond.evaluate(small, images)
    with pytest.raises(ValueError, match="condensed holds nodes, but the dataset is of interactions; pass the set"):
        graphcond.evaluate(small, recsys.random_split(recsys.generate_interactions(60, 20, 500, seed=0)))
