"""Every page of the built site, opened in Chromium."""

import html.parser
import itertools
import json
import posixpath
import re
import struct
import urllib.parse

import pytest

from tests.site.conftest import HTML, PHONE, ROOT, resized, toc_pages

PAGES = toc_pages()
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
EXTRA_PAGES = {"index.html", "search.html"}
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"

# Elements that reach out of the page sideways, and whose box does not scroll.
OVERFLOW = """() => {
  const wide = [];
  for (const node of document.querySelectorAll('article *')) {
    const box = node.getBoundingClientRect();
    if (box.width === 0 || box.right <= window.innerWidth + 1) continue;
    let parent = node, scrolls = false;
    while ((parent = parent.parentElement) && parent.tagName !== 'ARTICLE') {
      const flow = getComputedStyle(parent).overflowX;
      scrolls ||= ['auto', 'scroll', 'hidden', 'clip'].includes(flow);
    }
    if (!scrolls) wide.push(node.tagName + '.' + node.className);
  }
  return wide.slice(0, 5);
}"""


# Tables of results that must be scrolled to be read.
SCROLLING_TABLES = """() => [...document.querySelectorAll('.result-table')]
  .filter(box => box.scrollWidth > box.clientWidth + 1)
  .map(box => `${box.ariaLabel}: ${box.scrollWidth} > ${box.clientWidth}`)"""

# What the home page's list says of each chapter: its number, page and words.
CHAPTER_LINES = """() => [...document.querySelectorAll('.chapter-map li')].map(
  item => {
    const link = item.querySelector('a');
    const number = item.parentElement.start +
      [...item.parentElement.children].indexOf(item);
    const words = item.innerText.replace(link.innerText, '').trim();
    return [number, link.pathname.slice(1), words];
  })"""

# The article's text without code, where a backslash may stand.
PROSE = """() => {
  const copy = document.querySelector('article').cloneNode(true);
  copy.querySelectorAll('pre, code, script, style, mjx-container')
    .forEach(node => node.remove());
  return copy.textContent;
}"""


def notebook_of(page):
    """The notebook that a chapter's page shows."""
    path = ROOT / page.replace(".html", ".ipynb")
    return json.loads(path.read_text("utf-8"))


def shown_widgets(page):
    """How many outputs of the notebook are widgets."""
    return sum(
        VIEW_TYPE in output.get("data", {})
        for cell in notebook_of(page)["cells"]
        for output in cell.get("outputs", [])
    )


def test_pages_are_those_of_the_table_of_contents():
    built = {
        path.relative_to(HTML).as_posix()
        for path in HTML.rglob("*.html")
        if "_static" not in path.parts
    }
    assert built == set(PAGES) | EXTRA_PAGES


def test_index_leads_to_the_home_page(open_page):
    page = open_page("index.html").page
    page.wait_for_url("**/book/index.html")


def path_of(visit):
    """The path of an open page inside the site."""
    return "/".join(visit.page.url.split("#")[0].rsplit("/", 2)[1:])


def chapter_of(visit):
    """The path of an open page; skips what is not a chapter."""
    path = path_of(visit)
    if path not in CHAPTERS:
        pytest.skip("not a chapter")
    return path


def test_page_shows_its_widgets(visit):
    expected = shown_widgets(chapter_of(visit))
    if not expected:
        pytest.skip("no widgets")
    shown = ".cell_output .widget-subarea > *"
    visit.page.wait_for_function(
        "([shown, count]) => document.querySelectorAll(shown).length >= count",
        arg=[shown, expected],
    )
    empty = visit.page.locator(f"{shown}:not(:has(*))")
    assert empty.count() == 0


def test_page_asks_no_other_host(visit):
    assert visit.elsewhere == []


def test_page_loads_without_errors(visit):
    assert visit.failed == []
    assert visit.errors == []


def test_numbers_and_their_percent_signs_stay_on_one_line(visit):
    paragraphs = visit.page.locator("article p").evaluate_all(
        """all => all.filter(p => !p.closest(".cct-widget, details.quiz"))
            .map(p => { const copy = p.cloneNode(true);
                copy.querySelectorAll("code").forEach(e => e.remove());
                return copy.textContent; })"""
    )
    torn = [text for text in paragraphs if re.search(r"\d %", text)]
    assert torn == []


def test_page_has_one_title_and_a_language(visit):
    titles = visit.page.locator("h1")
    titles.first.wait_for()
    assert titles.count() == 1
    assert visit.page.locator("html").get_attribute("lang") == "en"


