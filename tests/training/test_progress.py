"""Progress: one short line for each epoch, live but without a trace."""

import os

import pytest

from cct_utils.training import progress
from cct_utils.training.progress import Progress

LOGS = {"loss": 1.2345, "accuracy": 0.5, "val_accuracy": 0.25}


def go_through(callback, epochs, steps=2):
    callback.set_params({"steps": steps})
    callback.on_train_begin()
    for epoch in epochs:
        callback.on_epoch_begin(epoch)
        for step in range(steps):
            callback.on_train_batch_end(step, {"loss": 2.0})
        callback.on_epoch_end(epoch, LOGS)


def test_a_log_gets_one_line_an_epoch_and_no_carriage_return(capsys):
    go_through(Progress(2), range(2))
    out, err = capsys.readouterr()
    assert err == "" and "\r" not in out
    assert out.splitlines() == [
        "epoch 1/2  loss 1.234  accuracy  50.0%  validation  25.0%  0 s, "
        "0 s left",
        "epoch 2/2  loss 1.234  accuracy  50.0%  validation  25.0%  0 s",
    ]


def test_the_bar_counts_steps_that_are_executed_together():
    callback = Progress(1)
    callback.set_params({"steps": 20})
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    with open(os.devnull, "w") as nowhere:
        callback.bar = progress.tqdm(total=20, file=nowhere)
        for last in (7, 15, 19):  # steps_per_execution=8
            callback.on_train_batch_end(last, {"loss": 2.0})
            assert callback.bar.n == last + 1
        callback.bar.close()


def test_time_left_counts_the_epochs_of_this_process_alone(capsys, monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    # Each look at the clock is ten seconds later than the one before.
    go_through(Progress(12, first_epoch=9), [9], steps=1)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("epoch 10/12 ")
    assert line.endswith("30 s, 60 s left")


def test_time_left_knows_that_small_images_are_cheaper(capsys, monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    callback = Progress(3, price=[0.5, 1, 1])
    go_through(callback, [0], steps=1)
    go_through(callback, [1], steps=1)  # begins again, with whole images
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("30 s, 2 min left")  # 30 s for half a price
    assert second.endswith("30 s, 47 s left")  # 70 s for one and a half


def test_a_notebook_shows_steps_and_keeps_one_line_an_epoch(monkeypatch):
    shown = []
    monkeypatch.setattr(
        progress,
        "_notebook_display",
        lambda: lambda line, is_final: shown.append((line, is_final)),
    )
    clock = iter(range(1000))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    go_through(Progress(30), [0, 1])
    assert [line for line, is_final in shown if not is_final] == [
        "epoch 1/30  step 1/2  loss 2.000",
        "epoch 1/30  step 2/2  loss 2.000",
        "epoch 2/30  step 1/2  loss 2.000",
        "epoch 2/30  step 2/2  loss 2.000",
    ]
    assert len([line for line, is_final in shown if is_final]) == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (99, "99 s"), (150, "2 min"), (7200, "2.0 h")],
)
def test_durations_are_said_as_a_person_would(seconds, words):
    assert progress._duration(seconds) == words
