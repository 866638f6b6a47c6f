"""Weights between PyTorch and Flax, both ways, with neither installed."""

from weights_convert.convert import check, flax_to_torch, torch_to_flax
from weights_convert.detect import detect
from weights_convert.errors import ConversionError, FormatError
from weights_convert.files import Weights, load, read, save
from weights_convert.names import Entry, Layout, head_names, table

__all__ = [
    "ConversionError",
    "Entry",
    "FormatError",
    "Layout",
    "Weights",
    "check",
    "detect",
    "flax_to_torch",
    "head_names",
    "load",
    "read",
    "save",
    "table",
    "torch_to_flax",
]
