"""Recording a run: one training at a time, and nothing of another."""

import importlib
import json

import pytest

RECORD = {
    "command": "python -m cct_utils train cct_2_3x2 --out runs/a",
    "seed": 0,
    "history": {"loss": [2.0, 1.5]},
    "test": {"accuracy": 0.7},
}
LOOKS = {"two_looks": {"test": [0.7, 0.72], "validation": [0.6, 0.61]}}


@pytest.fixture
def script(root, tmp_path, monkeypatch):
    """The script, for a package of no records, with runs of known accuracy."""
    monkeypatch.syspath_prepend(root / "scripts")
    script = importlib.import_module("record_run")
    monkeypatch.setattr(script, "RECORDED", tmp_path / "recorded")
    monkeypatch.setattr(script, "looks_of", lambda run: LOOKS)
    return script


@pytest.fixture
def trained(tmp_path):
    """A function that leaves the folder of a run, its files all of one text."""

    def trained(text, **changes):
        run = tmp_path / "runs" / "a"
        run.mkdir(parents=True, exist_ok=True)
        (run / "record.json").write_text(json.dumps(RECORD | changes))
        for name in ("best.weights.h5", "test_logits.npz", "state.json"):
            (run / name).write_text(text)
        return str(run)

    return trained


@pytest.fixture
def recorded(tmp_path):
    """A function that reads what the package has: its record and weights."""

    def recorded():
        folder = tmp_path / "recorded" / "a"
        files = {path.name: path.read_text() for path in folder.iterdir()}
        return json.loads(files.pop("record.json")), files

    return recorded


def test_the_record_is_copied_and_weights_where_they_are_asked_for(
    script, trained, recorded
):
    script.main([trained("first")])
    assert recorded() == (RECORD, {})
    script.main([trained("first"), "--weights"])
    weights = {"best.weights.h5": "first", "test_logits.npz": "first"}
    assert recorded() == (RECORD, weights)


def test_weights_of_an_earlier_training_do_not_stay(script, trained, recorded):
    script.main([trained("first"), "--weights"])
    script.main([trained("second", test={"accuracy": 0.8})])
    assert recorded() == (RECORD | {"test": {"accuracy": 0.8}}, {})


def test_looks_stay_while_the_training_is_the_same(script, trained, recorded):
    script.main([trained("first"), "--two-looks"])
    assert recorded() == (RECORD | LOOKS, {})
    script.main([trained("first"), "--weights"])
    assert recorded()[0] == RECORD | LOOKS
    script.main([trained("second", history={"loss": [2.0, 1.6]})])
    assert recorded()[0] == RECORD | {"history": {"loss": [2.0, 1.6]}}


@pytest.mark.parametrize(
    "changes", [{"command": "python -m cct_utils train article"}, {"seed": 1}]
)
def test_a_record_of_another_run_is_not_replaced(
    changes, script, trained, recorded, capsys
):
    script.main([trained("first"), "--weights"])
    before = recorded()
    with pytest.raises(SystemExit):
        script.main([trained("second", **changes), "--weights"])
    (name, value), *_ = changes.items()
    message = capsys.readouterr().err
    assert f"Received: {name} {value}, and there {RECORD[name]}" in message
    assert "rename the run's folder, or delete" in message
    assert recorded() == before


def test_a_run_that_is_not_finished_is_refused(script, tmp_path, capsys):
    with pytest.raises(SystemExit):
        script.main([str(tmp_path)])
    assert "the folder of a finished run" in capsys.readouterr().err
    assert not (tmp_path / "recorded").exists()
