"""Every page against WCAG 2.2 AA: axe-core in light and dark, wide and narrow.

axe-core comes with the package axe-playwright-python, at the version that
requirements.txt names. Rules about structure run on the whole page in both
widths; contrast, which takes nearly all of the time, is measured in all four
combinations on one element of each look.
"""

from importlib.resources import files

from tests.site.conftest import DESKTOP, PHONE, resized

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Folds are opened, since what they hide is not looked at.
OPEN_FOLDS = """() => {
  for (const fold of document.querySelectorAll('details:not([open])')) {
    fold.open = true;
    fold.dataset.folded = '';
  }
}"""
CLOSE_FOLDS = """() => {
  for (const fold of document.querySelectorAll('details[data-folded]')) {
    fold.open = false;
    delete fold.dataset.folded;
  }
}"""
STRUCTURE = """async (levels) => report(await axe.run({
  runOnly: levels,
  rules: {
    'color-contrast': {enabled: false},
    'link-in-text-block': {enabled: false},
  },
  resultTypes: ['violations'],
  preload: false,
}))"""
CONTRAST = """async () => {
  // Elements with text of their own, one for each chain of tags, classes and
  // styles: those look alike. None is looked at twice in the same colors.
  window.seen ??= new Set();
  const looks = [];
  for (const node of document.body.querySelectorAll('*')) {
    if (node.matches('script, style, noscript, dialog *')) continue;
    const own = [...node.childNodes].some(
      child => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const bold = style.fontWeight >= 700;
    const isLarge = parseFloat(style.fontSize) >= (bold ? 18.7 : 24);
    let look = `${style.color} ${style.backgroundColor} ${isLarge} `;
    for (let at = node; at; at = at.parentElement)
      look += `${at.tagName}.${at.className} ${at.style?.cssText} `;
    if (!seen.has(look)) looks.push(node);
    seen.add(look);
  }
  if (!looks.length) return [];
  return report(await axe.run({include: looks}, {
    runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']},
    resultTypes: ['violations'],
    preload: false,
  }));
}"""
REPORT = """window.report = result => result.violations.flatMap(
  rule => rule.nodes.slice(0, 5).map(node => [
    rule.id, node.target.join(' '), node.html.slice(0, 160),
    node.failureSummary.split('\\n')[1],
  ].join(' | ')))"""


def set_theme(page, theme):
    """Show the page in light or dark, as its own switch does."""
    page.evaluate("t => { document.documentElement.dataset.theme = t }", theme)


def violations(page):
    """What axe finds on one page in all combinations, with its place."""
    page.evaluate(f"{AXE}; {REPORT}; null")
    page.evaluate(OPEN_FOLDS)
    found = []
    for size in (DESKTOP, PHONE):
        with resized(page, size):
            where = f"{size['width']} px"
            issues = page.evaluate(STRUCTURE, LEVELS)
            found += [f"{where}: {issue}" for issue in issues]
            for theme in ("dark", "light"):
                set_theme(page, theme)
                issues = page.evaluate(CONTRAST)
                found += [f"{where}, {theme}: {issue}" for issue in issues]
    page.evaluate(CLOSE_FOLDS)
    return found


def test_page_is_accessible(visit):
    found = violations(visit.page)
    assert not found, "\n".join(found)


def test_search_page_is_accessible(open_page):
    visit = open_page(
        "search.html?q=sequence+pooling",
        viewport=DESKTOP,
        reduced_motion="reduce",
    )
    visit.page.wait_for_selector("#search-results li a")
    found = violations(visit.page)
    assert not found, "\n".join(found)


def test_faults_are_found(open_page):
    page = open_page("book/about.html", viewport=DESKTOP).page
    page.evaluate(
        """faults => document.querySelector('article')
          .insertAdjacentHTML('beforeend', faults)""",
        "<img src='../_static/logo.svg'><button></button>"
        "<p style='color: #aaa; background: #fff'>faint</p>",
    )
    rules = {issue.split(": ")[1].split(" |")[0] for issue in violations(page)}
    assert {"image-alt", "button-name", "color-contrast"} <= rules
