"""What the tests of figures share: no window, no figure that stays open."""

import matplotlib
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from cct_utils import plots


@pytest.fixture(autouse=True)
def close_figures():
    """Closes what a test has drawn."""
    yield
    plt.close("all")


@pytest.fixture
def book_style():
    """Draws in the book's style, for a test's time."""
    with plt.rc_context():
        plots.use_book_style()
        yield
