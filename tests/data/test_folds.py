"""Folds by patient, and a fold as a dataset of its own."""

from collections import Counter

import jax.numpy as jnp
import numpy as np
import pytest

from jaxcovid.data import loader
from jaxcovid.data.dataset import Pool, numbered_draws
from jaxcovid.data.division import Division
from jaxcovid.data.folds import dataset_of_fold, drawn_folds, folds_of
from jaxcovid.data.patients import with_patients
from jaxcovid.data.sources import load_dataset
from jaxcovid.errors import InputError
from tests.data.image_files import write_pictures

FILES = [
    f"{split}/{label}/{10 * side + number:08}_00{copy}.png"
    for split, numbers in (("train", range(6)), ("val", range(6, 9)))
    for side, label in enumerate("ab", 1)
    for number in numbers
    for copy in (0, 1)
]


@pytest.mark.parametrize("seed", range(20))
def test_each_image_is_left_out_once_and_patients_are_never_parted(seed):
    random = np.random.default_rng(seed)
    count, folds = int(random.integers(60, 200)), int(random.integers(2, 7))
    patients = random.integers(0, count // 3, count)
    classes = np.array(["a", "b", "c"])[random.choice(3, count, p=(0.6, 0.3, 0.1))]
    names = [f"p{number}" if random.random() < 0.9 else "" for number in patients]
    try:
        drawn = drawn_folds(classes.tolist(), names, folds, seed)
    except InputError as error:
        assert "patient(s) of class 'c'" in str(error) or "no draw was found" in str(error)
        return
    assert Counter(place for fold in drawn for place in fold.test) == Counter(range(count))
    for fold in drawn:
        parts = [{names[place] for place in part} - {""} for part in fold]
        assert sorted(np.concatenate(fold).tolist()) == list(range(count))
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        for part in fold:
            assert {classes[place] for place in part} == {*classes}
    again = drawn_folds(classes.tolist(), names, folds, seed)
    assert all((one == other).all() for pair in zip(drawn, again, strict=True) for one, other in zip(*pair, strict=True))  # fmt: skip


def test_classes_are_in_proportion():
    classes = ["a"] * 80 + ["b"] * 20
    for fold in drawn_folds(classes, [""] * 100, 5, 0):
        assert [sum(classes[place] == "b" for place in part) for part in fold] == [14, 2, 4]


def test_too_few_patients_are_refused():
    with pytest.raises(InputError, match=r"`folds`: only 4 patient\(s\) of class 'b' .* need 5"):
        drawn_folds([*"a" * 9, *"b" * 4], [""] * 13, 5, 0)
    with pytest.raises(InputError, match=r"2 folds need 4"):
        drawn_folds([*"a" * 9, *"b" * 3], [""] * 12, 2, 0)


@pytest.fixture
def pooled(tmp_path):
    folder = write_pictures(tmp_path / "data", *FILES, "test/a/1.png", "test/b/1.png")
    dataset = load_dataset(str(folder), tmp_path / "cache", division=Division(pooled=True))
    return with_patients(dataset, None)


def test_all_but_a_test_split_is_pooled(pooled):
    assert {name: len(split.labels) for name, split in pooled.splits.items()} == {
        "train": 36, "test": 2
    }  # fmt: skip
    assert {path.split("/")[0] for path in pooled.splits["train"].paths} == {"train", "val"}
    assert pooled.splits["train"].augmentable.shape[1] > 0


def test_a_fold_is_a_dataset_with_places_in_the_pool(pooled):
    folds = folds_of(pooled, 3, 0)
    for fold in folds:
        dataset = dataset_of_fold(pooled, fold)
        for name, places in fold._asdict().items():
            split, whole = dataset.splits[name], pooled.splits["train"]
            assert split.paths == tuple(whole.paths[place] for place in places)
            assert (split.labels == whole.labels[places]).all()
            assert (split.evaluation == whole.evaluation[places]).all()
            assert dataset.patient_names[name] == tuple(
                pooled.patient_names["train"][place] for place in places
            )
        assert (dataset.splits["train"].pool.places == fold.train).all()
        assert dataset.splits["test"].augmentable.size == 0
        assert Counter(member.split for member in dataset.members) == {
            name: len(places) for name, places in fold._asdict().items()
        }


def test_an_image_is_augmented_alike_in_every_fold(pooled):
    key = loader.purpose_key(0, loader.AUGMENT)
    whole = pooled.splits["train"]
    place = 5

    def augmented(split, index):
        (examples,) = loader.read_batches(
            split, [loader.Indices(np.array([index], np.int32), np.ones(1, np.float32))], True
        )
        return np.asarray(loader.training_images(examples, key, jnp.int32(1)))

    seen = [augmented(whole, place)]
    for fold in folds_of(pooled, 3, 0):
        if place in fold.train:
            split = dataset_of_fold(pooled, fold).splits["train"]
            seen.append(augmented(split, int(np.flatnonzero(fold.train == place)[0])))
    assert len(seen) == 3 and all((one == seen[0]).all() for one in seen)


def test_further_draws_of_an_image_have_numbers_of_their_own(pooled):
    split = pooled.splits["train"]._replace(pool=Pool(np.arange(100, 136, dtype=np.int32), 200))
    draws = np.array([0, 35, 36, 72 + 1])
    assert numbered_draws(split, draws).tolist() == [100, 135, 300, 501]
    assert (numbered_draws(pooled.splits["train"], draws) == draws).all()


def test_data_with_splits_of_their_own_have_no_folds(tmp_path):
    with pytest.raises(InputError, match=r"`folds`: .* with splits of its own"):
        load_dataset(None, tmp_path, division=Division(pooled=True))
