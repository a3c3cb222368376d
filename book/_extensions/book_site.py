"""Sphinx extension: generated parts of pages, and each chapter's buttons.

A page asks for a generated part with a line `<!-- generated: NAME -->`. Nothing
of `cct_utils` is imported: docstrings are parsed and records are read as files,
so that building the site needs neither Keras nor TensorFlow.
"""

import re
from html import escape
from pathlib import Path

import api_reference
import curve_looks
import model_figure
import result_tables
import site_speed
import speed_tables
import try_it

ROOT = Path(__file__).resolve().parents[2]
MARKER = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)
RECORDS = ("cct_utils/recorded/*/record.json", "experiments/*.toml")
LOOKS = curve_looks.STYLE
# Name of a generated part -> what renders it, and the files it is made of.
PARTS = {
    "api": (api_reference.render, "cct_utils/**/*.py"),
    "model-figure": (model_figure.render, "notebooks/*.ipynb"),
    "results": (result_tables.render_page, *RECORDS, LOOKS),
    "results-runs": (result_tables.render_runs, *RECORDS),
    "results-at-a-glance": (result_tables.render_glance, *RECORDS),
    "site-speed": (site_speed.render, site_speed.PATH),
    "try-it": (try_it.render, "book/_static/try_it*"),
    "try-it-limits": (try_it.render_limits, "book/_static/try_it*"),
    "speed": (speed_tables.render_page, speed_tables.PATTERN, LOOKS),
}
TITLE_END = "</h1>"


def fill_parts(app, docname, source):
    """Replace each marker of a page by what it asks for."""
    stamps = app.env.metadata[docname]
    for name in MARKER.findall(source[0]):
        stamps[f"generated {name}"] = str(newest(*PARTS[name][1:]))
    source[0] = MARKER.sub(lambda found: PARTS[found[1]][0](ROOT), source[0])


def newest(*patterns):
    """What changes when a file of the patterns is added, edited or removed."""
    files = [path for pattern in patterns for path in ROOT.glob(pattern)]
    files += Path(__file__).parent.glob("*.py")
    return len(files), max(path.stat().st_mtime_ns for path in files)


def outdated_pages(app, env, added, changed, removed):
    """Name the pages whose generated parts are no longer up to date."""
    return [
        docname
        for docname, metadata in env.metadata.items()
        for key, stamp in metadata.items()
        if key.startswith("generated ")
        and stamp != str(newest(*PARTS[key.removeprefix("generated ")][1:]))
    ]


def add_chapter_buttons(app, pagename, templatename, context, doctree):
    """Put `Run in Colab` and `Download` below the title of a chapter."""
    if not pagename.startswith("notebooks/") or "body" not in context:
        return
    options = app.config.html_theme_options
    colab = options["launch_buttons"]["colab_url"]
    repository = options["repository_url"].removeprefix("https://github.com/")
    path = f"{options['repository_branch']}/{pagename}.ipynb"
    source = context["pathto"](f"_sources/{pagename}.ipynb", 1)
    buttons = [
        ("Run in Colab", f"{colab}/github/{repository}/blob/{path}", ""),
        ("Download the notebook", source, " download"),
    ]
    links = "".join(
        f'<a class="chapter-button" href="{escape(url)}"{extra}>{text}</a>'
        for text, url, extra in buttons
    )
    nav = f'<nav class="chapter-buttons" aria-label="Run it">{links}</nav>'
    head, title_end, tail = context["body"].partition(TITLE_END)
    context["body"] = head + title_end + nav + tail


def setup(app):
    """Connect the above to Sphinx."""
    app.setup_extension("page_head")
    app.setup_extension("page_body")
    app.connect("source-read", fill_parts)
    app.connect("env-get-outdated", outdated_pages)
    app.connect("html-page-context", add_chapter_buttons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
