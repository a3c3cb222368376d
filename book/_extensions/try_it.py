"""The page "Try it": its markup with the samples, and what is known of it.

What is said of the model is read from `try_it_facts.json`, which
`scripts/export_try_it.py` writes. The samples stand in the page itself, since
a browser that opened the page without a server may not read other files.
"""

import base64
import json
from html import escape

FACTS = "book/_static/try_it_facts.json"
PICTURES = "book/_static/try_it_pictures"
LOADED = (
    "book/_static/try_it_model.gz.js",
    "book/_static/vendor/onnxruntime-web/ort.wasm.min.js",
    "book/_static/vendor/onnxruntime-web/ort-wasm-simd.wasm.gz.js",
)

# File, what it shows, and whether that is one of the model's classes.
SAMPLES = (
    ("airplane.png", "airplane", True),
    ("automobile.png", "automobile", True),
    ("bird.png", "bird", True),
    ("cat.png", "cat", True),
    ("deer.png", "deer", True),
    ("dog.png", "dog", True),
    ("frog.png", "frog", True),
    ("horse.png", "horse", True),
    ("ship.png", "ship", True),
    ("truck.png", "truck", True),
    ("china.jpg", "temple", False),
    ("flower.jpg", "flower", False),
)

MARKUP = """<link rel="stylesheet" href="../_static/try_it.css">
<div class="try-it" data-megabytes="{megabytes:.0f}">
<script type="application/json" class="try-facts">{facts}</script>
<div class="try-drop">
<p class="try-call">Drop a picture anywhere on this page, paste one, or</p>
<div class="try-buttons">
<label class="try-button primary">Choose a picture
<input type="file" accept="image/*" class="try-file"></label>
<button type="button" class="try-button try-camera-open">
Use the camera</button>
</div>
<p class="try-privacy"><strong>Nothing leaves your browser.</strong> The model
comes to your picture, about {megabytes:.0f} MB when you choose the first one;
your picture goes nowhere.</p>
</div>
<div class="try-camera" hidden>
<video playsinline muted aria-label="What the camera sees"></video>
<div class="try-buttons">
<button type="button" class="try-button primary try-camera-shoot">
Take the picture</button>
<button type="button" class="try-button try-camera-close">
Close the camera</button>
</div>
</div>
<p class="try-label" id="try-samples">Or press one of these</p>
<div class="try-samples" role="group" aria-labelledby="try-samples">
{samples}
</div>
<noscript><p class="try-error">This part of the page needs JavaScript, which
is switched off in your browser.</p></noscript>
<div class="try-result">
<figure class="try-seen" hidden>
<canvas class="try-picture" width="32" height="32" role="img"></canvas>
<figcaption></figcaption>
</figure>
<div class="try-words">
<div class="try-status" role="status" aria-live="polite" aria-atomic="true">
</div>
<table class="try-bars" hidden>
<caption>Probability of each class</caption>
<tbody></tbody>
</table>
<p class="try-time"></p>
</div>
</div>
<div class="try-maps" hidden>
<figure>
<canvas class="try-picture try-rollout" width="256" height="256" role="img">
</canvas>
<figcaption><strong>Attention rollout.</strong>
<span></span></figcaption>
</figure>
<figure>
<canvas class="try-picture try-pooling" width="256" height="256" role="img">
</canvas>
<figcaption><strong>Pooling weights.</strong>
<span></span></figcaption>
</figure>
<div class="try-legend">
<div class="try-scale" aria-hidden="true"></div>
<p><span>weighs nothing</span> <span>weighs most</span></p>
<p>Dark parts hardly count for the answer, clear parts count most. Each of the
{tokens} squares is one token; if all counted alike, each would
have {even}.</p>
</div>
</div>
</div>
<script src="../_static/try_it.js" defer></script>
"""


def render(root):
    """The samples, the controls, and the place of the answer."""
    facts = read_facts(root)
    shown = {"classes": facts["classes"], "bands": facts["bands"]}
    size = sum((root / path).stat().st_size for path in LOADED)
    return MARKUP.format(
        megabytes=size / 1e6,
        facts=json.dumps(shown),
        samples="\n".join(sample(root, *each) for each in SAMPLES),
        tokens=facts["tokens"],
        even=percent(1 / facts["tokens"], 1),
    )


def sample(root, file, shows, is_class):
    """One sample picture as a button."""
    kind = "jpeg" if file.endswith(".jpg") else "png"
    text = base64.b64encode((root / PICTURES / file).read_bytes()).decode()
    return (
        f'<button type="button" class="try-sample" aria-pressed="false" '
        f'data-shows="{escape(shows)}" data-class="{str(is_class).lower()}">'
        f'<img src="data:image/{kind};base64,{text}" width="64" height="64" '
        f'alt="{escape(shows)}"></button>'
    )


def render_limits(root):
    """How good the model is, and what it makes of what it does not know."""
    facts = read_facts(root)
    lowest, highest = facts["bands"][0], facts["bands"][-1]
    digits = facts["digits"]
    return (
        f"Of the {facts['test_images']:,} test images of CIFAR-10 it answers "
        f"{percent(facts['accuracy'], 2)} correctly, with "
        f"{facts['parameters']:,} parameters. Its confidence says something: "
        f"where its highest probability was below {percent(lowest['high'])}, "
        f"{percent(lowest['right'])} of its answers were right; from "
        f"{percent(highest['low'])} on, {percent(highest['right'])} were. All "
        "of this was measured on pictures like those it has learned from.\n\n"
        "It must choose one of its ten classes, whatever it is given: there "
        f"is no answer *none of them*. Shown {digits['images']:,} handwritten "
        "digits, not one of which is an animal or a vehicle, it gave each of "
        f"them a class, and {percent(digits['sure'])} of them one with a "
        f"probability of {percent(digits['threshold'])} or more. A high "
        "probability means "
        "*this, rather than the nine others*. It does not mean *this*.\n"
    )


def percent(share, decimals=0):
    """A share between 0 and 1 as the text of a percentage."""
    return f"{100 * share:.{decimals}f}\N{NO-BREAK SPACE}%"


def read_facts(root):
    """What `scripts/export_try_it.py` has measured."""
    return json.loads((root / FACTS).read_text("utf-8"))
