"""What stands in the head of each page: only the scripts it needs, its title,
its description, and the card that is shown where the page is linked to.
"""

import re
from pathlib import Path

import social_card
import yaml
from docutils import nodes
from markupsafe import Markup

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = Path(__file__).parent / "templates"  # layout.html
LONGEST_DESCRIPTION = 200
SHORTEST_DESCRIPTION = 60
# The icons are drawn in book.css, so their script is not loaded; the index is
# loaded by the search page alone.
NOT_LOADED = re.compile(
    r"<script[^>]*(?:fontawesome|searchtools|language_data|searchindex)\.js"
    r"[^>]*></script>"
    r"|<!-- So that users can add custom icons -->"
    r'|<meta name="docsearch:version" content="" />'
    r'|<meta name="viewport"[^>]*>'
)
# Sphinx's layout has one already.
VIEWPORT = re.compile(r'<meta name="viewport"[^>]*>')
MATHJAX = re.compile(
    r"<script[^>]*>window\.MathJax.*?</script>|"
    r"<script[^>]*mathjax[^>]*></script>"
)
# The order of scripts is kept; only the options are needed while they load.
BLOCKING = re.compile(
    r"<script(?=[^>]*\ssrc=)(?![^>]*(?:defer|async|documentation_options))"
)
CITATION = re.compile(r" \[[^\]]*\d{4}\w?\]")
SEARCH_META = (
    "Search the book on compact convolutional transformers: chapters, results, "
    "glossary and the reference of its package."
)


def prepare_config(app, config):
    """Add the templates, and the site's address if none is configured."""
    config.templates_path.append(str(TEMPLATES))
    if not config.html_baseurl:
        config.html_baseurl = site_address()


def site_address():
    """Where GitHub publishes the repository of `_config.yml`."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    owner, name = settings["repository"]["url"].rstrip("/").split("/")[-2:]
    return f"https://{owner.lower()}.github.io/{name}/"


def add_filter(app):
    """Let the layout call `lean`."""
    if app.builder.format == "html":
        app.builder.templates.environment.filters["lean"] = lean


def lean(html, body):
    """A part of the head without what this page does not use."""
    html = NOT_LOADED.sub("", str(html))
    if 'class="math' not in body:
        html = MATHJAX.sub("", html)
    if body:  # the search page has none, and its scripts expect each other
        html = BLOCKING.sub("<script defer", html)
    return Markup(re.sub(r"\n\s*\n+", "\n", html))


def describe_page(app, pagename, templatename, context, doctree):
    """Give a page its title, its description and its card."""
    context.setdefault("body", "")
    context["metatags"] = VIEWPORT.sub("", context.get("metatags", ""))
    book, home = app.config.html_title, app.config.root_doc
    title = re.sub(r"<[^>]+>", "", context.get("title", ""))
    title = str(Markup(title).unescape())
    if pagename == home:
        context["page_title"] = f"{book}, an executable book"
    else:
        context["page_title"] = f"{title} — {book}"
    description = SEARCH_META if doctree is None else summary(doctree)
    address = app.config.html_baseurl
    image = address + social_card.PATH
    context["page_meta"] = [
        ("description", description),
        ("og:type", "website" if pagename == home else "article"),
        ("og:site_name", book),
        ("og:title", book if pagename == home else title),
        ("og:description", description),
        ("og:url", f"{address}{pagename}.html"),
        ("og:image", image),
        ("og:image:width", str(social_card.WIDTH)),
        ("og:image:height", str(social_card.HEIGHT)),
        ("og:image:alt", social_card.ALT),
        ("twitter:card", "summary_large_image"),
        ("twitter:title", book if pagename == home else title),
        ("twitter:description", description),
        ("twitter:image", image),
    ]


def summary(doctree):
    """The first real paragraph of a page, cut after a sentence or a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = CITATION.sub("", " ".join(paragraph.astext().split()))
        has_formula = next(paragraph.findall(nodes.math), None) is not None
        if len(text) >= SHORTEST_DESCRIPTION and not has_formula:
            return shorten(text)
    return shorten(" ".join(doctree.astext().split()))


def shorten(text):
    """At most LONGEST_DESCRIPTION characters, whole sentences if possible."""
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    cut = text[:LONGEST_DESCRIPTION]
    end = max(cut.rfind(". "), cut.rfind("? "), cut.rfind(": "))
    if end >= SHORTEST_DESCRIPTION:
        return cut[: end + 1].rstrip(":") + ("" if cut[end] != ":" else " …")
    return cut[: cut.rfind(" ")].rstrip(",;") + " …"


def write_card(app, exception):
    """Draw the card once the pages are written."""
    if exception is None and app.builder.format == "html":
        social_card.write(Path(app.outdir) / social_card.PATH)


def setup(app):
    """Connect the above to Sphinx."""
    app.connect("config-inited", prepare_config)
    app.connect("builder-inited", add_filter)
    app.connect("html-page-context", describe_page)
    app.connect("build-finished", write_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
