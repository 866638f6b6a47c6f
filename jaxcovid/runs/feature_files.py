"""Features of the frozen part outlive the command that computed them."""

import hashlib
import zipfile
from collections.abc import Hashable, Mapping
from pathlib import Path

import jax
import numpy as np

import jaxcovid
from jaxcovid.runs.progress import say
from jaxcovid.training.frozen_features import Features, Store
from weights_convert import FormatError
from weights_convert.cache import cache_folder
from weights_convert.files import written_aside

# What all take on disk, and what those of one run may take of it.
KEPT_BYTES, LARGEST_BYTES = 2 * 2**30, 2**29


def feature_store() -> Store | None:
    """Reads and writes features in the cache folder; None where several processes must agree.

    What cannot be read is computed anew, and where nothing can be written nothing is kept. The
    oldest go when all take more than KEPT_BYTES.
    """
    if jax.process_count() > 1:
        return None
    folder = cache_folder() / "features"
    return Store(
        read=lambda key: _read(_file(folder, key)),
        write=lambda key, features: _write(_file(folder, key), features),
    )


def _file(folder: Path, key: Hashable) -> Path:
    """The name says all that features depend on, also what computes them."""
    described = repr((key, jax.default_backend(), jax.__version__, jaxcovid.__version__))
    return folder / f"{hashlib.sha256(described.encode()).hexdigest()[:32]}.npz"


def _read(path: Path) -> dict[str, Features] | None:
    try:
        # Opened here, as numpy leaves damaged files open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            splits = [name.removesuffix("/views") for name in arrays if name.endswith("/views")]
            features = {
                name: Features(arrays[f"{name}/evaluation"], arrays[f"{name}/views"])
                for name in splits
            }
        path.touch()  # the newest
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    say("The frozen part's features are kept from an earlier run")
    return features


def _write(path: Path, features: Mapping[str, Features]) -> None:
    if sum(of_split.nbytes for of_split in features.values()) > LARGEST_BYTES:
        return
    arrays = {
        f"{name}/{kind}": values
        for name, of_split in features.items()
        for kind, values in of_split._asdict().items()
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_aside(path) as stream:
            np.savez(stream, **arrays)
        files = sorted(path.parent.glob("*.npz"), key=lambda file: -file.stat().st_mtime)
        for file, total in zip(
            files, np.cumsum([file.stat().st_size for file in files]), strict=True
        ):
            if total > KEPT_BYTES:
                file.unlink(missing_ok=True)
    except (OSError, FormatError):  # of a folder in its place
        return
