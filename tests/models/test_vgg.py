import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.models.vgg import adaptive_average_pool


@pytest.mark.parametrize("size", [1, 2, 7, 9, 16])
def test_adaptive_pool_averages_torchs_bins(size):
    x = np.random.default_rng(0).normal(size=(1, size, size, 2)).astype(np.float32)
    got = adaptive_average_pool(jnp.asarray(x), 7)
    for i in range(7):
        for j in range(7):
            rows = slice(int(np.floor(i * size / 7)), int(np.ceil((i + 1) * size / 7)))
            columns = slice(int(np.floor(j * size / 7)), int(np.ceil((j + 1) * size / 7)))
            np.testing.assert_allclose(
                got[0, i, j], x[0, rows, columns].mean((0, 1)), rtol=1e-5, atol=1e-6
            )
