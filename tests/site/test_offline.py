"""The copy for reading offline: the zip, and its pages opened from a folder."""

import importlib.util
import re
import zipfile
from pathlib import PurePosixPath

import pytest

from tests.site.conftest import DESKTOP, HTML, ROOT, TIMEOUT_MS, toc_pages

NAME = "compact-convolutional-transformers"
CHAPTER = "notebooks/05_sequence_pooling.html"
LOADED = re.compile(
    r'<(?:script|img|source|link rel="stylesheet")\b[^>]*?'
    r'\b(?:src|href)="([^"#?]+)'
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The folder that the zip unpacks to."""
    folder = tmp_path_factory.mktemp("offline")
    with zipfile.ZipFile(HTML / f"{NAME}.zip") as archive:
        archive.extractall(folder)
    return folder / NAME


@pytest.fixture
def page(browser, copy):
    """A page of a browser without network, and what went wrong on it."""
    context = browser.new_context(viewport=DESKTOP, offline=True)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.wrong = []
    inside = (copy.as_uri(), "data:", "blob:")

    def check(request):
        if not request.url.startswith(inside):
            page.wrong.append(f"left the folder: {request.url}")

    def complain(message):
        if message.type == "error":
            page.wrong.append(message.text)

    page.on("request", check)
    page.on("requestfailed", lambda request: page.wrong.append(request.url))
    page.on("console", complain)
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    yield page
    context.close()


def builder():
    """The script that packs the copy, as a module."""
    path = ROOT / "scripts" / "build_book.py"
    spec = importlib.util.spec_from_file_location("build_book", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_zip_is_linked_with_its_size():
    home = (HTML / "book" / "index.html").read_text("utf-8")
    found = re.search(rf'href="\.\./{NAME}\.zip"[^>]*>.*?\((\d+) MB\)', home)
    size = (HTML / f"{NAME}.zip").stat().st_size
    assert int(found[1]) == round(size / 1e6)


def test_zip_is_the_same_each_time(tmp_path):
    site = tmp_path / "site"
    (site / "book").mkdir(parents=True)
    (site / "book" / "index.html").write_text('<p id="offline-copy"></p>')
    (site / "page.js.map").write_text("left out")
    write = builder().write_offline_copy
    first = write(site).read_bytes()
    write(site).unlink()  # and the home page has its link by now
    assert write(site).read_bytes() == first
    (site / "new.html").write_text("something")
    with zipfile.ZipFile(write(site)) as archive:
        names = {PurePosixPath(name).name for name in archive.namelist()}
        home = archive.read(f"{NAME}/book/index.html").decode()
    assert names == {"index.html", "new.html"}
    assert "offline copy" in home and "href" not in home


def test_pdf_stays_until_the_pages_change(tmp_path):
    site, printed = tmp_path / "html", tmp_path / "printed"
    (site / "book").mkdir(parents=True)
    home = site / "book" / "index.html"
    home.write_text('<p id="offline-copy"></p>')
    printed.write_text("the book")
    build, pdf = builder(), site / f"{NAME}.pdf"
    build.write_offline_copy(site)
    build.offer_pdf(site, printed, build.site_digest(site))
    for _ in range(2):  # another `make book`
        build.write_offline_copy(site)
        assert pdf.read_text() == "the book"
        assert f"{NAME}.pdf" in home.read_text()
    (site / "new.html").write_text("something")
    build.write_offline_copy(site)
    assert not pdf.exists() and f"{NAME}.pdf" not in home.read_text()


def test_pdf_of_unknown_pages_is_not_offered(tmp_path):
    site = tmp_path / "html"
    (site / "book").mkdir(parents=True)
    (site / "book" / "index.html").write_text('<p id="offline-copy"></p>')
    (site / f"{NAME}.pdf").write_text("of another build")
    builder().write_offline_copy(site)
    assert not (site / f"{NAME}.pdf").exists()


def test_zip_is_closed_when_it_is_compared(tmp_path, monkeypatch):
    site = tmp_path / "html"
    (site / "book").mkdir(parents=True)
    (site / "book" / "index.html").write_text('<p id="offline-copy"></p>')
    build, opened = builder(), []

    class Archive(zipfile.ZipFile):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            opened.append(self)

    monkeypatch.setattr(build.zipfile, "ZipFile", Archive)
    for _ in range(2):
        build.write_offline_copy(site)
    assert len(opened) > 1 and all(each.fp is None for each in opened)


def test_zip_holds_every_page_and_all_that_they_load(copy):
    missing = []
    for name in [*toc_pages(), "index.html", "search.html"]:
        text = (copy / name).read_text("utf-8")
        for target in LOADED.findall(text):
            path = (copy / name).parent / target
            if not target.startswith("data:") and not path.is_file():
                missing.append(f"{name}: {target}")
    assert not missing, missing[:10]
    home = (copy / "book" / "index.html").read_text("utf-8")
    assert "You are reading the offline copy" in home


def test_copy_opens_from_its_folder(page, copy):
    page.goto((copy / "index.html").as_uri())
    page.wait_for_url("**/book/index.html")
    page.locator(".prev-next-area a.right-next").click()
    page.wait_for_url(f"**/{toc_pages()[1]}")
    assert page.locator("h1").inner_text()
    assert page.wrong == []


def test_copy_has_formulas_and_explorers(page, copy):
    page.goto((copy / CHAPTER).as_uri(), wait_until="load")
    page.wait_for_selector("article .math mjx-container")
    explorer = page.locator(".cct-explorer").first
    explorer.wait_for()
    control = explorer.locator("input[type=range]").first
    control.focus()
    before = explorer.inner_text()
    page.keyboard.press("Home")
    if explorer.inner_text() == before:
        page.keyboard.press("End")
    page.wait_for_function(
        "before => document.querySelector('.cct-explorer').innerText != before",
        arg=before,
    )
    assert page.wrong == []


def test_copy_searches(page, copy):
    page.goto((copy / "search.html").as_uri())
    page.locator("main input[name=q]").fill("sequence pooling")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li a[href*='05_sequence_pooling']")
    found.first.wait_for()
    found.first.click()
    page.wait_for_url("**/05_sequence_pooling.html*")
    assert page.wrong == []
