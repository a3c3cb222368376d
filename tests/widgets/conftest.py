"""One Chromium for the tests of the widgets, and the page they open in."""

import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    """Yield a Chromium; skip where there is none."""
    api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("CCT_CHROMIUM") or next(
        filter(None, map(shutil.which, BROWSERS)), None
    )
    with api.sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=path, args=["--no-sandbox"]
            )
        except api.Error as error:
            pytest.skip(f"no Chromium: {error}")
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Return a function that opens HTML in a new page and checks for errors."""
    pages, problems = [], []

    def open_(body, *, theme="light", width=800):
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: check_request(request, problems))
        page.set_content(
            f'<!doctype html><html lang="en" data-theme="{theme}"><head>'
            '<meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width"><title>page</title></head>'
            f"<body>{body}</body></html>"
        )
        return page

    yield open_
    for page in pages:
        page.close()
    assert not problems


def check_request(request, problems):
    """Note a request that leaves the page."""
    if not request.url.startswith(("data:", "blob:", "about:")):
        problems.append(f"the page asked for {request.url}")
