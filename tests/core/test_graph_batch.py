from dataclasses import replace

import pytest
import torch
from torch import Tensor

from graphcond.core.matching.graph_batch import GraphBatch
from graphcond.core.sparse import compressed_rows, from_rows, ragged

SIZES = torch.tensor([3, 1, 4, 2])
LABELS = torch.tensor([1, 0, 1, 2])
FORMS = ["union", "places"]
ORDERS = [[0, 1, 2, 3], [2, 0], [3, 3, 1], [1]]
PLACES = 5


def blocks(seed: int = 0) -> list[Tensor]:
    """Return a random symmetric operator for each graph, without isolated rows."""
    generator = torch.Generator().manual_seed(seed)
    made = [torch.rand(size, size, generator=generator, dtype=torch.float64) for size in SIZES.tolist()]
    return [(block + block.T) * ((block + block.T) > 0.7) + torch.eye(len(block)) for block in made]


def features(seed: int = 1) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(size, 2, generator=generator, dtype=torch.float64) for size in SIZES.tolist()]


def shares() -> list[Tensor]:
    return [torch.full((size,), 1 / size, dtype=torch.float64) for size in SIZES.tolist()]


def batch_of(parameterization: str) -> GraphBatch:
    if parameterization == "union":
        ptr = torch.tensor([0, *SIZES]).cumsum(0)
        adj = compressed_rows(torch.block_diag(*blocks()))
        return GraphBatch(torch.cat(features()), LABELS, adj=adj, ptr=ptr, share=torch.cat(shares()))
    count = len(SIZES)
    x = torch.zeros(count, PLACES, 2, dtype=torch.float64)
    adj = torch.eye(PLACES, dtype=torch.float64).repeat(count, 1, 1)
    share = torch.zeros(count, PLACES, dtype=torch.float64)
    for i, size in enumerate(SIZES.tolist()):
        x[i, :size], adj[i, :size, :size], share[i, :size] = features()[i], blocks()[i], shares()[i]
    ptr = PLACES * torch.arange(count + 1)
    return GraphBatch(x.flatten(0, 1), LABELS, adj=adj, ptr=ptr, share=share.flatten())


@pytest.fixture(params=FORMS)
def batch(request):
    return batch_of(request.param)


def test_readout_is_the_mean_of_each_graphs_nodes(batch):
    expected = torch.stack([rows.mean(dim=0) for rows in features()])
    torch.testing.assert_close(batch.gather(batch.x), expected)
    torch.testing.assert_close(batch.own(batch.x), expected)


def test_propagation_stays_within_graphs(batch):
    expected = torch.stack([(block @ rows).mean(dim=0) for block, rows in zip(blocks(), features(), strict=True)])
    torch.testing.assert_close(batch.gather(batch.propagate(batch.x)), expected)


def test_spreading_is_the_transpose_of_gathering(batch):
    pooled = torch.randn(len(batch), 3, dtype=torch.float64)
    hidden = torch.randn(len(batch.x), 3, dtype=torch.float64)
    torch.testing.assert_close((batch.gather(hidden) * pooled).sum(), (hidden * batch.spread(pooled)).sum())


@pytest.mark.parametrize("order", ORDERS)
def test_taken_graphs_are_the_same_graphs(batch, order):
    taken = batch.take(torch.tensor(order))
    assert type(taken) is GraphBatch
    assert taken.y.tolist() == [int(LABELS[i]) for i in order]
    assert taken.in_places == batch.in_places
    torch.testing.assert_close(taken.gather(taken.x), batch.gather(batch.x)[order])
    twice = taken.propagate(taken.propagate(taken.x))
    torch.testing.assert_close(taken.gather(twice), batch.gather(batch.propagate(batch.propagate(batch.x)))[order])
    assert torch.equal(taken.graph, torch.repeat_interleave(torch.arange(len(order)), taken.ptr.diff()))


@pytest.mark.parametrize("order", ORDERS)
def test_taken_blocks_are_the_operators_of_the_graphs(order):
    taken = batch_of("union").take(torch.tensor(order))
    torch.testing.assert_close(taken.adj.to_dense(), torch.block_diag(*[blocks()[i] for i in order]))
    torch.testing.assert_close(taken.take(torch.tensor([0])).adj.to_dense(), blocks()[order[0]])


def test_batches_of_classes(batch):
    parts = batch.by_class()
    assert {label: len(part) for label, part in parts.items()} == {0: 1, 1: 2, 2: 1}
    for label, part in parts.items():
        assert bool((part.y == label).all())
        torch.testing.assert_close(part.gather(part.x), batch.gather(batch.x)[label == LABELS])
    assert batch.by_class() is parts


def test_batches_of_classes_keep_the_history_of_what_is_learned():
    batch = batch_of("places")
    x, adj = batch.x.clone().requires_grad_(), batch.adj.clone().requires_grad_()
    learned = replace(batch, x=x, adj=adj)
    assert learned.by_class() is not learned.by_class()
    part = learned.by_class()[1]
    part.gather(part.propagate(part.x)).square().sum().backward()
    assert x.grad.view(4, PLACES, -1).abs().amax(dim=(1, 2)).gt(0).tolist() == [True, False, True, False]
    detached = learned.detached()
    assert type(detached) is GraphBatch
    assert not detached.x.requires_grad
    assert not detached.adj.requires_grad


def test_sorting_is_stable_and_leaves_what_is_sorted_alone(batch):
    ordered = batch.sorted()
    assert ordered.y.tolist() == [0, 1, 1, 2]
    torch.testing.assert_close(ordered.gather(ordered.x), batch.gather(batch.x)[[1, 0, 2, 3]])
    assert ordered.sorted() is ordered


def test_places_that_are_no_nodes_have_no_influence():
    batch = batch_of("places")
    empty = batch.share == 0
    assert bool(empty.any())
    changed = replace(batch, x=torch.where(empty.unsqueeze(1), 1e3, batch.x))
    torch.testing.assert_close(changed.gather(changed.propagate(changed.x)), batch.gather(batch.propagate(batch.x)))


def test_ragged_rows():
    pointers = torch.tensor([0, 2, 2, 5, 6])
    for rows in ([0], [2, 0], [1], [1, 1, 3], [3, 2, 1, 0]):
        positions, new = ragged(pointers, torch.tensor(rows))
        spans = [range(int(pointers[row]), int(pointers[row + 1])) for row in rows]
        assert positions.tolist() == [place for span in spans for place in span]
        assert new.tolist() == [0, *torch.tensor([len(span) for span in spans]).cumsum(0).tolist()]


def test_matrix_of_compressed_rows():
    dense = torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 3.0]])
    made = from_rows(torch.tensor([0, 1, 1, 3]), torch.tensor([1, 0, 2]), torch.tensor([2.0, 1.0, 3.0]), 3)
    assert made.layout == torch.sparse_csr
    assert torch.equal(made.to_dense(), dense)
