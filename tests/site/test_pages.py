"""Every page of the built site, opened in Chromium."""

import json
import re

import pytest
from conftest import HTML, ROOT, toc_pages

PAGES = toc_pages()
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
EXTRA_PAGES = {"index.html", "search.html"}
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"
PHONE = {"width": 360, "height": 740}

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


@pytest.mark.parametrize("path", PAGES)
def test_page_is_whole(open_page, path):
    visit = open_page(path)
    page = visit.page
    if path in CHAPTERS and shown_widgets(path):
        wait_for_widgets(page, path)
    assert visit.elsewhere == []
    assert visit.failed == []
    assert visit.errors == []
    titles = page.locator("h1:visible")
    assert titles.count() == 1
    assert page.title()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    nameless = page.locator(
        "article svg[role=img]:not([aria-label]):not([aria-labelledby])"
    )
    assert nameless.count() == 0
    text = page.locator("article").inner_text()
    assert not re.search(r"\\[()\[\]]", strip_code(page)), "raw mathematics"
    assert "[?]" not in text and "{cite" not in text and "{doc}" not in text
    if "math notranslate" in page.content():
        page.wait_for_selector("mjx-container")
        assert page.locator("mjx-merror").count() == 0


def strip_code(page):
    """The article's text without code, where a backslash may stand."""
    return page.evaluate(
        """() => {
          const copy = document.querySelector('article').cloneNode(true);
          copy.querySelectorAll('pre, code, script, mjx-container, style')
            .forEach(node => node.remove());
          return copy.textContent;
        }"""
    )


def wait_for_widgets(page, path):
    """Wait until each saved widget of a chapter is on the page."""
    expected = shown_widgets(path)
    page.wait_for_function(
        """expected => [...document.querySelectorAll(
             'script[type="application/vnd.jupyter.widget-view+json"]')]
             .filter(s => s.parentElement.querySelector('.widget-subarea > *')
               || s.nextElementSibling
               || s.previousElementSibling).length >= expected""",
        arg=expected,
        timeout=20_000,
    )


@pytest.mark.parametrize("path", CHAPTERS)
def test_chapter_shows_its_widgets(open_page, path):
    expected = shown_widgets(path)
    if not expected:
        pytest.skip("no widgets")
    page = open_page(path).page
    wait_for_widgets(page, path)
    assert page.locator(".jupyter-widgets, .cct-widget").count() >= expected


@pytest.mark.parametrize("path", PAGES)
def test_page_fits_a_phone(open_page, path):
    page = open_page(path, **PHONE).page
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"], page.evaluate(OVERFLOW)
    assert page.evaluate(OVERFLOW) == []


@pytest.mark.parametrize("path", CHAPTERS)
def test_chapter_can_be_run_and_downloaded(open_page, path):
    page = open_page(path).page
    address = re.search(
        r"url: (https://github\.com/\S+)", (ROOT / "_config.yml").read_text()
    )[1].removeprefix("https://github.com/")
    source = path.replace(".html", ".ipynb")
    colab = (
        f"https://colab.research.google.com/github/{address}/blob/main/{source}"
    )
    links = page.locator(".chapter-buttons a")
    assert links.first.get_attribute("href") == colab
    with page.expect_download() as download:
        links.nth(1).click()
    saved = json.loads(download.value.path().read_text("utf-8"))
    assert saved == notebook_of(path)


def test_links_and_anchors_resolve(open_page):
    anchors, wanted = {}, []
    visit = open_page(PAGES[0])
    base = visit.page.url.removesuffix(PAGES[0])
    for path in [*PAGES, "search.html"]:
        visit.page.goto(base + path, wait_until="domcontentloaded")
        ids, links = visit.page.evaluate(
            """() => [
              [...document.querySelectorAll('[id], a[name]')]
                .map(node => node.id || node.name),
              [...document.querySelectorAll('a[href], area[href]')]
                .map(node => node.href)]"""
        )
        anchors[path] = set(ids)
        wanted += [(path, link) for link in links]
    broken = []
    for path, link in sorted(set(wanted)):
        if not link.startswith(base):
            continue
        target, _, anchor = link.removeprefix(base).partition("#")
        target = target.split("?")[0]
        if not (HTML / target).is_file():
            broken.append(f"{path}: {target}")
        elif anchor and anchor not in anchors.get(target, {anchor}):
            broken.append(f"{path}: {target}#{anchor}")
    assert not broken, "\n".join(broken)


def test_previous_and_next_lead_through_the_whole_book(open_page):
    page = open_page(PAGES[0]).page
    for path in PAGES[1:]:
        page.locator(".prev-next-area a.right-next").click()
        page.wait_for_url(f"**/{path}")
    for path in reversed(PAGES[:-1]):
        page.locator(".prev-next-area a.left-prev").click()
        page.wait_for_url(f"**/{path}")


def test_search_finds_sequence_pooling(open_page):
    visit = open_page("search.html?q=sequence+pooling")
    visit.page.wait_for_selector("#search-results li a")
    found = visit.page.locator("#search-results li a").evaluate_all(
        "links => links.map(link => link.href)"
    )
    assert any("05_sequence_pooling" in link for link in found)
    assert visit.elsewhere == [] and visit.errors == []


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
def test_text_has_contrast(open_page, scheme):
    page = open_page(PAGES[0], scheme=scheme).page
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
