"""Write what the page "Try it" needs from the shipped model.

Run `python scripts/export_try_it.py` after `BEST_RUN` of `cct_utils/results.py`
has changed: it writes that model as an ONNX graph, and the facts that the page
states. With `--pictures` the sample pictures are cut anew too, which takes
CIFAR-10.
"""

import argparse
import io
import tempfile
from pathlib import Path

import numpy as np
from fetch_vendor import pack

STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"
MODEL = STATIC / "try_it_model.gz.js"
FACTS = STATIC / "try_it_facts.json"
PICTURES = STATIC / "try_it_pictures"
PHOTO_SIZE = 256

# Edges of the bands of confidence for which the page tells how often the
# model is right; the lowest starts at a tenth, the least of ten classes.
BANDS = (0.1, 0.4, 0.6, 0.8, 0.9, 1.0)
SURE = 0.8  # "sure" in what is said of pictures of no class


def export_graph(model):
    """The ONNX file, with attention and pooling weights, as bytes."""
    from cct_utils import export_onnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "try_it.onnx"
        export_onnx(model, path, attention=True)
        return path.read_bytes()


def softmax(logits):
    """Probabilities `(images, classes)` of logits of that shape."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def confidence_bands(logits, labels):
    """How often the model is right, by how sure it is.

    Returns:
        A list of dicts, one for each band of the highest probability: its
        edges, the number of test images in it, and the share of them that
        the model answers correctly.
    """
    sure = softmax(logits).max(axis=1)
    right = logits.argmax(axis=1) == labels
    bands = []
    for low, high in zip(BANDS, BANDS[1:], strict=False):
        inside = (sure >= low) & ((sure < high) | (high == BANDS[-1]))
        share = float(right[inside].mean()) if inside.any() else None
        bands.append(
            {
                "low": low,
                "high": high,
                "images": int(inside.sum()),
                "right": None if share is None else round(share, 4),
            }
        )
    return bands


def answers_to_digits(model):
    """What the model makes of handwritten digits, which are of no class."""
    from sklearn.datasets import load_digits

    digits = load_digits().images  # (images, 8, 8), from 0 to 16
    pixels = np.kron(digits * (255 / 16), np.ones((1, 4, 4)))
    pixels = np.repeat(pixels[..., None], 3, axis=-1).astype("float32")
    sure = softmax(model.predict(pixels, verbose=0)).max(axis=1)
    return {
        "images": len(digits),
        "threshold": SURE,
        "sure": round(float((sure >= SURE).mean()), 4),
    }


def collect_facts(model):
    """All that the page states of the model, from its record."""
    from cct_utils.data import DATASETS
    from cct_utils.results import BEST_RUN, load_record, load_test_logits

    record = load_record(BEST_RUN)
    return {
        "run": BEST_RUN,
        "parameters": record["parameters"],
        "tokens": model.get_layer("pooling").input.shape[1],
        "accuracy": record["test"]["accuracy"],
        "test_images": record["test"]["images"],
        "classes": list(DATASETS[record["data"]["name"]].class_names),
        "bands": confidence_bands(*load_test_logits(BEST_RUN)),
        "digits": answers_to_digits(model),
    }


def encode(image, **options):
    """A `(height, width, 3)` array of bytes as the bytes of an image file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, **options)
    return file.getvalue()


def write_pictures(classes):
    """Write the first test image of each class, and two photographs."""
    from cct_utils.data import load_dataset, sample_photo

    PICTURES.mkdir(exist_ok=True)
    data = load_dataset("cifar10")
    for label, name in enumerate(classes):
        first = data.x_test[np.flatnonzero(data.y_test == label)[0]]
        content = encode(first.astype("uint8"), format="PNG", optimize=True)
        (PICTURES / f"{name}.png").write_bytes(content)
    for name in ("china", "flower"):
        photo = sample_photo(name, PHOTO_SIZE)
        content = encode(photo, format="JPEG", quality=80, optimize=True)
        (PICTURES / f"{name}.jpg").write_bytes(content)


def main():
    """Write the files and say how large they are."""
    from cct_utils import load_trained
    from cct_utils._files import write_atomically, write_json

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pictures", action="store_true", help="cut the samples anew too"
    )
    arguments = parser.parse_args()
    model = load_trained()
    script = pack("try_it.onnx", export_graph(model))
    write_atomically(MODEL, lambda partial: partial.write_bytes(script))
    facts = collect_facts(model)
    write_json(FACTS, facts)
    if arguments.pictures:
        write_pictures(facts["classes"])
    print(f"{MODEL.name}: {len(script):,} bytes; {FACTS.name} is up to date")


if __name__ == "__main__":
    main()
