"""Repairs of each page: percentages, room for figures, roles, signatures."""

import re

from docutils import nodes

# Figures bring their size as a style that book.css overrides for narrow
# windows; as attributes it gives the browser their shape before they arrive.
IMAGE = re.compile(
    r'<img\b(?=[^>]*style="width: (\d+)(?:\.\d+)?px; '
    r'height: (\d+)(?:\.\d+)?px;")'
)
# Arguments on lines of their own are a list of definitions without terms.
SIGNATURE = re.compile(
    r'<dl>\s*(<dd><em class="sig-param">.*?)</dl>', re.DOTALL
)
# A number and its unit belong on one line.
PERCENTAGE = re.compile(r"(?<=\d) (?=%)")


def keep_percentages_together(app, doctree, docname):
    """Put a space that does not break between a number and its sign.

    Code and what it prints stay as they are.
    """
    for text in list(doctree.findall(nodes.Text)):
        parts = PERCENTAGE.split(text)
        verbatim = isinstance(
            text.parent, nodes.FixedTextElement | nodes.literal | nodes.raw
        )
        if len(parts) > 1 and not verbatim:
            joined = nodes.Text("\N{NO-BREAK SPACE}".join(parts))
            text.parent.replace(text, joined)


def repair(app, pagename, templatename, context, doctree):
    """Rewrite the body before the page is written."""
    body = context.get("body", "")
    body = IMAGE.sub(r'<img width="\1" height="\2" loading="lazy"', body)
    # The role is deprecated, and its list may hold nothing but list items.
    body = body.replace('role="doc-biblioentry"', 'role="listitem"')
    context["body"] = SIGNATURE.sub(signature_lines, body)


def signature_lines(found):
    """The arguments of a signature as plain lines."""
    lines = found[1].replace("<dd>", '<span class="sig-line">')
    lines = lines.replace("</dd>", "</span>")
    return f'<span class="sig-lines">{lines}</span>'


def setup(app):
    """Connect the above to Sphinx."""
    app.connect("doctree-resolved", keep_percentages_together)
    app.connect("html-page-context", repair)
    app.add_js_file("page.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
