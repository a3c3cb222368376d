"""The page "Try it": the model in Chromium, good pictures and bad files."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.site.conftest import (
    DESKTOP,
    HTML,
    PHONE,
    ROOT,
    TIMEOUT_MS,
    open_in,
    resized,
    toc_pages,
)
from tests.site.test_accessibility import violations
from tests.site.test_pages import OVERFLOW

PATH = "book/try_it.html"
RUNTIME = ("onnxruntime-web", "try_it_model")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255,) * 3

IDLE = "() => !document.querySelector('.try-it').hasAttribute('aria-busy')"
SEEN = """() => {
  const canvas = document.querySelector('.try-seen canvas');
  return [...canvas.getContext('2d').getImageData(0, 0, 32, 32).data];
}"""
GIVE = """([kind, name, type, bytes]) => {
  const transfer = new DataTransfer();
  if (bytes) {
    transfer.items.add(new File([new Uint8Array(bytes)], name, {type}));
  } else transfer.setData('text/uri-list', 'https://example.com/cat.png');
  const [make, key] = {
    drop: [DragEvent, 'dataTransfer'], paste: [ClipboardEvent, 'clipboardData'],
  }[kind];
  document.body.dispatchEvent(
    new make(kind, {[key]: transfer, bubbles: true, cancelable: true}));
}"""
CLASSIFY = """async images => {
  const answers = [];
  for (const image of images) answers.push(await tryIt.classify(image));
  return answers;
}"""
CAMERA = """blue => {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, {width: 64, height: 48});
  const context = canvas.getContext('2d');
  setInterval(() => {
    context.fillStyle = '#00f';
    context.fillRect(0, 0, 64, 48);
  }, 20);
  window.stream = canvas.captureStream();
  navigator.mediaDevices.getUserMedia = async () => stream;
}"""
NO_CAMERA = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException('no', 'NotAllowedError');
  };
}"""


# --- Pictures and files -----------------------------------------------------


def encode(image, kind="PNG", **options):
    """A Pillow image, or an array, as the bytes of a file."""
    file = io.BytesIO()
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    image.save(file, format=kind, **options)
    return file.getvalue()


def halves(left, right, width=64, height=64):
    """An array of two colors side by side."""
    pixels = np.empty((height, width, 3), "uint8")
    pixels[:, : width // 2], pixels[:, width // 2 :] = left, right
    return pixels


def turned():
    """Red left of blue, with the note to turn it clockwise by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(halves(RED, BLUE), "JPEG", exif=exif, quality=95)


def animated():
    """A GIF that is green first, then red."""
    first, second = (
        Image.new("RGB", (40, 40), color) for color in (GREEN, RED)
    )
    return encode(
        first, "GIF", save_all=True, append_images=[second], duration=20
    )


def half_transparent():
    """Blue on the left, transparent black on the right."""
    pixels = np.zeros((64, 64, 4), "uint8")
    pixels[:, :32] = (*BLUE, 255)
    return encode(pixels)


def noise():
    """A PNG that does not compress."""
    rng = np.random.default_rng(0)
    return encode(rng.integers(0, 256, (64, 64, 3), "uint8"))


def svg(size):
    """A drawing, red on the left and green on the right."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" '
        f'height="{size}"><rect width="50%" height="100%" fill="#f00"/>'
        '<rect x="50%" width="50%" height="100%" fill="#0f0"/></svg>'
    ).encode()


# File, what makes it, and its colors at upper left, upper right, lower left.
GOOD = {
    "plain.png": (lambda: encode(halves(RED, BLUE)), (RED, BLUE, RED)),
    "dot.png": (lambda: encode(halves(RED, GREEN, 1, 1)), (GREEN,) * 3),
    "strip.png": (
        lambda: encode(halves(RED, BLUE, 10_000, 10)),
        (RED, BLUE, RED),
    ),
    "thirty megabytes.bmp": (
        lambda: encode(halves(RED, GREEN, 3300, 3100), "BMP"),
        (RED, GREEN, RED),
    ),
    "turned.jpg": (turned, (RED, RED, BLUE)),
    "animated.gif": (animated, (GREEN,) * 3),
    "transparent.png": (half_transparent, (BLUE, WHITE, BLUE)),
    "drawing.svg": (lambda: svg(90), (RED, GREEN, RED)),
    "gray.png": (lambda: encode(Image.new("L", (50, 50), 255)), (WHITE,) * 3),
    "wrong ending.txt": (lambda: encode(halves(RED, BLUE)), (RED, BLUE, RED)),
}

