"""What every explorer keeps: size, silence, clean closing, phone and dark."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cct_utils import widgets
from cct_utils.widgets import (
    AttentionExplorer,
    AugmentationExplorer,
    CurvesExplorer,
    PoolingExplorer,
    PositionExplorer,
    SizeExplorer,
    StochasticDepthExplorer,
    TokenizerExplorer,
)
from tests.contrast import contrast

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 32, 32, 3), "uint8")

# Moves every control through its values, looks at each frame just before it is
# painted, and collects what a reader would see as a flicker.
SWEEP = """
async () => {
  const root = document.querySelector(".cct-explorer");
  const parts = "input, select, button, canvas, svg, figure, .w-pad";
  const found = new Set();
  const all = [root, ...root.querySelectorAll(parts)];
  const texts = [...root.querySelectorAll("figcaption, .w-words")];
  const pictures = [...root.querySelectorAll(".w-pad canvas")];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const drawn = (canvas) => canvas.getContext("2d").getImageData(
    0, 0, canvas.width, canvas.height).data.some((value) => value);
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const full = pictures.filter(drawn);
  // Numbers that get wider may move sideways, but nothing moves up or down.
  let shifts = 0;
  const jumps = ({ previousRect, currentRect }) => previousRect.height *
    currentRect.height && previousRect.y !== currentRect.y;
  const watch = new PerformanceObserver((list) => {
    shifts += list.getEntries().filter((e) => e.sources.some(jumps)).length;
  });
  const growing = root.dataset.grows;
  const look = (name) => {
    if (all.some((part) => !part.isConnected)) found.add(`${name}: rebuilt`);
    if (root.children[2].offsetHeight < 50) found.add(`${name}: empty`);
    if (!root.querySelector(".w-words").textContent) found.add(`${name}: mute`);
    if (!full.every(drawn)) found.add(`${name}: blank picture`);
  };
  const move = async (input, values, changed) => {
    const name = input.labels[0].textContent;
    const place = () => input.getBoundingClientRect().top;
    const [top, heights] = [place(), texts.map((text) => text.offsetHeight)];
    for (const value of values) {
      changed(input, value);
      await frame();
      look(name);
      if (input.type !== "range") continue;
      if (place() !== top) found.add(`${name}: moves under the pointer`);
      texts.forEach((text, i) => {
        if (text.offsetHeight < heights[i]) found.add(`${name}: text shrinks`);
        heights[i] = text.offsetHeight;
      });
    }
  };
  const set = (property, event) => (input, value) => {
    input[property] = value;
    input.dispatchEvent(new Event(event, { bubbles: true }));
  };
  for (const input of root.querySelectorAll("input, select")) {
    if (!input.checkVisibility()) continue;
    if (input.type === "checkbox") {
      await move(input, [0, 1], () => input.click());
    } else if (input.type === "range") {
      const [low, high, now] = [input.min, input.max, input.value].map(Number);
      const steps = Math.min(20, Math.round((high - low) / input.step));
      const values = Array.from({ length: steps + 1 },
        (_, i) => low + ((high - low) * i) / steps);
      await move(input, values, set("value", "input"));
      const name = input.labels[0].textContent;
      if (name !== growing) {
        watch.observe({ type: "layout-shift" });
        await move(input, values, set("value", "input"));
        await wait(50);
        watch.disconnect();
        if (shifts) found.add(`${name}: ${shifts} shifts`);
        shifts = 0;
      }
      await move(input, [now], set("value", "input"));
    } else {
      const [now, number] = [input.selectedIndex, input.options.length];
      const values = [...Array(number).keys(), now];
      await move(input, values, set("selectedIndex", "change"));
    }
  }
  return [...found];
}
"""
# What these sliders change is how much there is to show.
GROWING = {"TokenizerExplorer": "Stages", "StochasticDepthExplorer": "Blocks"}

MAKERS = {
    "AttentionExplorer": lambda: AttentionExplorer(
        IMAGES, [RNG.uniform(size=(3, 2, 64, 64)) for _ in range(2)]
    ),
    "AugmentationExplorer": lambda: AugmentationExplorer(*IMAGES[:2]),
    "CurvesExplorer": lambda: CurvesExplorer(
        {
            f"run {i}": {"loss": [3, 2, 1 + i], "seconds": [9] * 3}
            for i in (1, 2)
        }
    ),
    "PoolingExplorer": lambda: PoolingExplorer(
        IMAGES,
        RNG.normal(size=(3, 64, 8)),
        RNG.normal(size=(3, 64)),
        RNG.normal(size=(8, 10)),
        RNG.normal(size=10),
        [f"class {i}" for i in range(10)],
    ),
    "PositionExplorer": lambda: PositionExplorer(
        {"learned": RNG.normal(size=(64, 16)), "sine": np.ones((64, 4))}
    ),
    "SizeExplorer": SizeExplorer,
    "StochasticDepthExplorer": lambda: StochasticDepthExplorer(14),
    "TokenizerExplorer": lambda: TokenizerExplorer(IMAGES[0]),
}

# Where a token is chosen among 8 x 8: the name of the pad.
PADS = {
    "AttentionExplorer": "Token",
    "PoolingExplorer": "Token",
    "PositionExplorer": "Position",
    "TokenizerExplorer": "Token of CCT",
}


def test_every_explorer_is_listed_here():
    assert set(MAKERS) == set(widgets._EXPLORERS)


@pytest.fixture(params=MAKERS)
def widget(request):
    return MAKERS[request.param]()


def test_own_code_is_small_and_asks_for_nothing(widget):
    assert len(widget._esm.encode()) + len(widget._css.encode()) < 50_000
    for word in ("fetch(", "XMLHttpRequest", "import(", "@import", "innerHTML"):
        assert word not in widget._esm + widget._css


def test_text_form_fits_one_line(widget):
    assert repr(widget).startswith(type(widget).__name__)
    assert len(repr(widget)) <= 110
    assert "\n" not in repr(widget)


def test_state_comes_back(widget):
    def own(explorer):
        state = explorer.get_state()
        return {
            name: value
            for name, value in state.items()
            if not name.startswith("_") and name != "layout"
        }

    other = MAKERS[type(widget).__name__]()
    other.set_state(own(widget))
    assert own(other) == own(widget)
    json.dumps(
        {k: v for k, v in own(widget).items() if not isinstance(v, bytes)}
    )


def test_chapters_keep_the_explorers_as_they_are_now():
    state_type = "application/vnd.jupyter.widget-state+json"
    seen = set()
    for path in NOTEBOOKS.glob("*.ipynb"):
        saved = json.loads(path.read_text("utf-8"))["metadata"]
        models = saved.get("widgets", {}).get(state_type, {}).get("state", {})
        for state in (model["state"] for model in models.values()):
            if "_esm" in state:
                name = state["_anywidget_id"].rsplit(".", 1)[1]
                explorer = getattr(widgets, name)
                assert state["_esm"] == str(explorer._esm), path.name
                assert state["_css"] == str(explorer._css), path.name
                seen.add(name)
    assert seen == set(widgets._EXPLORERS)


@pytest.mark.parametrize("width", [320, 360, 800])
def test_fits_the_page(open_widget, widget, width):
    page = open_widget(widget, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name_and_visible_focus(open_widget, widget):
    page = open_widget(widget)
    controls = page.locator(
        ".cct-explorer :is(input, select, button, [tabindex='0']):visible"
    )
    assert controls.count() > 0
    for i in range(controls.count()):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => {
              const node = document.activeElement;
              const label = node.labels?.[0]?.textContent;
              return [
                node.getAttribute("aria-label") || label || node.textContent,
                getComputedStyle(node).outlineStyle,
              ];
            }"""
        )
        assert name.strip(), f"control {i} has no name"
        assert outline == "solid", f"no visible focus on {name}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable_in_both_themes(open_widget, theme):
    page = open_widget(StochasticDepthExplorer(), theme=theme)
    colors = page.evaluate(
        """() => {
          const root = document.querySelector(".cct-explorer");
          const probe = root.appendChild(document.createElement("i"));
          const names = ["ink", "soft", "card", "well", "accent", "second",
            "right", "wrong", "control"];
          return Object.fromEntries(names.map((name) => {
            probe.style.color = `var(--w-${name})`;
            const text = getComputedStyle(probe).color;
            return [name, text.match(/\\d+/g).slice(0, 3).map(Number)];
          }));
        }"""
    )
    for name in ("ink", "soft", "accent", "second", "right", "wrong"):
        assert contrast(colors[name], colors["card"]) >= 4.5, name
    assert contrast(colors["ink"], colors["well"]) >= 4.5
    assert contrast(colors["control"], colors["card"]) >= 3
    assert (sum(colors["card"]) > 600) == (theme == "light")