def test_page_images_have_alt(visit):
    page = visit.page
    assert (
        page.locator("article img:not([alt]), article img[alt='']").count() == 0
    )
    nameless = page.locator(
        "article svg[role=img]:not([aria-label]):not([aria-labelledby])"
    )
    assert nameless.count() == 0


def test_page_typesets_its_mathematics(visit):
    page = visit.page
    if page.locator("article .math").count():
        page.wait_for_selector("article .math mjx-container")
    assert page.locator("mjx-merror").count() == 0
    text = page.evaluate(PROSE)
    assert not re.search(r"\\[()\[\]]|\$\$", text), "raw mathematics"
    assert not re.search(r"\{(cite|doc|term|numref|ref)", text)


def test_page_fits_a_phone(visit):
    page = visit.page
    with resized(page, PHONE):
        width = page.evaluate("document.documentElement.scrollWidth")
        assert page.evaluate(OVERFLOW) == []
        assert width <= PHONE["width"]


def test_page_shows_its_results_without_scrolling_them(visit):
    page = visit.page
    if not page.locator(".result-table").count():
        pytest.skip("no results")
    assert page.evaluate(SCROLLING_TABLES) == []
    for width in (768, PHONE["width"]):
        with resized(page, {**PHONE, "width": width}):
            assert page.evaluate(SCROLLING_TABLES) == []


def test_chapter_can_be_run_and_downloaded(visit):
    path = chapter_of(visit)
    config = (ROOT / "_config.yml").read_text("utf-8")
    address = re.search(r"url: https://github\.com/(\S+)", config)[1]
    source = path.replace(".html", ".ipynb")
    links = visit.page.locator(".chapter-buttons a")
    assert links.first.get_attribute("href") == (
        f"https://colab.research.google.com/github/{address}/blob/main/{source}"
    )
    with visit.page.expect_download() as download:
        links.nth(1).click()
    saved = json.loads(download.value.path().read_text("utf-8"))
    assert saved == notebook_of(path)


