"""The built site as GitHub Pages serves it, and the Chromium that opens it.

Shared by the tests of the site and by the script that measures it.
"""

import contextlib
import functools
import gzip
import http.server
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
TEXT_TYPES = {".html", ".css", ".js", ".json", ".svg", ".txt", ".ipynb"}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]


@functools.cache
def compressed(path):
    """A file as GitHub Pages sends it to a browser that reads gzip."""
    return gzip.compress(path.read_bytes(), 6)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a log, text compressed as GitHub Pages does."""

    def log_message(self, *arguments):
        """Say nothing."""

    def do_GET(self):
        """Answer with the compressed file where there is something to gain."""
        path = Path(self.translate_path(self.path))
        accepted = self.headers.get("Accept-Encoding", "")
        if path.suffix not in TEXT_TYPES or "gzip" not in accepted:
            return super().do_GET()
        if not path.is_file():
            return self.send_error(404)
        body = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class QuietServer(http.server.ThreadingHTTPServer):
    """Does not complain of a browser that leaves before it has everything."""

    def handle_error(self, request, client_address):
        """Raise what is no broken connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def served(folder=HTML):
    """Serve a folder on a free port of this machine; gives its address."""
    if not (folder / "index.html").exists():
        raise FileNotFoundError(
            f"There is no site in {folder}; run `make book` first."
        )
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def chromium():
    """A Chromium with a fresh profile; the finder says how to get one."""
    from playwright.sync_api import sync_playwright

    finder = Path(__file__).with_name("find_chromium.py")
    found = subprocess.run(
        [sys.executable, str(finder)], capture_output=True, text=True
    )
    if found.returncode:
        raise FileNotFoundError(found.stderr.strip())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.stdout.strip(), args=FLAGS
        )
        try:
            yield browser
        finally:
            browser.close()
