"""The condensed sets that come with the package: whole, described, small, and good for training."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GCN, GIN, global_add_pool

import graphcond
from graphcond import zoo
from graphcond.zoo import shelf

CARDS = zoo.list()
FREE = {"MIT", "CC BY 4.0"}
MOST = 3_000_000  # bytes of all
PLAIN = {"nodes": "gcn", "graphs": "gin", "images": "convnet_w32"}
by_name = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


def test_the_zoo_is_small_and_has_no_stray_files() -> None:
    paths = [path for path in shelf.FOLDER.iterdir() if path.name != "LICENSES.txt"]
    assert {path.stem for path in paths} == {card.name for card in CARDS}
    assert len(paths) == 2 * len(CARDS)
    assert sum(path.stat().st_size for path in paths) < MOST


def test_the_script_knows_each_set(load_script: Callable) -> None:
    script = load_script("datasets/make_zoo.py")
    made = {script.name_of(group, size): group for group in script.GROUPS for size in group.sizes}
    assert set(made) >= {card.name for card in CARDS}
    for card in CARDS:
        group = made[card.name]
        assert card.dataset == group.dataset
        assert tuple(dict.fromkeys(row["model"] for row in card.scores)) == group.models
        assert [row["data"] for row in card.scores[1:]] == list(group.controls)


@by_name
def test_a_card_is_complete(card: zoo.ZooCard) -> None:
    assert all(value or name == "notes" or value == 0 for name, value in dataclasses.asdict(card).items())
    entry = graphcond.datasets.entry(card.dataset)
    assert (card.licence, card.source) == (entry.licence, entry.source)
    assert card.licence in FREE
    assert card.citation.startswith("@")
    for row in card.scores:
        assert row["runs"] >= 3 or row["data"] == "size"
        assert math.isfinite(row["mean"])
        assert 0 <= row["deviation"] < 0.2 or not row["percent"]
    assert card.best["model"] == PLAIN[card.modality]
    assert str(card.best["bytes"]) == str(card.bytes)
    assert card.dataset in card.made
    assert "graphcond" in card.versions


@by_name
def test_a_file_is_what_its_card_says(card: zoo.ZooCard) -> None:
    content = card.path.read_bytes()
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (card.sha256, card.file_bytes)
    small = zoo.load(card.name)
    assert small.nbytes == card.bytes
    assert small.modality == card.modality == {"images": "images"}.get(card.modality, card.modality)
    assert small.record.seed == card.seed
    assert small.record.versions == card.versions
    assert small.record.source["name"].lower().replace("_", "-") == card.dataset
    assert card.items == (len(small) if card.modality == "graphs" else len(small[0].y))
    assert f"method={json.dumps(small.record.method)[:-1]}" in card.made or small.record.method in card.made


@by_name
def test_the_page_is_that_of_the_card(card: zoo.ZooCard, load_script: Callable, tmp_path: Path) -> None:
    pytest.importorskip(
        "huggingface_hub", reason="huggingface_hub is not installed, which writes the metadata of pages"
    )
    script = load_script("datasets/make_zoo.py")
    written = script.PAGES / f"{card.name}.md"
    kept = written.read_text("utf-8")
    script.PAGES = tmp_path
    script.write_page(card)
    assert (tmp_path / written.name).read_text("utf-8") == kept


def steps(card: zoo.ZooCard, small: graphcond.CondensedDataset, model: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Yield the losses of one epoch in a loop that knows nothing of this package."""
    if card.modality == "graphs":
        loss = mse_loss if small[0].y.is_floating_point() else cross_entropy
        for batch in DataLoader(small, batch_size=256, shuffle=True):
            out = global_add_pool(model(batch.x.float(), batch.edge_index), batch.batch)
            yield loss(out, batch.y if batch.y.is_floating_point() else batch.y.view(-1))
        return
    data = small[0]
    x, y = small.images() if card.modality == "images" else (data.x, data.y)
    yield cross_entropy(model(x.flatten(1)) if card.modality == "images" else model(x, data.edge_index), y)


@by_name
def test_an_epoch_of_training_works(card: zoo.ZooCard) -> None:
    small = zoo.load(card.name)
    outputs = 1 if card.metric == "rmse" else small.num_classes
    torch.manual_seed(0)
    if card.modality == "images":
        model: torch.nn.Module = torch.nn.LazyLinear(outputs)
    else:
        model = {"nodes": GCN, "graphs": GIN}[card.modality](small.num_features, 16, 2, outputs)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for loss in steps(card, small, model):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses
    assert all(map(math.isfinite, losses))


def test_a_set_goes_where_condensed_sets_go(tmp_path: Path) -> None:
    small = graphcond.zoo.load("Citeseer-6")
    small.save(tmp_path / "again.safetensors")
    assert torch.equal(graphcond.load(tmp_path / "again.safetensors")[0].x, small[0].x)
    report = graphcond.evaluate(
        small, graphcond.datasets.load("citeseer"), ["gcn"], protocol="standard(runs=1, epochs=20)", controls=False
    )
    assert report.best.mean > 0.5


def test_names() -> None:
    assert [card.name for card in CARDS][:2] == ["citeseer-6", "citeseer-30"]
    with pytest.raises(ValueError, match="there is no set in the zoo 'cora-8'; did you mean 'cora-7'"):
        zoo.load("cora-8")
    with pytest.raises(TypeError, match="name must be the name of a set of the zoo such as 'cora-7', got int"):
        zoo.card(7)  # type: ignore[arg-type]


def test_an_altered_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = zoo.card("citeseer-6")
    for path in (card.path, shelf.FOLDER / "citeseer-6.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(shelf, "FOLDER", tmp_path)
    assert zoo.load("citeseer-6")[0].num_nodes == 6
    with (tmp_path / card.path.name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ValueError, match=r"not the file of citeseer-6 that the package came with .* install"):
        zoo.load("citeseer-6")


@pytest.fixture
def run(run: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    return partial(run, "zoo")


def test_the_command_lists_shows_and_copies(run: Callable, tmp_path: Path) -> None:
    code, out, err = run()
    assert (code, err) == (0, "")
    for card in CARDS:
        assert card.name in out
    assert max(map(len, out.splitlines())) <= 80
    assert len(json.loads(run("--json")[1])) == len(CARDS)
    code, out, _ = run("cora-7")
    assert code == 0
    card = zoo.card("cora-7")
    assert all(words in out for words in (card.sha256, card.made, card.report, card.source))
    assert json.loads(run("cora-7", "--json")[1])["sha256"] == card.sha256
    file = tmp_path / "small.safetensors"
    code, out, _ = run("cora-7", "-o", file)
    assert out.endswith(f"written to {file}; evaluate it with: graphcond evaluate {file} cora\n")
    assert file.read_bytes() == card.path.read_bytes()
    code, _, err = run("cora-7", "-o", file)
    assert code == 2
    assert "--overwrite" in err
    assert run("cora-7", "-o", file, "--overwrite")[0] == 0


def test_the_command_says_what_is_wrong(run: Callable, tmp_path: Path) -> None:
    code, _, err = run("cora-8")
    assert code == 2
    assert "did you mean 'cora-7'" in err
    code, _, err = run("-o", tmp_path / "small.safetensors")
    assert code == 2
    assert err.strip() == "graphcond: --output is for one set; name it, such as cora-7"


def test_the_list_shows_the_strongest_control_on_every_terminal(run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in (60, 80, 140):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = run()[1].splitlines()
        assert max(map(len, lines)) <= columns
        assert any("class_mean" in line and "score" in line for line in lines)
        assert all(any(line.split()[:1] == [card.name] for line in lines) for card in zoo.list())
