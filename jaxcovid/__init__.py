"""Fine-tune ImageNet networks on chest X-rays, in pure functions on pytrees, and measure honestly.

What is documented here is what others may build on. JAX is loaded when a name is first used. Not
for clinical use.
"""

import lazy_loader

__version__ = "0.1.0"

# The names are those of __init__.pyi, each imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
