"""Images that show the same picture: equal, copied, mirrored, inverted."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from jaxcovid.data.dataset import Dataset, Split

# Correlations that two pictures of one film reach: of 16 x 16 pixels to be looked at closer, of
# 64 x 64, and of what the network sees. The usual hashes link thousands of pairs of different
# patients; of 441,330 pairs of 940 X-rays these leave the two that are copies.
COARSE, CORRELATION, FINE = 0.96, 0.97, 0.96
# Images that are compared at a time, and pairs.
ROWS, PAIRS = 1024, 4096

Miniatures = UInt8[np.ndarray, "n 64 64"]
Vectors = Float[np.ndarray, "n pixel"]


class Pair(NamedTuple):
    """Two images by their places, how they are alike, and the correlation of their miniatures."""

    one: int
    other: int
    kind: str
    correlation: float


def duplicates(dataset: Dataset, pairs: Sequence[Pair]) -> dict[str, Any]:
    """The check of all splits for pictures that occur twice, as audit.json holds it.

    `pairs` are those of `alike` for the miniatures of all splits, one after another. It fails if a
    pair is in two splits, of two classes or of two known patients.
    """
    images = [
        (name, place) for name, split in dataset.splits.items() for place in range(len(split.paths))
    ]
    listed = []
    for pair in pairs:
        one, other = (_seen(dataset.splits, images[place]) for place in (pair.one, pair.other))
        if not _is_same(one, other, pair.kind):
            continue
        sides = [_image(dataset, *images[place]) for place in (pair.one, pair.other)]
        across = [
            plural
            for key, plural in (("split", "splits"), ("class", "classes"), ("patient", "patients"))
            if len({side[key] for side in sides} - {None}) == 2
        ]
        listed.append(
            {
                "kind": "equal" if np.array_equal(one, other) else pair.kind,
                "correlation": round(pair.correlation, 4),
                "one": sides[0],
                "other": sides[1],
                "across": across,
            }
        )
    listed.sort(key=lambda row: (-len(row["across"]), -row["correlation"]))
    return {
        "passed": not any(row["across"] for row in listed),
        "pairs": len(listed),
        "found": listed,
    }


def alike(miniatures: Miniatures) -> list[Pair]:
    """Pairs of images that show the same picture, perhaps scaled, recompressed or with other greys.

    All are compared with all, also mirrored and inverted; of those that are equal, the others with
    the first alone, as a hundred would make thousands of pairs. Images of one grey are like none.
    """
    places: dict[bytes, int] = {}
    first = [places.setdefault(image.tobytes(), place) for place, image in enumerate(miniatures)]
    distinct = np.flatnonzero(np.array(first, np.int64) == np.arange(len(first)))
    pairs = [
        Pair(int(distinct[one]), int(distinct[other]), kind, correlation)
        for one, other, kind, correlation in _alike(miniatures[distinct])
    ]
    flat = np.abs(_standardised(miniatures.astype(np.float32))).max(1) == 0
    pairs += [
        Pair(original, place, "copy", 1.0)
        for place, original in enumerate(first)
        if original != place and not flat[place]
    ]
    return sorted(pairs)


def _alike(miniatures: Miniatures) -> list[Pair]:
    pixels = miniatures.astype(np.float32)
    straight = _standardised(pixels), _standardised(_coarse(pixels))
    mirrored = _standardised(pixels[:, :, ::-1]), _standardised(_coarse(pixels[:, :, ::-1]))
    pairs: dict[tuple[int, int], Pair] = {}
    for (fine, coarse), positive in ((straight, "copy"), (mirrored, "mirrored")):
        for one, other in _candidates(straight[1], coarse):
            values = np.einsum("np,np->n", straight[0][one], fine[other])
            for place in np.flatnonzero(np.abs(values) >= CORRELATION):
                key, value = (int(one[place]), int(other[place])), float(values[place])
                kind = positive if value > 0 else "inverted"
                if key not in pairs or abs(value) > pairs[key].correlation:
                    pairs[key] = Pair(*key, kind, abs(value))
    return list(pairs.values())


def _candidates(
    coarse: Vectors, others: Vectors
) -> Iterator[tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]]:
    """Places of pairs to be looked at closer, the first below the second, some at a time."""
    for start in range(0, len(coarse), ROWS):
        near = np.abs(coarse[start : start + ROWS] @ others.T) >= COARSE
        one, other = np.nonzero(near)
        below = one + start < other
        one, other = one[below] + start, other[below]
        for first in range(0, len(one), PAIRS):
            yield one[first : first + PAIRS], other[first : first + PAIRS]


def _coarse(pixels: Float[np.ndarray, "n 64 64"]) -> Float[np.ndarray, "n 16 16"]:
    return pixels.reshape(-1, 16, 4, 16, 4).mean((2, 4))


def _standardised(images: Float[np.ndarray, "n height width"]) -> Vectors:
    """Images whose products are correlations; zeros where nearly all is of one grey."""
    pixels = images.reshape(len(images), images.shape[1] * images.shape[2])
    pixels = pixels - pixels.mean(1, keepdims=True)
    spread = pixels.std(1, keepdims=True)
    pixels /= np.maximum(spread, 1) * np.sqrt(pixels.shape[1])
    pixels[spread[:, 0] < 1] = 0
    return pixels


def _image(dataset: Dataset, name: str, place: int) -> dict[str, Any]:
    split, names = dataset.splits[name], dataset.patient_names.get(name)
    label = int(split.labels[place])
    return {
        "split": name,
        "path": split.paths[place],
        "class": dataset.classes[label] if label >= 0 else None,
        "patient": names[place] if names else None,
    }


def _seen(splits: Mapping[str, Split], image: tuple[str, int]) -> Float[np.ndarray, "224 224"]:
    """An image in grey as the network sees it."""
    name, place = image
    return splits[name].evaluation[np.array([place])][0].astype(np.float32).mean(-1)


def _is_same(
    one: Float[np.ndarray, "height width"], other: Float[np.ndarray, "height width"], kind: str
) -> bool:
    """Whether what is alike when small is so in what the network sees too."""
    sides = [other] if kind == "copy" else [other[:, ::-1]]
    if kind == "inverted":
        sides = [other, other[:, ::-1]]
    vector = _standardised(one[None])[0]
    return any(abs(float(vector @ _standardised(side[None])[0])) >= FINE for side in sides)