# File, what makes it, and what is said of it.
BAD = {
    "notes.txt": (lambda: b"Dear diary", "“notes.txt” is not a picture"),
    "empty.png": (lambda: b"", "“empty.png” is empty"),
    "corrupt.jpg": (lambda: b"\xff\xd8" + noise()[2:], "is not a picture"),
    "cut off.png": (lambda: noise()[:40], "or it is damaged"),
    "page.png": (lambda: b"<html><body>Hi</body></html>", "is not a picture"),
    "huge.svg": (lambda: svg(20_000), "has 20,000 × 20,000 pixels"),
    "huge.bin": (lambda: bytes(65_000_000), "has 65 MB"),
}


def seen(page):
    """The picture that the model sees, `(32, 32, 3)`."""
    return np.array(page.evaluate(SEEN)).reshape(32, 32, 4)[..., :3]


def answered(page):
    """Waits for the answer; returns what is said."""
    page.wait_for_function(IDLE)
    return page.locator(".try-status").inner_text()


def choose(page, path):
    """Chooses a file; returns what is said."""
    page.locator(".try-file").set_input_files(path)
    return answered(page)


def press(page, name):
    """Presses a sample; returns what is said."""
    page.locator(f".try-sample[data-shows={name}]").click()
    return answered(page)


@pytest.fixture(scope="module")
def tried(site, browser):
    """The page with the model loaded, shared by all that do not alter it."""
    visit = open_in(
        browser, site, PATH, viewport=DESKTOP, reduced_motion="reduce"
    )
    press(visit.page, "ship")
    yield visit
    visit.page.context.close()
    assert visit.elsewhere == []
    assert visit.failed == []
    assert visit.errors == []


# --- Numbers ----------------------------------------------------------------


@pytest.fixture(scope="module")
def images():
    """A hundred images: cut from photographs, and noise."""
    from cct_utils.data import sample_photo

    rng = np.random.default_rng(0)
    photos = sample_photo("china"), sample_photo("flower")
    cut = []
    for i in range(90):
        photo = photos[i % 2]
        side = int(rng.integers(32, 400))
        top = rng.integers(photo.shape[0] - side)
        left = rng.integers(photo.shape[1] - side)
        part = photo[top : top + side, left : left + side]
        cut.append(np.asarray(Image.fromarray(part).resize((32, 32))))
    return np.stack([*cut, *rng.integers(0, 256, (10, 32, 32, 3), "uint8")])


def test_answers_are_those_of_keras_on_a_hundred_images(tried, images):
    from cct_utils import load_trained
    from cct_utils.inspection import (
        attention_maps,
        attention_rollout,
        pooling_weights,
    )

    lists = images.reshape(len(images), -1).tolist()
    answers = tried.page.evaluate(CLASSIFY, lists)
    facts = json.loads(
        (ROOT / "book/_static/try_it_facts.json").read_text("utf-8")
    )
    model, images = load_trained(facts["run"]), images.astype("float32")
    logits = np.concatenate([model(part) for part in np.split(images, 4)])
    pooling = pooling_weights(model, images)
    rollout = attention_rollout(attention_maps(model, images))
    expected = {
        "logits": logits,
        "pooling": pooling,
        "rollout": np.einsum("bi,bij->bj", pooling, rollout),
    }
    assert len(set(logits.argmax(axis=1))) > 3  # not all the same answer
    for name, values in expected.items():
        received = np.array([answer[name] for answer in answers])
        assert np.abs(received - values).max() < 1e-4, name


