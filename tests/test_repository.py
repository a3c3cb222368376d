"""The repository as a whole: levels, chapters, addresses, figures, files."""

import ast
import base64
import importlib
import itertools
import json
import re
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Imports point down only: a room may import rooms of its own or lower levels.
LEVELS = {
    "_onednn": 0,
    "_choices": 0,
    "_devices": 0,
    "_environment": 0,
    "_files": 0,
    "_sizes": 0,
    "layers": 0,
    "augmentation": 0,
    "data": 0,
    "plots": 0,
    "profiles": 0,
    "models": 1,
    "training": 2,
    "results": 2,
    "inspection": 2,
    "checkpoints": 2,
    "export": 2,
    "widgets": 3,
    "__main__": 3,
}
LARGEST_FIGURE = 100_000
LARGEST_TEXT = 20_000
LARGEST_NOTEBOOK = 2_000_000
LARGEST_REPOSITORY = 60_000_000

# Files that are found by their name or place, without being mentioned.
KNOWN_BY_PLACE = re.compile(
    r"(README\.md|LICENSE.*|Makefile|pyproject\.toml|_config\.yml|_toc\.yml"
    r"|requirements\.txt|\.git(ignore|attributes)|\.ci/run|CITATION\.cff"
    r"|\.github/.*|tests/.*|book/_static/vendor/.*"
    r"|cct_utils/recorded/[^/]+/[^/]+|experiments/[^/]+\.toml"
    r"|book/_extensions/templates/[^/]+)"
)


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    """One notebook, parsed."""
    return json.loads(request.param.read_text("utf-8"))


def tracked_files():
    """The paths that git knows, or all but the ignored ones without git."""
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode == 0 and done.stdout:
        paths = done.stdout.splitlines()
        return [path for path in paths if (ROOT / path).is_file()]
    ignored = (".venv/", "_build/", "runs/", "build/", ".git/")
    return [
        name
        for path in sorted(ROOT.rglob("*"))
        if path.is_file()
        and not (name := path.relative_to(ROOT).as_posix()).startswith(ignored)
        and "__pycache__" not in name
    ]


# --- The package's levels -------------------------------------------------


def room_of(path):
    """The top-level module or subpackage that a file belongs to."""
    return path.relative_to(ROOT / "cct_utils").with_suffix("").parts[0]


def imported_names(path):
    """The dotted names of all modules that one file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "cct_utils":
            names |= {f"cct_utils.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def imported_rooms(path):
    """The rooms of the package that one file imports."""
    names = imported_names(path)
    return {n.split(".")[1] for n in names if n.startswith("cct_utils.")}


def test_levels_every_room_has_one():
    rooms = {
        room_of(path)
        for path in (ROOT / "cct_utils").rglob("*.py")
        if path.parent != ROOT / "cct_utils" or path.stem != "__init__"
    }
    assert rooms <= set(LEVELS), f"add to LEVELS: {rooms - set(LEVELS)}"


def test_levels_imports_point_down():
    wrong = [
        f"{path.relative_to(ROOT)} (level {LEVELS[room_of(path)]}) imports "
        f"{room} (level {LEVELS[room]})"
        for path in (ROOT / "cct_utils").rglob("*.py")
        if room_of(path) in LEVELS
        for room in imported_rooms(path) & set(LEVELS)
        if LEVELS[room] > LEVELS[room_of(path)]
    ]
    assert not wrong, "\n".join(wrong)


def test_levels_rooms_do_not_import_each_other_in_a_circle():
    below = {}
    for path in (ROOT / "cct_utils").rglob("*.py"):
        room = room_of(path)
        if room in LEVELS:
            found = imported_rooms(path) & set(LEVELS) - {room}
            below[room] = below.get(room, set()) | found
    while below:
        leaves = {room for room, needs in below.items() if not needs}
        assert leaves, f"a circle of imports among {sorted(below)}"
        below = {
            room: needs - leaves
            for room, needs in below.items()
            if room not in leaves
        }


def test_levels_plots_never_import_keras():
    for path in (ROOT / "cct_utils" / "plots").rglob("*.py"):
        roots = {name.split(".")[0] for name in imported_names(path)}
        assert not roots & {"keras", "tensorflow"}, path


def test_import_is_light():
    # Keras itself loads some of them where they are installed.
    code = (
        "import sys, keras; before = set(sys.modules); import cct_utils; "
        "heavy = {'matplotlib', 'matplotlib.pyplot', 'ipywidgets', "
        "'IPython', 'anywidget'}; "
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


# --- Docstrings -----------------------------------------------------------

# What a class does when it is made and used is said in its own docstring.
OF_THE_CLASS = ("__init__", "__post_init__", "build", "call")
CHECKS = re.compile(r"_?check_|_?unknown_choice$|_?parse_size$")


def exported_names():
    """The names in the `__all__` of each package, and where each is from."""
    for path in sorted((ROOT / "cct_utils").rglob("__init__.py")):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if getattr(value, "__module__", "").startswith("cct_utils."):
                yield value.__module__, name


EXPORTED = sorted(set(exported_names()))


def definition_of(module, name):
    """The syntax tree of a function or a class."""
    path = Path(importlib.import_module(module).__file__)
    return next(
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name == name
    )


def bodies_of(definition):
    """The functions that a docstring speaks of."""
    if isinstance(definition, ast.FunctionDef):
        return [definition]
    return [
        node
        for node in definition.body
        if isinstance(node, ast.FunctionDef) and node.name in OF_THE_CLASS
    ]


def takes_arguments(definition):
    """Whether a function, or the `__init__` that a class has, is given any."""
    of_class = isinstance(definition, ast.ClassDef)
    for function in bodies_of(definition):
        if of_class and function.name != "__init__":
            continue
        given = function.args
        positional = [*given.posonlyargs, *given.args][int(of_class) :]
        if positional or given.kwonlyargs or given.vararg or given.kwarg:
            return True
    return False


def raises_by_itself(function):
    """Whether an error is raised in a function's own body, or checked for."""
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        if isinstance(node, ast.Call):
            called = node.func
            name = getattr(called, "id", getattr(called, "attr", ""))
            if CHECKS.match(name):
                return True
    return False


