import numpy as np
import pytest

from jaxcovid.data.dataset import Header
from jaxcovid.runs.seen import seen_part
from tests.training.small import split

SIZES = ((200, 200), (400, 200), (300, 200), (200, 200), (200, 800))


def images(labels=(0, 0, 0, 1, 1)):
    headers = tuple(Header(width, height, "L", "PNG") for width, height in SIZES)
    return split(np.array(labels))._replace(headers=headers)


def test_each_class_has_its_median_and_an_image():
    seen = seen_part(images(), ("a", "b", "c"), "crop")
    square = (224 / 256) ** 2
    assert seen.shares == {
        "a": pytest.approx(square / 1.5), "b": pytest.approx(square * (1 + 1 / 4) / 2)
    }  # fmt: skip
    (whole, box), (other, _) = seen.images
    assert whole.shape == (160, 240) and other.shape == (160, 40)
    np.testing.assert_allclose(box, (50, 10, 190, 150))


def test_of_many_classes_the_first_are_shown():
    headers = tuple(Header(100 + 10 * label, 100, "L", "PNG") for label in range(9))
    many = split(np.arange(9))._replace(headers=headers)
    seen = seen_part(many, tuple("abcdefghi"), "crop")
    assert len(seen.shares) == 9 and len(seen.images) == 6


@pytest.mark.parametrize("fit", ["pad", "squash"])
def test_nothing_is_cut_off_of_padded_and_squashed_images(fit):
    assert seen_part(images(), ("a", "b"), fit) is None


def test_images_of_unknown_size_are_passed_over():
    assert seen_part(images()._replace(headers=()), ("a", "b"), "crop") is None