@pytest.mark.parametrize("size", [(97, 61), (20, 45), (640, 640)])
def test_shrinking_averages_the_area_of_the_middle_square(
    tried, tmp_path, size
):
    rng = np.random.default_rng(0)
    width, height = size
    pixels = rng.integers(0, 256, (height, width, 3), "uint8")
    (tmp_path / "noise.png").write_bytes(encode(pixels))
    choose(tried.page, tmp_path / "noise.png")
    side = min(size)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side].astype(float)
    # Row i says how much of each pixel lies in the i-th of 32 equal parts.
    share = np.eye(32).repeat(side, axis=1).reshape(32, side, 32).mean(axis=2)
    expected = np.einsum("iy,jx,yxc->ijc", share, share, square, optimize=True)
    expected *= (32 / side) ** 2
    assert np.abs(seen(tried.page) - expected).max() <= 0.51


# --- Pictures and bad files -------------------------------------------------


@pytest.mark.parametrize("name", GOOD)
def test_picture_is_seen_and_answered(tried, tmp_path, name):
    make, colors = GOOD[name]
    (tmp_path / name).write_bytes(make())
    text = choose(tried.page, tmp_path / name)
    assert re.match(r"[a-z]+\s+\d+\s%", text), text
    pixels = seen(tried.page)
    corners = pixels[3, 3], pixels[3, -4], pixels[-4, 3]
    for corner, color in zip(corners, colors, strict=True):
        assert np.abs(corner - color).max() <= 6, (corner, color)


@pytest.mark.parametrize("name", BAD)
def test_bad_file_gets_a_sentence_and_the_page_goes_on(tried, tmp_path, name):
    make, sentence = BAD[name]
    (tmp_path / name).write_bytes(make())
    text = choose(tried.page, tmp_path / name)
    assert sentence in text and text.endswith(".")
    assert tried.page.locator(".try-picture:visible").count() == 0
    assert "Right" in press(tried.page, "ship")


def test_picture_can_be_dropped_and_pasted(tried):
    content = list(encode(halves(GREEN, BLUE)))
    for kind in ("drop", "paste"):
        press(tried.page, "ship")
        tried.page.evaluate(GIVE, [kind, "a.png", "image/png", content])
        assert "must choose" in answered(tried.page)
        assert tuple(seen(tried.page)[3, 3]) == GREEN
    tried.page.evaluate(GIVE, ["drop", "", "", None])
    assert "That was no file" in answered(tried.page)
    tried.page.evaluate(GIVE, ["paste", "", "", None])  # text is left alone
    assert "That was no file" in answered(tried.page)


def test_only_the_last_of_quick_choices_is_shown(tried):
    for name in ("frog", "truck", "horse"):
        tried.page.locator(f".try-sample[data-shows={name}]").click(delay=0)
    answered(tried.page)
    pressed = tried.page.locator(".try-sample[aria-pressed=true]")
    assert pressed.get_attribute("data-shows") == "horse"
    label = tried.page.locator(".try-seen canvas").get_attribute("aria-label")
    assert "(horse)" in label


# --- Samples, camera, keyboard, and how the answer is shown -----------------


def test_answer_is_shown_in_words_bars_and_weights(tried):
    page = tried.page
    text = press(page, "temple")
    assert "In truth it is a temple, and there is no class for that." in text
    rows = page.locator(".try-bars tr").all_inner_texts()
    shares = [float(re.search(r"([\d.]+)\s%", row)[1]) for row in rows]
    assert len(shares) == 10 and shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert rows[0].split()[0] == text.split()[0]
    [answer] = page.evaluate(CLASSIFY, [seen(page).ravel().tolist()])
    for part in ("rollout", "pooling"):
        label = page.locator(f".try-{part}").get_attribute("aria-label")
        row, column = np.unravel_index(np.argmax(answer[part]), (8, 8))
        assert re.search(
            rf"The largest, \d+\.\d\s%, in row {row}, column {column}\.$",
            label,
        )
    assert re.search(r"in \d+\.\d ms", page.locator(".try-time").inner_text())


