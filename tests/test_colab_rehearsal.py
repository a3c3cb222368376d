"""A rehearsal of Colab: each chapter in a fresh environment, no repository.

A wheel is built and installed into a new virtual environment, a notebook is
copied alone into an empty folder, and executed there with the smoke profile.
The libraries that Colab has preinstalled come from this environment through a
path file, so that nothing is downloaded; the package itself does not.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "cct_utils")
TIMEOUT_SECONDS = 600


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """A virtual environment with the built wheel in it; its interpreter."""
    base = tmp_path_factory.mktemp("rehearsal")
    wheel = build_wheel(base)
    folder = base / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    packages = Path(run(python, "-c", ask).strip())
    # One plain line: path files inside that folder are not read again, so an
    # editable install of the repository stays out of reach.
    libraries = sysconfig.get_paths()["purelib"]
    (packages / "preinstalled.pth").write_text(libraries + "\n")
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install"),
        *("--quiet", "--no-deps", "--no-index", wheel),
    )
    return python


def build_wheel(base):
    """Build the package outside the repository; return the wheel's path."""
    source = base / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=skip)
        else:
            shutil.copy(ROOT / name, source / name)
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
        *("--no-build-isolation", "--wheel-dir", base, source),
    )
    (wheel,) = base.glob("cct_utils-*.whl")
    return wheel


def run(*command):
    """Run a command outside the repository; return what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        cwd="/",
        env=clean_environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def clean_environment():
    """The environment variables without paths that lead to the repository."""
    dropped = ("PYTHONPATH", "VIRTUAL_ENV", "CCT_DATA_DIR", "CCT_PROFILE")
    return {
        key: value for key, value in os.environ.items() if key not in dropped
    }


def test_wheel_holds_data_and_no_tests(tmp_path):
    names = run(
        sys.executable, "-m", "zipfile", "-l", build_wheel(tmp_path)
    ).split()
    assert any(name.startswith("cct_utils/widgets/") for name in names)
    assert any(name.endswith(".js") for name in names)
    assert any(name.endswith("record.json") for name in names)
    assert not any(name.startswith(("tests/", "book/")) for name in names)


def test_package_comes_from_the_wheel(environment):
    where = run(
        environment, "-c", "import cct_utils; print(cct_utils.__file__)"
    ).splitlines()[-1]
    assert Path(where).is_relative_to(environment.parents[1])


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_runs_alone(environment, chapter, tmp_path, monkeypatch):
    folder = tmp_path / "empty"
    folder.mkdir()
    shutil.copy(chapter, folder)
    kernel = tmp_path / "jupyter" / "kernels" / "rehearsal"
    kernel.mkdir(parents=True)
    launch = [str(environment), "-m", "ipykernel_launcher", "-f"]
    (kernel / "kernel.json").write_text(
        json.dumps(
            {
                "argv": [*launch, "{connection_file}"],
                "display_name": "rehearsal",
                "language": "python",
            }
        )
    )
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "CCT_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CCT_PROFILE", "smoke")
    notebook = nbformat.read(folder / chapter.name, as_version=4)
    NotebookClient(
        notebook,
        kernel_name="rehearsal",
        timeout=TIMEOUT_SECONDS,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
