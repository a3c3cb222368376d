"""Figures of the tokenizer: what stands on their axes."""

import numpy as np
import pytest

from cct_utils import plots
from cct_utils.plots.style import COLORS
from tests.plots.helpers import texts

pytestmark = pytest.mark.usefixtures("book_style")


def test_patches_are_pulled_apart_without_losing_a_pixel():
    image = np.arange(8 * 12 * 3, dtype="uint8").reshape(8, 12, 3)
    fig = plots.plot_patches(image, 4, gap=2)
    whole, apart = fig.axes
    assert (whole.get_title(loc="left"), apart.get_title(loc="left")) == (
        "8 × 12 pixels",
        "2 × 3 patches",
    )
    assert len(whole.lines) == 1 + 2  # between the rows, the columns
    shown = apart.images[0].get_array()
    assert shown.shape == (10, 16, 3)
    np.testing.assert_array_equal(shown[6:10, 12:16], image[4:8, 8:12])
    assert (shown[4:6] == 255).all()


def test_patches_must_fit_the_image():
    with pytest.raises(ValueError, match="divide.*patch_size=5, an image of 8"):
        plots.plot_patches(np.zeros((8, 8, 3), "uint8"), 5)


def test_shift_change_has_a_line_for_each_tokenizer():
    changes = {"patches": [0, 0.2, 0.4], "convolutions": [0, 0.1, 0.2]}
    ax = plots.plot_shift_change(changes)
    assert [line.get_label() for line in ax.lines] == list(changes)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0, 0.2, 0.4])
    assert [line.get_color() for line in ax.lines] == [
        COLORS["vit"],
        COLORS["cct"],
    ]


def test_windows_write_each_number_and_the_padding():
    levels = {"pixels": [2, 5, 1, 0], "pool": [5, 0]}
    ax = plots.plot_windows(levels, [(3, 2, 1)], highlight=0)
    assert texts(ax) == ["0", "2", "5", "1", "0", "0", "pixels", "5", "0"] + [
        "pool"
    ]
    # The marked number, and its window: the padding and two pixels.
    marked = [patch for patch in ax.patches if patch.get_linewidth() == 1.2]
    marked = [patch.get_facecolor()[2] < 1 for patch in marked]
    assert marked == [True, True, True, False, False, False, True, False]


def test_windows_must_be_given_for_each_row():
    with pytest.raises(ValueError, match="2 rows, 2 windows"):
        plots.plot_windows({"a": [1], "b": [1]}, [(3, 1, 1)] * 2)


def test_receptive_fields_frame_the_window_and_hide_what_is_not_seen():
    measured = np.zeros((16, 16))
    measured[2:7, 4:9] = 1
    windows = {"conv 1": (3, 5, 3), "pool 1": (2, 4, 5)}
    image = np.zeros((16, 16, 3), "uint8")
    fig = plots.plot_receptive_fields(image, windows, measured)
    left, right = fig.axes
    assert texts(left) == ["conv 1: 3", "pool 1: 5"]
    corners = [patch.get_xy() for patch in left.patches]
    assert corners == [(4.5, 2.5), (3.5, 1.5)]
    assert right.patches[0].get_width() == 5
    assert right.images[0].get_array().count() == 25


def test_feature_maps_show_the_liveliest_channels():
    maps = np.zeros((4, 4, 5))
    maps[0, 0] = [1, 5, 3, 0, 4]
    fig = plots.plot_feature_maps(
        np.zeros((8, 8, 3)), {"pool": maps}, columns=3
    )
    drawn = [ax.images[0].get_array().max() for ax in fig.axes[1:]]
    assert drawn == [5, 4, 3]
    assert fig.axes[1].get_title(loc="left") == "pool"


def test_costs_are_stacked_to_their_sum():
    parts = {
        "tokenizer": 1e6,
        "attention projections": 2e6,
        "attention products": 3e6,
        "mlp": 4e6,
        "logits": 2e3,
    }
    ax = plots.plot_costs({"one": parts, "two": parts})
    assert len(ax.patches) == 8
    assert ax.patches[3].get_x() + ax.patches[3].get_width() == 10
    assert texts(ax) == [" 10", " 10"]
    assert len(ax.get_legend().get_texts()) == 4
