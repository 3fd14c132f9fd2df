"""Bars of accuracy on a real graph: CiteSeer's papers and the words that they mention."""

import pytest
import torch
from torch_geometric.data import HeteroData
from torch_geometric.transforms import ToUndirected

import graphcond


def papers_and_words() -> HeteroData:
    papers, data = graphcond.datasets.load("citeseer")[0], HeteroData()
    data["paper"].update({name: papers[name] for name in ("x", "y", "train_mask", "val_mask", "test_mask")})
    data["word"].num_nodes = papers.num_features
    data["paper", "cites", "paper"].edge_index = papers.edge_index
    data["paper", "mentions", "word"].edge_index = papers.x.nonzero().T.contiguous()
    return ToUndirected()(data)


@pytest.mark.slow
def test_the_default_is_near_the_whole_and_above_real_nodes() -> None:
    task = graphcond.read(papers_and_words())
    small = [graphcond.condense(task, size=30, seed=seed) for seed in (0, 1)]
    report = graphcond.evaluate(
        small, task, ["sage"], protocol="standard(runs=1, epochs=100)", controls=("random", "random_soft")
    )
    means = {row.data: torch.tensor(row.scores).mean() for row in report.rows}
    assert means["auto"] > 0.64
    assert means["auto"] > max(means["random"], means["random_soft"]) + 0.05
