"""The built site, served locally, and a browser that may go nowhere else."""

import contextlib
import functools
import gzip
import http.server
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
TIMEOUT_MS = 120_000  # generous: the machine may be busy
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]


SHIFTS = """() => new Promise(resolve => {
  const shifts = [];
  new PerformanceObserver(list => shifts.push(...list.getEntries().map(
    entry => entry.value))).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => resolve(shifts), 50);
})"""


def toc_pages():
    """The paths of all pages of the table of contents, the home page first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = [toc["root"]]
    for part in toc["parts"]:
        files += [entry["file"] for entry in part["chapters"]]
    return [f"{name}.html" for name in files]


TEXT_TYPES = {".html", ".css", ".js", ".json", ".svg", ".txt", ".ipynb"}


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


@pytest.fixture(scope="session")
def site():
    """The address of the served site."""
    if not (HTML / "index.html").exists():
        pytest.fail(f"There is no site in {HTML}; run `make book` first.")
    handler = functools.partial(QuietHandler, directory=str(HTML))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Chromium with a fresh profile; the finder says how to get one."""
    from playwright.sync_api import sync_playwright

    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "find_chromium.py")],
        capture_output=True,
        text=True,
    )
    if found.returncode:
        pytest.fail(found.stderr.strip())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.stdout.strip(), args=FLAGS
        )
        yield browser
        browser.close()


class Visit(NamedTuple):
    """One open page and all that happened while it was opened."""

    page: object
    elsewhere: list  # requests to other hosts, all of them blocked
    failed: list  # local requests that were not answered with success
    errors: list  # console errors and uncaught exceptions
    shifts: list  # how far its content jumped while it was loaded, 0 to 1 each


def open_in(browser, site, path, **options):
    """Open a page in a fresh profile, everything recorded."""
    context = browser.new_context(accept_downloads=True, **options)
    context.set_default_timeout(TIMEOUT_MS)
    visit = Visit(context.new_page(), [], [], [], [])

    def guard(route):
        url = route.request.url
        if url.startswith((f"{site}/", "data:", "blob:")):
            route.continue_()
        else:
            visit.elsewhere.append(url)
            route.abort()

    def check_answer(response):
        if response.status >= 400:
            visit.failed.append(f"{response.status} {response.url}")

    def check_message(message):
        if message.type == "error":
            visit.errors.append(message.text)

    context.route("**/*", guard)
    visit.page.on("response", check_answer)
    visit.page.on("console", check_message)
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    response = visit.page.goto(f"{site}/{path}", wait_until="networkidle")
    assert response.status == 200
    visit.shifts.extend(visit.page.evaluate(SHIFTS))
    return visit


@pytest.fixture(scope="session", params=toc_pages())
def visit(request, site, browser):
    """Each page of the book, opened once on a desktop's window.

    The tests of all files share it, so each leaves it as it was.
    """
    visit = open_in(
        browser, site, request.param, viewport=DESKTOP, reduced_motion="reduce"
    )
    yield visit
    visit.page.context.close()


@contextlib.contextmanager
def resized(page, size):
    """The page in a window of another size, for the length of a block."""
    page.set_viewport_size(size)
    try:
        yield
    finally:
        page.set_viewport_size(DESKTOP)


@pytest.fixture
def open_page(site, browser):
    """A function that opens a page of the site and records everything."""
    visits = []

    def open_page(path, **options):
        visits.append(open_in(browser, site, path, **options))
        return visits[-1]

    yield open_page
    for visit in visits:
        visit.page.context.close()
