"""Small runs for tests: their images, their settings, and what of them must not change."""

import contextlib
import csv
import io

import numpy as np
import pytest
from PIL import Image

from jaxcovid.config import Config
from jaxcovid.report import gallery, pictures
from tests.small_network import SMALL

# Besides the history, which holds times.
EXACT = (
    "predictions.csv", "metrics.json", "weights.pth", "weights.safetensors", "plots/loss.png"
)  # fmt: skip


def noise_folder(folder, train, validation):
    """Two classes of noise that differ in brightness, with so many images of each."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("validation", validation)):
        for label, high in (("covid", 120), ("normal", 255)):
            (folder / split / label).mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, high, (30, 40), np.uint8)
                Image.fromarray(pixels).save(folder / split / label / f"{index}.png")
    return folder


def config(folder, output, **options):
    settings = {
        "model": SMALL, "weights": "none", "head": (8,), "epochs": 2, "batch_size": 5, **options
    }  # fmt: skip
    return Config(data=str(folder), output=output, **settings)


@contextlib.contextmanager
def blank_heat_maps():
    """While it lasts, heat maps are one grey pixel each: their palettes take long to choose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery, "overlay", lambda *_: Image.new("L", (1, 1)))
        yield


@contextlib.contextmanager
def blank_charts():
    """Charts as well: drawing takes most of a small run's time."""
    pixel = io.BytesIO()
    Image.new("L", (1, 1)).save(pixel, "PNG")
    with blank_heat_maps(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "picture_bytes", lambda _: pixel.getvalue())
        patch.setattr(pictures, "inline_svg", lambda *_: '<svg viewBox="0 0 1 1"></svg>')
        yield


def interruption(call):
    """Interrupts at the so many-th time that a run asks."""
    calls = iter(range(1, 1_000_000))
    return lambda: contextlib.nullcontext(lambda: next(calls) == call)


def history(run):
    """The lines of history.csv, without times."""
    with (run / "history.csv").open(newline="") as stream:
        return [row[:-2] for row in csv.reader(stream)]


def numbers(run):
    """The same without the header."""
    return np.array(history(run)[1:], float)


def assert_same(run, other):
    """The same run to the last bit, times aside."""
    assert history(run) == history(other)
    for name in EXACT:
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
