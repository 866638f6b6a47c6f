"""Training: one step, its loop, what trains and what stays, checkpoints.

The names below are imported on first use: Orbax, Grain and TFDS take seconds to import, and the
step needs none of them.
"""

import lazy_loader

# The names are those of __init__.pyi, each imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
