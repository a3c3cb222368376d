"""Print the built site as one PDF, `_build/pdf/`, through Chromium.

The articles of all pages are laid into a single document, whose links lead to
one another instead of to files. It is printed twice: the first time to learn on
which page each chapter begins, the second time with these numbers in the table
of contents. Explorers appear as the picture they show before anybody moves
their controls. `python scripts/build_book.py` has to come first; the home page
offers the PDF from then on, until the pages change.
"""

import html
import logging
import posixpath
import re
import sys
import time
from pathlib import Path

import yaml
from build_book import COPY, offer_pdf, site_digest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject
from site_browser import chromium

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
OUTPUT = ROOT / "_build" / "pdf" / f"{COPY}.pdf"
TIMEOUT_MS = 300_000  # generous: the machine may be busy

ARTICLE = re.compile(r'<article class="bd-article">(.*?)</article>', re.DOTALL)
STATE = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-state\+json">.*?</script>',
    re.DOTALL,
)
VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">.*?</script>',
    re.DOTALL,
)
HEAD_PART = re.compile(
    r'<link[^>]*rel="stylesheet"[^>]*>'
    r"|<script>window\.MathJax.*?</script>"
    r"|<script[^>]*/vendor/(?:mathjax|requirejs|html-manager)/[^>]*></script>"
    r"|<script[^>]*/widgets\.js[^>]*></script>"
)
SCRIPT = re.compile(r"<script(?![^>]*type=)[^>]*>.*?</script>", re.DOTALL)
HEADERLINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
TAG = re.compile(r"<[a-zA-Z][^<>]*>")
LINK = re.compile(r'\b(id|name|href|for|aria-labelledby)="([^"]*)"')
HEADING = re.compile(r"<h([12])>(.*?)</h\1>", re.DOTALL)
SECTION = re.compile(
    r'<section[^>]*id="([^"]+)"[^>]*>\s*'
    r"(?:<span[^>]*></span>)*<h2>(.*?)</h2>",
    re.DOTALL,
)
# The home page without its list of chapters and its title: the book has both.
CHAPTERS = re.compile(
    r'<section id="the-chapters">.*?</section>\s*(?=<div class="toctree|$)',
    re.DOTALL,
)
LAZY = re.compile(r'\sloading="lazy"')

STYLE = ROOT / "scripts" / "make_pdf.css"
# The solutions are part of the book; the code of figures is folded away.
READY = """async () => {
  for (const fold of document.querySelectorAll('details'))
    fold.open = !fold.closest('.tag_hide-input');
  await Promise.all([...document.images].map(i => i.decode().catch(() => {})));
  if (window.MathJax?.startup) await MathJax.startup.promise;
  await document.fonts.ready;
}"""
WIDGETS = """count => document.querySelectorAll(
  '.cell_output .widget-subarea > :has(*)').length >= count"""
FILL = """numbers => document.querySelectorAll('.pdf-number').forEach(
  (place, i) => { place.textContent = numbers[i] })"""


def contents():
    """The parts of the book: their captions, each with its pages' paths."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    parts = [("", [toc["root"]])]
    for part in toc["parts"]:
        files = [entry["file"] for entry in part["chapters"]]
        parts.append((part["caption"], files))
    return parts


def prefix(path):
    """What stands before every id of a page, and is the id of its place."""
    return "p-" + posixpath.basename(path).replace("_", "-")


def localize(article, path, paths):
    """Make ids unique in the book, and links to its pages internal."""

    def replace(found):
        name, value = found.groups()
        if name != "href":
            values = value.split() if name == "aria-labelledby" else [value]
            return f'{name}="{" ".join(f"{prefix(path)}.{v}" for v in values)}"'
        target, _, anchor = value.partition("#")
        if ":" in target:
            return found[0]
        page = posixpath.normpath(
            posixpath.join(posixpath.dirname(path), target)
        ).removesuffix(".html")
        if not target:
            page = path
        if page not in paths:
            return f'href="{address()}{page}"'
        return f'href="#{prefix(page)}{"." + anchor if anchor else ""}"'

    def replace_all(tag):
        drawn = tag[0].replace("url(#", f"url(#{prefix(path)}.")
        return LINK.sub(replace, drawn)

    return TAG.sub(replace_all, article)


def address():
    """Where the site is published; the canonical links say it."""
    home = (SITE / "book" / "index.html").read_text("utf-8")
    found = re.search(r'rel="canonical" href="([^"]+/)book/index\.html"', home)
    return found[1]


def read_page(path, paths):
    """The article of one page, and what its page has in its head."""
    text = (SITE / f"{path}.html").read_text("utf-8")
    states = STATE.findall(text)
    article = LAZY.sub("", ARTICLE.search(text)[1])
    article = HEADERLINK.sub("", SCRIPT.sub("", article))
    if path.endswith("/index"):
        article = CHAPTERS.sub("", article)
        article = HEADING.sub("<h1>What this book is</h1>", article, count=1)
    online = f"{address()}{path}.html"
    note = (
        f'<p class="pdf-note">An explorer: its controls work at '
        f'<a href="{online}">{online}</a>.</p>'
    )
    article = VIEW.sub(lambda view: view[0] + note, article)
    article = article.replace(
        '<div class="try-it"',
        f'<p class="pdf-note">This part needs a browser: '
        f'<a href="{online}">{online}</a>.</p><div class="try-it"',
    )
    return localize(article, path, paths), HEAD_PART.findall(text), states


def plain(heading):
    """The text of a heading, without tags."""
    return " ".join(re.sub(r"<[^>]+>", "", heading).split())


def entry(kind, target, title):
    """One line of the table of contents."""
    return (
        f'<li class="{kind}"><a href="#{target}"><span>{title}</span>'
        '<span class="pdf-number">000</span></a></li>'
    )


def assemble():
    """The whole book as one HTML document."""
    parts = contents()
    paths = {path for _, files in parts for path in files}
    head, states, lines, body, styles = [], [], [], [], []
    for caption, files in parts:
        if caption:
            lines.append(f"</ol><p>{html.escape(caption)}</p><ol>")
        for path in files:
            article, page_head, page_states = read_page(path, paths)
            head += [part for part in page_head if part not in head]
            states += page_states
            title = plain(HEADING.search(article)[2])
            name = prefix(path)
            lines.append(entry("pdf-chapter", name, title))
            if path.startswith("notebooks/"):
                lines += [
                    entry("pdf-section", found[1], plain(found[2]))
                    for found in SECTION.finditer(article)
                ]
            running = html.unescape(title).replace('"', "”")
            styles.append(
                f'@page {name} {{ @top-right {{ content: "{running}"; '
                "font: 8.5pt sans-serif; color: #5a6668; } }"
            )
            body.append(
                f'<div class="pdf-page" id="{name}" style="page: {name}">'
                f'<article class="bd-article">{article}</article></div>'
            )
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en" data-theme="light"><head>',
            '<meta charset="utf-8">',
            f'<base href="{(SITE / "book").as_uri()}/">',
            f"<title>{book_title()}</title>",
            *head,
            *states,
            "<style>",
            STYLE.read_text("utf-8"),
            *styles,
            "</style></head><body>",
            title_page(),
            '<main class="bd-main"><div class="bd-content">',
            '<div class="bd-article-container">',
            '<nav class="pdf-contents bd-article"><h1>Contents</h1><ol>',
            *lines,
            "</ol></nav>",
            *body,
            "</div></div></main></body></html>",
        ]
    )


def settings():
    """The book's own settings."""
    return yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))


