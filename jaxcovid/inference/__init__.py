"""Trained networks: loading them, what they say of image files, where they look.

The names below are imported on first use, as JAX takes seconds to import. `grad_cam` and `predict`,
which have the names of their modules, are offered by `jaxcovid` itself.
"""

import lazy_loader

# The names are those of __init__.pyi, each imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
