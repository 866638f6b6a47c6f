"""Arrays that outlive the command that computed them, in the cache folder."""

import hashlib
from collections.abc import Hashable, Mapping
from pathlib import Path

import jax
import numpy as np

import jaxcovid
from jaxcovid.errors import first_line
from jaxcovid.runs.progress import say
from weights_convert import FormatError, read, save
from weights_convert.aside import private_folder

# What all of a folder take on disk, and what those of one key may take of it.
KEPT_BYTES, LARGEST_BYTES = 2 * 2**30, 2**29

SUFFIX, FORMER = ".safetensors", ".npz"  # now, and of earlier versions


def array_file(folder: Path, key: Hashable) -> Path:
    """Where arrays of that key lie: the name says all that they depend on, also what computes them.

    `repr` of the key must tell keys apart.
    """
    described = repr((key, jax.default_backend(), jax.__version__, jaxcovid.__version__))
    return folder / f"{hashlib.sha256(described.encode()).hexdigest()[:32]}{SUFFIX}"


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays in a file by name; None if it is not there or cannot be read.

    A damaged file is said to be made anew.
    """
    if not path.is_file():
        return None
    try:
        weights = read(path)
        if weights.digest is None:
            raise FormatError("it does not say what it holds")
        path.touch()  # the newest
    except OSError:
        return None
    except FormatError as error:
        say(f"What was kept in {path} is damaged, and made anew ({first_line(error)})")
        return None
    return weights.arrays


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Keeps arrays unless there are none, they are too large or nothing can be written there.

    The oldest files beside it go when all take more than KEPT_BYTES.
    """
    if not arrays or sum(array.nbytes for array in arrays.values()) > LARGEST_BYTES:
        return
    try:
        private_folder(path.parent)
        save(path, arrays)
        files = [file for file in path.parent.iterdir() if file.suffix in (SUFFIX, FORMER)]
        files.sort(key=lambda file: -file.stat().st_mtime)
        for file, total in zip(
            files, np.cumsum([file.stat().st_size for file in files]), strict=True
        ):
            if total > KEPT_BYTES:
                file.unlink(missing_ok=True)
    except (OSError, FormatError):  # of a folder in its place
        return
