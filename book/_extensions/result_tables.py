"""Tables of results: published figures beside the recorded runs."""


def render_page(root):
    return ""


def render_glance(root):
    return ""
