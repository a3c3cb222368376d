"""Lets TensorFlow compute with oneDNN on every processor.

To be imported before TensorFlow. Left alone, TensorFlow uses the kernels of
this library only where a processor has certain instructions (AVX512-VNNI or
later). They pay on older ones, too: `book/speed.md` has both ways.
"""

import os

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
