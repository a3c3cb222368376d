"""What a record says of the machine, the software and the command."""

import json
import shutil
import subprocess

import keras
import numpy as np
import pytest

from cct_utils import _environment
from cct_utils._environment import describe_environment


def test_the_environment_is_described():
    environment = describe_environment()
    assert environment["versions"]["numpy"] == np.__version__
    assert environment["backend"] == keras.backend.backend()
    assert environment["hardware"]["cores"] >= 1
    assert environment["hardware"]["processor"]
    known = set(_environment.INSTRUCTIONS)
    assert set(environment["hardware"]["instructions"]) <= known
    assert json.loads(json.dumps(environment)) == environment


def test_instructions_are_those_of_the_processors_flags(monkeypatch, tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "model name\t: Some: CPU\nflags\t\t: fpu avx2 avx512_bf16x amx_bf16\n"
        "\nmodel name\t: another\nflags\t\t: avx512f\n"
    )
    monkeypatch.setattr(_environment.pathlib, "Path", lambda path: cpuinfo)
    assert _environment._instructions() == ["avx2", "amx_bf16"]
    assert _environment._processor() == "Some: CPU"
    cpuinfo.unlink()  # another system than Linux
    assert _environment._instructions() == []
    assert _environment._processor()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_commit_is_the_packages_own(tmp_path, monkeypatch):
    def git(*arguments):
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)

    package = tmp_path / "lib" / "cct_utils"
    package.mkdir(parents=True)
    source = package / "_environment.py"
    for path in (source, package / "__init__.py"):
        path.write_text("")
    (tmp_path / "other.txt").write_text("")
    monkeypatch.setattr(_environment, "__file__", str(source))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert _environment._commit() is None  # no checkout at all
    git("init", "-q")
    git("add", "other.txt")
    git("commit", "-q", "-m", "another project")
    assert _environment._commit() is None  # installed inside another project
    git("add", ".")
    git("commit", "-q", "-m", "the package")
    assert len(_environment._commit()) == 12
    source.write_text("changed = True")
    assert _environment._commit().endswith("+changes")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["/x/cct_utils/__main__.py", "train", "cct_2_3x2", "--out", "a b"],
            "python -m cct_utils train cct_2_3x2 --out 'a b'",
        ),
        (["/x/script.py", "--fast"], "python script.py --fast"),
    ],
)
def test_command_line_can_be_repeated(arguments, expected, monkeypatch):
    monkeypatch.setattr(_environment.sys, "argv", arguments)
    assert _environment.command_line() == expected
