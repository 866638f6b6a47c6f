"""Results as pages, tables, charts and words.

The names below are imported on first use: matplotlib and scikit-learn take a second to import, and
words need neither. The charts are in `charts`, X-rays as pictures in `gallery`.
"""

import lazy_loader

DISCLAIMER = "Not for clinical use."

# The names are those of __init__.pyi, each imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
