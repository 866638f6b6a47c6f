import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.data import loader
from tests.training import small


def test_order_is_a_permutation_by_seed_and_epoch():
    first = loader.epoch_order(0, 1, 50)
    np.testing.assert_array_equal(first, loader.epoch_order(0, 1, 50))
    assert sorted(first) == list(range(50))
    assert not np.array_equal(first, loader.epoch_order(0, 2, 50))
    assert not np.array_equal(first, loader.epoch_order(1, 1, 50))


def test_groups_are_drawn_alike_and_their_members_too():
    groups = np.array([0] * 80 + [1] * 15 + [2] * 5)
    order = loader.epoch_order(0, 1, 100, groups)
    np.testing.assert_array_equal(order, loader.epoch_order(0, 1, 100, groups))
    assert not np.array_equal(order, loader.epoch_order(0, 2, 100, groups))
    assert len(order) == len({*order}) == 100  # two draws of an image are told apart
    images = order % 100
    assert sorted(np.bincount(groups[images])) == [33, 33, 34]
    for group, least, most in ((0, 0, 1), (1, 2, 3), (2, 6, 7)):
        drawn = np.bincount(images, minlength=100)[groups == group]
        assert drawn.min() >= least and drawn.max() <= most
    # The further draws of an image are numbered one after another.
    assert sorted(order[images == 99] // 100) == list(range((images == 99).sum()))


def test_every_group_has_its_turn_of_what_is_left_over():
    groups = np.array([0, 0, 1, 2])
    counts = [
        np.bincount(groups[loader.epoch_order(0, epoch, 4, groups) % 4]) for epoch in range(40)
    ]
    assert {tuple(count) for count in counts} == {(2, 1, 1), (1, 2, 1), (1, 1, 2)}


@pytest.mark.parametrize(("examples", "size"), [(10, 3), (10, 5), (1, 8), (9, 10), (8, 1)])
def test_every_example_counts_exactly_once(examples, size):
    parts = list(loader.batches(np.arange(examples), size))
    assert {part.indices.shape for part in parts} == {(size,)}
    counted = np.concatenate([part.indices[part.mask == 1] for part in parts])
    np.testing.assert_array_equal(counted, np.arange(examples))


def test_batches_are_padded_for_the_devices():
    parts = list(loader.batches(np.arange(10), 3, multiple=8))
    assert [int(part.mask.sum()) for part in parts] == [3, 3, 3, 1]
    assert {part.indices.shape for part in parts} == {(8,)}


def test_normalisation_is_torchvisions():
    image = jnp.full((1, 2, 2, 1), 255, jnp.uint8)
    got = loader.normalise(image)
    expected = (1 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(got, np.broadcast_to(expected, (1, 2, 2, 3)), rtol=1e-6)


def test_augmentation_follows_example_and_epoch_not_the_batch():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 30, 40, 1), np.uint8)
    sizes = np.tile(np.array([[30, 40]], np.int32), (5, 1))
    key = loader.purpose_key(0, loader.AUGMENT)

    run = jax.jit(loader.training_images)

    def views(indices, epoch):
        at = np.array(indices, np.int32)
        mask = np.ones(len(indices), np.float32)
        examples = loader.Examples(images[at], sizes[at], at, at, mask)
        return np.asarray(run(examples, key, jnp.int32(epoch)))

    np.testing.assert_allclose(views([0, 3, 4], 1)[1], views([3], 1)[0], atol=1e-5)
    assert not np.allclose(views([3], 1), views([3], 2))


def test_further_draws_of_an_image_are_its_pixels():
    split = small.split(np.arange(5))
    once, again = (
        next(iter(loader.read_batches(split, [loader.Indices(places, np.ones(2))], True)))
        for places in (np.array([1, 4]), np.array([6, 14]))
    )
    np.testing.assert_array_equal(once.images, again.images)
    np.testing.assert_array_equal(once.labels, again.labels)
    assert again.indices.tolist() == [6, 14]  # augmented otherwise


def test_purposes_have_different_keys():
    keys = [loader.purpose_key(0, purpose) for purpose in range(4)]
    assert len({tuple(np.asarray(jax.random.key_data(key))) for key in keys}) == 4
