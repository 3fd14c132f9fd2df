import gzip
import socket
import sys

import numpy as np
import pytest


@pytest.fixture
def no_network(monkeypatch):
    """Make every attempt to reach another machine fail at once."""

    def refuse(*_, **__):
        raise socket.gaierror("the network is not there")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


class NoTerminal:
    """Stands in for the terminal; nobody is there to answer."""

    def readline(self, *_):
        raise AssertionError("the terminal was asked")


@pytest.fixture
def no_terminal(monkeypatch):
    """Fail whoever asks the user a question."""
    monkeypatch.setattr(sys, "stdin", NoTerminal())


@pytest.fixture
def write_csv():
    """Write rows to a gzipped csv file, as OGB keeps them."""

    def write(path, rows):
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt") as file:
            file.writelines(",".join(map(str, np.atleast_1d(row))) + "\n" for row in rows)

    return write
