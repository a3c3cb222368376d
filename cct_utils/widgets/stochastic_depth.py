"""The explorer of stochastic depth: which blocks each sample passes."""

import traitlets

from cct_utils.layers import stochastic_depth_rates
from cct_utils.widgets._base import Explorer, check_choice, script


class StochasticDepthExplorer(Explorer):
    """Shows which residual branches each sample of a batch passes.

    A block has two branches, attention and MLP, and drops both by the linear
    rule. With one shared seed all branches toss the same coin: the expected
    depth stays, its spread grows, and the branches fail together.

    Args:
        num_layers: number of blocks, up to 14.
        rate: drop probability of the last block, in [0, 0.9].
        samples: samples in the batch, up to 256.
        shared_seed: whether all branches share one random stream.
        seed: seed of the browser's random numbers.

    Raises:
        ValueError: if a number is out of its range.

    Example:

    >>> StochasticDepthExplorer(num_layers=6, rate=0.3, samples=64)
    StochasticDepthExplorer: an interactive figure (6 blocks, rate 0.3)
    """

    _esm = script("stochastic_depth.js")
    num_layers = traitlets.Int().tag(sync=True)
    rate = traitlets.Float().tag(sync=True)
    samples = traitlets.Int().tag(sync=True)
    sample = traitlets.Int(1).tag(sync=True)
    shared_seed = traitlets.Bool().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)

    def __init__(
        self, num_layers=6, rate=0.3, samples=64, *, shared_seed=False, seed=0
    ):
        check_choice("num_layers", num_layers, 1, 14)
        check_choice("samples", samples, 1, 256)
        stochastic_depth_rates(rate, num_layers)
        if rate > 0.9:
            raise ValueError(
                f"`rate` must be from 0 to 0.9 here. Received: {rate!r}"
            )
        super().__init__(
            num_layers=num_layers,
            rate=float(rate),
            samples=samples,
            shared_seed=shared_seed,
            seed=seed,
        )

    def _about(self):
        return f" ({self.num_layers} blocks, rate {self.rate:g})"
