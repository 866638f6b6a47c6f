"""How large training images are kept: enough for training to see what evaluation sees."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxcovid.data import images, loader, sides
from jaxcovid.data.augment import augment, random_crop
from jaxcovid.data.augmentations import STRONG
from jaxcovid.data.sides import caution, choose_side, sided
from tests.data.image_files import load_folder, load_split

SIZES = {  # sizes of images, and the side to which they are shrunk
    "none": ([], 320),
    "small": ([(320, 500)] * 9, 320),
    "a little larger": ([(321, 321)] * 9, 512),
    "between": ([(1000, 600)] * 5, 768),
    "very large": ([(3000, 2500)] * 3, 1024),
    "one of 20 is large": ([(300, 300)] * 19 + [(2000, 2000)], 320),
    "one of 10 is large": ([(300, 300)] * 9 + [(600, 600)], 768),
    "as many as 1024 allows": ([(1024, 1024)] * 3, 1024),
    "too many for 1024": ([(1024, 1024)] * 4, 768),
    "too many for 768": ([(1024, 1024)] * 8, 512),
    "too many for any": ([(1024, 1024)] * 80, 320),
    "a canvas for wide and for high ones": ([(2000, 1000), (1000, 2000)], 768),
}


@pytest.mark.parametrize("case", SIZES)
def test_the_side_follows_from_sizes_and_a_budget(case, monkeypatch):
    monkeypatch.setattr(sides, "BUDGET", 4e6)
    sizes, side = SIZES[case]
    assert choose_side(sizes) == side


def test_lost_detail_is_told():
    assert caution([], 0) == caution([(320, 400)] * 9, 320) == ""
    assert caution([(2048, 2048)] * 9, 1024) == caution([(400, 400)] * 9, 512) == ""
    assert caution([(300, 300), (1024, 1024), (500, 600)], 320) == (
        "2 of 3 training images are shrunk to a shorter side of 320 pixels before they are "
        "augmented, so training sees less fine detail than evaluation; `stored_side=1024` keeps more"
    )


def test_the_fingerprint_tells_sides_apart():
    assert sided("ab", 320) == "ab"
    assert len({sided("ab", side) for side in (320, 512, 768)} | {sided("c", 512)}) == 4


def detailed(size):
    """A picture with as much detail at every scale, and noise."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size)))
    frequency[0, 0] = 1
    noise = np.random.default_rng(0).normal(size=(size, size))
    waves = np.fft.ifft2(np.fft.fft2(noise) / frequency).real
    return Image.fromarray(np.clip(waves / waves.std() * 45 + 128, 0, 255).astype(np.uint8))


def detail(pixels):
    """The variance of the Laplacian."""
    rows = np.asarray(pixels, np.float64)
    inner, upper, lower = rows[1:-1, 1:-1], rows[:-2, 1:-1], rows[2:, 1:-1]
    return (upper + lower + rows[1:-1, :-2] + rows[1:-1, 2:] - 4 * inner).var()


@jax.jit
@functools.partial(jax.vmap, in_axes=(0, None))
def draw(key, size):
    """The angle and the box that `augment` takes for an image of that size."""
    angle_key, crop_key, _ = jax.random.split(key, 3)
    most = STRONG.rotation
    angle = jax.random.uniform(angle_key, (), jnp.float32, -most, most)
    return angle, *random_crop(crop_key, size)


def as_torchvision(image, angle, corner, extent):
    """A view in torchvision's order, by Pillow: turned and cropped before it is scaled."""
    (top, left), (height, width) = corner, extent
    turned = image.rotate(float(angle), Image.Resampling.NEAREST)
    box = tuple(map(int, (left, top, left + width, top + height)))
    return turned.crop(box).resize((224, 224), Image.Resampling.BILINEAR)


@pytest.mark.parametrize("size", [320, 1024, 2048])
def test_training_sees_the_detail_that_it_sees_with_torchvision(size):
    image = detailed(size)
    pixels = images.augmentable_view(image, choose_side([image.size]))
    keys = jax.random.split(jax.random.key(0), 24)
    size_kept = jnp.array(pixels.shape[:2])
    ours = [detail(jax.jit(augment)(key, pixels, size_kept)[:, :, 0]) for key in keys]
    drawn = map(np.asarray, draw(keys, jnp.array(image.size[::-1])))
    theirs = [detail(as_torchvision(image, *one)) for one in zip(*drawn, strict=True)]
    assert np.mean(ours) == pytest.approx(np.mean(theirs), rel=0.03)
    spread = [0.1, 0.25, 0.5, 0.75, 0.9]
    np.testing.assert_allclose(np.quantile(ours, spread), np.quantile(theirs, spread), rtol=0.05)


def save_large(folder):
    """A training image of 600 pixels in place of every small one."""
    for path in sorted(folder.glob("train/*/*.png")):
        Image.open(path).resize((700, 600)).save(path)


def test_a_side_is_chosen_kept_and_part_of_the_fingerprint(image_folder, tmp_path):
    small = load_folder(image_folder, tmp_path / "cache")
    assert small.stored_side == 320 and small.splits["train"].augmentable.shape[1:3] == (30, 40)
    save_large(image_folder)
    whole = load_folder(image_folder, tmp_path / "cache")
    assert whole.stored_side == 768 and not any("detail" in text for text in whole.warnings)
    assert whole.splits["train"].augmentable.shape == (12, 600, 700, 1)
    less = load_folder(image_folder, tmp_path / "cache", stored_side=320)
    assert less.stored_side == 320 and any("detail" in text for text in less.warnings)
    assert less.splits["train"].augmentable.shape == (12, 320, 373, 1)
    assert whole.fingerprint != less.fingerprint
    on_disk = load_folder(image_folder, tmp_path / "cache", memory_budget=0)
    assert on_disk.fingerprint == whole.fingerprint
    chosen = np.array([3, 1])
    np.testing.assert_array_equal(
        on_disk.splits["train"].augmentable[chosen], whole.splits["train"].augmentable[chosen]
    )


def test_nothing_is_kept_for_augmentation_where_nothing_trains(image_folder, tmp_path):
    save_large(image_folder)
    dataset = load_split(image_folder, "train", ("covid", "normal"), tmp_path / "cache")
    assert dataset.splits["train"].augmentable.shape == (12, 0, 0, 1)
    assert dataset.splits["train"].evaluation.shape == (12, 224, 224, 1)


def test_large_images_are_augmented_a_few_at_a_time_and_alike(monkeypatch):
    rng = np.random.default_rng(0)
    batch = loader.Examples(
        rng.integers(0, 256, (5, 224, 224, 1), np.uint8),
        rng.integers(0, 200, (5, 2), np.int32),
        np.arange(5, dtype=np.int32),
        np.zeros(5, np.int32),
        np.ones(5, np.float32),
    )

    def brighter(key, image, size, _):
        return image.astype(jnp.float32) + size.sum().astype(jnp.float32) + jax.random.uniform(key)

    monkeypatch.setattr(loader, "augment", brighter)
    at_once = loader.training_images(batch, jax.random.key(0), jnp.int32(1))
    monkeypatch.setattr(loader, "LARGE", 0)
    monkeypatch.setattr(loader, "TOGETHER", 2)
    in_turn = loader.training_images(batch, jax.random.key(0), jnp.int32(1))
    np.testing.assert_allclose(in_turn, at_once, atol=1e-6)
