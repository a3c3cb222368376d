"""One switch for effort: how much a notebook trains, and on what.

The environment variable `CCT_PROFILE` chooses: `full` is what a GPU does,
`quick` takes minutes on two processor cores, `smoke` seconds, without network.
"""

import os
from typing import NamedTuple

from cct_utils._choices import check_choice
from cct_utils._devices import accelerators


class Profile(NamedTuple):
    """How much work a notebook does."""

    name: str
    dataset: str  # name for load_dataset
    train_images: int | None  # None for all of them
    test_images: int | None
    num_epochs: int
    batch_size: int


PROFILES = {
    "full": Profile("full", "cifar10", None, None, 30, 128),
    "quick": Profile("quick", "cifar10", 5000, 1000, 6, 128),
    "smoke": Profile("smoke", "digits", 256, 128, 1, 64),
}


def profile(name=None):
    """Returns the profile that the environment asks for.

    Args:
        name: `"full"`, `"quick"` or `"smoke"`; None to read `CCT_PROFILE`, and
            where that is not set, `full` on a machine with a GPU or TPU and
            `quick` on any other.

    Returns:
        A `Profile`.

    Raises:
        ValueError: if there is no such profile; the message names the nearest.
    """
    name = name or os.environ.get("CCT_PROFILE") or _default()
    check_choice("CCT_PROFILE", name, PROFILES)
    return PROFILES[name]


def _default():
    """Returns the name of the profile that fits this machine."""
    return "full" if accelerators() else "quick"
