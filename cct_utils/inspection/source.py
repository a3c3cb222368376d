"""The code of the package, to be read where it is explained."""

import ast
import inspect
import textwrap


class Source(str):
    """Python code that a notebook shows in color."""

    __slots__ = ()

    def __repr__(self):
        return str(self)

    def _repr_markdown_(self):
        return f"```python\n{self}\n```"


def source_of(function):
    """Returns the code of a function or a method, without its docstring.

    Args:
        function: a function or a method written in Python, for instance
            `cct_utils.SequencePooling.call`.

    Returns:
        The code, a string that begins at the left margin. As the last value
        of a notebook's cell it is shown in color.

    Raises:
        TypeError: if there is no such code to show, as for a function that is
            built into Python, a `lambda`, or one typed into an interpreter
            that does not keep what is typed.
    """
    try:
        code = textwrap.dedent(inspect.getsource(function)).rstrip()
        (definition,) = ast.parse(code).body
        has_docstring = ast.get_docstring(definition) is not None
    except (OSError, SyntaxError, TypeError, ValueError) as error:
        raise TypeError(
            "The code can be shown of what a file or a notebook defines by "
            f"`def` or `class`. Received: {function!r}"
        ) from error
    lines = code.splitlines()
    if has_docstring:
        docstring = definition.body[0]
        del lines[docstring.lineno - 1 : docstring.end_lineno]
    return Source("\n".join(lines))