@pytest.mark.parametrize(("module", "name"), EXPORTED)
def test_public_docstring_has_its_sections(module, name):
    definition = definition_of(module, name)
    text = ast.get_docstring(definition)
    assert text, f"{module}.{name} has no docstring"
    if takes_arguments(definition):
        assert re.search(r"^Args:$", text, re.M), f"{module}.{name}: no Args"
    if any(map(raises_by_itself, bodies_of(definition))):
        assert re.search(r"^Raises:$", text, re.M), (
            f"{module}.{name}: no Raises"
        )


# --- Chapters -------------------------------------------------------------


def toc_files():
    """All pages of the table of contents, the home page first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = [toc["root"]]
    for part in toc["parts"]:
        files += [entry["file"] for entry in part["chapters"]]
    return files


def test_toc_holds_every_chapter_and_page():
    pages = [f"notebooks/{path.stem}" for path in CHAPTERS]
    pages += [f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")]
    assert sorted(pages) == sorted(toc_files())


def outputs(notebook):
    """Pairs of a code cell and one of its outputs."""
    return [
        (cell, output)
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
    ]


def test_chapter_figures_have_alt_caption_and_name(chapter):
    for cell, output in outputs(chapter):
        data = output.get("data", {})
        if not any(kind.startswith("image/") for kind in data):
            continue
        about = cell["metadata"].get("mystnb", {})
        start = "".join(cell["source"])[:60]
        assert len(about.get("image", {}).get("alt", "")) > 15, start
        assert about.get("figure", {}).get("caption"), start
        assert about["figure"].get("name", "").startswith("fig-"), start


def test_chapter_images_in_prose_and_html_have_alt(chapter):
    texts = [
        "".join(cell["source"])
        for cell in chapter["cells"]
        if cell["cell_type"] == "markdown"
    ]
    texts += [
        "".join(output.get("data", {}).get("text/html", ""))
        for _, output in outputs(chapter)
    ]
    for text in texts:
        for tag in re.findall(r"<img\b[^>]*>", text):
            assert re.search(r'\balt="[^"]+"', tag), tag[:80]
        assert not re.search(r"!\[\s*\]\(", text), text[:80]


def test_chapter_figure_names_are_unique():
    names = [
        cell["metadata"]["mystnb"]["figure"]["name"]
        for path in CHAPTERS
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if "figure" in cell["metadata"].get("mystnb", {})
    ]
    assert len(names) == len(set(names))


def test_tables_of_a_chapter_are_read_as_tables(chapter):
    """Without its format a table is a paragraph of bars on the page."""
    for cell, output in outputs(chapter):
        text = "".join(output.get("data", {}).get("text/markdown", ""))
        if text.startswith("|"):
            style = cell["metadata"].get("mystnb", {})
            assert style.get("markdown_format") == "myst", cell["id"]


def test_chapter_has_three_checked_outputs(chapter):
    checked = [
        cell
        for cell in chapter["cells"]
        if "nbval-check-output" in cell["metadata"].get("tags", [])
        and cell["outputs"]
    ]
    assert len(checked) >= 3


def test_chapter_was_executed_from_top_to_bottom(chapter):
    counts = [
        cell["execution_count"]
        for cell in chapter["cells"]
        if cell["cell_type"] == "code" and "".join(cell["source"]).strip()
    ]
    assert counts == list(range(1, len(counts) + 1))


def test_chapter_shows_no_unexpected_error_or_log(chapter):
    for cell, output in outputs(chapter):
        start = "".join(cell["source"])[:60]
        expected = "raises-exception" in cell["metadata"].get("tags", [])
        assert output["output_type"] != "error" or expected, start
        assert output.get("name") != "stderr", start


def test_chapter_says_its_time_and_asks_and_answers_questions(chapter):
    prose = [
        "".join(cell["source"])
        for cell in chapter["cells"]
        if cell["cell_type"] == "markdown"
    ]
    frame = "".join(prose[:2])
    assert "*Before this:*" in frame
    assert re.search(r"\*Time:\* reading .*running .*CPU", frame)
    quizzes = [
        output
        for _, output in outputs(chapter)
        if "cct-quiz" in "".join(output.get("data", {}).get("text/html", ""))
    ]
    assert len(quizzes) == 1
    start = next(i for i, text in enumerate(prose) if "## Exercises" in text)
    headings = re.findall(
        r"^### (\d)\. \S.* \((\w+)\)$", "\n".join(prose[start:]), re.M
    )
    assert headings == [("1", "easy"), ("2", "medium"), ("3", "hard")]
    answers = [t for t in prose[start:] if "<summary>Discussion" in t]
    folded = [
        cell
        for cell in chapter["cells"]
        if cell["cell_type"] == "code"
        and "hide-cell" in cell["metadata"].get("tags", [])
        and cell["outputs"]
    ]
    assert len(answers) >= 3 and len(folded) >= len(answers)


def test_chapter_outputs_are_small(chapter):
    assert len(json.dumps(chapter)) < LARGEST_NOTEBOOK
    for cell, output in outputs(chapter):
        start = "".join(cell["source"])[:60]
        data = output.get("data", {})
        for kind, content in data.items():
            if kind.startswith("image/"):
                size = len("".join(content))
                if kind == "image/png":
                    size = len(base64.b64decode("".join(content)))
                assert size < LARGEST_FIGURE, f"{start}: {size} bytes"
        text = "".join(output.get("text", ""))
        assert len(text) < LARGEST_TEXT, start


def test_chapter_figures_are_png_of_sensible_width(chapter):
    for cell, output in outputs(chapter):
        content = output.get("data", {}).get("image/png")
        if content:
            data = base64.b64decode("".join(content))
            width = struct.unpack(">I", data[16:20])[0]
            assert 200 <= width <= 2400, "".join(cell["source"])[:60]


def test_style_sheet_has_no_rule_for_what_no_drawing_has():
    style = (ROOT / "book" / "_static" / "book.css").read_text("utf-8")
    drawings = "".join(
        path.read_text("utf-8")
        for path in (ROOT / "book" / "_extensions").glob("*.py")
    )
    styled = {
        name
        for selector in re.findall(r"([^{}]+)\{", style)
        if re.search(r"\.(curves|curve-key|growth)\b", selector)
        for name in re.findall(r"\.([a-z][\w-]*)", selector)
    }
    lost = {
        name
        for name in styled
        if not re.search(rf"(?<![\w-]){name}(?![\w-])", drawings)
    }
    assert styled and not lost


def test_style_sheet_has_no_color_that_nothing_uses():
    style = (ROOT / "book" / "_static" / "book.css").read_text("utf-8")
    texts = [style, (ROOT / "scripts" / "make_pdf.css").read_text("utf-8")]
    for kind in ("*.py", "*.html", "*.js", "*.css", "*.svg"):
        texts += [
            path.read_text("utf-8")
            for path in (ROOT / "book").rglob(kind)
            if "vendor" not in path.parts
        ]
    defined = set(re.findall(r"^\s*(--book-[\w-]+):", style, re.M))
    used = set(re.findall(r"var\((--book-[\w-]+)", "\n".join(texts)))
    assert defined == used


# --- The repository's address ----------------------------------------------


def configured_address():
    """The address in `_config.yml`, without a slash at its end."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    return config["repository"]["url"]


