"""Many settings and seeds in one program, compared on one page.

The names below are imported on first use, as JAX takes seconds to import.
"""

import lazy_loader

# The names are those of __init__.pyi, each imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
