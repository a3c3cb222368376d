"""Sizes of images: one number or two, in any form, and nothing else."""

import numpy as np
import pytest

from cct_utils._sizes import parse_size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (32, (32, 32)),
        (32.0, (32, 32)),
        (np.int64(32), (32, 32)),
        ((32, 48), (32, 48)),
        ([32.0, 48], (32, 48)),
        (np.array([32, 48]), (32, 48)),
    ],
)
def test_size_is_two_integers(size, expected):
    parsed = parse_size(size)
    assert parsed == expected
    assert [type(side) for side in parsed] == [int, int]


@pytest.mark.parametrize(
    "size",
    [
        None,
        True,
        0,
        -3,
        32.9,
        np.nan,
        np.inf,
        "32",
        (32,),
        (32, 32, 3),
        (32, "8"),
    ]
    + [(0, 32), [[32], [32, 48]], {}, np.zeros((2, 2))],
    ids=str,
)
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ValueError, match="`side` must be an integer") as error:
        parse_size(size, "side")
    assert f"Received: side={size!r}" in str(error.value)