def test_address_is_the_same_everywhere():
    address = configured_address()
    name = address.rsplit("/", 1)[1]
    other = re.compile(rf"[\w.-]+/{re.escape(name)}(?![\w-])")
    expected = address.removeprefix("https://github.com/")
    for path in tracked_files():
        if path.endswith((".md", ".toml", ".yml", ".ipynb", ".py", ".cff")):
            text = (ROOT / path).read_text("utf-8")
            assert set(other.findall(text)) <= {expected}, path


def test_address_in_project_and_readme():
    address = configured_address()
    assert f'"{address}"' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert address in (ROOT / "README.md").read_text("utf-8")


def test_address_in_every_setup_cell(chapter):
    text = "\n".join("".join(cell["source"]) for cell in chapter["cells"])
    assert f"git+{configured_address()}" in text


# --- Files -------------------------------------------------------------------


def test_no_file_is_unreachable():
    files = tracked_files()
    pages = {path.with_suffix("").name for path in CHAPTERS}
    texts = {}
    for path in files:
        if not path.startswith("book/_static/vendor/"):
            try:
                texts[path] = (ROOT / path).read_text("utf-8")
            except UnicodeDecodeError:
                continue
    lost = []
    for path in files:
        stem = Path(path).stem
        name = Path(path).name
        if KNOWN_BY_PLACE.fullmatch(path) or stem in pages:
            continue
        wanted = stem if path.endswith((".py", ".md")) else name
        if stem == "__init__":
            wanted = Path(path).parent.name
        if not any(
            re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text)
            for other, text in texts.items()
            if other != path
        ):
            lost.append(path)
    assert not lost, lost


