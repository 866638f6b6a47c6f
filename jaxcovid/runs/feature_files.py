"""Features of the frozen part outlive the command that computed them."""

import hashlib
import zipfile
from collections.abc import Hashable
from pathlib import Path

import jax
import numpy as np

import jaxcovid
from jaxcovid.runs.progress import say
from jaxcovid.training.frozen_features import Features, Store
from weights_convert import FormatError
from weights_convert.cache import cache_folder
from weights_convert.files import written_aside

# What all take on disk, and what those of one split may take of it.
KEPT_BYTES, LARGEST_BYTES = 2 * 2**30, 2**29


def feature_store() -> Store | None:
    """Reads and writes features in the cache folder; None where several processes must agree.

    What cannot be read is computed anew, and where nothing can be written nothing is kept. The
    oldest go when all take more than KEPT_BYTES. That some are read is said once.
    """
    if jax.process_count() > 1:
        return None
    folder, said = cache_folder() / "features", False

    def read(key: Hashable) -> Features | None:
        nonlocal said
        features = _read(_file(folder, key))
        if features is not None and not said:
            say("Outputs of the frozen part are kept from an earlier run")
            said = True
        return features

    return Store(read, lambda key, features: _write(_file(folder, key), features))


def _file(folder: Path, key: Hashable) -> Path:
    """The name says all that features depend on, also what computes them."""
    described = repr((key, jax.default_backend(), jax.__version__, jaxcovid.__version__))
    return folder / f"{hashlib.sha256(described.encode()).hexdigest()[:32]}.npz"


def _read(path: Path) -> Features | None:
    try:
        # Opened here, as numpy leaves damaged files open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            features = Features(arrays["evaluation"], arrays["views"])
        path.touch()  # the newest
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return features


def _write(path: Path, features: Features) -> None:
    if features.nbytes > LARGEST_BYTES:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as stream:
            np.savez(stream, **features._asdict())
        files = sorted(path.parent.glob("*.npz"), key=lambda file: -file.stat().st_mtime)
        for file, total in zip(
            files, np.cumsum([file.stat().st_size for file in files]), strict=True
        ):
            if total > KEPT_BYTES:
                file.unlink(missing_ok=True)
    except (OSError, FormatError):  # of a folder in its place
        return
