import tempfile
from typing import ClassVar

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from jaxcovid.data.tfds_sets import load_tfds
from jaxcovid.errors import InputError


class TinyXrays(tfds.core.GeneratorBasedBuilder):
    """Twelve pictures with an image and a label."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 1)),
                    "label": tfds.features.ClassLabel(names=["covid", "normal"]),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(count) for split, count in self.SIZES.items()}

    def _generate_examples(self, count):
        for index in range(count):
            pixels = np.full((30, 20 + index), 10 * index, np.uint8)
            yield index, {"image": Image.fromarray(pixels), "label": index % 2}

    SIZES: ClassVar = {"train": 12, "test": 3}


class TinyWithValidation(TinyXrays):
    """Six pictures, two of them for validation."""

    SIZES: ClassVar = {"train": 4, "validation": 2}


class TinyScalars(TinyXrays):
    """Labels that are numbers, not classes."""

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 1)),
            "label": tfds.features.Scalar(np.int32),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))


class TinyTexts(TinyXrays):
    """No images at all."""

    def _info(self):
        features = {"text": tfds.features.Text(), "label": tfds.features.Scalar(np.int32)}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _generate_examples(self, count):
        yield from ((index, {"text": "x", "label": 0}) for index in range(count))


@pytest.fixture
def tfds_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(tmp_path))
    for builder in (TinyXrays, TinyWithValidation, TinyScalars, TinyTexts):
        builder(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    return tmp_path


def load(name):
    return load_tfds(name, lambda items, *_: items)


def test_a_set_without_validation_holds_out_training_images(tfds_folder):
    dataset = load("tiny_xrays")
    assert dataset.classes == ("covid", "normal")
    sizes = {name: len(split.labels) for name, split in dataset.splits.items()}
    assert sizes == {"train": 10, "validation": 2, "test": 3}
    assert sorted(dataset.splits["validation"].labels) == [0, 1]  # of each class
    assert "stand in" in dataset.warnings[0]
    assert dataset.splits["train"].augmentable.shape[0] == 10
    assert dataset.splits["test"].augmentable.size == 0
    assert load("tiny_xrays").fingerprint == dataset.fingerprint


def test_a_set_with_validation_is_taken_as_it_is(tfds_folder):
    dataset = load("tiny_with_validation")
    assert {name: len(split.labels) for name, split in dataset.splits.items()} == {
        "train": 4, "validation": 2,
    }  # fmt: skip
    assert dataset.warnings == ()


BAD = {
    "unknown": ("no_such_set", "not a TFDS set"),
    "not images": ("tiny_texts", "no feature 'image'"),
    "no classes": ("tiny_scalars", "its labels are no classes"),
    "the internal builder": ("folder", "not a TFDS set"),
    "unknown version": ("mnist:9.9.9", "not a TFDS set"),
    "not prepared": ("mnist", "prepare it"),
    "no name": ("", "not a TFDS set"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_an_error(case, tfds_folder, monkeypatch):
    name, message = BAD[case]
    (tfds_folder / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tfds_folder / "temporary"))
    with pytest.raises(InputError, match=message):
        load(name)
    assert list((tfds_folder / "temporary").iterdir()) == []
