"""Deterministic .safetensors: the library writes metadata in an order that differs by process."""

import json
from collections.abc import Mapping

import numpy as np
import safetensors.numpy


def serialize(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The file's bytes, the same for the same arrays and metadata."""
    content = safetensors.numpy.save(dict(arrays), dict(metadata))
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    ordered = {"__metadata__": dict(sorted(header.pop("__metadata__", {}).items())), **header}
    # The same items take the same room, so the padding that aligns the data stays right.
    text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False).encode().ljust(size)
    assert len(text) == size
    return content[:8] + text + content[8 + size :]