def test_records_are_of_whole_runs_made_by_the_command_line():
    for path in (ROOT / "cct_utils" / "recorded").glob("*/record.json"):
        record = json.loads(path.read_text("utf-8"))
        assert record["command"].startswith("python -m cct_utils train "), path
        epochs = record["settings"]["num_epochs"]
        epochs = record.get("stopped_after", epochs)
        assert len(record["history"]["val_accuracy"]) == epochs, path


def test_repository_is_small():
    size = sum((ROOT / path).stat().st_size for path in tracked_files())
    assert size < LARGEST_REPOSITORY


def test_vendored_files_are_as_listed():
    done = subprocess.run(
        [sys.executable, "scripts/fetch_vendor.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_vendored_packages_have_a_license():
    vendor = ROOT / "book" / "_static" / "vendor"
    for entry in json.loads((vendor / "manifest.json").read_text("utf-8")):
        assert any(path.endswith("LICENSE") for path in entry["files"])


def test_defects_page_names_every_defect_and_no_other_test():
    page = (ROOT / "book" / "popular_example.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    existing = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(
            r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE
        )
    }
    defects = {name for name in existing if name.startswith("test_defect_")}
    assert named <= existing, named - existing
    assert defects <= named, defects - named


def test_requirements_satisfy_the_project():
    pins = {}
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pins[canonicalize_name(name)] = version
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    extras = itertools.chain(*project["optional-dependencies"].values())
    for line in (*project["dependencies"], *extras):
        needed = Requirement(line)
        name = canonicalize_name(needed.name)
        if name != project["name"]:  # one extra may name another
            assert needed.specifier.contains(pins[name]), line


def test_dependencies_are_what_the_package_imports():
    imported = {
        name.split(".")[0]
        for path in (ROOT / "cct_utils").rglob("*.py")
        for name in imported_names(path)
    }
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    declared = {Requirement(d).name for d in project["dependencies"]}
    renamed = {"scikit-learn": "sklearn", "Pillow": "PIL"}
    needed = {renamed.get(name, name) for name in declared}
    # JAX is an extra like ONNX, and a notebook brings IPython along.
    optional = {"onnx", "IPython", "matplotlib_inline", "cct_utils", "jax"}
    others = imported - set(sys.stdlib_module_names) - optional
    assert others == needed


# --- The model figure of the home page  -----------------------


def test_model_figure_adds_up_to_the_authors_model():
    code = (
        "import sys; sys.path.insert(0, 'book/_extensions'); "
        "import model_figure as m; print(sum(s.parameters for s in m.steps()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "283723", done.stderr
