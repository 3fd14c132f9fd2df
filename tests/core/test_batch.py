import pytest
import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.sparse import compressed_rows

KINDS = ["rows", "dense", "sparse"]
PICKS = [[2, 0], [1, 1, 4], [6, 5, 4, 3, 2, 1, 0], [3], []]
LABELS = torch.tensor([2, 0, 2, 5, 0, 2, 5])


def batch_of(kind: str) -> Batch:
    """Return seven labelled rows, alone, on a square dense operator, or among twelve on a rectangular sparse one."""
    generator = torch.Generator().manual_seed(0)
    count = len(LABELS)
    if kind != "sparse":
        x = torch.randn(count, 3, generator=generator)
        adj = torch.rand(count, count, generator=generator) if kind == "dense" else None
        return Batch(x, LABELS, adj)
    x, rows = torch.randn(12, 3, generator=generator), torch.randperm(12, generator=generator)[:count]
    adj = torch.rand(count, 12, generator=generator)
    adj[torch.rand(count, 12, generator=generator) < 0.7] = 0
    adj[torch.arange(count), rows] = 0.5
    return Batch(x, LABELS, compressed_rows(adj), rows)


def row_by_row(x: Tensor) -> Tensor:
    weight = torch.randn(x.size(1), 4, generator=torch.Generator().manual_seed(1))
    return (x @ weight).tanh()


@pytest.fixture(params=KINDS)
def batch(request):
    return batch_of(request.param)


@pytest.mark.parametrize("picks", PICKS)
def test_taking_and_gathering_commute(batch, picks):
    picks = torch.tensor(picks, dtype=torch.int64)
    part = batch.take(picks)
    torch.testing.assert_close(part.gather(row_by_row(part.x)), batch.gather(row_by_row(batch.x))[picks])


@pytest.mark.parametrize("picks", PICKS)
def test_taken_rows_keep_their_label_and_themselves(batch, picks):
    picks = torch.tensor(picks, dtype=torch.int64)
    part = batch.take(picks)
    assert len(part) == len(picks)
    assert torch.equal(part.y, batch.y[picks])
    assert torch.equal(part.own(part.x), batch.own(batch.x)[picks])


def test_taken_rows_are_themselves_even_if_they_do_not_gather_themselves():
    adj = compressed_rows(torch.tensor([[0.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    batch = Batch(torch.arange(4.0).view(4, 1), torch.tensor([0, 1]), adj, torch.tensor([0, 1]))
    part = batch.take(torch.tensor([1, 0]))
    assert part.own(part.x).flatten().tolist() == [1.0, 0.0]
    assert part.gather(part.x).flatten().tolist() == [3.0, 3.0]


def test_parts_of_parts(batch):
    first, second = torch.tensor([6, 1, 3, 3, 0]), torch.tensor([4, 2, 2])
    twice, once = batch.take(first).take(second), batch.take(first[second])
    assert torch.equal(twice.y, once.y)
    assert torch.equal(twice.own(twice.x), once.own(once.x))
    torch.testing.assert_close(twice.gather(twice.x), once.gather(once.x))


def test_part_holds_no_row_that_it_does_not_need():
    picks = torch.tensor([3, 5])
    assert len(batch_of("rows").take(picks).x) == 2
    whole = batch_of("sparse")
    needed = (whole.adj.to_dense()[picks] != 0).any(dim=0)
    assert torch.equal(whole.take(picks).x, whole.x[needed])
    assert needed.sum() < 12


def test_gather_is_the_operator():
    for kind in ("dense", "sparse"):
        batch = batch_of(kind)
        torch.testing.assert_close(batch.gather(batch.x), batch.adj.to_dense() @ batch.x)
    batch = batch_of("rows")
    assert batch.gather(batch.x) is batch.x


def test_own_rows_are_the_labelled_ones():
    batch = batch_of("sparse")
    assert torch.equal(batch.own(batch.x), batch.x[batch.rows])
    assert torch.equal(batch_of("dense").own(LABELS), LABELS)


def test_classes_cover_every_row_once(batch):
    assert sorted(batch.by_class()) == [0, 2, 5]
    seen = []
    for label, part in batch.by_class().items():
        assert part.y.unique().tolist() == [label]
        mine = batch.y == label
        assert torch.equal(part.own(part.x), batch.own(batch.x)[mine])
        torch.testing.assert_close(part.gather(row_by_row(part.x)), batch.gather(row_by_row(batch.x))[mine])
        seen.append(part.own(part.x))
    assert sorted(torch.cat(seen).tolist()) == sorted(batch.own(batch.x).tolist())


def test_classes_are_taken_once(batch):
    assert batch.by_class() is batch.by_class()


@pytest.mark.parametrize("kind", KINDS)
def test_detached_batch_is_the_same_without_history(kind):
    plain = batch_of(kind)
    scale = torch.tensor(2.0, requires_grad=True)
    adj = plain.adj * scale if kind == "dense" else plain.adj
    batch = Batch(plain.x * scale, plain.y, adj, plain.rows)
    detached = batch.detached()
    assert not detached.x.requires_grad
    assert torch.equal(detached.x, batch.x)
    assert torch.equal(detached.y, batch.y)
    assert detached.rows is batch.rows
    if kind == "rows":
        assert detached.adj is None
    else:
        assert not detached.adj.requires_grad
        assert torch.equal(detached.adj.to_dense(), batch.adj.to_dense())
    assert batch.x.requires_grad


def test_taking_is_differentiable(batch):
    x = batch.x.clone().requires_grad_()
    part = Batch(x, batch.y, batch.adj, batch.rows).take(torch.tensor([4, 1]))
    part.gather(part.x).sum().backward()
    operator = torch.eye(7) if batch.adj is None else batch.adj.to_dense()
    torch.testing.assert_close(x.grad, operator[[4, 1]].sum(dim=0).unsqueeze(1).expand_as(x))


def test_images_keep_their_shape():
    images = torch.arange(7 * 4.0).view(7, 1, 2, 2)
    part = Batch(images, LABELS).by_class()[5]
    assert torch.equal(part.x, images[[3, 6]])
