"""How much each page weighs, how soon it is painted, how still it stands.

Measured in Chromium on text compressed as GitHub Pages sends it; figures that
are loaded only when they come near are counted as well.
"""

import importlib
import json
import os
import re
from html import unescape

import pytest

from tests.site.conftest import HTML, ROOT

LIGHTEST = 300_000  # bytes of the home page
HEAVIEST = 1_500_000  # bytes of any other, without the widgets' library
WIDGET_LIBRARY = (
    "vendor/html-manager/",
    "vendor/requirejs/",
    "vendor/anywidget/",
)
SLOWEST_PAINT_MS = 4000  # where no more programs run than there are cores
LARGEST_SHIFT = 0.05  # half of what Google's Core Web Vitals call good

TRANSFERS = """() => performance.getEntries()
  .filter(entry => ['navigation', 'resource'].includes(entry.entryType))
  .map(({name, encodedBodySize}) => [
    new URL(name).pathname.slice(1), encodedBodySize])"""
FIGURES = """() => [...document.querySelectorAll('article img')]
  .filter(image => image.src.startsWith(location.origin))
  .map(image => new URL(image.src).pathname.slice(1))"""
PAINT = """() => performance.getEntriesByName(
  'first-contentful-paint')[0].startTime"""


@pytest.fixture
def transfers(visit):
    """Path and bytes of all that a reader of the whole page receives."""
    loaded = [tuple(entry) for entry in visit.page.evaluate(TRANSFERS)]
    names = {path for path, _ in loaded}
    later = set(visit.page.evaluate(FIGURES)) - names
    return loaded + [
        (path, (HTML / path).stat().st_size) for path in sorted(later)
    ]


def is_library(path):
    """Whether a file belongs to the library that all explorers share."""
    return any(part in path for part in WIDGET_LIBRARY)


def test_page_is_light(visit, transfers):
    weight = sum(size for path, size in transfers if not is_library(path))
    assert weight > 10_000, "nothing was measured"
    is_home = visit.page.url.endswith("book/index.html")
    limit = LIGHTEST if is_home else HEAVIEST
    heaviest = sorted(transfers, key=lambda entry: -entry[1])[:6]
    assert weight < limit, f"{weight} bytes, the most in {heaviest}"


def test_page_loads_the_widget_library_once_and_only_for_widgets(
    visit, transfers
):
    library = [path for path, _ in transfers if is_library(path)]
    has_widgets = visit.page.locator(
        "script[type='application/vnd.jupyter.widget-view+json']"
    ).count()
    assert len(library) == len(set(library))
    managers = [path for path in library if path.endswith("embed-amd.js")]
    assert len(managers) == (1 if has_widgets else 0)
    assert bool(library) == bool(has_widgets)


def test_page_paints_soon_and_does_not_shift(visit):
    crowd = max(1, os.getloadavg()[0] / os.cpu_count())
    assert visit.page.evaluate(PAINT) < crowd * SLOWEST_PAINT_MS
    assert sum(visit.shifts) < LARGEST_SHIFT


# --- The script that measures, and the page that shows what it wrote ----------


@pytest.fixture
def measure_site(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("measure_site")


def test_script_measures_an_explorer_and_its_page(measure_site, site, browser):
    path = measure_site.PAGES["chapter 05"]
    found = measure_site.open_once(browser, "desktop", f"{site}/{path}")
    crowd = max(1, os.getloadavg()[0] / os.cpu_count())
    assert 0 < found["first"] <= found["largest"]
    assert 0 < found["explorer"] < 200 * crowd
    assert 1000 < found["kilobytes"] < 3000
    assert found["shift"] < LARGEST_SHIFT


def test_script_sees_a_shift_and_no_explorer(
    measure_site, site, browser, monkeypatch
):
    push = """requestAnimationFrame(() => setTimeout(() => {
      document.body.style.marginTop = '300px';
    }, 300));"""
    monkeypatch.setattr(measure_site, "WATCH", measure_site.WATCH + push)
    path = measure_site.PAGES["glossary"]
    found = measure_site.open_once(browser, "phone", f"{site}/{path}")
    assert found["shift"] > LARGEST_SHIFT
    assert found["explorer"] is None


def test_about_page_shows_what_was_measured():
    result = json.loads((ROOT / "book" / "site_speed.json").read_text("utf-8"))
    page = (HTML / "book" / "about.html").read_text("utf-8")
    text = unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))
    for row in result["rows"]:
        numbers = [f"{row[name]:,}" for name in ("first", "largest")]
        numbers += [f"{row['shift']:.3f}", f"{row['blocked']:,}"]
        line = [row["page"], row["window"], *numbers, f"{row['kilobytes']:,}"]
        assert " ".join(line) in text
    assert result["date"] in text and result["processor"] in text