def test_closing_a_view_leaves_nothing(open_widget, widget):
    page = open_widget(widget)
    assert page.evaluate("window.model.heard()") > 0
    page.evaluate("window.close()")
    assert page.evaluate("window.model.heard()") == 0
    assert page.locator(".cct-explorer").count() == 0


def test_first_picture_is_painted_quickly(open_widget, widget):
    """From the start of the explorer's code to the frame that shows it."""
    page = open_widget(widget)
    milliseconds = page.evaluate(
        """async (esm) => {
          const { default: explorer } = await window.load(esm);
          const painted = () => new Promise((done) =>
            requestAnimationFrame(() => setTimeout(done)));
          const times = [];
          for (let i = 0; i < 3; i++) {
            const el = document.createElement("div");
            document.body.prepend(el);
            await painted();
            const start = performance.now();
            await explorer.render({ model: window.model, el });
            await painted();
            times.push(performance.now() - start);
            el.remove();
          }
          return Math.min(...times);
        }""",
        str(widget._esm),
    )
    crowd = max(1, os.getloadavg()[0] / os.cpu_count())
    assert milliseconds < 200 * crowd


@pytest.mark.parametrize("width", [360, 800])
def test_nothing_flickers_while_controls_move(open_widget, widget, width):
    page = open_widget(widget, width=width)
    growing = GROWING.get(type(widget).__name__, "")
    page.locator(".cct-explorer").evaluate(
        "(root, growing) => { root.dataset.grows = growing }", growing
    )
    found = page.evaluate(SWEEP)
    assert not found, found


