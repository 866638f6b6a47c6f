"""Weights between PyTorch and Flax, both ways, with neither installed."""

import lazy_loader

# The names are those of __init__.pyi, each imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
