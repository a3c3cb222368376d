"""The script that changes the repository's address, in a small repository."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = {
    "_config.yml": "url: https://github.com/old.org/a-book\n",
    "README.md": "git clone https://github.com/old.org/a-book && cd a-book\n",
    "book/page.md": "old.org/a-book, old.org/a-book.git, old.org/a-book-2\n",
    "book/other.md": "oldXorg/a-book is another place\n",
    "notebooks/01_a.ipynb": '"git+https://github.com/old.org/a-book"\n',
    "elsewhere.md": "old.org/a-book\n",
}


@pytest.fixture
def script(monkeypatch, tmp_path):
    """The script, as if it stood in a small repository."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    module = importlib.import_module("set_repository")
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_the_address_changes_in_every_file_that_names_it(script, tmp_path):
    assert script.current_address() == "old.org/a-book"
    assert script.set_address("new/notes") == [
        "_config.yml",
        "README.md",
        "book/page.md",
        "notebooks/01_a.ipynb",
    ]
    assert script.current_address() == "new/notes"
    texts = {name: (tmp_path / name).read_text("utf-8") for name in FILES}
    assert texts["README.md"] == (
        "git clone https://github.com/new/notes && cd a-book\n"
    )
    # A longer name is that of another repository.
    assert texts["book/page.md"] == (
        "new/notes, new/notes.git, old.org/a-book-2\n"
    )
    for name in ("book/other.md", "elsewhere.md"):
        assert texts[name] == FILES[name]


def test_the_same_address_changes_nothing(script):
    assert script.set_address("old.org/a-book") == []


@pytest.mark.parametrize(
    "given", ["", "new/notes", "https://github.com/new", "http://a.org/b/c"]
)
def test_what_is_no_address_is_refused(script, monkeypatch, given):
    monkeypatch.setattr("sys.argv", ["set_repository.py", given])
    with pytest.raises(SystemExit, match=f"received {given!r}"):
        script.main()
    assert script.current_address() == "old.org/a-book"


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_the_end_of_an_address_does_not_matter(script, monkeypatch, end):
    address = f"https://github.com/new/notes{end}"
    monkeypatch.setattr("sys.argv", ["set_repository.py", address])
    script.main()
    assert script.current_address() == "new/notes"
