"""Downloads, from a server on this machine."""

import gzip
import hashlib
import threading
import time
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from graphcond.datasets import catalogue, entry, load
from graphcond.datasets import download as module
from graphcond.datasets.download import Remote, download
from graphcond.datasets.image_files import FILES


class Handler(BaseHTTPRequestHandler):
    """Answers with what the server holds; ``/slow`` not at all, ``/cut`` with less than it promised."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/slow":
            self.server.over.wait(30)
            return
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:-5] if self.path == "/cut" else content)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.files, running.asked, running.over = {}, [], threading.Event()
        running.url = f"http://127.0.0.1:{running.server_address[1]}"
        threading.Thread(target=partial(running.serve_forever, poll_interval=0.01), daemon=True).start()
        yield running
        running.over.set()
        running.shutdown()


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def published(server, tiny_sets, tmp_path, monkeypatch):
    """A tiny MNIST on the server, where the catalogue expects the real one."""
    tiny_sets.write_idx(tmp_path / "made")
    contents = [gzip.compress((tmp_path / "made" / file).read_bytes()) for file in FILES]
    server.files |= {f"/{file}.gz": content for file, content in zip(FILES, contents, strict=True)}
    loader = replace(entry("mnist").loader, url=server.url, md5=tuple(map(md5, contents)))
    entries = tuple(replace(one, loader=loader) if one.name == "mnist" else one for one in catalogue.ENTRIES)
    monkeypatch.setattr(catalogue, "ENTRIES", entries)
    return server


def test_missing_files_are_downloaded_once(published, tmp_path, capsys):
    root = tmp_path / "root"
    dataset = load("mnist", root)
    assert repr(dataset) == "ImageDataset('mnist', train=20, val=None, test=20)"
    raw = root / "MNIST" / "raw"
    assert sorted(path.name for path in raw.iterdir()) == sorted(f"{file}.gz" for file in FILES)
    assert len(published.asked) == 4
    load("mnist", root)
    (raw / f"{FILES[2]}.gz").unlink()
    load("mnist", root)
    assert published.asked[4:] == [f"/{FILES[2]}.gz"]
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_where_somebody_watches(published, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("graphcond.core.runtime.progress.watched", lambda: True)
    load("mnist", tmp_path / "root")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "train-images-idx3-ubyte.gz: 100%" in shown.err


def test_a_wrong_checksum_is_refused(published, tmp_path):
    published.files[f"/{FILES[1]}.gz"] += b"more"
    with pytest.raises(
        FileNotFoundError, match=f"{FILES[1]}.gz has the MD5 checksum .* was published, and was not kept"
    ):
        load("mnist", tmp_path / "root")
    raw = tmp_path / "root" / "MNIST" / "raw"
    assert [path.name for path in raw.iterdir()] == [f"{FILES[0]}.gz"]  # nothing half done beside it


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/cut", "broke off after 5 of 10 bytes"), ("/nothing", "HTTP Error 404"), ("/slow", "timed out")],
)
def test_what_does_not_come_leaves_nothing_behind(path, reason, server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    server.files["/cut"] = b"0123456789"
    folder = tmp_path / "Set" / "raw"
    before = time.monotonic()
    with pytest.raises(FileNotFoundError, match=rf"the raw files of set are not complete in .*{reason}") as caught:
        download((Remote(f"{server.url}{path}", md5(b"0123456789")),), folder, "set")
    assert time.monotonic() - before < 10
    assert all(text in str(caught.value) for text in (f"put {server.url}{path} there", str(folder), "GRAPHCOND_DATA"))
    assert not list(tmp_path.iterdir())


def test_only_what_is_missing_is_to_be_put_there(server, tmp_path):
    server.files["/first"] = b"here"
    remotes = Remote(f"{server.url}/first", md5(b"here")), Remote(f"{server.url}/none", "0" * 32)
    with pytest.raises(FileNotFoundError, match=f"put {server.url}/none there"):
        download(remotes, tmp_path / "raw", "set")
    assert (tmp_path / "raw" / "first").read_bytes() == b"here"


def test_an_interrupted_download_leaves_no_folder(server, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        download((Remote(f"{server.url}/first", "0" * 32),), tmp_path / "set" / "raw", "set")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to(server, tmp_path):
    server.files["/file"] = b"0123456789"
    (tmp_path / "Set").write_text("a file")
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded .*put http"):
        download((Remote(f"{server.url}/file", md5(b"0123456789")),), tmp_path / "Set" / "raw", "set")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "cifar100", "svhn"])
def test_without_a_network_the_error_names_the_url_and_the_folder(name, tmp_path, no_network):
    loader = entry(name).loader
    with pytest.raises(FileNotFoundError, match=f"raw files of {name} .* could not be downloaded") as caught:
        load(name, tmp_path)
    assert str(tmp_path / loader.folder / "raw") in str(caught.value)
    assert str(caught.value).count("http") == {"mnist": 4, "fashion-mnist": 4, "svhn": 2}.get(name, 1)
    assert not list(tmp_path.iterdir())
