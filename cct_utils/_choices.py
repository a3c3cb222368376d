"""One error for a word that is not among the valid ones: it names the nearest.

The comparison ignores case. Where nothing is near, no word is suggested.
"""

import difflib

# Share of letters in common, in order: "rand" is near "randaugment".
NEAR = 0.5


def check_choice(name, value, choices):
    """Raises if the value of an argument is not one of the valid ones.

    Args:
        name: what the argument is called.
        value: what was given.
        choices: the valid values, strings.

    Raises:
        ValueError: with the valid values, the nearest of them and the value.
    """
    choices = tuple(choices)  # a dict would refuse a list with a TypeError
    if value not in choices:
        raise unknown_choice(
            f"`{name}` must be one of {', '.join(choices)}",
            value,
            choices,
            received=f"{name}={value!r}",
        )


def unknown_choice(expected, value, choices, *, received=None):
    """Returns the error for a value that stands for nothing.

    Args:
        expected: the first sentence, without its period: what is valid.
        value: what was given.
        choices: strings, the nearest of which may have been meant.
        received: how the message repeats the value; its `repr` if None.

    Returns:
        A `ValueError`.
    """
    words = {str(choice).lower(): choice for choice in choices}
    near = difflib.get_close_matches(str(value).lower(), words, 1, NEAR)
    hint = f"; did you mean {words[near[0]]!r}?" if near else "."
    return ValueError(f"{expected}{hint} Received: {received or repr(value)}")
