"""Sets in one .npz of arrays, images and labels of each split, as MedMNIST has them."""

import fnmatch
import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image

from jaxcovid.data import images
from jaxcovid.data.dataset import Dataset, assemble
from jaxcovid.data.disk import Progress
from jaxcovid.data.preparation import AS_TORCHVISION, CROP, Preparation
from jaxcovid.data.sides import caution, choose_side, sided
from jaxcovid.data.split_folders import SPLITS, split_named
from jaxcovid.errors import InputError, check, first_line
from weights_convert.errors import FormatError
from weights_convert.npz_file import read_npz

# Bytes that the arrays of a file may take.
MOST = 2**34


class _Arrays(NamedTuple):
    images: UInt8[np.ndarray, "n height width *channel"]
    labels: Int[np.ndarray, "n"]


def is_npz(data: str) -> bool:
    """Whether that setting of `data` means a file of arrays: by its suffix."""
    return data.lower().endswith(".npz") and not Path(data).is_dir()


def load_npz(
    path: Path,
    globs: Mapping[str, Sequence[str]],
    progress: Progress,
    stored_side: int | None = None,
    preparation: Preparation = AS_TORCHVISION,
) -> Dataset:
    """The splits of such a file, in memory; `train_images` (n, height, width) and `train_labels`.

    The classes are the numbers of the labels, or those whose `globs` they fit; other images are
    left out. `stored_side` and `preparation` are as in `sources.load_dataset`. Raises InputError.
    """
    arrays = _splits(path, _members(path))
    numbers = sorted({int(number) for split in arrays.values() for number in split.labels})
    class_of = {number: _class(str(number), globs) for number in numbers}
    unused = [
        f"`labels`: {name} fits no label of {path}; there are {', '.join(map(str, numbers))}"
        for name in globs
        if name not in class_of.values()
    ]
    check(unused)
    classes = tuple(sorted({name for name in class_of.values() if name is not None}))
    height, width = next(iter(arrays.values())).images.shape[1:3]
    side = choose_side([(width, height)]) if stored_side is None else stored_side
    splits, digest, left = {}, hashlib.blake2b(digest_size=16), 0
    for name, split in arrays.items():
        records, count = [], len(split.labels)
        for place in progress(range(count), f"Preparing {name} images", count):
            label = class_of[int(split.labels[place])]
            left += label is None
            if label is not None:
                picture = images.to_8bit(Image.fromarray(split.images[place]))
                path_in = f"{name}/{place:06d}"
                number = classes.index(label)
                records.append(images.prepare(picture, number, path_in, side, preparation))
                digest.update(f"{path_in}\0{label}\0".encode())
                digest.update(split.images[place].tobytes())
        splits[name] = assemble(name, records)
    return Dataset(
        path.stem,
        classes,
        splits,
        sided(digest.hexdigest(), side, preparation),
        warnings=tuple(filter(None, [caution([(width, height)], side)])),
        stored_side=side,
        preparation=preparation,
        notes=tuple(_notes(path, arrays, left)),
    )


def split_for(dataset: Dataset, split: str, classes: Sequence[str], path: Path) -> Dataset:
    """One split of a file, for a model of these classes. Raises InputError."""
    problems = [
        f"{path}: class {name!r} is unknown to the model, which knows {', '.join(classes)}; say "
        "which labels are its classes (`labels`), such as normal=0"
        for name in dataset.classes
        if name not in classes
    ]
    if split not in dataset.splits or not len(dataset.splits[split].labels):
        problems.append(
            f"`split`: {path} has no {split} images; it has {', '.join(dataset.splits)}"
        )
    check(problems)
    return dataset._replace(splits={split: dataset.splits[split]})


def _class(number: str, globs: Mapping[str, Sequence[str]]) -> str | None:
    if not globs:
        return number
    fitting = (
        name for name, of_class in globs.items()
        if any(fnmatch.fnmatchcase(number, glob) for glob in of_class)
    )  # fmt: skip
    return next(fitting, None)


def _members(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name, compressed or not. Raises InputError."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if (total := sum(member.file_size for member in members)) > MOST:
                held = f"{path} holds {total:,} bytes; at most {MOST:,} are read"
                raise InputError([f"`data`: {held}"])
            contents = {member.filename: memoryview(archive.read(member)) for member in members}
        arrays, _ = read_npz(contents)
    except OSError as error:
        raise InputError([f"`data`: {path} cannot be read ({error.strerror})"]) from None
    except (zipfile.BadZipFile, zlib.error, FormatError, ValueError, RuntimeError) as error:
        raise InputError([f"`data`: {path} is no file of arrays ({first_line(error)})"]) from None
    return {name: array for name, array in arrays.items() if isinstance(array, np.ndarray)}


def _splits(path: Path, members: Mapping[str, np.ndarray]) -> dict[str, _Arrays]:
    """The images and labels of each split. Raises InputError with all that is wrong."""
    splits: dict[str, _Arrays] = {}
    problems = []
    for name, pictures in members.items():
        before, _, what = name.rpartition("_")
        split = split_named(before)
        if what != "images" or split is None:
            continue
        labels = members.get(f"{before}_labels")
        if labels is None:
            problems.append(f"`data`: {path} has {name}, but no {before}_labels")
            continue
        labels = labels.reshape(len(labels), -1) if labels.ndim else labels.reshape(1, 1)
        is_picture = pictures.dtype == np.uint8 and pictures.ndim in (3, 4)
        if not is_picture or (pictures.ndim == 4 and pictures.shape[3] != 3):
            problems.append(
                f"`data`: {path}: {name} are {pictures.dtype} of shape {pictures.shape}; bytes of "
                "(n, height, width) or (n, height, width, 3) are read"
            )
        elif labels.shape != (len(pictures), 1) or labels.dtype.kind not in "iu":
            problems.append(
                f"`data`: {path}: {before}_labels are {labels.dtype} of shape {labels.shape} for "
                f"{len(pictures)} images; one whole number an image is needed"
            )
        else:
            splits[split] = _Arrays(pictures, labels[:, 0].astype(np.int64))
    missing = [split for split in ("train", "validation") if split not in splits]
    if missing and not problems:
        held = ", ".join(sorted(members)) or "nothing"
        problems.append(
            f"`data`: {path} has no {' and no '.join(missing)} images; it needs train_images, "
            f"train_labels, val_images, val_labels, and holds {held}"
        )
    check(problems)
    return {split: splits[split] for split in SPLITS if split in splits}


def _notes(path: Path, arrays: Mapping[str, _Arrays], left: int) -> Iterator[str]:
    height, width = next(iter(arrays.values())).images.shape[1:3]
    if min(height, width) < CROP:
        yield (
            f"{path.name}: images of {width} x {height} pixels, enlarged for a network that sees "
            f"{CROP} x {CROP}: fine detail is not in them"
        )
    if left:
        yield f"{left} image(s) left out: of a label that `labels` does not name"
