"""Print the path of a Chromium for the site tests; `--install` gets one.

Looked at in this order: $CHROMIUM, a browser in PATH, Playwright's own copy.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
HOW = (
    "No Chromium was found. Install one (Debian: apt-get install chromium), or "
    "point $CHROMIUM at one, or run: python -m playwright install chromium"
)


def find_chromium():
    """The path of a Chromium, or None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    for name in NAMES:
        if found := shutil.which(name):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main():
    """Find one, else try Playwright's download, else say how in one line."""
    path = find_chromium()
    if path is None and "--install" in sys.argv[1:]:
        subprocess.run(
            [sys.executable, "-m", "playwright", "install", "chromium"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        path = find_chromium()
    if path is None:
        sys.exit(HOW)
    print(path)


if __name__ == "__main__":
    main()
