"""The benchmark of large graphs, on small ones."""

import json
import mmap
import os
import sys
import time
from contextlib import nullcontext
from types import ModuleType

import pytest
import torch
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import to_dense_adj

from graphcond.core.runtime.memory import held_memory
from graphcond.datasets import save_folder


@pytest.fixture(scope="module")
def scale(load_script) -> ModuleType:
    return load_script("benchmarks/scale.py")


@pytest.fixture
def folder(toy, tmp_path):
    save_folder(toy, tmp_path / "toy")
    return tmp_path / "toy"


def test_the_bare_products_are_those_of_a_gcn(scale, toy):
    edge_index, weight = gcn_norm(toy.edge_index, num_nodes=toy.num_nodes, add_self_loops=True)
    expected = to_dense_adj(edge_index, edge_attr=weight, max_num_nodes=toy.num_nodes)[0].T
    assert torch.allclose(scale.normalized(toy).to_dense(), expected)


@pytest.mark.parametrize("inductive", [False, True])
def test_a_row(scale, toy, folder, inductive):
    conditions = scale.Conditions(folder=folder, threads=1, inductive=inductive, max_seconds=5.0)
    assert min(scale.measure_products(conditions)) >= 0
    row = scale.measure(conditions, "class_mean", 3)
    assert row["num_nodes"] == (20 if inductive else 60)
    assert row["num_edges"] == (toy.subgraph(toy.train_mask) if inductive else toy).num_edges
    assert row["seconds"] >= row["record_seconds"] > 0
    json.dumps(row)


def test_rows_of_several_measurements_are_medians(here, scale, folder, tmp_path, capsys):
    conditions = scale.Conditions(folder=folder, threads=1)
    scale.run(conditions, [("class_mean", 3)], tmp_path / "rows.jsonl", repeats=3)
    row = json.loads((tmp_path / "rows.jsonl").read_text())
    assert sorted(row["all_seconds"])[1] == row["seconds"]
    assert sorted(row["all_products"])[1] == row["products"]
    ratios = [seconds / products for seconds, products in zip(row["all_seconds"], row["all_products"], strict=True)]
    assert sorted(ratios)[1] == pytest.approx(row["ratio"])
    scale.tables(tmp_path / "rows.jsonl")
    assert f"| {row['ratio']:.1f} |" in capsys.readouterr().out


def test_methods_that_work_in_steps_are_stopped(scale, folder):
    row = scale.measure(scale.Conditions(folder=folder, threads=1, max_seconds=0.2), "gcond_x", 3)
    assert 0.1 < row["seconds"] < 5


def test_anonymous_memory_is_watched(scale):
    if not scale.STATUS.exists():
        pytest.skip("told by Linux alone")
    with scale.peak_of_anonymous() as peak:
        time.sleep(4 * scale.INTERVAL)
        before = held_memory()
        # not NumPy's: its allocator may hand out what earlier tests have freed, and then nothing grows
        held = mmap.mmap(-1, 64_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for _ in range(64):
            held.write(bytes(1_000_000))
        latest = time.monotonic() + 10  # on a busy machine the one who watches has to wait
        while (seen := peak.get("RssAnon", 0)) <= before + 50_000_000 and time.monotonic() < latest:
            time.sleep(scale.INTERVAL)
        held.close()
    assert seen > before + 50_000_000


def test_rows_are_measured_in_other_processes(scale):
    with scale.another_process() as call:
        assert call(os.getpid) == call(os.getpid) != os.getpid()


@pytest.fixture
def here(scale, monkeypatch):
    """Measure in this process, which has the module under a name that others cannot import."""
    monkeypatch.setattr(scale, "another_process", lambda: nullcontext(lambda work, *arguments: work(*arguments)))


def test_command(here, scale, folder, tmp_path, monkeypatch, capsys):
    rows = tmp_path / "rows" / "scale.jsonl"
    monkeypatch.setattr(os, "environ", {**os.environ})
    for arguments in ([folder, "class_mean:3", "random:6", "--threads", 1], ["--tables"]):
        monkeypatch.setattr(sys, "argv", ["scale.py", *map(str, arguments), "--rows", str(rows)])
        scale.main()
    printed = capsys.readouterr().out.splitlines()
    assert "installed: " in printed[0]
    assert printed[-2:] == printed[1:3]
    first, second = [json.loads(line) for line in rows.read_text().splitlines()]
    assert (first["graph"], first["method"], first["nodes"], first["threads"]) == ("toy", "class_mean", 3, 1)
    assert (second["method"], second["nodes"]) == ("random", 6)
    assert first["resident"] > 10_000_000
