"""The book as a PDF: pages, outline, links, numbers, and explorers drawn."""

import html
import re
import subprocess
import sys
import zipfile

import pytest
from pypdf import PdfReader

from tests.site.conftest import HTML, ROOT, toc_pages

PATH = ROOT / "_build" / "pdf" / "compact-convolutional-transformers.pdf"
NOTE = "An explorer: its controls work at"
TITLE = re.compile(r'new Frame\(\s*model,\s*el,\s*"([^"]+)"')
PAGES_OF_A_CHAPTER = (4, 40)


@pytest.fixture(scope="module")
def pdf():
    """The PDF, printed anew from the site."""
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_pdf.py")], check=True
    )
    return PdfReader(PATH)


def titles():
    """The titles of all pages but the home page, in order."""
    found = []
    for path in toc_pages()[1:]:
        text = (HTML / path).read_text("utf-8")
        title = re.search(r"<h1>(.*?)<a class=\"headerlink\"", text, re.DOTALL)
        found.append(html.unescape(re.sub(r"<[^>]+>", "", title[1])).strip())
    return found


def top_level(pdf):
    """Title and page, counted from one, of each chapter in the outline."""
    return [
        (item.title, pdf.get_destination_page_number(item) + 1)
        for item in pdf.outline
        if not isinstance(item, list)
    ]


def squeeze(text):
    """The text without spaces, which PDFs do not keep reliably."""
    return re.sub(r"\s+", "", text)


def annotations(pdf, kind):
    """Pairs of a page's index and what its links of one kind lead to."""
    pairs = []
    for index, page in enumerate(pdf.pages):
        for annotation in page.get("/Annots", []):
            link = annotation.get_object()
            if kind == "/Dest" and "/Dest" in link:
                pairs.append((index, str(link["/Dest"])))
            elif kind == "/URI" and "/URI" in link.get("/A", {}):
                pairs.append((index, str(link["/A"]["/URI"])))
    return pairs


def test_pdf_says_what_it_is(pdf):
    assert pdf.metadata.title == "Compact Convolutional Transformers"
    assert pdf.metadata.author
    assert pdf.root_object["/Lang"].startswith("en")


def test_pdf_outline_holds_every_page_of_the_book(pdf):
    outline = top_level(pdf)
    assert [title for title, _ in outline[3:]] == titles()
    starts = [number for _, number in outline]
    assert starts == sorted(starts)
    low, high = PAGES_OF_A_CHAPTER
    chapters = [
        (title, after - number)
        for (title, number), (_, after) in zip(
            outline, outline[1:], strict=False
        )
        if title[0].isdigit()
    ]
    assert len(chapters) == sum("notebooks/" in p for p in toc_pages())
    assert all(low <= pages <= high for _, pages in chapters), chapters
    assert len(pdf.pages) < 25 * len(toc_pages())


def test_pdf_contents_name_the_right_pages(pdf):
    outline = top_level(pdf)
    first = outline[2][1]
    contents = "".join(
        squeeze(pdf.pages[i].extract_text()) for i in range(1, first - 1)
    )
    for title, number in outline[2:]:
        assert f"{squeeze(title)}{number}" in contents
        assert squeeze(title) in squeeze(pdf.pages[number - 1].extract_text())


def test_pdf_links_lead_somewhere(pdf):
    named = {name.lstrip("/") for name in pdf.named_destinations}
    inside = annotations(pdf, "/Dest")
    assert len(inside) > 10 * len(toc_pages())
    lost = [target for _, target in inside if target.lstrip("/") not in named]
    assert not lost, lost[:10]
    outside = [target for _, target in annotations(pdf, "/URI")]
    assert all(
        t.startswith(("https://", "http://", "mailto:")) for t in outside
    )


def test_pdf_shows_every_explorer(pdf):
    names = {
        squeeze(TITLE.search(path.read_text("utf-8"))[1])
        for path in (ROOT / "cct_utils" / "widgets").glob("*.js")
        if TITLE.search(path.read_text("utf-8"))
    }
    pages = {
        index
        for index, target in annotations(pdf, "/URI")
        if "/notebooks/" in target
    }
    text = squeeze("".join(pdf.pages[i].extract_text() for i in sorted(pages)))
    chapters = [p for p in toc_pages() if p.startswith("notebooks/")]
    views = sum(
        (HTML / path).read_text("utf-8").count("widget-view+json")
        for path in chapters
    )
    assert text.count(squeeze(NOTE)) == views >= 8
    shown = {name for name in names if name in text}
    assert len(shown) >= 8, names - shown


def test_pdf_says_of_which_site_it_was_printed(pdf):
    with zipfile.ZipFile(HTML / f"{PATH.stem}.zip") as archive:
        assert PATH.with_suffix(".sha256").read_bytes() == archive.comment


def test_home_page_offers_the_pdf(pdf):
    home = (HTML / "book" / "index.html").read_text("utf-8")
    found = re.search(rf'href="\.\./{PATH.name}"[^>]*>.*?\((\d+) MB\)', home)
    assert int(found[1]) == round(PATH.stat().st_size / 1e6)
    assert (HTML / PATH.name).read_bytes() == PATH.read_bytes()
