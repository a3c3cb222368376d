"""The checks of arguments: which numbers count as whole, and as a rate."""

import math

import numpy as np
import pytest

from cct_utils.layers._checks import check_positive, check_rate, check_whole


@pytest.mark.parametrize("value", [3, 3.0, np.int64(3), np.float32(3)])
def test_a_whole_number_of_any_type_becomes_an_int(value):
    for check in (check_positive, check_whole):
        assert type(check("size", value)) is int
        assert check("size", value) == 3


@pytest.mark.parametrize(
    "value", [-1, 1.5, "3", "three", None, True, math.nan, math.inf, [3]]
)
@pytest.mark.parametrize("check", [check_positive, check_whole])
def test_anything_else_is_refused(check, value):
    with pytest.raises(ValueError, match="`size` must be an integer") as error:
        check("size", value)
    assert f"Received: size={value!r}" in str(error.value)


def test_zero_is_whole_and_not_positive():
    assert check_whole("size", 0) == 0
    with pytest.raises(ValueError, match="at least 1"):
        check_positive("size", 0)


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.5)])
def test_a_rate_becomes_a_float(value):
    assert type(check_rate("rate", value)) is float


@pytest.mark.parametrize("value", [1, -0.1, "0.5", None, True, math.nan])
def test_what_is_no_rate_is_refused(value):
    with pytest.raises(
        ValueError, match=r"`rate` must be a number in \[0, 1\)"
    ):
        check_rate("rate", value)
