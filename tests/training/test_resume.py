"""A killed training goes on as if nothing had happened.

The uninterrupted run is copied at each step of writing its folder: every copy
is what a process killed at that moment leaves behind. (A process that is
really killed, in the middle of an epoch, is among the tests of the command
line.)
"""

import pathlib
import shutil

import pytest

from cct_utils import _files


@pytest.fixture(scope="module")
def moments(train, tmp_path_factory):
    """Copies of a run's folder, taken while it was written.

    A dict from what was about to happen to the folder at that moment.
    """
    run = tmp_path_factory.mktemp("uninterrupted")
    copies = tmp_path_factory.mktemp("moments")
    moments = {}

    def copy(event, path):
        name = f"{len(moments):02d} {event} {path.name}"
        shutil.copytree(run, copies / name)
        for partial in (copies / name).glob("partial-*"):
            content = partial.read_bytes()
            partial.write_bytes(content[: len(content) // 2])
        moments[name] = copies / name

    replace, unlink = _files.os.replace, pathlib.Path.unlink

    def watched_replace(source, destination):
        if pathlib.Path(destination).parent == run:
            copy("before", pathlib.Path(destination))
        replace(source, destination)

    def watched_unlink(path, missing_ok=False):
        if path.parent == run and path.name.startswith("last-"):
            copy("before deleting", path)
        unlink(path, missing_ok)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_files.os, "replace", watched_replace)
        patch.setattr(pathlib.Path, "unlink", watched_unlink)
        train(run)
    return moments


def test_every_step_of_writing_is_a_moment(moments):
    steps = [name.partition(" ")[2] for name in moments]
    epochs = [
        step
        for epoch in (1, 2, 3)
        for step in (
            f"before last-{epoch:04d}.weights.h5",
            "before state.json",
        )
    ]
    assert [step for step in steps if "deleting" not in step] == [
        "before config.json",
        *epochs,
        "before best.weights.h5",
        "before test_logits.npz",
        "before record.json",
    ]
    assert any("deleting" in step for step in steps)


def test_a_run_killed_at_any_moment_is_finished_alike(
    moments, finished, train, assert_same_history
):
    history, folder = finished
    for name, moment in moments.items():
        # A run that is killed before its first epoch is saved starts again.
        # One such moment will do, and so will the second and third epoch.
        if name[:2] in ("00", "01", "03"):
            continue
        resumed = train(moment)
        assert_same_history(resumed.history, history.history)
        assert resumed.record["best_epoch"] == history.record["best_epoch"]
        assert resumed.record["test"] == pytest.approx(
            history.record["test"], abs=1e-5
        ), name
        assert {path.name for path in moment.iterdir()} == {
            path.name for path in folder.iterdir()
        }, name
