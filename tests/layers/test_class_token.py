"""The class token: first, the same for all images, learned."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from cct_utils import ClassPooling, ClassToken
from tests.layers.check_layer import check_layer


def tokens(batch=3, count=7, dim=5):
    rng = np.random.default_rng(0)
    return rng.normal(size=(batch, count, dim)).astype("float32")


@given(batch=st.integers(1, 4), count=st.integers(1, 9), dim=st.integers(1, 8))
@settings(max_examples=10, deadline=None)
def test_the_token_stands_first_and_the_others_are_kept(batch, count, dim):
    x = tokens(batch, count, dim)
    layer = ClassToken("random_normal")
    y = ops.convert_to_numpy(layer(x))
    assert y.shape == (batch, count + 1, dim)
    np.testing.assert_array_equal(y[:, 1:], x)
    (token,) = layer.get_weights()
    np.testing.assert_array_equal(y[:, 0], np.repeat(token[0], batch, axis=0))


def test_the_token_starts_at_zero():
    assert not np.any(ops.convert_to_numpy(ClassToken()(tokens()))[:, 0])


def test_pooling_takes_the_token_out_again():
    token = ClassToken("random_normal")
    pooled = ClassPooling()(token(tokens()))
    np.testing.assert_array_equal(pooled, np.repeat(token.token[0], 3, axis=0))


def test_token_keeps_its_contract():
    layer = ClassToken("random_normal", name="class_token")
    check_layer(layer, (3, 7, 5), num_weights=1)
