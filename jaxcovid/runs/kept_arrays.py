"""Arrays that outlive the command that computed them, in the cache folder."""

import hashlib
import zipfile
from collections.abc import Hashable, Mapping
from pathlib import Path

import jax
import numpy as np

import jaxcovid
from weights_convert import FormatError
from weights_convert.aside import written_aside

# What all of a folder take on disk, and what those of one key may take of it.
KEPT_BYTES, LARGEST_BYTES = 2 * 2**30, 2**29


def array_file(folder: Path, key: Hashable) -> Path:
    """Where arrays of that key lie: the name says all that they depend on, also what computes them.

    `repr` of the key must tell keys apart.
    """
    described = repr((key, jax.default_backend(), jax.__version__, jaxcovid.__version__))
    return folder / f"{hashlib.sha256(described.encode()).hexdigest()[:32]}.npz"


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays in a file by name; None if it is not there or cannot be read."""
    try:
        # Opened here, as numpy leaves damaged files open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            contents = dict(arrays)
        path.touch()  # the newest
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return contents


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Keeps arrays unless they are too large or nothing can be written there.

    The oldest files beside it go when all take more than KEPT_BYTES.
    """
    if sum(array.nbytes for array in arrays.values()) > LARGEST_BYTES:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as stream:
            np.savez(stream, allow_pickle=False, **arrays)
        files = sorted(path.parent.glob("*.npz"), key=lambda file: -file.stat().st_mtime)
        for file, total in zip(
            files, np.cumsum([file.stat().st_size for file in files]), strict=True
        ):
            if total > KEPT_BYTES:
                file.unlink(missing_ok=True)
    except (OSError, FormatError):  # of a folder in its place
        return
