"""Procedurally drawn frontal chest radiographs in three classes, for demos and tests."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8

CLASSES: tuple[str, ...] = ("clear", "ground_glass", "lobar")
SIZES: dict[str, int] = {"train": 80, "validation": 24, "test": 24}  # images per class

# To be raised when pictures change: they are kept from one run to the next.
VERSION = 1

Field = Float32[np.ndarray, "size size"]
Pair = tuple[float, float]

# Heights run from -1 at the top edge of the image to 1 at the bottom edge; the rest are
# distances from the midline at these heights, in the same unit of half an image.
_HEIGHTS = (-1.30, -0.98, -0.90, -0.80, -0.68, -0.50, -0.25, 0.05, 0.40, 1.00)
_SKIN = (0.24, 0.25, 0.32, 0.70, 0.97, 1.06, 1.02, 0.96, 0.95, 0.97)
_LUNG_OUTER = (0.00, 0.00, 0.10, 0.33, 0.49, 0.62, 0.72, 0.78, 0.81, 0.83)
_LUNG_INNER = (0.40, 0.40, 0.36, 0.20, 0.14, 0.125, 0.13, 0.15, 0.14, 0.17)


def draw(label: int, seed: int, size: int = 256) -> UInt8[np.ndarray, "size size"]:
    """Draw one phantom of class CLASSES[label], 0 black to 255 white, size x size pixels.

    The same label, seed and size give the same picture.
    """
    # Once a large block has been freed, malloc reuses pages rather than faulting in new ones for
    # each of the many temporary arrays below: that halves the time of a drawing.
    np.empty(1 << 24, np.uint8)
    rng = np.random.default_rng(np.random.SeedSequence([label, seed]))
    chest = _chest(rng, size)
    bones = _ribs(rng, chest) + _spine(rng, chest) + _shoulder_girdle(rng, chest)
    vessels = _vessels(rng, chest)
    opacity = (_clear, _ground_glass, _lobar)[label](rng, chest, vessels)
    # Disease displaces air, so it is blended with the lung rather than painted over the ribs.
    air = chest.air * (1 - opacity)
    density = chest.tissue - 0.46 * air + 0.15 * vessels * air + chest.body * bones
    return _expose(rng, density)


def listed(name: str) -> tuple[list[int], list[str]]:
    """Numbers of CLASSES and names of the images in a split, class by class."""
    items = [(label, index) for label in range(len(CLASSES)) for index in range(SIZES[name])]
    names = [f"{CLASSES[label]}/{name}-{index:03d}" for label, index in items]
    return [label for label, _ in items], names


def draw_split(name: str, seed: int = 0) -> UInt8[np.ndarray, "n size size"]:
    """Draw a split of SIZES[name] images of each class, 256 x 256, in the order of `listed`.

    Splits of one seed share no image.
    """
    # Consecutive blocks of seeds, one for each (seed, split), so that no image is ever shared.
    block = seed * sum(SIZES.values()) + sum(list(SIZES.values())[: list(SIZES).index(name)])
    seeds = range(block, block + SIZES[name])
    return np.stack([draw(label, seed) for label in range(len(CLASSES)) for seed in seeds])


class _Chest(NamedTuple):
    """Coordinates fixed to the patient, and the soft parts drawn in them."""

    across: Field  # towards the right of the image, 0 on the midline
    lateral: Field  # absolute distance from the midline
    down: Field  # towards the feet
    depth: Field  # distance inwards from the outer border of the lungs
    body: Field  # 1 inside the skin, 0 outside
    air: Field  # 1 deep in the lungs, less where heart or great vessels overlap them
    tissue: Field  # brightness without lungs and bones


def _chest(rng: np.random.Generator, size: int) -> _Chest:
    """Pose one patient and draw skin, lungs, heart, mediastinum and abdomen."""
    across, down = _pose(rng, size)
    lateral = np.abs(across)
    depth = _curve(down, _LUNG_OUTER) - lateral
    # The liver lifts the dome on the left of the image.
    dome = rng.uniform(0.42, 0.50) + rng.uniform(0.04, 0.10) * _step(across, 0.2)
    droop = rng.uniform(0.8, 1.3) * (lateral - rng.uniform(0.32, 0.40)) ** 2
    abdomen = _step(down - dome - droop, 0.03)
    inner = _step(lateral - _curve(down, _LUNG_INNER), 0.06)
    lungs = _step(depth, 0.03) * inner * (1 - abdomen)
    skin = _curve(down, _SKIN) - lateral
    body = _step(skin, 0.03)
    middle = _step(0.16 - lateral, 0.18) * _step(down + 0.95, 0.3)
    heart, seen = _heart(rng, across, down)
    trunk = 0.60 + 0.15 * np.maximum(np.maximum(middle, heart), abdomen)
    windpipe = _step(0.045 - np.abs(across - 0.02), 0.04) * _step(-0.30 - down, 0.25)
    bubble = _blob(across, down, (0.38, 0.68), (0.20, 0.09), -0.2, 0.9) * rng.uniform(0, 0.2)
    # Rays near the skin cross less tissue.
    tissue = trunk * (0.55 + 0.45 * _step(skin - 0.1, 0.3)) - 0.15 * windpipe
    tissue = body * (tissue - bubble + 0.02 * _noise(rng, size, 7))
    air = lungs * seen * (0.72 + 0.28 * _step(depth - 0.1, 0.35))
    return _Chest(across, lateral, down, depth, body, air, tissue)


def _heart(rng: np.random.Generator, across: Field, down: Field) -> tuple[Field, Field]:
    """Return the heart, and the fraction of lung seen past it and the great vessels."""
    big, hilum = rng.uniform(0.88, 1.12), rng.uniform(-0.14, -0.06)
    heart = _blob(across, down, (0.14 * big, 0.29), (0.39 * big, 0.29 * big), 0.5, 0.28)
    atrium = _blob(across, down, (-0.07, 0.24), (0.16 * big, 0.24), 0.0, 0.4)
    knob = _blob(across, down, (0.09, rng.uniform(-0.44, -0.38)), (0.125, 0.11), 0.0, 0.3)
    artery = _blob(across, down, (0.10, -0.10), (0.13, 0.22), -0.1, 0.5)
    hila = _blob(np.abs(across), down, (0.19, hilum), (0.12, 0.17), 0.3, 1.3)
    seen = (1 - 0.9 * heart) * (1 - 0.8 * atrium) * (1 - 0.75 * knob) * (1 - 0.6 * artery)
    return heart, seen * (1 - 0.45 * hila)


def _pose(rng: np.random.Generator, size: int) -> tuple[Field, Field]:
    """Return patient coordinates of every pixel: random rotation, stature and slight warp."""
    line = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(2 / size) - 1
    angle = rng.normal(0, 0.04)
    x = (line - rng.normal(0, 0.025))[None, :]
    y = (line - rng.normal(0, 0.025))[:, None]
    across = (math.cos(angle) * x + math.sin(angle) * y) / rng.uniform(0.90, 1.06)
    down = (math.cos(angle) * y - math.sin(angle) * x) / rng.uniform(0.92, 1.06)
    return across + 0.01 * _noise(rng, size, 4), down + 0.01 * _noise(rng, size, 4)


def _ribs(rng: np.random.Generator, chest: _Chest) -> Field:
    """Draw posterior ribs descending outwards and fainter anterior ribs descending inwards."""
    lateral, down = chest.lateral, chest.down
    spacing, strength = rng.uniform(0.135, 0.165), rng.uniform(0.09, 0.14)
    arch = rng.uniform(0.75, 1.0) * (lateral - 0.20) ** 2 * (1.15 - 0.45 * down)
    back = _bands((down - arch) / spacing + rng.uniform(), rng.uniform(0.42, 0.5))
    inward = np.maximum(0.86 - lateral, 0)
    sweep = rng.uniform(0.75, 0.95) * inward - 0.45 * inward**2
    front = _bands((down - sweep) / (1.25 * spacing) + rng.uniform(), rng.uniform(0.38, 0.48))
    cage = _step(chest.depth + 0.05, 0.04) * _step(down + 0.85, 0.1)
    back = back * _step(lateral - 0.07, 0.05) * _step(0.75 - down, 0.4)
    front = front * _step(lateral - 0.36, 0.3) * _step(0.45 - abs(down), 0.3)
    return cage * (0.3 + 0.7 * chest.air) * strength * (back + 0.6 * front)


def _spine(rng: np.random.Generator, chest: _Chest) -> Field:
    """Draw the vertebral column as faint blocks parted by darker discs."""
    column = _step(0.085 - chest.lateral, 0.03)
    blocks = _bands(chest.down / rng.uniform(0.115, 0.135) + rng.uniform(), 0.8)
    return rng.uniform(0.04, 0.08) * column * (0.4 + blocks)


def _shoulder_girdle(rng: np.random.Generator, chest: _Chest) -> Field:
    """Draw clavicles, shoulder blades and the heads of the upper arms."""
    lateral, down = chest.lateral, chest.down
    rise, height = rng.uniform(0.16, 0.30), rng.uniform(-0.60, -0.54)
    line = height - rise * (lateral - 0.1) + 0.03 * np.sin(7 * lateral)
    ends = _step(lateral - 0.09, 0.03) * _step(0.80 - lateral, 0.05)
    off = np.abs(down - line) / 0.034
    clavicle = _step(1 - off, 0.4) * (0.65 + 0.35 * np.minimum(off, 1) ** 2) * ends
    blade = _blob(lateral, down, (0.76, -0.34), (0.13, 0.30), 0.25, 0.15)
    head = _blob(lateral, down, (0.96, -0.58), (0.11, 0.12), 0.0, 0.2)
    return rng.uniform(0.13, 0.19) * clavicle + 0.05 * blade + 0.10 * head


def _vessels(rng: np.random.Generator, chest: _Chest) -> Field:
    """Draw vessels that radiate from each hilum, forking and thinning on the way out."""
    size = len(chest.down)
    x, y = chest.lateral - 0.13, chest.down + 0.08
    radius = np.sqrt(x * x + y * y) + np.float32(0.03)
    # Both sides share the polar grid; an offset keeps them from being mirror images.
    turn = np.arctan2(y, x) + rng.uniform(0.1, 1) * (chest.across > 0).astype(np.float32)
    turn = turn + 0.20 * _noise(rng, size, 6) + 0.03 * _noise(rng, size, 17)
    trunks = _bands(2.1 * turn, 0.075 / radius) * _step(0.42 - radius, 0.6)
    twigs = _bands(4.7 * turn, 0.10 / radius) * _step(radius - 0.18, 0.2)
    uneven = np.clip(0.7 + 0.5 * _noise(rng, size, 11), 0, 1.4)
    return uneven * (trunks + 0.6 * twigs * _step(0.68 - radius, 0.5))


def _clear(rng: np.random.Generator, chest: _Chest, vessels: Field) -> Field:
    """No opacity: the fraction of air replaced is 0 everywhere."""
    return np.zeros_like(vessels)


def _ground_glass(rng: np.random.Generator, chest: _Chest, vessels: Field) -> Field:
    """Haze with soft edges in the outer and lower zones of both lungs."""
    size = len(chest.down)
    patches = _noise(rng, size, 7) + 0.5 * _noise(rng, size, 13)
    mottle = 0.6 * _noise(rng, size, 29) + 0.5 * _noise(rng, size, 67)
    outer = 1 - np.clip(chest.depth / rng.uniform(0.40, 0.55), 0, 1)
    lower = np.clip((chest.down + 0.55) / 0.7, 0, 1)
    extent = 1.1 * outer + 0.9 * lower - rng.uniform(0.65, 0.85)
    haze = _step(extent + 0.45 * patches, 1.0)
    return np.clip(haze * (rng.uniform(0.54, 0.66) + 0.16 * mottle), 0, 0.9)


def _lobar(rng: np.random.Generator, chest: _Chest, vessels: Field) -> Field:
    """Dense opacity of one lobe, sharp at the fissure, with faint air bronchograms."""
    size = len(chest.down)
    side = _step(chest.across * (1 if rng.uniform() < 0.5 else -1), 0.02)
    upper = rng.uniform() < 0.4
    fissure = rng.uniform(-0.22, -0.05) + rng.uniform(-0.15, 0.25) * (chest.lateral - 0.4)
    below = chest.down - fissure + 0.008 * _noise(rng, size, 6)
    reach = rng.uniform(0.70, 0.95)
    within = -below if upper else below
    fade = _step(reach - within + 0.10 * _noise(rng, size, 8), 0.25)
    lobe = side * _step(within, 0.025) * fade
    dense = rng.uniform(0.84, 0.95) + 0.04 * _noise(rng, size, 10)
    return np.clip(lobe * (dense - rng.uniform(0.05, 0.2) * vessels), 0, 1)


def _expose(rng: np.random.Generator, density: Field) -> UInt8[np.ndarray, "size size"]:
    """Develop the film: uneven beam, random gamma and brightness, and grain."""
    size = len(density)
    line = np.linspace(-1, 1, size, dtype=np.float32)
    beam = 1 + rng.normal(0, 0.03) * line[None, :] + rng.normal(0, 0.03) * line[:, None]
    film = np.clip(density * beam + 0.02, 0, 1.2) ** np.float32(rng.uniform(0.85, 1.35))
    # Automatic exposure: the mean is drawn afresh, so brightness does not betray the class.
    film = film * (rng.uniform(0.36, 0.50) / float(film.mean()))
    grain = rng.standard_normal((size, size), dtype=np.float32)
    film = film + rng.uniform(0.008, 0.028) * grain + rng.uniform(0.0, 0.04)
    return (np.clip(film, 0, 1) * 255 + 0.5).astype(np.uint8)


def _step(distance: Field, width: float) -> Field:
    """Rise smoothly from 0 to 1 while distance runs from -width/2 to width/2."""
    ramp = np.clip(distance * np.float32(1 / width) + np.float32(0.5), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def _bands(phase: Field, share: float | Field) -> Field:
    """Draw one band per unit of phase, brighter at its rims, covering a share of the period."""
    off = np.abs(phase - np.floor(phase) - np.float32(0.5)) * 2 / share
    return _step(1 - off, 0.4) * (0.7 + 0.3 * np.minimum(off, 1) ** 2)


def _blob(x: Field, y: Field, centre: Pair, radii: Pair, angle: float, soft: float) -> Field:
    """Fill an ellipse turned by angle radians; soft is the width of its edge over its radius."""
    dx, dy = x - centre[0], y - centre[1]
    along = (math.cos(angle) * dx + math.sin(angle) * dy) / radii[0]
    beside = (math.cos(angle) * dy - math.sin(angle) * dx) / radii[1]
    return _step(1 - np.sqrt(along * along + beside * beside), soft)


def _curve(height: Field, distances: tuple[float, ...]) -> Field:
    """Look up distances, given at _HEIGHTS, on a smoothed curve through them."""
    window = np.hanning(63)
    table = np.interp(np.linspace(-2, 2, 2049), _HEIGHTS, distances)
    table = np.convolve(table, window / window.sum(), mode="same").astype(np.float32)
    return table[np.clip((height + 2) * 512, 0, 2048).astype(np.int32)]


def _noise(rng: np.random.Generator, size: int, cells: int) -> Field:
    """Smooth noise of about unit range: a coarse random grid of cells, interpolated."""
    grid = rng.standard_normal((cells + 1, cells + 1), dtype=np.float32)
    place = (np.arange(size, dtype=np.float32) + 0.5) * np.float32(cells / size)
    low = place.astype(np.int32)
    part = place - np.floor(place)
    part = part * part * (3 - 2 * part)
    rows = grid[low] * (1 - part)[:, None] + grid[low + 1] * part[:, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part
