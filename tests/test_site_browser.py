"""The server that shows the built site to the tests and to the measurement."""

import urllib.request

import pytest

from scripts import site_browser
from scripts.site_browser import served


def test_a_folder_is_served_and_its_port_is_given_back(tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text("home")
    servers = []

    class Server(site_browser.QuietServer):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            servers.append(self)

    monkeypatch.setattr(site_browser, "QuietServer", Server)
    with served(tmp_path) as address:
        with urllib.request.urlopen(f"{address}/index.html") as answer:
            assert answer.read() == b"home"
    (server,) = servers
    assert server.socket.fileno() == -1  # closed, not only idle


def test_a_folder_without_a_site_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="make book"):
        with served(tmp_path):
            pass
