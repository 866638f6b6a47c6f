"""One run from settings to artifacts, and trained networks on other images.

The names below are imported on first use, as JAX takes seconds to import. `evaluate`, which has the
name of its module, is offered by `jaxcovid` itself.
"""

import lazy_loader

# The names are those of __init__.pyi, each imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