# An explorer with one slider, and what it does wrong when that is moved.
FLICKER = """
  <div class="cct-explorer"><p>title</p>
    <label for="a">A</label><input id="a" type="range" max="3">
    <div style="height: 60px"><div class="w-pad" style="height: 50px">
      <canvas width="2" height="2"></canvas></div></div>
    <p class="w-words">words</p></div>
  <script>
    const root = document.querySelector(".cct-explorer");
    const [input, canvas] = root.querySelectorAll("input, canvas");
    root.insertBefore(root.children[3], root.children[2]);
    const words = root.querySelector(".w-words");
    canvas.getContext("2d").fillRect(0, 0, 2, 2);
    input.addEventListener("input", () => { FAULT });
  </script>
"""
FAULTS = {
    "canvas.width = 2;": "blank picture",
    "root.querySelector('.w-pad')?.replaceWith(canvas);": "rebuilt",
    "words.textContent = '';": "mute",
    "words.style.height = `${90 - 20 * input.value}px`;": "text shrinks",
    "root.style.paddingTop = `${20 * input.value}px`;": "moves under",
    "words.style.marginTop = `${20 * input.value}px`;": "shifts",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_flicker_is_found(open_page, fault):
    page = open_page(FLICKER.replace("FAULT", fault))
    found = page.evaluate(SWEEP)
    assert any(FAULTS[fault] in each for each in found), found


def test_touch_chooses_a_token_and_the_page_still_scrolls(
    open_widget, state_of
):
    widget = TokenizerExplorer(IMAGES[0])
    page = open_widget(widget, width=360, touch=True)
    pad = page.get_by_role("slider", name="Token of CCT")
    pad.tap(position={"x": 60, "y": 60})
    [place] = state_of(page, "place")
    assert max(place) < 0.3
    assert "pan-y" in pad.evaluate("e => getComputedStyle(e).touchAction")


@pytest.mark.parametrize("name", PADS)
def test_rows_and_columns_count_from_zero(open_widget, wait_for_words, name):
    """As in the chapters, where token 3 * 8 + 4 is in row 3, column 4."""
    page = open_widget(MAKERS[name]())
    pad = page.get_by_role("slider", name=PADS[name], exact=True)
    pad.focus()
    for key in ("Home", *3 * ["ArrowDown"], *4 * ["ArrowRight"]):
        page.keyboard.press(key)
    wait_for_words(page, "in row 3, column 4")
    assert pad.get_attribute("aria-valuetext") == "row 3, column 4"
    ends = [pad.get_attribute(f"aria-value{end}") for end in ("min", "max")]
    assert ends == ["0", "63"]
    assert pad.get_attribute("aria-valuenow") == str(3 * 8 + 4)


def test_print_shows_the_figure_without_controls(open_widget):
    page = open_widget(TokenizerExplorer(IMAGES[0]))
    page.emulate_media(media="print")
    assert page.locator(".w-controls").is_hidden()
    assert page.locator(".w-pad").first.is_visible()
    assert page.locator(".w-words").is_visible()


def test_package_is_imported_without_widgets():
    code = (
        "import sys, cct_utils; "
        "print([m for m in ('cct_utils.widgets', 'ipywidgets', 'anywidget') "
        "if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_missing_anywidget_is_one_clear_sentence():
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "from cct_utils import widgets\n"
        "widgets.quiz\n"
        "try:\n    widgets.StochasticDepthExplorer\n"
        "except ImportError as error:\n    print(error)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "The explorer `StochasticDepthExplorer` needs the package anywidget. "
        "Install it with: pip install anywidget"
    )
