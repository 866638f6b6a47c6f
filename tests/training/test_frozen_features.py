"""Training on features of the frozen part is training on the images."""

import dataclasses

import numpy as np
import pytest

from jaxcovid import config as configuration
from jaxcovid import parallel
from jaxcovid.data import loader
from jaxcovid.data.loader import Indices
from jaxcovid.errors import InputError
from jaxcovid.runs import run
from jaxcovid.runs.run import fine_tune
from jaxcovid.training import frozen_features, frozen_part
from jaxcovid.training.frozen_features import (
    Features,
    Storage,
    feature_bytes,
    feature_extractor,
    training_batches,
)
from jaxcovid.training.frozen_prefix import Prefix
from tests.small_runs import assert_same, config, noise_folder, numbers
from tests.training.small import features, no_bar, split


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return noise_folder(tmp_path_factory.mktemp("data") / "xrays", 6, 4)


def histories(data, folder, views, **options):
    """Of the uncached and the cached run."""
    return [
        numbers(fine_tune(config(data, folder / str(count), views=count, **options)))
        for count in (0, views)
    ]


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
def test_cached_runs_of_the_last_block_have_the_losses_of_uncached_ones(data, tmp_path):
    plain, cached = histories(data, tmp_path, 2, augment=False, trainable="last_block", epochs=1)
    np.testing.assert_allclose(cached, plain, atol=1e-5)


@pytest.mark.usefixtures("undrawn")
def test_cached_runs_have_the_losses_of_uncached_ones(data, tmp_path):
    plain, cached = histories(data, tmp_path, 2, dropout=0.3)
    np.testing.assert_allclose(cached, plain, atol=1e-5)


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("views", [0, 1])
def test_the_budget_decides_only_where_features_and_images_lie(views, data, tmp_path, monkeypatch):
    made = []
    empty = frozen_features._empty
    monkeypatch.setattr(
        frozen_features, "_empty", lambda *layout: made.append(layout[1]) or empty(*layout)
    )
    monkeypatch.setattr(run, "feature_store", lambda: None)
    budgets = {"large": 1.0, "small": 0.0}
    runs = [
        fine_tune(config(data, tmp_path / name, views=views, memory_budget=budget))
        for name, budget in budgets.items()
    ]
    assert set(made) == {Storage(np.float32), Storage(np.float32, on_disk=True)}
    assert_same(*runs)
    assert configuration.stored(runs[1]).feature_precision == "float32"


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
def test_half_precision_is_kept_where_it_is_asked_for(data, tmp_path):
    plain, cached = histories(
        data, tmp_path, 1, augment=False, epochs=1, feature_precision="float16"
    )
    np.testing.assert_allclose(cached, plain, atol=5e-3)


def made(values):
    return lambda: Features(values, np.zeros((0, *values.shape), np.float32))


def test_features_are_kept_for_the_next_run_and_the_oldest_go():
    kept, small = {}, np.zeros((1, 4), np.float32)
    for key in ("a", "b", "c"):
        features = frozen_features.kept_or_new(kept, key, made(small), 2 * small.nbytes)
        assert features.evaluation is small
    assert list(kept) == ["b", "c"]
    frozen_features.kept_or_new(kept, "b", lambda: pytest.fail("made again"), 2 * small.nbytes)


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
def test_a_run_with_kept_features_is_the_same(data, tmp_path, monkeypatch):
    kept = {}
    runs = [
        fine_tune(config(data, tmp_path / name, views=1, seed=seed), kept=kept)
        for name, seed in (("first", 0), ("other", 1))
    ]
    assert len(kept) == 2  # one for each split
    monkeypatch.setattr(
        frozen_part, "feature_extractor", lambda *_: lambda *_, **__: pytest.fail("made")
    )
    again = fine_tune(config(data, tmp_path / "again", views=1), kept=kept)
    assert_same(again, runs[0])
    with pytest.raises(pytest.fail.Exception):  # other features
        fine_tune(config(data, tmp_path / "half", views=1, precision="bfloat16"), kept=kept)


def extractor(together):
    """Of a stand-in for frozen stages: an image's feature is the mean of its pixels."""
    prefix = Prefix(
        "head",
        lambda _, images: images.mean((1, 2, 3))[:, None, None, None],
        (1, 1, 1),
        {},
        together,
    )
    return feature_extractor(prefix, parallel.devices(limit=1), no_bar)


def test_features_are_those_of_every_image_whatever_passes_at_once():
    pixels = split(np.zeros(7), size=(224, 224))
    expected = np.asarray(loader.normalise(pixels.evaluation)).mean((1, 2, 3))
    for together in (3, 7, 16):
        features = extractor(together)(pixels, "validation", Storage(np.float32))
        np.testing.assert_allclose(features.evaluation.ravel(), expected, atol=1e-5)
        assert features.views.shape == (0, 7, 1, 1, 1)


def test_an_interruption_stops_after_its_batch():
    asked = []

    def interrupted():
        asked.append(True)
        return len(asked) == 2

    pixels = split(np.zeros(7), size=(224, 224))
    with pytest.raises(KeyboardInterrupt):
        extractor(2)(pixels, "validation", Storage(np.float32), interrupted=interrupted)
    assert len(asked) == 2  # of four batches


@pytest.mark.parametrize(("kind", "size"), [(np.float32, 40), (np.float16, 20)])
def test_bytes_of_features(kind, size):
    prefix = Prefix("head", lambda *_: None, (1, 1, 2), {}, together=32)
    assert feature_bytes(kind, prefix, 5) == size


@pytest.mark.parametrize("options", [{"trainable": "all"}, {"batch_norm": "batch"}])
def test_without_a_frozen_part_there_is_nothing_to_keep(options, data, tmp_path):
    settings = dataclasses.replace(config(data, tmp_path / "run", views=2), **options)
    with pytest.raises(InputError, match="`views`: training changes the network from its first"):
        fine_tune(settings)
    assert not (tmp_path / "run").exists()


def test_further_draws_of_an_image_have_its_further_views():
    values = features(np.arange(3), (1,), views=2)
    batch = Indices(np.array([1, 4, 7]), np.ones(3, np.float32))
    first, second = (
        next(training_batches(values, np.arange(3), [batch], epoch)) for epoch in (1, 2)
    )
    np.testing.assert_array_equal(first.images, values.views[[0, 1, 0], 1])
    np.testing.assert_array_equal(second.images, values.views[[1, 0, 1], 1])
    assert first.labels.tolist() == [1, 1, 1]
    without = next(
        training_batches(values._replace(views=values.views[:0]), np.arange(3), [batch], 1)
    )
    np.testing.assert_array_equal(without.images, values.evaluation[[1, 1, 1]])
