"""Figures of data: what is drawn, and where."""

import numpy as np
import pytest

from cct_utils import plots
from tests.plots.helpers import texts

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 8, 8, 3), dtype="uint8")


def test_image_rows_draw_each_image_title_and_caption():
    fig = plots.plot_image_rows(
        [IMAGES[:3], IMAGES[3:5] / 255],
        ["first", "second"],
        captions=[["a", "b", "c"], ["d\nd", "e"]],
    )
    (ax,) = fig.axes
    assert len(ax.images) == 5
    np.testing.assert_allclose(ax.images[0].get_array(), IMAGES[0] / 255)
    np.testing.assert_allclose(ax.images[3].get_array(), IMAGES[3] / 255)
    assert texts(ax) == ["first", "a", "b", "c", "second", "d\nd", "e"]


def test_image_rows_do_not_overlap():
    fig = plots.plot_image_rows([IMAGES[:2], IMAGES[:2]], ["one", "two"])
    bottoms = [image.get_extent()[2] for image in fig.axes[0].images]
    tops = [image.get_extent()[3] for image in fig.axes[0].images]
    assert bottoms[0] == bottoms[1] > tops[2] == tops[3]


@pytest.mark.parametrize("name", ["titles", "captions"])
def test_image_rows_refuse_texts_that_do_not_fit(name):
    with pytest.raises(ValueError, match=f"`{name}` for each of the 2 rows"):
        plots.plot_image_rows([IMAGES[:2], IMAGES[:2]], **{name: [["x"]]})


def test_classes_show_squares_of_their_own_images():
    labels = np.arange(40) % 4
    fig = plots.plot_classes(IMAGES, labels, list("abcd"), per_side=2)
    (ax,) = fig.axes
    assert texts(ax) == list("abcd")
    square = np.asarray(ax.images[1].get_array())
    np.testing.assert_allclose(square[:8, :8], IMAGES[1] / 255)
    np.testing.assert_allclose(square[8:, 8:], IMAGES[13] / 255)


def test_classes_with_too_few_images_are_filled_up_with_white():
    fig = plots.plot_classes(IMAGES[:3], np.array([0, 0, 1]), "ab", per_side=2)
    square = np.asarray(fig.axes[0].images[1].get_array())
    np.testing.assert_allclose(square[8:, 8:], 1.0)


def test_pixel_histograms_mark_the_mean_of_each_channel():
    fig = plots.plot_pixel_histograms(IMAGES, IMAGES / 255 - 0.5)
    for ax, images in zip(fig.axes, (IMAGES, IMAGES / 255 - 0.5), strict=True):
        drawn = [line.get_xdata()[0] for line in ax.lines]
        np.testing.assert_allclose(drawn, images.mean(axis=(0, 1, 2)))


def test_shift_shares_are_percent_of_all_images():
    shifts = np.array([[0, 1], [0, -1], [1, 0], [0, 1]])
    ax = plots.plot_shift_shares(shifts, 1)
    heights = [[bar.get_height() for bar in bars] for bars in ax.containers]
    assert heights == [[0, 75, 25], [25, 25, 50]]


def test_selection_bias_labels_each_curve_with_its_images():
    ks = np.array([1, 3, 10])
    ax = plots.plot_selection_bias(
        ks, {300: [0, 2, 4], 1000: [0, 1, 2]}, truth=0.75
    )
    assert texts(ax) == ["300 images", "1,000 images"]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0, 1, 2])


def test_smoothed_loss_marks_the_smallest_loss():
    lead = np.linspace(0, 4, 5)
    losses = {0: 4 - lead, 0.1: (lead - 2) ** 2 + 1}
    ax = plots.plot_smoothed_loss(lead, losses, 2.0)
    assert texts(ax) == ["1.00 at 2.0"]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["hard labels", "label smoothing 0.1"]
