"""The error for an unknown word: what is valid, what is near, what came."""

import pytest

from cct_utils._choices import check_choice, unknown_choice

POLICIES = ("none", "crop_flip", "randaugment")


@pytest.mark.parametrize(
    ("value", "nearest"),
    [
        ("crop-flip", "crop_flip"),
        ("RandAugment", "randaugment"),
        ("rand", "randaugment"),
        (None, "none"),
    ],
)
def test_the_message_names_the_nearest_choice(value, nearest):
    with pytest.raises(ValueError) as error:
        check_choice("policy", value, POLICIES)
    assert str(error.value) == (
        "`policy` must be one of none, crop_flip, randaugment; did you mean "
        f"{nearest!r}? Received: policy={value!r}"
    )


@pytest.mark.parametrize("value", ["mixup", "", 7, [1, 2]])
def test_a_message_without_a_near_choice_suggests_nothing(value):
    with pytest.raises(ValueError) as error:
        check_choice("policy", value, dict.fromkeys(POLICIES))
    assert str(error.value).endswith(
        f"crop_flip, randaugment. Received: policy={value!r}"
    )


def test_valid_choices_pass():
    for policy in POLICIES:
        check_choice("policy", policy, POLICIES)


def test_the_nearest_keeps_its_capital_letters():
    error = unknown_choice("A layer is one of them", "dense", ["Dense", "Add"])
    assert str(error) == (
        "A layer is one of them; did you mean 'Dense'? Received: 'dense'"
    )
