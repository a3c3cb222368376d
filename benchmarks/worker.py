"""The side of a measurement that runs in a process of its own.

A worker gets a case as JSON on its command line, prepares it, says so, and
then runs as many steps as each line of its input asks for. It needs nothing
but Python, so that processes of other environments speak the same way.
"""

import json
import os
import resource
import sys
import time


def serve(prepare):
    """Prepares the case of the command line, then measures on request.

    Args:
        prepare: function of the case, a dict. Returns `(run, facts)`:
            `run(steps)` does so many steps and returns when they are done;
            `facts` is a dict that the answer to the case shall hold.
    """
    # Whatever a library prints goes to the error stream.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content):
        print(json.dumps(content), file=answers, flush=True)

    case = json.loads(sys.argv[1])
    run, facts = prepare(case)
    run(case["steps_per_execution"])  # traces, compiles, allocates
    answer(facts)
    for line in sys.stdin:
        answer({**measure(run, int(line)), "memory_mb": peak_memory()})


def measure(run, steps):
    """Returns what `steps` steps took.

    Args:
        run: function of the number of steps.
        steps: number of steps of this burst.

    Returns:
        A dict with `steps`, wall time `seconds`, and `cpu_seconds`, the
        processor time of all threads of this process.
    """
    start = time.perf_counter(), time.process_time()
    run(steps)
    return {
        "steps": steps,
        "seconds": time.perf_counter() - start[0],
        "cpu_seconds": time.process_time() - start[1],
    }


def peak_memory():
    """Returns the most memory this process ever held, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux kilobytes of 1,024 bytes.
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
