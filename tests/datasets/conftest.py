import socket

import pytest


@pytest.fixture
def no_network(monkeypatch):
    """Make every attempt to reach another machine fail at once."""

    def refuse(*_, **__):
        raise socket.gaierror("the network is not there")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
