"""Change the repository's address everywhere it is named.

Run `python scripts/set_repository.py https://github.com/OWNER/NAME`. The old
address is the one in `_config.yml`.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATTERNS = [
    "_config.yml",
    "pyproject.toml",
    "README.md",
    "book/*.md",
    "notebooks/*.ipynb",
]
ADDRESS = re.compile(r"https://github\.com/([\w-]+/[\w.-]+?)(?:\.git|/)?")


def current_address():
    """Owner and name as `_config.yml` has them."""
    text = (ROOT / "_config.yml").read_text("utf-8")
    return re.search(r"url: https://github\.com/(\S+)", text)[1]


def set_address(new):
    """Replace the old owner and name by the new; return the changed files."""
    old = re.compile(re.escape(current_address()) + r"(?![\w-])")
    changed = []
    for pattern in PATTERNS:
        for path in sorted(ROOT.glob(pattern)):
            text = path.read_text("utf-8")
            replaced = old.sub(new, text)
            if replaced != text:
                path.write_text(replaced, "utf-8")
                changed.append(path.relative_to(ROOT).as_posix())
    return changed


def main():
    """Check the argument, replace, list the files."""
    given = sys.argv[1] if len(sys.argv) == 2 else ""
    found = ADDRESS.fullmatch(given)
    if not found:
        sys.exit(
            "Expected one address like https://github.com/OWNER/NAME, "
            f"received {given!r}."
        )
    print("\n".join(set_address(found[1])) or "nothing to change")


if __name__ == "__main__":
    main()
