"""Files that are there either wholly or not at all."""

import json
import os
import pathlib


def write_atomically(path, write):
    """Writes a file so that it is there either wholly or not at all.

    Args:
        path: where the file shall be.
        write: function that is given a temporary path of the same folder and
            the same endings, and writes there.
    """
    path = pathlib.Path(path)
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    try:
        write(partial)
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path, content):
    """Writes JSON atomically."""
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda partial: partial.write_text(text))
