"""Position embedding: tell the tokens where they come from.

References: Vaswani et al., arXiv 1706.03762, section 3.5 (sine and cosine);
Dosovitskiy et al., arXiv 2010.11929, section 3.2 (resizing).
"""

import keras
import numpy as np
from keras import layers, ops

from cct_utils._choices import unknown_choice
from cct_utils.layers._checks import check_positive, check_whole

KINDS = ("learned", "sine")


def sine_cosine_table(length, dim):
    """Returns the fixed table of sines and cosines of positions.

    Row `p` holds `sin(p / 10000^(2i/dim))` in its even columns `2i` and the
    cosine of the same angle in the odd columns `2i + 1`.

    Args:
        length: number of positions.
        dim: width of the embedding; even or odd.

    Returns:
        A float32 array `(length, dim)`.

    Raises:
        ValueError: if `length` or `dim` is not a positive integer.

    Reference:
        Vaswani et al. 2017, section 3.5, https://arxiv.org/abs/1706.03762
    """
    length = check_positive("length", length)
    dim = check_positive("dim", dim)
    column = np.arange(dim)
    angles = np.arange(length)[:, None] / 10000 ** (2 * (column // 2) / dim)
    table = np.where(column % 2 == 0, np.sin(angles), np.cos(angles))
    return table.astype("float32")


def resize_position_embedding(table, old_grid, new_grid):
    """Returns a position embedding for a grid of tokens of another size.

    The rows are laid out on their grid of tokens, resized bilinearly, and
    flattened again: a model trained at one image size can then be used, or
    trained further, at another.

    Args:
        table: array `(old_rows * old_columns, dim)`.
        old_grid: `(rows, columns)` of the grid the table was made for.
        new_grid: `(rows, columns)` of the grid that is needed.

    Returns:
        A float32 array `(new_rows * new_columns, dim)`; the table itself where
        the grids are equal.

    Raises:
        ValueError: if the table's length is not that of `old_grid`.

    Reference:
        Dosovitskiy et al. 2020, section 3.2, https://arxiv.org/abs/2010.11929
    """
    table = np.asarray(table, "float32")
    old_grid, new_grid = tuple(old_grid), tuple(new_grid)
    if table.ndim != 2 or len(table) != old_grid[0] * old_grid[1]:
        raise ValueError(
            "`table` must have shape (rows * columns, dim) for "
            f"old_grid={old_grid}. Received: table.shape={table.shape}"
        )
    if old_grid == new_grid:
        return table
    image = table.reshape(1, *old_grid, -1)
    resized = ops.image.resize(
        image,
        new_grid,
        interpolation="bilinear",
        data_format="channels_last",  # whatever Keras is set to
    )
    return ops.convert_to_numpy(resized).reshape(-1, table.shape[1])


def resize_position_table(table, old_grid, new_grid):
    """Returns a position embedding with other rows before those of the grid.

    Args:
        table: array `(extra + old_rows * old_columns, dim)`. The first `extra`
            rows, such as that of a class token, have no place on the grid.
        old_grid: `(rows, columns)` of the grid the table was made for.
        new_grid: `(rows, columns)` of the grid that is needed.

    Returns:
        A float32 array `(extra + new_rows * new_columns, dim)`, whose first
        `extra` rows are those of `table`.

    Raises:
        ValueError: if the table is shorter than `old_grid`.
    """
    extra = max(0, len(table) - old_grid[0] * old_grid[1])
    resized = resize_position_embedding(table[extra:], old_grid, new_grid)
    return np.concatenate([table[:extra], resized])


@keras.saving.register_keras_serializable("cct_utils")
class PositionEmbedding(layers.Layer):
    """Returns an embedding of each token's position, to be added to the token.

    `x + PositionEmbedding(sequence_length=n)(x)` is the usual way to use it.
    Like the layer it is named after, it returns the embeddings alone.

    Args:
        sequence_length: number of positions it knows.
        initializer: initializer of the learned table.
        kind: `"learned"`, a table of weights, or `"sine"`, the fixed table of
            `sine_cosine_table`, without weights.

    Call arguments:
        x: tensor `(batch, tokens, embed_dim)` with at most `sequence_length`
            tokens.
        start_index: position of the first token of `x`.

    Returns:
        A tensor of the shape of `x`: row `t` holds position
        `start_index + t`, the same for each sample.

    Raises:
        ValueError: if `sequence_length` is not a positive integer, `kind` is
            unknown, `start_index` is not an integer of at least 0, or `x` has
            more tokens than there are positions from there.
    """

    def __init__(
        self,
        sequence_length,
        initializer="glorot_uniform",
        kind="learned",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if sequence_length is None:
            raise ValueError(
                "`sequence_length` must be an integer: the number of tokens. "
                "Received: sequence_length=None"
            )
        if kind not in KINDS:
            raise unknown_choice(
                f"`kind` must be one of {', '.join(KINDS)} (for no position "
                "embedding leave the layer out)",
                kind,
                KINDS,
                received=f"kind={kind!r}",
            )
        self.sequence_length = check_positive(
            "sequence_length", sequence_length
        )
        self.initializer = keras.initializers.get(initializer)
        self.kind = kind

    def get_config(self):
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "initializer": keras.initializers.serialize(self.initializer),
            "kind": self.kind,
        }

    def build(self, input_shape):
        dim = input_shape[-1]
        if self.kind == "learned":
            self.position_embeddings = self.add_weight(
                name="embeddings",
                shape=(self.sequence_length, dim),
                initializer=self.initializer,
            )
        else:
            self.position_embeddings = sine_cosine_table(
                self.sequence_length, dim
            )

    def call(self, x, start_index=0):
        start_index = check_whole("start_index", start_index)
        num_tokens = x.shape[-2]
        if start_index + num_tokens > self.sequence_length:
            raise ValueError(
                f"The sequence must fit into sequence_length="
                f"{self.sequence_length} positions; use "
                "`resize_position_embedding` for another image size. Received: "
                f"{num_tokens} tokens from start_index={start_index}"
            )
        table = ops.convert_to_tensor(
            self.position_embeddings, dtype=self.compute_dtype
        )
        rows = table[start_index : start_index + num_tokens]
        return ops.broadcast_to(rows, ops.shape(x))  # (batch, tokens, dim)

    def compute_output_shape(self, input_shape):
        return input_shape
