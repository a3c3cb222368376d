"""The explorer of position embeddings: cosines, choice of position, switch."""

import numpy as np
import pytest

from cct_utils.layers.position_embedding import sine_cosine_table
from cct_utils.widgets import PositionExplorer


def cosines(table, centered):
    table = table - table.mean(axis=0) if centered else table
    unit = table / np.linalg.norm(table, axis=1, keepdims=True)
    return unit @ unit.T


def test_javascript_agrees_with_numpy(javascript):
    rng = np.random.default_rng(3)
    tables, calls = [], []
    for _ in range(200):
        tokens, width = rng.integers(2, 20, 2)
        table = rng.normal(rng.uniform(-1, 1), 1, (tokens, width))
        centered = bool(rng.integers(2))
        tables.append((table, centered))
        calls.append([table.ravel().tolist(), int(width), centered])
    results = javascript(PositionExplorer, "cosines", calls)
    for (table, centered), result in zip(tables, results, strict=True):
        np.testing.assert_allclose(result, cosines(table, centered), atol=1e-9)


def test_a_row_of_zeros_resembles_nothing(javascript):
    [result] = javascript(
        PositionExplorer, "cosines", [[[0, 0, 3, 4], 2, False]]
    )
    np.testing.assert_allclose(result, [[0, 0], [0, 1]])


def test_neighbors_are_those_beside(javascript):
    similarity = np.arange(12.0).tolist()
    corner, middle = javascript(
        PositionExplorer,
        "nearAndFar",
        [[similarity, 0, 4], [similarity, 5, 4]],
    )
    assert corner["near"] == pytest.approx((1 + 4) / 2)
    assert middle["near"] == pytest.approx((1 + 4 + 6 + 9) / 4)
    assert middle["all"] == pytest.approx((66 - 5) / 11)


def test_keyboard_chooses_position_and_table(
    open_widget, state_of, wait_for_words
):
    tables = {
        "learned": np.random.default_rng(0).normal(size=(12, 6)),
        "sine": sine_cosine_table(12, 6),
    }
    page = open_widget(PositionExplorer(tables, grid=(3, 4)))
    assert state_of(page, "token") == [6]
    page.get_by_role("slider", name="Position").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert state_of(page, "token") == [1]
    similarity = cosines(tables["learned"], False)[1]
    near = similarity[[0, 2, 5]].mean()
    wait_for_words(
        page,
        "learned, position in row 0, column 1: mean cosine "
        f"{near:.2f} with its direct neighbors",
    )
    page.get_by_role("combobox", name="Embedding").focus()
    page.keyboard.press("ArrowDown")
    assert state_of(page, "table") == [1]
    near = cosines(tables["sine"], False)[1][[0, 2, 5]].mean()
    wait_for_words(
        page, f"sine, position in row 0, column 1: mean cosine {near:.2f}"
    )
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    near = cosines(tables["sine"], True)[1][[0, 2, 5]].mean()
    wait_for_words(page, f"mean cosine {near:.2f} with its direct")


def test_a_click_chooses_the_position(open_widget, state_of, wait_for_words):
    table = np.random.default_rng(0).normal(size=(12, 6))
    page = open_widget(PositionExplorer(table, grid=(3, 4)))
    box = page.get_by_role("slider", name="Position").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + 3)
    assert state_of(page, "token") == [3]
    near = cosines(table, False)[3][[2, 7]].mean()
    wait_for_words(page, f"row 0, column 3: mean cosine {near:.2f} with its")


def test_the_map_is_painted_as_computed(open_widget):
    table = np.random.default_rng(0).normal(size=(4, 3)).astype("float16")
    page = open_widget(PositionExplorer(table))
    pixels = page.evaluate(
        """() => {
          const map = document.querySelector("[role=slider] canvas");
          const picture = map.getContext("2d").getImageData(0, 0, 2, 2);
          return Array.from(picture.data);
        }"""
    )
    expected = cosines(table.astype(float), False)[3]
    for value, color in zip(expected, np.reshape(pixels, (4, 4)), strict=True):
        end = np.array([33, 102, 172] if value < 0 else [178, 24, 43])
        shade = 255 + (end - 255) * abs(value)
        np.testing.assert_allclose(color[:3], shade, atol=1)


@pytest.mark.parametrize(
    ("table", "grid"),
    [
        ({}, None),
        (np.zeros(4), None),
        (np.zeros((6, 2)), (2, 2)),
        (np.zeros((6, 2)), None),
        (np.zeros((1025, 2)), (1, 1025)),
        ({"a": np.zeros((4, 2)), "b": np.zeros((9, 2))}, None),
    ],
)
def test_bad_input_is_explained(table, grid):
    with pytest.raises(ValueError, match="Received"):
        PositionExplorer(table, grid)
