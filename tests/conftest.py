import os
import shutil

import jax
import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

import tests.small_network  # noqa: F401 (before jaxcovid.config, which asks its table)

# isort: split

from jaxcovid.audits import blind_floor
from jaxcovid.runs.run import fine_tune
from tests.small_runs import blank_charts, config, noise_folder

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Prepared data and compiled programs of the tests go to a folder of their own.

    Programs go to $JAX_COMPILATION_CACHE_DIR if that is set, so that CI's parts share them; else
    the workers of a session share them.
    """
    folder = tmp_path_factory.mktemp("cache")
    session = folder.parent.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    compiled = os.environ.get("JAX_COMPILATION_CACHE_DIR", str(session / "compiled"))
    jax.config.update("jax_compilation_cache_dir", compiled)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXCOVID_CACHE", str(folder))
        patch.setattr(blind_floor, "TREES", 30)  # no test waits for more
        yield folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory, own_cache):
    """A run of a folder with an unlabelled test image; one for all workers of a session."""
    root = tmp_path_factory.getbasetemp()
    root = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "finished"
    with FileLock(f"{root}.lock"):
        if not (root / "one").exists():
            folder = noise_folder(root / "xrays", 6, 4)
            (folder / "test").mkdir()
            shutil.copy(folder / "validation/normal/3.png", folder / "test/unknown.png")
            (folder / "test" / "notes.txt").write_text("not an image")
            fine_tune(config(folder, root / "one"))
    return root / "one"


@pytest.fixture
def undrawn():
    """Charts and heat maps stay undrawn, for runs of which no one looks at them."""
    with blank_charts():
        yield


def picture(seed: int, size=(40, 30), mode: str = "L") -> Image.Image:
    """A smooth random picture; smooth, so that resampling is well defined."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 6, len(Image.new(mode, (1, 1)).getbands())), np.uint8)
    image = Image.fromarray(coarse.squeeze(-1) if coarse.shape[2] == 1 else coarse, mode)
    return image.resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def image_folder(tmp_path):
    """A small folder in the expected layout: two classes that differ in brightness."""
    folder = tmp_path / "images"
    for split, count in (("train", 6), ("validation", 3)):
        for label, offset in (("covid", 0), ("normal", 100)):
            (folder / split / label).mkdir(parents=True)
            for index in range(count):
                pixels = np.asarray(picture(1000 * offset + index)) // 2 + offset
                path = folder / split / label / f"{split}{index}.png"
                Image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder
