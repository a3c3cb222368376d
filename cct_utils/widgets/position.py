"""The explorer of position embeddings: which positions resemble each other."""

from collections.abc import Mapping

import traitlets

from cct_utils.widgets._base import (
    Explorer,
    check_array,
    half,
    script,
    square_grid,
)

_MOST_POSITIONS = 1024


class PositionExplorer(Explorer):
    """Shows the cosine of one position's embedding with all others.

    Args:
        table: array (tokens, dim); or a dict from names to such arrays of
            equal length, between which the reader switches.
        grid: (rows, columns) of the positions; a square if None.

    Raises:
        ValueError: if there is no table or more than one length, there are
            more than 1,024 positions, or the grid has not one place for each.

    Example:

    >>> import numpy as np
    >>> PositionExplorer({"learned": np.eye(64), "sine": np.ones((64, 2))})
    PositionExplorer: an interactive figure (learned, sine on 8 x 8)
    """

    _esm = script("position.js")
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    widths = traitlets.List(traitlets.Int()).tag(sync=True)
    tables = traitlets.Bytes().tag(sync=True)
    grid = traitlets.List(traitlets.Int()).tag(sync=True)
    table = traitlets.Int(0).tag(sync=True)
    token = traitlets.Int(0).tag(sync=True)
    centered = traitlets.Bool(False).tag(sync=True)

    def __init__(self, table, grid=None):
        named = table if isinstance(table, Mapping) else {"Embedding": table}
        if not named:
            raise ValueError(
                "`table` must hold at least one array (tokens, dim). "
                "Received: an empty dict"
            )
        length = len(next(iter(named.values())))
        if length > _MOST_POSITIONS:
            raise ValueError(
                f"`table` must have at most {_MOST_POSITIONS} positions, so "
                "that all pairs can be compared in the browser; choose a "
                f"smaller grid. Received: {length} positions"
            )
        arrays = {
            name: check_array(array, f"table {name!r}", (length, None))
            for name, array in named.items()
        }
        rows, columns = square_grid(grid, length)
        super().__init__(
            names=[str(name) for name in arrays],
            widths=[array.shape[1] for array in arrays.values()],
            tables=b"".join(half(array) for array in arrays.values()),
            grid=[rows, columns],
            token=rows // 2 * columns + columns // 2,
        )

    def _about(self):
        rows, columns = self.grid
        return f" ({', '.join(self.names)} on {rows} x {columns})"[:70]