class Anchors(html.parser.HTMLParser):
    """The links of a page, its anchors, and its previous and next page."""

    def __init__(self, path):
        super().__init__()
        self.links, self.ids, self.around = [], set(), {}
        self.feed((HTML / path).read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag in ("a", "area") and given.get("href"):
            self.links.append(given["href"])
            for kind in ("left-prev", "right-next"):
                if kind in (given.get("class") or ""):
                    self.around[kind] = given["href"]


@pytest.fixture(scope="module")
def anchors():
    """The parsed pages by their paths."""
    return {path: Anchors(path) for path in [*PAGES, "search.html"]}


def resolve(path, link):
    """A link as a path inside the site, and its anchor; None if external."""
    parts = urllib.parse.urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    folder = posixpath.dirname(path)
    target = posixpath.normpath(posixpath.join(folder, parts.path))
    return (target if parts.path else path), urllib.parse.unquote(
        parts.fragment
    )


def test_links_and_anchors_resolve(anchors):
    broken = []
    for path, page in anchors.items():
        for link in page.links:
            found = resolve(path, link)
            if found is None:
                assert link.startswith(("https://", "http://", "mailto:"))
                continue
            target, anchor = found
            if not (HTML / target).is_file():
                broken.append(f"{path}: {link}")
            elif anchor and target in anchors:
                if anchor not in anchors[target].ids:
                    broken.append(f"{path}: {link}")
    assert not broken, "\n".join(broken)


def test_previous_and_next_lead_through_the_whole_book(anchors):
    for before, after in itertools.pairwise(PAGES):
        onward = anchors[before].around["right-next"]
        back = anchors[after].around["left-prev"]
        assert resolve(before, onward)[0] == after
        assert resolve(after, back)[0] == before


def test_home_page_has_a_line_on_each_chapter(open_page):
    lines = open_page(PAGES[0]).page.evaluate(CHAPTER_LINES)
    assert [path for _, path, _ in lines] == CHAPTERS
    for number, path, words in lines:
        assert path.startswith(f"notebooks/{number:02}_")
        assert len(words) > 40, path


def test_next_button_works(open_page):
    page = open_page(PAGES[0]).page
    page.locator(".prev-next-area a.right-next").click()
    page.wait_for_url(f"**/{PAGES[1]}")


def test_search_finds_sequence_pooling(open_page):
    visit = open_page("search.html")
    visit.page.locator("main input[name=q]").fill("sequence pooling")
    visit.page.keyboard.press("Enter")
    # Results appear one after the other.
    found = "#search-results li a[href*='05_sequence_pooling']"
    visit.page.locator(found).first.wait_for()
    assert visit.elsewhere == [] and visit.errors == []


def test_search_button_leads_to_results(open_page):
    page = open_page(PAGES[0]).page
    page.locator(".search-button__button:visible").first.click()
    page.locator("dialog[open] input[name=q]").fill("stochastic depth")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=stochastic+depth")
    page.locator("#search-results li a").first.wait_for()


class Head(html.parser.HTMLParser):
    """The title of a page, its meta elements and its linked files."""

    def __init__(self, path):
        super().__init__()
        self.title, self.meta, self.links = "", {}, {}
        self.inside = False
        self.feed((HTML / path).read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.inside = tag == "title" and not self.title
        if tag == "meta" and (given.get("name") or given.get("property")):
            name = given.get("name") or given["property"]
            assert name not in self.meta, f"{name} stands there twice"
            self.meta[name] = given["content"]
        if tag == "link":
            self.links[given["rel"]] = given["href"]

    def handle_data(self, data):
        if self.inside:
            self.title += data


@pytest.fixture(scope="module")
def heads():
    """The parsed heads of all pages by their paths."""
    return {path: Head(path) for path in [*PAGES, "search.html"]}


def test_titles_and_descriptions_are_unique(heads):
    for kind in ("title", "description"):
        texts = [
            head.title if kind == "title" else head.meta["description"]
            for head in heads.values()
        ]
        assert all(len(text) >= 10 for text in texts)
        assert len(set(texts)) == len(texts), kind
    longest = max(len(head.meta["description"]) for head in heads.values())
    assert longest <= 210


def test_every_page_has_a_card_and_an_icon(heads):
    config = (ROOT / "_config.yml").read_text("utf-8")
    owner, name = re.search(
        r"url: https://github\.com/(\S+)/(\S+)", config
    ).groups()
    site = f"https://{owner.lower()}.github.io/{name}/"
    card = "_static/social-card.png"
    for path, head in heads.items():
        meta = head.meta
        assert meta["og:image"] == meta["twitter:image"] == site + card
        assert meta["og:url"] == site + path == head.links["canonical"]
        assert meta["og:title"] == meta["twitter:title"] in head.title
        assert meta["og:description"] == meta["description"]
        assert meta["twitter:card"] == "summary_large_image"
        icon = resolve(path, head.links["icon"])[0]
        assert (HTML / icon).is_file()


def test_card_is_a_small_png_of_the_usual_size():
    data = (HTML / "_static" / "social-card.png").read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) < 100_000
    assert struct.unpack(">II", data[16:24]) == (1200, 630)


def test_dark_mode_toggles_and_stays(open_page):
    page = open_page(PAGES[0]).page
    html, button = page.locator("html"), page.locator(".theme-switch-button")
    seen = {html.get_attribute("data-theme")}
    for _ in range(2):
        button.first.click()
        seen.add(html.get_attribute("data-theme"))
    assert seen == {"light", "dark"}
    while html.get_attribute("data-mode") != "dark":
        button.first.click()
    page.goto(page.url)
    assert page.locator("html").get_attribute("data-theme") == "dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_is_known_before_the_themes_own_script(open_page, scheme):
    page = open_page(PAGES[0], color_scheme=scheme).page
    page.evaluate("localStorage.clear()")
    page.route("**/pydata-sphinx-theme.js*", lambda route: route.abort())
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == scheme


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(open_page, scheme):
    page = open_page(PAGES[0], color_scheme=scheme).page
    ratios = page.evaluate(
        """() => {
          const parse = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
          const light = c => {
            const [r, g, b] = parse(c).map(v => v / 255).map(
              v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ground = light(getComputedStyle(document.body).backgroundColor);
          return ['article h1', 'article p', 'article p a', '.shape', '.lead p',
                  '.bd-links a', '.result-table td'].map(selector => {
            const node = document.querySelector(selector);
            const ink = light(getComputedStyle(node).color);
            const [low, high] = [ink, ground].sort((a, b) => a - b);
            return [selector, (high + 0.05) / (low + 0.05)];
          });
        }"""
    )
    weak = [pair for pair in ratios if pair[1] < 4.5]
    assert not weak


def test_keyboard_reaches_the_content(open_page):
    page = open_page(PAGES[0]).page
    page.keyboard.press("Tab")
    assert "skip" in page.evaluate("document.activeElement.textContent").lower()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")
