"""Condensed datasets on Hugging Face's hub, or in a folder that looks like a repository of it."""

import builtins
import importlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import graphcond
import recsys
from graphcond.core.hub import FILE, PAGE, page_text, repository_of

hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
HfHubHTTPError = importlib.import_module("huggingface_hub.errors").HfHubHTTPError


@pytest.fixture(scope="module")
def small() -> graphcond.CondensedDataset:
    return graphcond.condense(graphcond.datasets.load("digits"), size=20, method="class_mean")


def users() -> recsys.CondensedInteractions:
    return recsys.condense(recsys.generate_interactions(200, 50, 2000, seed=0), users=5, method="random_users")


def test_a_folder_has_the_card_of_a_dataset_repository_and_the_file(small, tmp_path: Path) -> None:
    dataset = graphcond.datasets.load("digits")
    report = graphcond.evaluate(small, dataset, ["mlp"], protocol="standard(runs=1, epochs=20)", controls=False)
    place = small.to_hub(
        tmp_path / "small",
        licence="CC BY 4.0",
        source="UCI",
        citation="@misc{digits}",
        title="Ten digits",
        report=report,
    )
    assert place == str(tmp_path / "small")
    assert sorted(path.name for path in Path(place).iterdir()) == [PAGE, FILE]
    card = hub.DatasetCard.load(Path(place) / PAGE)
    assert isinstance(card.data, hub.DatasetCardData)
    assert card.data.license == "cc-by-4.0"
    assert card.data.task_categories == ["graph-ml"]
    assert card.data.size_categories == ["n<1K"]
    assert card.data.pretty_name == "Ten digits"
    assert {"dataset-condensation", "graphcond", "nodes"} == set(card.data.tags)
    for words in (str(report), "@misc{digits}", "UCI. Licence: CC BY 4.0.", small.record.source["fingerprint"]):
        assert words in card.text
    back = graphcond.from_hub(place)
    assert torch.equal(back[0].x, small[0].x)
    assert back.record.to_json() == small.record.to_json()


@pytest.mark.parametrize(
    ("make", "task"),
    [
        (lambda: graphcond.condense(graphcond.datasets.load("ogbg-molbace"), size=4, method="random"), "graph-ml"),
        (
            lambda: graphcond.condense(graphcond.datasets.load("digit-images"), size="1/class", method="random"),
            "image-classification",
        ),
        (users, "other"),
    ],
    ids=["graphs", "images", "interactions"],
)
def test_every_modality_goes_there_and_back(make: Callable, task: str, tmp_path: Path) -> None:
    made = make()
    made.to_hub(tmp_path / "small")
    back = graphcond.from_hub(tmp_path / "small")
    assert type(back) is type(made)
    assert back.record.to_json() == made.record.to_json()
    card = hub.DatasetCard.load(tmp_path / "small" / PAGE)
    assert card.data.task_categories == [task]
    assert card.data.license == "unknown"
    assert made.modality in card.data.tags


