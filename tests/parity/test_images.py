"""Image preparation and augmentation against torchvision's own transforms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.data import images, loader
from jaxcovid.data.augment import change_contrast, random_crop
from tests.conftest import picture

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("size", [(300, 400), (401, 299), (256, 256), (90, 100), (1023, 517)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_evaluation_pixels_are_torchvisions(torchvision, size, mode):
    transforms = torchvision.transforms
    steps = [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize(loader.MEAN, loader.STD),
    ]
    image = picture(0, size, mode)
    expected = transforms.Compose(steps)(image.convert("RGB")).numpy().transpose(1, 2, 0)
    got = loader.normalise(jnp.asarray(images.evaluation_view(image))[None])[0]
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("size", [(300, 300), (320, 509), (100, 500)])
def test_crops_are_distributed_as_torchvisions(torch, torchvision, size):
    stats = pytest.importorskip("scipy.stats")
    blank = torch.zeros(1, *size)
    draw = torchvision.transforms.RandomResizedCrop.get_params
    expected = np.array([draw(blank, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(3000)])
    keys = jax.random.split(jax.random.key(0), 3000)
    corner, extent = jax.vmap(lambda key: random_crop(key, jnp.array(size, jnp.int32)))(keys)
    got = np.concatenate([corner, extent], 1)
    for column in range(4):
        assert stats.ks_2samp(got[:, column], expected[:, column]).pvalue > 1e-3


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("factor", [0.5, 0.9, 1.3])
def test_contrast_is_changed_as_torchvision_changes_it(torch, torchvision, channels, factor):
    image = np.random.default_rng(0).uniform(0, 255, (20, 30, channels)).astype(np.float32)
    tensor = torch.from_numpy(image.transpose(2, 0, 1) / 255)
    expected = torchvision.transforms.functional.adjust_contrast(tensor, factor)
    got = change_contrast(jnp.asarray(image), jnp.float32(factor))
    np.testing.assert_allclose(got / 255, expected.numpy().transpose(1, 2, 0), atol=1e-5)
