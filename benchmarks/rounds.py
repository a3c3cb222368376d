"""Rounds in which processes take turns, so that noise meets all alike."""

import json
import math
import os
import pathlib
import subprocess
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
SCRIPTS = {"keras": "keras_worker.py", "pytorch": "peer_pytorch.py"}
LEAST_STEPS = 3  # of a burst, so that the costs of a call to fit are spread


class WorkerError(RuntimeError):
    """A worker ended before it answered."""


class Worker:
    """A process that has prepared one case and waits to be asked.

    Args:
        case: a `plan.Case`.
        python: the interpreter whose environment has the case's framework.
    """

    def __init__(self, case, python):
        self.case = case
        self.errors = tempfile.TemporaryFile()
        paths = [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [
                str(python),
                str(FOLDER / SCRIPTS[case.framework]),
                json.dumps(case._asdict()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "TF_ENABLE_ONEDNN_OPTS": str(int(case.onednn)),
            },
        )

    def answer(self):
        """Returns the next answer, a dict; waits for it."""
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            last = self.errors.read().decode(errors="replace").strip()
            raise WorkerError(last[-2000:] or f"exit {self.process.returncode}")
        return json.loads(line)

    def measure(self, steps):
        """Returns what a burst of so many steps took."""
        try:
            self.process.stdin.write(f"{steps}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says why
        return self.answer()

    def close(self):
        """Ends the process."""
        self.process.kill()
        self.process.communicate()
        self.errors.close()


def measure_group(cases, pythons, *, rounds, seconds, at_once=False, say=print):
    """Measures cases in turns: one burst of each, then one of each again.

    Args:
        cases: list of `plan.Case`.
        pythons: interpreter of each framework.
        rounds: number of bursts of each case.
        seconds: how long a burst shall last, about.
        at_once: whether all workers get ready at once, where there are cores
            and memory enough; they are measured in turns all the same.
        say: function that is given a line of progress.

    Returns:
        `(measured, failed)`: a list of `(case, facts, bursts)`, and a list of
        `(case, message)`.
    """
    workers, measured, failed = [], {}, []

    def drop(worker, error):
        failed.append((worker.case, str(error)))
        workers.remove(worker)
        worker.close()
        say(f"  failed: {worker.case.model} {worker.case.setting}: {error}")

    try:
        if at_once:
            # One by one, so that those are ended before which one fails.
            for case in cases:
                workers.append(Worker(case, pythons[case.framework]))
        waiting = list(workers)
        for case in cases:
            # One after the other, if not at once: each takes its memory once,
            # and no more than one of them imports at a time.
            if at_once:
                worker = waiting.pop(0)
            else:
                worker = Worker(case, pythons[case.framework])
                workers.append(worker)
            try:
                measured[worker] = (case, worker.answer(), [])
            except WorkerError as error:
                drop(worker, error)
        for worker in list(workers):
            case = worker.case
            try:
                trial = worker.measure(case.steps_per_execution)
            except WorkerError as error:
                measured.pop(worker)
                drop(worker, error)
                continue
            worker.steps = steps_of_burst(
                seconds, trial["seconds"] / trial["steps"], case
            )
        for turn in range(rounds):
            for worker in rotated(list(workers), turn):
                try:
                    burst = worker.measure(worker.steps)
                except WorkerError as error:
                    measured.pop(worker)
                    drop(worker, error)
                    continue
                measured[worker][2].append(burst)
            say(f"  round {turn + 1} of {rounds}")
    finally:
        for worker in workers:
            worker.close()
    return list(measured.values()), failed


def rotated(items, turn):
    """Returns the items, begun at another one each turn."""
    start = turn % len(items) if items else 0
    return items[start:] + items[:start]


def steps_of_burst(seconds, seconds_per_step, case):
    """Returns how many steps last about so long, in whole executions."""
    steps = max(LEAST_STEPS, math.ceil(seconds / seconds_per_step))
    executions = math.ceil(steps / case.steps_per_execution)
    return executions * case.steps_per_execution
