"""Importing the package downloads nothing and writes nothing."""

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import cct_utils
from cct_utils import _onednn

CODE = """
import pkgutil, socket

def refuse(*arguments, **options):
    raise AssertionError(f"a connection was tried: {arguments}")

socket.socket.connect = socket.create_connection = refuse
socket.getaddrinfo = refuse
import cct_utils
for module in pkgutil.walk_packages(cct_utils.__path__, "cct_utils."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
print("done")
"""


def test_import_of_every_module_asks_no_host_and_leaves_no_file(root, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "KERAS_HOME": str(home / "keras"),
        "MPLCONFIGDIR": str(tmp_path / "matplotlib"),
        "PYTHONPATH": str(root),
    }
    environment.pop("CCT_DATA_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "done\n", done.stderr
    left = {path.name for path in home.rglob("*") if path.is_file()}
    assert left <= {"keras.json"}  # Keras's own settings


def test_onednn_is_on_before_tensorflow_is_there(monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    importlib.reload(_onednn)
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    source = Path(cct_utils.__file__).read_text("utf-8")
    imports = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ImportFrom)
    ]
    assert imports[0].names[0].name == "_onednn"


def test_onednn_stays_off_where_somebody_turned_it_off(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    importlib.reload(_onednn)
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
