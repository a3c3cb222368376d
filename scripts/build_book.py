"""Build the site into `_build/html`, with every warning an error.

Nothing is executed and neither Keras nor TensorFlow is imported. Only pages
that changed are built anew; a change of the settings rebuilds everything.
"""

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "_build"
RUN = "from jupyter_book.cli.main import main; main()"
STAMP = OUTPUT / "settings.sha256"
SETTINGS = ["_config.yml", "_toc.yml", "requirements.txt", "book/_extensions"]


def settings_digest():
    """One checksum of all that every page depends on."""
    digest = hashlib.sha256(sys.version.encode())
    for name in SETTINGS:
        path = ROOT / name
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(file.read_bytes())
    return digest.hexdigest()


def build():
    """Run Jupyter Book; return its exit code."""
    digest = settings_digest()
    if not STAMP.exists() or STAMP.read_text() != digest:
        shutil.rmtree(OUTPUT, ignore_errors=True)
    command = [sys.executable, "-c", RUN, "build", str(ROOT)]
    command += ["-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode == 0:
        STAMP.write_text(digest)
    else:
        print(done.stdout)
    return done.returncode


def main():
    """Build, and say where the site lies and how long it took."""
    start = time.perf_counter()
    code = build()
    seconds = time.perf_counter() - start
    if code:
        sys.exit(f"The book did not build: see the messages above ({code}).")
    print(f"Built in {seconds:.0f} s: {OUTPUT / 'html' / 'index.html'}")


if __name__ == "__main__":
    main()
