"""One Chromium for the tests of the widgets, and the pages they open in."""

import base64
import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# A stand-in for the model of a Jupyter front end, and a module from its text.
RIG = """
window.modelOf = (state, binary) => {
  const listeners = {};
  for (const [name, text] of Object.entries(binary)) {
    const values = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    state[name] = new DataView(values.buffer);
  }
  return {
    state,
    saved: 0,
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      for (const act of listeners[`change:${name}`] ?? []) act();
    },
    save_changes() { this.saved += 1; },
    on: (event, act) => (listeners[event] ??= []).push(act),
    off(event, act) {
      listeners[event] = listeners[event].filter((other) => other !== act);
    },
    heard: () => Object.values(listeners).flat().length,
  };
};
window.load = (text) =>
  import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
window.plain = (value) => JSON.parse(JSON.stringify(value, (_, part) =>
  ArrayBuffer.isView(part) ? Array.from(part) : part));
"""

MOUNT = """
async ({ esm, state, binary }) => {
  window.model = window.modelOf(state, binary);
  const { default: widget } = await window.load(esm);
  const el = document.getElementById("widget");
  window.close = await widget.render({ model: window.model, el });
}
"""

CALL = """
async ({ esm, name, calls }) => {
  window.modules ??= {};
  window.modules[esm] ??= await window.load(esm);
  const action = window.modules[esm][name];
  return calls.map((given) => window.plain(action(...given)));
}
"""


@pytest.fixture(scope="session")
def browser():
    """Yield a Chromium; skip where there is none."""
    api = pytest.importorskip("playwright.sync_api")
    path = os.environ.get("CCT_CHROMIUM") or next(
        filter(None, map(shutil.which, BROWSERS)), None
    )
    with api.sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(
                executable_path=path, args=["--no-sandbox"]
            )
        except api.Error as error:
            pytest.skip(f"no Chromium: {error}")
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser):
    """Return a function that opens HTML; nothing in it may fail or call out."""
    pages, problems = [], []

    def open_(body, *, theme="light", width=800, touch=False):
        size = {"width": width, "height": 900}
        page = browser.new_page(viewport=size, has_touch=touch)
        pages.append(page)
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: check_request(request, problems))
        page.set_content(
            f'<!doctype html><html lang="en" data-theme="{theme}"><head>'
            '<meta charset="utf-8"><meta name="viewport" '
            'content="width=device-width"><title>page</title></head>'
            f"<body>{body}</body></html>"
        )
        return page

    yield open_
    for page in pages:
        page.close()
    assert not problems


def check_request(request, problems):
    """Note a request that leaves the page."""
    if not request.url.startswith(("data:", "blob:", "about:")):
        problems.append(f"the page asked for {request.url}")


@pytest.fixture
def open_widget(open_page):
    """Return a function that shows an explorer as a front end would."""

    def open_(widget, **options):
        state = widget.get_state()
        css, esm = state["_css"], state["_esm"]
        own = {k: v for k, v in state.items() if not k.startswith("_")}
        own.pop("layout")
        binary = {k: v for k, v in own.items() if isinstance(v, bytes)}
        page = open_page(
            f'<style>{css}</style><div id="widget"></div>', **options
        )
        page.evaluate(RIG)
        page.evaluate(
            MOUNT,
            {
                "esm": esm,
                "state": {k: v for k, v in own.items() if k not in binary},
                "binary": {
                    k: base64.b64encode(v).decode() for k, v in binary.items()
                },
            },
        )
        return page

    return open_


@pytest.fixture(scope="session")
def javascript(browser):
    """Return a function that calls an explorer's JavaScript many times."""
    page = browser.new_page()
    page.evaluate(RIG)

    def call(explorer, name, calls):
        esm = str(explorer._esm)
        return page.evaluate(CALL, {"esm": esm, "name": name, "calls": calls})

    yield call
    page.close()


@pytest.fixture
def state_of():
    """Return a function that reads what a widget wrote into its model."""

    def read(page, *names):
        return [page.evaluate("n => window.model.get(n)", n) for n in names]

    return read


@pytest.fixture
def wait_for_words():
    """Return a function that waits until an explorer says something."""

    def wait(page, text):
        page.locator(".w-words").filter(has_text=text).wait_for()

    return wait