def book_title():
    """The title of the book."""
    return html.escape(settings()["title"])


def title_page():
    """The first page: the logo, the title, who and where."""
    logo = (ROOT / "book" / "_static" / "logo.svg").read_text("utf-8")
    about = settings()
    return (
        f'<section class="pdf-title">{logo}<h1>{book_title()}</h1>'
        "<p>An executable book in Keras 3: build the model, train it, measure "
        "what comes out.</p>"
        f'<p class="pdf-imprint">{html.escape(about["author"])}, '
        f"{about['copyright']}<br>"
        f'<a href="{address()}">{address()}</a><br>'
        "Prose and figures CC BY 4.0, code Apache License 2.0</p></section>"
    )


def print_twice(document, widgets):
    """Print, read the page numbers, print with them; return the file."""
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.emulate_media(media="print", color_scheme="light")
        page.goto(document.as_uri(), wait_until="load")
        if widgets:
            page.wait_for_function(WIDGETS, arg=widgets)
        page.evaluate(READY)
        options = {
            "prefer_css_page_size": True,
            "print_background": True,
            "outline": True,
            "tagged": True,
        }
        first = document.with_suffix(".draft.pdf")
        page.pdf(path=first, **{**options, "outline": False, "tagged": False})
        page.evaluate(FILL, contents_numbers(first))
        first.unlink()
        page.pdf(path=document.with_suffix(".print.pdf"), **options)
    return document.with_suffix(".print.pdf")


def contents_numbers(path):
    """The page that each link of the table of contents leads to, in order."""
    reader = PdfReader(path)
    pages = {
        name: reader.get_destination_page_number(destination) + 1
        for name, destination in reader.named_destinations.items()
    }
    numbers = []
    for page in reader.pages[1 : first_text_page(reader, pages)]:
        for annotation in page.get("/Annots", []):
            target = annotation.get_object().get("/Dest")
            if target is not None:
                numbers.append(pages["/" + str(target).lstrip("/")])
    return numbers


def first_text_page(reader, pages):
    """How many pages stand before the first page of text."""
    return pages["/" + prefix(contents()[0][1][0])] - 1


def finish(printed, titles):
    """Say in the file what it is, and put it in place."""
    writer = PdfWriter(clone_from=printed)
    repair_outline(writer, titles)
    about = settings()
    writer.add_metadata(
        {
            "/Title": about["title"],
            "/Author": about["author"],
            "/Subject": "An executable book on compact transformers in Keras 3",
        }
    )
    part = OUTPUT.with_suffix(".part")
    writer.write(part)
    part.replace(OUTPUT)
    printed.unlink()


def repair_outline(writer, titles):
    """Put back the spaces that Chromium drops where a heading is broken."""
    whole = {title.replace(" ", ""): title for title in titles}
    below = [writer.root_object["/Outlines"].get("/First")]
    while below:
        item = below.pop()
        if item is None:
            continue
        item = item.get_object()
        title = whole.get(item["/Title"].replace(" ", ""))
        if title:
            item[NameObject("/Title")] = TextStringObject(title)
        below += [item.get("/First"), item.get("/Next")]


def main():
    """Assemble, print, and say where the book lies."""
    start = time.perf_counter()
    # Chromium's files name their objects more generously than pypdf expects.
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    if not (SITE / "book" / "index.html").exists():
        sys.exit(f"There is no site in {SITE}: run `make book` first.")
    digest = site_digest(SITE)
    text = assemble()
    document = OUTPUT.with_suffix(".html")
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text(text, "utf-8")
    printed = print_twice(document, len(VIEW.findall(text)))
    headings = re.findall(r"<h[1-6]>(.*?)</h[1-6]>", text, re.DOTALL)
    finish(printed, [html.unescape(plain(each)) for each in headings])
    offer_pdf(SITE, OUTPUT, digest)
    seconds = time.perf_counter() - start
    print(f"Printed in {seconds:.0f} s: {OUTPUT}")


if __name__ == "__main__":
    main()
