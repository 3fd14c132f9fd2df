"""Which sizes of features are worth a sentence."""

import pytest
import torch
from torch_geometric.data import HeteroData

import graphcond
from graphcond.hetero.scales import scale_notes

X = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
LARGE = torch.tensor([1.0, 1e3, 1.0, 1.0])


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ({"author": X * LARGE}, "Column 1 of data['author'].x has 100.00% of the variance"),
        ({"author": X + 2000}, "The rows of data['author'].x differ by less than a thirtieth of their mean"),
        ({"author": X, "paper": X * 1e-4, "venue": X * 10}, "Rows of data['venue'].x are 100,000 times as long"),
    ],
)
def test_what_is_said_of_sizes(x: dict[str, torch.Tensor], said: str) -> None:
    (note,) = scale_notes(x)
    assert note.startswith(said)
    assert note.endswith("StandardScaler.")


@pytest.mark.parametrize(
    "x",
    [
        {"author": X, "paper": X * 100},
        {"author": torch.ones(5, 3), "paper": torch.zeros(5, 2), "venue": torch.arange(5.0).reshape(-1, 1)},
        {"author": (X > 1).float(), "paper": torch.ones(1, 3)},
        {},
    ],
)
def test_usual_sizes_need_no_words(x: dict[str, torch.Tensor]) -> None:
    assert scale_notes(x) == []


def test_a_task_has_the_sentence(hetero: HeteroData) -> None:
    kind = next(kind for kind in hetero.node_types if "x" in hetero[kind])
    hetero[kind].x = hetero[kind].x + 1e5
    assert any("can hardly tell them apart" in note for note in graphcond.read(hetero).notes)
