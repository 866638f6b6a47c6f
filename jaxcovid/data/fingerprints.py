"""What decides a set of images, in a digest; and which of its files are copies of each other."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from jaxcovid.data import bids
from jaxcovid.data.layout import ImageFile, Layout, names_of


def fingerprint(
    layout: Layout,
    folder: Path,
    progress: Callable[[Iterable[ImageFile]], Iterable[ImageFile]] = iter,
) -> tuple[str, Layout]:
    """A digest of a layout, and the layout with a digest for each file.

    The digest (BLAKE2b of 128 bits, in hexadecimal) covers splits, classes, names and contents of
    all images. `progress` may show how many of the files have been read.
    """
    total = hashlib.blake2b(digest_size=16)
    files = []
    names = names_of(layout, folder)
    for file, name in zip(progress(layout.files), names, strict=True):
        digest = _content_digest(file.path)
        files.append(file._replace(digest=digest))
        total.update(f"{file.split}\0{file.label}\0{name}\0{digest}\n".encode())
    if layout.classes != tuple(sorted({file.label for file in files if file.label is not None})):
        # The numbers of the classes, which are stored, do not follow from the files.
        total.update("\0".join(layout.classes).encode())
    return total.hexdigest(), layout._replace(files=tuple(files))


def _content_digest(path: Path) -> str:
    try:
        if not path.is_file():
            return "no file"  # a dangling link, say: decoding will report it
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16))
        if bids.is_inverted(path):  # what is seen of it
            digest.update(b"MONOCHROME1")
        return digest.hexdigest()
    except OSError as error:
        return f"unreadable {error.errno}"


def copies(layout: Layout, folder: Path) -> tuple[tuple[str, ...], ...]:
    """Images of the same content, by their paths relative to the folder, those of each together.

    The layout is one that `fingerprint` returned.
    """
    alike: dict[str, list[str]] = {}
    for file, name in zip(layout.files, names_of(layout, folder), strict=True):
        if len(file.digest) == 32:
            alike.setdefault(file.digest, []).append(name)
    return tuple(tuple(paths) for paths in alike.values() if len(paths) > 1)
