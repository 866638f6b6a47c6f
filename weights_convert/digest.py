"""A digest of what a file of weights holds, kept in its metadata: what was changed is noticed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from weights_convert.errors import FormatError

KEY = "sha256"


def content_digest(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """SHA-256 of names, types, shapes and bytes of all arrays, and of the other metadata.

    It is the same in every format, in whatever order the arrays are.
    """
    digest = hashlib.sha256()
    others = {key: value for key, value in metadata.items() if key != KEY}
    digest.update(json.dumps(others, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        described = json.dumps([name, array.dtype.name, list(array.shape)])
        digest.update(f"\n{described}\n".encode())
        # Through bytes, since bfloat16 has no buffer format of its own.
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def check(arrays: Mapping[str, Any], metadata: Mapping[str, str]) -> None:
    """Raises FormatError if the digest in the metadata is not that of the content.

    What is no array is of a type that no file with a digest has.
    """
    whole = all(isinstance(array, np.ndarray) for array in arrays.values())
    if not whole or metadata[KEY] != content_digest(arrays, metadata):
        raise FormatError(
            f"its content differs from what was written (the digest {KEY} in its metadata): it is "
            f"damaged, or was changed; get it again, or save it without {KEY} if that is meant"
        )
