"""Training on features of the frozen part is training on the images."""

import dataclasses

import numpy as np
import pytest

from jaxcovid import experiment, feature_cache
from jaxcovid.errors import InputError
from tests.runs import config, noise_folder, numbers


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return noise_folder(tmp_path_factory.mktemp("data") / "xrays", 3, 2)


def histories(data, folder, views, **options):
    """Of the uncached and the cached run."""
    return [
        numbers(experiment.run(config(data, folder / str(count), views=count, **options)))
        for count in (0, views)
    ]


RUNS = {
    "last block": {"augment": False, "trainable": "last_block", "epochs": 1},
    "head of VGG16": {"augment": False, "model": "vgg16", "epochs": 1},
}


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("case", RUNS)
def test_cached_runs_of_other_parts_have_the_losses_of_uncached_ones(case, data, tmp_path):
    plain, cached = histories(data, tmp_path, 2, **RUNS[case])
    np.testing.assert_allclose(cached, plain, atol=1e-5)


@pytest.mark.usefixtures("undrawn")
def test_cached_runs_have_the_losses_of_uncached_ones(data, tmp_path):
    plain, cached = histories(data, tmp_path, 2, dropout=0.3)
    np.testing.assert_allclose(cached, plain, atol=1e-5)


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
def test_a_small_budget_takes_half_precision_on_disk(data, tmp_path, monkeypatch):
    made = []
    empty = feature_cache._empty
    monkeypatch.setattr(
        feature_cache, "_empty", lambda *each: made.append(each[1:]) or empty(*each)
    )
    plain, cached = histories(data, tmp_path, 1, augment=False, memory_budget=0.0, epochs=1)
    assert set(made) == {(np.float16, True)}
    np.testing.assert_allclose(cached, plain, atol=5e-3)


STORAGE = {
    "all": (40, (np.float32, False)),
    "half": (20, (np.float16, False)),
    "none": (19, (np.float16, True)),
}


@pytest.mark.parametrize("case", STORAGE)
def test_storage(case):
    budget, expected = STORAGE[case]
    assert feature_cache._storage(10, budget) == expected


@pytest.mark.parametrize("options", [{"trainable": "all"}, {"batch_norm": "batch"}])
def test_without_a_frozen_part_there_is_nothing_to_keep(options, data, tmp_path):
    settings = dataclasses.replace(config(data, tmp_path / "run", views=2), **options)
    with pytest.raises(InputError, match="--views: training changes the network from its first"):
        experiment.run(settings)
    assert not (tmp_path / "run").exists()
