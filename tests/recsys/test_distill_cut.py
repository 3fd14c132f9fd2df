"""What synthetic users keep: their largest interactions, within a share of the original's bytes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

import recsys
from graphcond.synthetic.user_rows import CutRows, SoftmaxRows, UserRows
from recsys.data.bytes import bytes_of, matrix_bytes
from recsys.methods.distill_cf import DistillCF, kept_interactions

SPLIT = recsys.random_split(recsys.generate_interactions(200, 60, 3000))
QUICK = {"steps": 6, "validations": 2, "batch_users": 50}
LOGITS = torch.tensor([[0.0, 3.0, 1.0, 2.0], [1.0, 0.0, 0.5, -1.0]])


def test_a_cut_keeps_the_largest_interactions_with_their_weights():
    whole = SoftmaxRows(interactions=2)
    rows, dense = CutRows(rows=whole, kept=2)(LOGITS), whole(LOGITS)
    assert (rows > 0).tolist() == [[False, True, False, True], [True, False, True, False]]
    assert torch.equal(rows[rows > 0], dense[rows > 0])
    assert torch.equal(CutRows(rows=whole, kept=9)(LOGITS), dense)


def test_gradients_of_a_cut_are_those_of_the_whole_rows():
    weights = torch.randn(2, 4)
    found = []
    for rows in (CutRows(rows=SoftmaxRows(interactions=1), kept=1), SoftmaxRows(interactions=1)):
        logits = LOGITS.clone().requires_grad_()
        (weights * rows(logits)).sum().backward()
        found.append(logits.grad)
    assert torch.allclose(found[0], found[1])


def test_the_first_batches_are_whole_and_what_is_evaluated_is_cut():
    whole = SoftmaxRows(interactions=2)
    cut = CutRows(rows=whole, kept=1)
    users = UserRows(LOGITS, cut, whole, first_batches=2)
    for expected in (whole, whole, cut, cut):
        assert torch.equal(users.interactions(), cut(LOGITS))
        assert torch.equal(users.batch().x, expected(LOGITS))
    other = UserRows(LOGITS, cut, whole, first_batches=2)
    other.load_state_dict(users.state_dict())
    assert torch.equal(other.batch().x, cut(LOGITS))


@settings(max_examples=60)
@given(seed=st.integers(0, 999), share=st.floats(0, 1), weight=st.sampled_from([1.0, 0.5]))
def test_bytes_are_counted_as_a_file_holds_them(seed, share, weight):
    matrix = csr_matrix((np.random.default_rng(seed).random((7, 9)) < share) * np.float32(weight))
    stored = [matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)]
    weighted = bool((matrix.data != 1).any())
    total = sum(part.nbytes for part in stored) + (matrix.data.nbytes if weighted else 0)
    assert matrix_bytes(matrix) == bytes_of(7, matrix.nnz, weighted=weighted) == total


@settings(max_examples=40)
@given(users=st.integers(1, 200), share=st.floats(0.05, 3))
def test_users_keep_as_much_as_the_bytes_hold_and_no_more(users, share):
    original = bytes_of(SPLIT.num_users, SPLIT.train.nnz, weighted=False)
    kept = kept_interactions(SPLIT, users, share)
    assert kept == 1 or bytes_of(users, users * kept, weighted=True) <= share * original
    assert kept == SPLIT.num_items or bytes_of(users, users * (kept + 1), weighted=True) > share * original


@pytest.mark.parametrize("users", [5, 20, 50])
def test_the_default_takes_a_fifth_or_ten_interactions_a_user_and_never_more_than_the_original(users):
    small = recsys.condense(SPLIT, users=users, method=DistillCF(**QUICK))
    original = bytes_of(SPLIT.num_users, SPLIT.train.nnz, weighted=False)
    assert small.record.source["bytes"] == original
    assert small.record.budget["spent"]["bytes"] == small.nbytes == matrix_bytes(small.user_items)
    each = np.diff(small.user_items.indptr)
    assert each.max() <= small.record.choices["kept"]
    assert small.nbytes <= original
    assert small.nbytes <= original / 5 or each.max() <= 10


def test_a_share_is_kept_and_a_set_larger_than_its_original_is_reported():
    small = recsys.condense(SPLIT, users=20, method=DistillCF(bytes_share=0.1, **QUICK))
    assert small.nbytes <= 0.1 * small.record.source["bytes"]
    large = recsys.condense(SPLIT, users=100, method=DistillCF(bytes_share=9.0, **QUICK))
    assert any("takes" in note and "fewer users" in note for note in large.record.notes)
    assert not any("takes" in note for note in small.record.notes)


def test_a_score_that_still_rose_is_reported(monkeypatch, caplog):
    for scores, rising in ((iter((0.1, 0.2)), True), (iter((0.2, 0.1)), False)):
        monkeypatch.setattr("recsys.methods.distill_cf.UserValidation.__call__", lambda _, scores=scores: next(scores))
        caplog.clear()
        small = recsys.condense(SPLIT, users=5, method=DistillCF(**QUICK))
        assert small.record.choices["still_rising"] is rising
        reported = [note for note in small.record.notes if "may still rise" in note]
        assert len(reported) == rising
        assert all(note in caplog.text for note in reported)


@pytest.mark.parametrize("share", [0.0, -1.0, float("nan")])
def test_impossible_shares_are_refused(share):
    with pytest.raises(ValueError, match="share must be"):
        DistillCF(bytes_share=share)
