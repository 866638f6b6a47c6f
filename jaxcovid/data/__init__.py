"""Images from folders, TFDS or the built-in phantoms, as arrays.

The names below are imported on first use: TFDS, Grain and JAX take seconds to import, and much of
this folder needs none of them.
"""

import lazy_loader

# The names are those of __init__.pyi, each imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
