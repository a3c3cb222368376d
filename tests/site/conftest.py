"""The built site, served locally, and a browser that may go nowhere else."""

import contextlib
from typing import NamedTuple

import pytest
import yaml

from scripts.site_browser import HTML, ROOT, chromium, served

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
TIMEOUT_MS = 120_000  # generous: the machine may be busy

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


@pytest.fixture(scope="session")
def site():
    """The address of the served site."""
    try:
        with served(HTML) as address:
            yield address
    except FileNotFoundError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def browser():
    """Chromium with a fresh profile."""
    try:
        with chromium() as browser:
            yield browser
    except FileNotFoundError as error:
        pytest.fail(str(error))


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
