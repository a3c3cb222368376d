"""Execute chapters in place, as the site shows them.

Run `python scripts/execute_notebooks.py` for all chapters, or name some by the
start of their file name: `python scripts/execute_notebooks.py 01 03`. The
profile is `CCT_PROFILE`, `quick` if unset. Timestamps and other volatile
metadata are left out; the state of the widgets on show is kept, so that the
site shows them without a kernel.
"""

import base64
import io
import json
import os
import re
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
TIMEOUT_SECONDS = 3600
FIGURE_BYTES = 100_000
# What TensorFlow says of the machine when it is imported: notes, no warnings.
STARTUP_LOG = re.compile(
    r"^(WARNING: All log messages before absl::InitializeLog\(\)"
    r"|I0000 00:00:[\d.]+ +\d+ \S+:\d+\] "
    r"|To enable the following instructions: ).*\n?",
    re.MULTILINE,
)
STATE_TYPE = "application/vnd.jupyter.widget-state+json"
VIEW_TYPE = "application/vnd.jupyter.widget-view+json"


def chosen_notebooks(prefixes):
    """The chapters whose file names start with one of the prefixes."""
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    for prefix in prefixes:
        if not any(path.name.startswith(prefix) for path in paths):
            names = ", ".join(path.stem for path in paths)
            sys.exit(f"No chapter starts with {prefix!r}. There are: {names}.")
    prefixes = tuple(prefixes) or ("",)
    return [path for path in paths if path.name.startswith(prefixes)]


def execute(path):
    """Run one chapter and write it back only if it ran to its end."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        store_widget_state=True,
        coalesce_streams=True,
    )
    client.execute()
    tidy(notebook, path.stem.split("_")[0])
    temporary = path.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    temporary.replace(path)


def tidy(notebook, chapter):
    """Drop what differs from run to run without meaning anything."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if not is_startup_log(o)]
            drop_startup_logs(cell.outputs)
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = shrink_figure(
                    output.data["image/png"]
                )
    metadata = notebook.metadata
    metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    metadata["language_info"] = {"name": "python"}
    name_widgets(notebook, prune_widgets(notebook), chapter)


def shrink_figure(encoded):
    """Round the colors of a figure of photographs until it is small enough.

    Figures of photographs compress badly. One bit less of each color channel
    halves them, and at four bits and more nobody sees it. Where that is not
    enough, a palette of 256 colors is.
    """
    picture = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    for bits in (8, 7, 6, 5, 4):
        if len(encoded) * 3 / 4 <= FIGURE_BYTES:
            break
        top = 2**bits - 1
        levels = np.rint(np.asarray(picture) * (top / 255)) * (255 / top)
        encoded = encode_png(Image.fromarray(np.rint(levels).astype("uint8")))
    if len(encoded) * 3 / 4 > FIGURE_BYTES:
        # This method keeps the rare colors, those of a small photograph.
        method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
        encoded = encode_png(picture.quantize(256, method, dither=dither))
    return encoded


def encode_png(picture):
    """A picture as the base64 text that a notebook holds."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def is_startup_log(output):
    """Whether all of this is what TensorFlow wrote when it was imported."""
    if output.get("name") != "stderr":
        return False
    rest, found = STARTUP_LOG.subn("", output["text"])
    return found > 0 and not rest.strip()


def drop_startup_logs(outputs):
    """Cut what TensorFlow wrote when imported out of what else was written."""
    for output in outputs:
        if output.get("name") == "stderr":
            output["text"] = STARTUP_LOG.sub("", output["text"])


def prune_widgets(notebook):
    """Keep the widgets on show and what they refer to; return their order."""
    saved = notebook.metadata.get("widgets", {}).get(STATE_TYPE, {})
    state = saved.get("state", {})
    queue = shown_widgets(notebook)
    kept = {}
    while queue:
        model = queue.pop(0)
        if model in state and model not in kept:
            kept[model] = state[model]
            text = json.dumps(state[model], sort_keys=True)
            queue += re.findall(r"IPY_MODEL_(\w+)", text)
    if kept:
        saved["state"] = kept
    else:
        notebook.metadata.pop("widgets", None)
    return list(kept)


def shown_widgets(notebook):
    """The ids of the widgets that some output shows."""
    return [
        output.data[VIEW_TYPE]["model_id"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if VIEW_TYPE in output.get("data", {})
    ]


def name_widgets(notebook, order, chapter):
    """Number the widgets, so that a second run gives the same file."""
    text = nbformat.writes(notebook)
    for number, model in enumerate(order):
        text = text.replace(model, f"widget{chapter}n{number:04d}")
    renamed = nbformat.reads(text, as_version=4)
    notebook.cells, notebook.metadata = renamed.cells, renamed.metadata


def main():
    """Execute the chosen chapters one after the other."""
    os.environ.setdefault("CCT_PROFILE", "quick")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for path in chosen_notebooks(sys.argv[1:]):
        start = time.perf_counter()
        execute(path)
        seconds = time.perf_counter() - start
        size = path.stat().st_size / 1024
        print(f"{path.name}: {seconds:.0f} s, {size:.0f} KB", flush=True)


if __name__ == "__main__":
    main()
