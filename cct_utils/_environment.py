"""What a record says of the machine, the software and the command."""

import os
import pathlib
import platform
import shlex
import subprocess
import sys
from importlib import metadata

from cct_utils._devices import accelerators

# What decides how fast an x86 processor multiplies, and in which precision.
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


def describe_environment():
    """Returns what a record says of the machine and the software.

    Returns:
        A dict with `commit` (None outside a git checkout; with "+changes" if
        files of the package differ from it), `versions`, `backend` (which of
        them computes) and `hardware`, which names those of the processor's
        `INSTRUCTIONS` that decide its speed.
    """
    import keras

    packages = ("keras", "tensorflow", "jax", "torch", "numpy")
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "commit": _commit(),
        "versions": versions,
        "backend": keras.backend.backend(),
        "hardware": {
            "processor": _processor(),
            "instructions": _instructions(),
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count(),
            "accelerators": accelerators(),
        },
    }


def _commit():
    """Returns the commit of the package's checkout, or None.

    A copy of the tree without its history, on a rented machine for instance,
    is told by the environment variable `CCT_COMMIT`.
    """
    if os.environ.get("CCT_COMMIT"):
        return os.environ["CCT_COMMIT"]

    def git(*arguments):
        return subprocess.run(
            ("git", *arguments),
            cwd=pathlib.Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        # An installed package may lie in the checkout of something else.
        git("ls-files", "--error-unmatch", "__init__.py")
        commit = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--", "*.py")
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+changes" if changed else "")


def _processor():
    """Returns the name of the processor."""
    name = _of_processor("model name")
    return name or platform.processor() or platform.machine()


def _instructions():
    """Returns which of `INSTRUCTIONS` the processor has, where Linux says."""
    flags = _of_processor("flags").split()
    return [name for name in INSTRUCTIONS if name in flags]


def _of_processor(what):
    """Returns an entry of the first processor, "" where there is none."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == what:
                return value.strip()
    return ""


def command_line():
    """Returns the shell command that repeats this process."""
    program = pathlib.Path(sys.argv[0])
    if program.name == "__main__.py":
        return shlex.join(["python", "-m", "cct_utils", *sys.argv[1:]])
    return shlex.join(["python", program.name, *sys.argv[1:]])
