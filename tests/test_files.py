"""Files: whole or not there at all."""

import json
import os
import pathlib

import pytest

from cct_utils import _files
from cct_utils._files import write_atomically, write_json


def test_write_atomically_replaces_a_file(tmp_path):
    path = tmp_path / "file.txt"
    for text in ("first", "second"):
        write_atomically(path, lambda p, t=text: p.write_text(t))
        assert path.read_text() == text
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Or a machine that loses power may be left with an empty one."""
    steps = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)

        def watched(*arguments, name=name, original=original):
            steps.append(name)
            original(*arguments)

        monkeypatch.setattr(_files.os, name, watched)
    write_json(tmp_path / "a.json", {})
    assert steps == ["fsync", "replace"]


def test_write_atomically_keeps_the_ending_for_the_writer(tmp_path):
    seen = []

    def write(partial):
        seen.append(partial)
        partial.write_text("")

    write_atomically(tmp_path / "a.weights.h5", write)
    assert seen[0].name.endswith(".weights.h5")
    assert seen[0].parent == tmp_path and seen[0].name != "a.weights.h5"


def test_write_atomically_keeps_the_old_file_if_the_writer_fails(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(partial):
        partial.write_text("hal")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def test_write_json_keeps_the_old_file_if_the_content_is_no_json(tmp_path):
    path = tmp_path / "record.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_partial_files_of_two_processes_do_not_meet(tmp_path, monkeypatch):
    names = []
    for process in (11, 12):
        monkeypatch.setattr(os, "getpid", lambda p=process: p)
        write_atomically(
            tmp_path / "a.txt",
            lambda partial: (
                names.append(pathlib.Path(partial.name))
                or partial.write_text("")
            ),
        )
    assert len(set(names)) == 2