def test_keyboard_chooses_a_sample(tried):
    page = tried.page
    page.locator(".try-file").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.shows") == "cat":
            break
    page.keyboard.press("Enter")
    answered(page)
    label = page.locator(".try-seen canvas").get_attribute("aria-label")
    assert "(cat)" in label


def test_answer_and_refusal_are_accessible_and_fit_a_phone(tried, tmp_path):
    page = tried.page
    (tmp_path / "notes.txt").write_text("Dear diary")
    for show in (
        lambda: press(page, "temple"),
        lambda: choose(page, tmp_path / "notes.txt"),
    ):
        show()
        assert violations(page) == []
        with resized(page, PHONE):
            assert page.evaluate(OVERFLOW) == []


def test_paper_shows_the_answer_and_no_controls(tried):
    press(tried.page, "ship")
    tried.page.emulate_media(media="print")
    try:
        assert not tried.page.locator(".try-drop").is_visible()
        assert tried.page.locator(".try-bars").is_visible()
        assert tried.page.locator(".try-pooling").is_visible()
    finally:
        tried.page.emulate_media(media="screen")


def test_camera_gives_a_picture_and_is_closed(tried):
    page = tried.page
    page.evaluate(CAMERA)
    page.locator(".try-camera-open").click()
    page.wait_for_function(
        "document.querySelector('.try-camera video').videoWidth > 0"
    )
    page.locator(".try-camera-shoot").click()
    answered(page)
    assert np.abs(seen(page)[16, 16] - BLUE).max() <= 6
    page.locator(".try-camera-close").click()
    assert not page.locator(".try-camera").is_visible()
    assert page.evaluate("stream.getTracks()[0].readyState") == "ended"
    page.evaluate(NO_CAMERA)
    page.locator(".try-camera-open").click()
    page.wait_for_selector(".try-error")
    assert "The camera is not allowed here" in answered(page)


# --- Loading ----------------------------------------------------------------


def test_other_pages_do_not_load_it():
    for path in toc_pages():
        if path != PATH:
            assert "try_it.js" not in (HTML / path).read_text("utf-8"), path


def test_runtime_comes_with_the_first_picture_and_nothing_after(open_page):
    page = open_page(PATH).page
    requests = []
    page.context.on("request", lambda request: requests.append(request))
    content = list(encode(halves(RED, BLUE)))
    page.reload(wait_until="networkidle")
    assert not [r.url for r in requests if any(p in r.url for p in RUNTIME)]
    requests.clear()
    page.evaluate(GIVE, ["drop", "own.png", "image/png", content])
    assert "must choose" in answered(page)
    assert all(r.method == "GET" and not r.post_data for r in requests)
    paths = {r.url for r in requests if not r.url.startswith("blob:")}
    assert len(paths) == 3
    assert all(any(part in path for part in RUNTIME) for path in paths)
    requests.clear()
    page.context.set_offline(True)
    page.evaluate(GIVE, ["drop", "own.png", "image/png", content])
    assert "must choose" in answered(page)
    assert all(r.url.startswith("blob:") for r in requests)


def test_model_that_does_not_arrive_is_said_and_asked_for_again(open_page):
    page = open_page(PATH).page
    pattern = "**/try_it_model.gz.js"
    page.route(pattern, lambda route: route.abort())
    assert "try_it_model.gz.js did not arrive" in press(page, "ship")
    page.unroute(pattern)
    assert re.match(r"[a-z]+\s+\d+\s%", press(page, "ship"))


def test_it_works_from_a_folder_without_a_server(browser, tmp_path):
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.goto((HTML / PATH).as_uri())
    (tmp_path / "own.png").write_bytes(encode(halves(RED, BLUE)))
    for text in (press(page, "ship"), choose(page, tmp_path / "own.png")):
        assert re.match(r"[a-z]+\s+\d+\s%", text), text
    assert tuple(seen(page)[3, 3]) == RED
    context.close()
