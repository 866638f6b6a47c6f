"""Phantoms outlive the command that drew them: drawing takes as long as the rest of its start."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from jaxcovid.data import phantom
from jaxcovid.data.disk import Progress
from weights_convert import FormatError, read, save
from weights_convert.aside import private_folder


def drawn_phantoms(
    cache: Path, progress: Progress
) -> Mapping[str, UInt8[np.ndarray, "n size size"]]:
    """The pictures of every split, from the cache folder or drawn anew if that cannot be read.

    Where nothing can be written nothing is kept.
    """
    sizes = "-".join(map(str, phantom.SIZES.values()))
    path = cache / "phantoms" / f"{phantom.VERSION}-{sizes}.safetensors"
    with contextlib.suppress(OSError, FormatError):
        kept = read(path)
        if kept.digest is not None and set(kept.arrays) == set(phantom.SIZES):
            return {name: kept.arrays[name] for name in phantom.SIZES}
    names = progress(phantom.SIZES, "Drawing phantoms", len(phantom.SIZES))
    pictures = {name: phantom.draw_split(name) for name in names}
    with contextlib.suppress(OSError, FormatError):
        private_folder(path.parent)
        save(path, pictures)
    return pictures
