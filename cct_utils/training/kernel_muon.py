"""Muon for the kernels of convolutions too.

References: Jordan et al., Muon: An optimizer for hidden layers in neural
networks, https://kellerjordan.github.io/posts/muon/; Liu et al., Muon is
Scalable for LLM Training, arXiv 2502.16982.
"""

import re

import keras
from keras import ops


@keras.saving.register_keras_serializable("cct_utils")
class KernelMuon(keras.optimizers.Muon):
    """Keras's Muon, which moves convolutions' kernels as matrices as well.

    Keras leaves every weight that is not a matrix to AdamW. A convolution is
    a matrix product all the same, of patches with a kernel of
    `(height * width * channels, filters)`: Muon's authors flatten it so, take
    the orthogonal step, and give it back its four axes.

    The arguments are those of `keras.optimizers.Muon`, of Keras 3.13 or newer.

    Reference:
        Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
    """

    def _should_use_adamw(self, variable):
        if len(variable.shape) == 4:
            return any(
                re.search(name, variable.path) for name in self.exclude_layers
            )
        return super()._should_use_adamw(variable)

    def zeropower_via_newtonschulz5(self, x, steps):
        """Returns the nearest matrix whose directions are of equal size.

        Args:
            x: kernel `(..., filters)`; all axes but the last are one.
            steps: Newton-Schulz steps.

        Returns:
            A tensor of the shape of `x`.
        """
        step = super().zeropower_via_newtonschulz5(_as_matrix(x), steps)
        return ops.reshape(step, x.shape)

    def lr_adjust(self, x):
        """Returns a step scaled to the size of AdamW's, by its sides."""
        return ops.reshape(super().lr_adjust(_as_matrix(x)), x.shape)


def _as_matrix(kernel):
    """Returns a kernel with one axis for all its inputs."""
    return ops.reshape(kernel, (-1, kernel.shape[-1]))
