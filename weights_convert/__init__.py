"""Weights between PyTorch and Flax, both ways, with neither installed."""

from weights_convert.convert import ConversionError, flax_to_torch, torch_to_flax
from weights_convert.names import Entry, Layout, head_names, table

__all__ = [
    "ConversionError",
    "Entry",
    "Layout",
    "flax_to_torch",
    "head_names",
    "table",
    "torch_to_flax",
]