def test_what_a_page_tells_to_do_can_be_done(small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small.to_hub("./FOLDER")
    code = re.search(r"```python\n(.*?)```", (tmp_path / "FOLDER" / PAGE).read_text(), re.DOTALL)[1]
    values: dict = {}
    exec(code, values)
    assert torch.equal(values["data"].y, small[0].y)


def test_a_folder_is_not_replaced_unless_asked(small, tmp_path: Path) -> None:
    small.to_hub(tmp_path / "small")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        small.to_hub(tmp_path / "small")
    small.to_hub(tmp_path / "small", title="Again", overwrite=True)
    assert "# Again" in (tmp_path / "small" / PAGE).read_text()
    assert len(list(tmp_path.iterdir())) == 1


def test_what_the_page_of_graphs_tells_to_do_can_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    graphs = graphcond.condense(graphcond.datasets.load("ogbg-molbace"), size=4, method="random")
    graphs.to_hub("./FOLDER")
    values: dict = {}
    exec(re.search(r"```python\n(.*?)```", (tmp_path / "FOLDER" / PAGE).read_text(), re.DOTALL)[1], values)
    assert values["batch"].num_graphs == 4


def test_a_folder_with_other_files_is_never_replaced(small, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    for write in (small.to_hub, small.to_ogb):
        with pytest.raises(FileExistsError, match=r"thesis\.tex"):
            write(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "years"


def test_the_home_folder_is_known_by_its_sign(small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert small.to_hub("~/small") == str(tmp_path / "small")
    assert torch.equal(graphcond.from_hub("~/small")[0].x, small[0].x)


class FakeHub:
    """Keeps repositories in folders, as ``HfApi`` keeps them elsewhere."""

    root: Path
    calls: list

    def repo_exists(self, repo_id: str, *, repo_type: str) -> bool:
        return (self.root / repo_type / repo_id).exists()

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool, exist_ok: bool) -> None:
        (self.root / repo_type / repo_id).mkdir(parents=True, exist_ok=exist_ok)
        self.calls.append(("private", private))

    def upload_folder(self, *, repo_id: str, repo_type: str, folder_path: str, commit_message: str) -> None:
        assert commit_message
        for path in Path(folder_path).iterdir():
            (self.root / repo_type / repo_id / path.name).write_bytes(path.read_bytes())


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub()
    fake.root, fake.calls = tmp_path / "hub", []

    def download(repo_id: str, filename: str, *, repo_type: str, revision: str | None) -> str:
        fake.calls.append(("revision", revision))
        path = fake.root / repo_type / repo_id / filename
        if not path.exists():
            raise hub.errors.LocalEntryNotFoundError("not there\nat all")
        return str(path)

    monkeypatch.setattr(hub, "HfApi", lambda: fake)
    monkeypatch.setattr(hub, "hf_hub_download", download)
    return fake


def test_a_repository_is_made_filled_and_read(small, elsewhere: FakeHub) -> None:
    assert small.to_hub("me/ten-digits", private=True) == "https://huggingface.co/datasets/me/ten-digits"
    assert 'graphcond.from_hub("me/ten-digits")' in (elsewhere.root / "dataset/me/ten-digits" / PAGE).read_text()
    back = graphcond.from_hub("me/ten-digits", revision="v1")
    assert torch.equal(back[0].x, small[0].x)
    assert elsewhere.calls == [("private", True), ("revision", "v1")]
    with pytest.raises(FileExistsError, match="me/ten-digits exists already"):
        small.to_hub("me/ten-digits")
    small.to_hub("me/ten-digits", overwrite=True)
    with pytest.raises(FileNotFoundError, match=r"of me/other could not be had from the hub \(not there\)"):
        graphcond.from_hub("me/other")


def test_places() -> None:
    assert repository_of("me/name.v1") == "me/name.v1"
    for folder in ("./name", "../name", "/tmp/name", "~/name", ".", Path("me/name")):
        assert repository_of(folder) is None
    for neither in ("name", "me/you/name", "me/", ""):
        with pytest.raises(ValueError, match="place must be a repository 'owner/name' or a folder"):
            repository_of(neither)
    with pytest.raises(TypeError, match="place must be"):
        repository_of(3)  # type: ignore[arg-type]


def test_bad_input(small, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="licence must be a text, got NoneType"):
        small.to_hub(tmp_path / "small", licence=None)
    with pytest.raises(ValueError, match="licence must be a name"):
        small.to_hub(tmp_path / "small", licence="")
    with pytest.raises(TypeError, match="private must be"):
        small.to_hub(tmp_path / "small", private="no")
    with pytest.raises(ValueError, match="revision is for repositories"):
        graphcond.from_hub(tmp_path, revision="main")
    with pytest.raises(FileNotFoundError, match=f"there is no {FILE} in"):
        graphcond.from_hub(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist; create it first"):
        small.to_hub(tmp_path / "absent" / "small")
    assert not list(tmp_path.iterdir())


def test_without_the_library(small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def refuse(name: str, *rest: object, **options: object) -> object:
        if name.startswith("huggingface_hub"):
            raise ImportError(name)
        return usual(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"pip install 'graphcond\[hub\]'"):
        small.to_hub(tmp_path / "small")
    assert not list(tmp_path.iterdir())


def test_numbers_of_users_are_told(tmp_path: Path) -> None:
    made = users()
    assert np.array_equal(made.user_items.shape, (5, 50))
    text = page_text(made, recsys.condensed.HUB, graphcond.core.hub.HubPage(), "small")
    assert "condensed to 5 users" in text


@pytest.mark.skipif(issubclass(HfHubHTTPError.__bases__[0], OSError), reason="that package raises OSError")
def test_a_hub_that_cannot_be_reached(small, elsewhere: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    base = HfHubHTTPError.__bases__[0]
    unreached = type("ConnectError", (base,), {"__init__": Exception.__init__})

    def refuse(*_: object, **__: object) -> None:
        raise unreached("Name or service not known")

    monkeypatch.setattr(elsewhere, "repo_exists", refuse, raising=False)
    monkeypatch.setattr(hub, "hf_hub_download", refuse)
    for call in (lambda: small.to_hub("me/x"), lambda: graphcond.from_hub("me/x")):
        with pytest.raises(OSError, match=r"hub cannot be reached for me/x .*Name or service"):
            call()
