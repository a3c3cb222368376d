"""Figures of position embeddings: what stands on their axes."""

import numpy as np
import pytest

from cct_utils import plots

pytestmark = pytest.mark.usefixtures("book_style")


def test_position_tables_are_centered_at_zero():
    table = np.full((16, 4), 0.5)
    table[0, 0] = -2
    fig = plots.plot_position_tables({"sine": table})
    drawn = fig.axes[0].images[0]
    np.testing.assert_array_equal(drawn.get_array(), table)
    assert drawn.get_clim() == (-2, 2)


def test_similarity_maps_stand_at_their_tokens_place():
    similarity = np.arange(36).reshape(6, 6) / 36
    fig = plots.plot_similarity_maps({"learned": similarity}, (2, 3))
    mosaic = fig.axes[0].images[0].get_array()
    assert mosaic.shape == (2 * 3 - 1, 3 * 4 - 1)
    # The map of token 5, at row 1 and column 2; its own place is left out.
    tile = np.ma.filled(mosaic, np.nan)[3:5, 8:11].ravel()
    np.testing.assert_array_equal(tile[:5], similarity[5, :5])
    assert np.isnan(tile[5])


def test_similarity_maps_refuse_another_grid():
    with pytest.raises(ValueError, match="grid of 2 x 2.*6 tokens"):
        plots.plot_similarity_maps({"learned": np.eye(6)}, (2, 2))


def test_similarity_by_distance_begins_at_one_step():
    lines = {"along the row": [0.9, 0.8], "along the column": [0.7, 0.1]}
    fig = plots.plot_similarity_by_distance({"sine": lines, "learned": lines})
    for ax, title in zip(fig.axes, ("sine", "learned"), strict=True):
        assert ax.get_title(loc="left") == title
        np.testing.assert_array_equal(ax.lines[1].get_xdata(), [1, 2])
        np.testing.assert_array_equal(ax.lines[1].get_ydata(), [0.7, 0.1])
    assert len(fig.legends[0].get_texts()) == 2


def test_token_kinds_count_equal_tokens_once():
    kinds = {"patches": np.zeros((2, 2), int), "other": [[0, 1], [1, 1]]}
    fig = plots.plot_token_kinds(kinds)
    left, right = fig.axes
    assert left.get_title(loc="left") == "patches: 1 kind"
    assert right.get_title(loc="left") == "other: 2 kinds"
    counts = {t.get_text(): t.get_position() for t in right.texts}
    assert counts == {"1": (0, 0), "3": (1, 1)}  # on a cell of the kind
    (number,) = left.texts
    assert number.get_position() == (0.5, 0.5)


def test_token_kinds_are_set_off_from_each_other():
    fig = plots.plot_token_kinds({"rows": [[0, 0], [1, 1]]})
    within, between = fig.axes[0].collections
    assert within.get_linewidth() < between.get_linewidth()
    lines = np.array(between.get_segments())
    assert set(lines[..., 1].ravel()) == {0.5}  # below the first row, all along
    assert {*lines[..., 0].ravel()} == {-0.5, 0.5, 1.5}
    faint = np.array(within.get_segments())
    assert set(faint[..., 0].ravel()) == {0.5}


def test_probe_draws_each_reading_and_the_truth():
    ax = plots.plot_probe({"patches": [1, 1, 1], "convolutions": [0, 1, 2]})
    labels = [line.get_label() for line in ax.lines]
    assert labels == ["patches", "convolutions", "perfect"]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 1, 1])
    np.testing.assert_array_equal(ax.lines[2].get_xydata(), [(0, 0), (2, 2)])


def test_resized_table_shares_its_scale_across_sizes():
    small, large = np.ones((2, 2, 2)), np.full((3, 3, 2), -4.0)
    fig = plots.plot_resized_table({"2 × 2": small, "3 × 3": large})
    assert len(fig.axes) == 4
    assert fig.axes[0].images[0].get_clim() == (-4, 4)
    assert fig.axes[3].images[0].get_array().shape == (3, 3)
    assert fig.axes[1].get_title(loc="left") == "3 × 3"
